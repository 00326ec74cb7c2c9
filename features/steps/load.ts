import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { personalityNames, type PersonalityName } from "../../simulators/device/index.js";
import { checkFleetBootstrapped, checkFleetItems, checkFleetRegistered, launchFleet, orderForFleet, standingFleet, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

const isPersonality = (name: string): name is PersonalityName => personalityNames.some((known) => known === name);

/** `| personality | share % |`: what the shares leave is "default". */
const sharesOf = (table: DataTable): { personality: PersonalityName; share: number }[] =>
  Object.entries(table.rowsHash()).map(([name, percent]) => {
    if (!isPersonality(name)) throw new Error(`"${name}" is no personality; there are ${personalityNames.join(", ")}`);
    return { personality: name, share: Number(percent.replace("%", "")) / 100 };
  });

Given("{operator} has ordered its account for the whole fleet", async function (this: MusterWorld, operator: ServerName) {
  await orderForFleet(this.scenario, operator, "provision", { trigger: "wait-for-client" });
});

// The fleet of the run, launched now unless an earlier scenario did; `| personality | share |`.
Given("the fleet is registered with {operator}, among it:", function (this: MusterWorld, operator: ServerName, table: DataTable) {
  return standingFleet(this.scenario, operator, sharesOf(table));
});

Given("the fleet is registered with {operator}", function (this: MusterWorld, operator: ServerName) {
  return standingFleet(this.scenario, operator, []);
});

When("the whole fleet starts at once, among it:", function (this: MusterWorld, table: DataTable) {
  return launchFleet(this.scenario, { kind: "storm", jitterMs: 1_000 }, sharesOf(table));
});

When("the whole fleet starts at once", function (this: MusterWorld) {
  return launchFleet(this.scenario, { kind: "storm", jitterMs: 1_000 });
});

When("the whole fleet starts at {int} devices per second", function (this: MusterWorld, perSecond: number) {
  return launchFleet(this.scenario, { kind: "rate", perSecond });
});

When(/^operator ([AB]) orders to (provision|update|remove) the whole fleet at (\d+) devices per minute$/, async function (this: MusterWorld, operator: ServerName, type: "provision" | "update" | "remove", perMinute: string) {
  await orderForFleet(this.scenario, operator, type, { trigger: "via-server", spread: { perMinute: Number(perMinute) } });
});

Then("every device of the fleet completes its bootstrap", function (this: MusterWorld) {
  return checkFleetBootstrapped(this.scenario);
});

Then("every device of the fleet is registered with {operator}", function (this: MusterWorld, operator: ServerName) {
  return checkFleetRegistered(this.scenario, operator);
});

// `| personality | outcome |`: exactly these devices end so.
Then("the items of {operator}'s order end as:", function (this: MusterWorld, operator: ServerName, table: DataTable) {
  const predicted: Partial<Record<PersonalityName, string>> = {};
  for (const [name, outcome] of Object.entries(table.rowsHash())) if (isPersonality(name)) predicted[name] = outcome;
  return checkFleetItems(this.scenario, operator, predicted, 1_000);
});
