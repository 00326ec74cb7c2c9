import { Given, Then } from "@cucumber/cucumber";
import { checkActivatedBeforeFinish, checkActivatedBeforeFirstWrite, checkNoAccount, checkNotRegistered, checkQuietWhileHeld, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

// How long is within the budget and how long is past it follows from the timing profile.
Given("{server} holds the activation of {device} within the budget", async function (this: MusterWorld, server: ServerName, alias: string) {
  const { scenario } = this;
  await scenario.setFault(scenario.server(server), { operation: "smp.activation.put", endpoint: scenario.endpoint(alias), action: { kind: "delay", ms: scenario.run.deadlines.heldWithinBudgetMs } });
});

Given("{server} holds the activation of {device} past the budget", async function (this: MusterWorld, server: ServerName, alias: string) {
  const { scenario } = this;
  await scenario.setFault(scenario.server(server), { operation: "smp.activation.put", endpoint: scenario.endpoint(alias), action: { kind: "delay", ms: scenario.run.deadlines.heldPastBudgetMs } });
});

Then("nothing is written to {device} while {server} holds the activation", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkQuietWhileHeld(this.scenario, alias, server);
});

Then("nothing is written to {device} within the budget of the activation at {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkQuietWhileHeld(this.scenario, alias, server, true);
});

Then("{server} activates the credential before anything is written to {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkActivatedBeforeFirstWrite(this.scenario, alias, server);
});

Then("no Finish of {device} is answered before {server} has activated the credential", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkActivatedBeforeFinish(this.scenario, alias, server);
});

Then("by {string} {device} holds nothing of the account of {operator}", function (this: MusterWorld, rule: string, alias: string, operator: ServerName) {
  if (rule !== "credential-refused" && rule !== "ORD-2" && rule !== "ORD-4" && rule !== "ORD-5") throw new Error(`no rule "${rule}" speaks about what a device holds after a refusal`);
  return checkNoAccount(this.scenario, alias, operator, rule);
});

Then("{device} is not admitted by {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkNotRegistered(this.scenario, alias, server, "admission");
});

Then("{server} has dropped the registration of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkNotRegistered(this.scenario, alias, server, "revocation-effective");
});
