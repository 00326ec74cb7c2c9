import { defineParameterType, Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { personalityNames, type PersonalityName } from "../../simulators/device/index.js";
import {
  awaitFleetOrder,
  changeFleetLifetime,
  checkAllButOne,
  checkExactlyRegistered,
  checkExactlyWithLifetime,
  checkFleetBootstrapped,
  checkFleetItems,
  checkFleetRegistered,
  checkFleetOutage,
  checkFleetReturns,
  checkNoHandshakeStorm,
  checkNothingLost,
  checkSpread,
  checkStormEffects,
  checkStormEnds,
  launchFleet,
  launchWithWrongKey,
  loseSessions,
  stormOf,
  orderAtRate,
  orderForFleet,
  standingFleet,
  triggerStorm,
  type FleetName,
  type OrderRequest,
  type ServerName,
} from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

// The fleet of the run, or a second, smaller one (or a small one) that leaves with its scenario.
defineParameterType({ name: "fleet", regexp: /the (?:whole |(second|small) )?fleet/, transformer: (own: string | undefined): FleetName => (own === "second" || own === "small" ? own : "standing") });

function personalityOf(name: string): PersonalityName {
  const found = personalityNames.find((known) => known === name);
  if (found === undefined) throw new Error(`"${name}" is no personality; there are ${personalityNames.join(", ")}`);
  return found;
}

/** `| personality | share % |`: what the shares leave is "default". */
const sharesOf = (table: DataTable): { personality: PersonalityName; share: number }[] =>
  Object.entries(table.rowsHash()).map(([name, percent]) => ({ personality: personalityOf(name), share: Number(percent.replace("%", "")) / 100 }));

/** `| default | sleepy |` */
const personalitiesOf = (table: DataTable): PersonalityName[] => table.raw().flat().map(personalityOf);

Given("{operator} has ordered its account for {fleet}", function (this: MusterWorld, operator: ServerName, fleet: FleetName) {
  return orderForFleet(this.scenario, fleet, operator, "provision", { trigger: "wait-for-client" });
});

// The fleet of the run, launched now unless an earlier scenario did; `| personality | share |`.
Given("the fleet is registered with {operator}, among it:", function (this: MusterWorld, operator: ServerName, table: DataTable) {
  return standingFleet(this.scenario, operator, sharesOf(table));
});

Given("the fleet is registered with {operator}", function (this: MusterWorld, operator: ServerName) {
  return standingFleet(this.scenario, operator, []);
});

When("{fleet} starts at once, among it:", function (this: MusterWorld, fleet: FleetName, table: DataTable) {
  return launchFleet(this.scenario, fleet, stormOf(this.scenario, fleet), sharesOf(table));
});

When("{fleet} starts at once", function (this: MusterWorld, fleet: FleetName) {
  return launchFleet(this.scenario, fleet, stormOf(this.scenario, fleet));
});

When("{fleet} starts at {int} devices per second", function (this: MusterWorld, fleet: FleetName, perSecond: number) {
  return launchFleet(this.scenario, fleet, { kind: "rate", perSecond });
});

When("{operator} changes the lifetime of the fleet's account to {int} s", function (this: MusterWorld, operator: ServerName, lifetime: number) {
  return changeFleetLifetime(this.scenario, operator, lifetime);
});

When(/^operator ([AB]) orders to (provision|update|remove|rotate) the (whole|second) fleet at (\d+) devices per minute$/, function (this: MusterWorld, operator: ServerName, type: OrderRequest["type"], fleet: string, perMinute: string) {
  return orderAtRate(this.scenario, operator, type, Number(perMinute), fleet === "second" ? "second" : "standing");
});

// Sleeping devices wake once a second meanwhile.
When("{operator}'s order over {fleet} has come to its end", function (this: MusterWorld, operator: ServerName, fleet: FleetName) {
  return awaitFleetOrder(this.scenario, operator, fleet);
});

// Twice for each device, while all of them send Updates.
When("{server} is asked to trigger every device of the fleet while it updates", function (this: MusterWorld, server: ServerName) {
  return triggerStorm(this.scenario, server);
});

Then("every device of {fleet} completes its bootstrap", function (this: MusterWorld, fleet: FleetName) {
  return checkFleetBootstrapped(this.scenario, fleet);
});

Then("every device of {fleet} is registered with {operator}", function (this: MusterWorld, fleet: FleetName, operator: ServerName) {
  return checkFleetRegistered(this.scenario, fleet, operator);
});

Then("the fleet was triggered no faster than the order allows", function (this: MusterWorld) {
  checkSpread(this.scenario);
});

// `| default | sleepy |`: the devices of these personalities and no other.
Then("exactly these devices of the fleet are registered with {operator}:", function (this: MusterWorld, operator: ServerName, table: DataTable) {
  return checkExactlyRegistered(this.scenario, operator, personalitiesOf(table));
});

Then("exactly these devices of the fleet are listed by {server} with a lifetime of {int} s:", function (this: MusterWorld, server: ServerName, lifetime: number, table: DataTable) {
  return checkExactlyWithLifetime(this.scenario, server, lifetime, personalitiesOf(table));
});

// `| personality | outcome |`: exactly these devices end so.
Then("the items of {operator}'s order end as:", function (this: MusterWorld, operator: ServerName, table: DataTable) {
  const predicted = Object.fromEntries(Object.entries(table.rowsHash()).map(([name, outcome]) => [personalityOf(name), outcome]));
  return checkFleetItems(this.scenario, operator, predicted);
});

Then("the items of {operator}'s order over {fleet} end as:", function (this: MusterWorld, operator: ServerName, fleet: FleetName, table: DataTable) {
  const predicted = Object.fromEntries(Object.entries(table.rowsHash()).map(([name, outcome]) => [personalityOf(name), outcome]));
  return checkFleetItems(this.scenario, operator, predicted, fleet);
});

// DTLS sessions, keys and their rotation

When("the second fleet starts, and one of its devices has a wrong key", function (this: MusterWorld) {
  return launchWithWrongKey(this.scenario);
});

Then("every device of the second fleet but that one completes its bootstrap and is registered with {operator}", function (this: MusterWorld, operator: ServerName) {
  return checkAllButOne(this.scenario, "second", operator);
});

// Registrations too; then every device of the standing fleet has something to say.
When("{server} loses its sessions, and the fleet goes on", function (this: MusterWorld, server: ServerName) {
  return loseSessions(this.scenario, server);
});

// The time of each device goes into the run's figures, as "return".
Then("every device of the fleet is listed by {server} again", function (this: MusterWorld, server: ServerName) {
  return checkFleetReturns(this.scenario, server);
});

Then("no device of the fleet shakes hands with {server} without end", function (this: MusterWorld, server: ServerName) {
  return checkNoHandshakeStorm(this.scenario, server);
});

// Into the run's figures, as "outage".
Then("the outage of every device of {fleet} at {server} is over", function (this: MusterWorld, fleet: FleetName, server: ServerName) {
  return checkFleetOutage(this.scenario, fleet, server);
});

Then("every trigger of the storm ends, and each device has an acknowledged one", function (this: MusterWorld) {
  return checkStormEnds(this.scenario);
});

Then("every trigger of the storm has had one Execute and one bootstrap at most", function (this: MusterWorld) {
  return checkStormEffects(this.scenario);
});

Then("no registration of the fleet is lost", function (this: MusterWorld) {
  return checkNothingLost(this.scenario);
});
