import { Given, Then, When } from "@cucumber/cucumber";
import { awaitFirstRegister, checkActivatedBeforeFinish, checkActivatedBeforeFirstWrite, checkActivationRepeated, checkBatchResults, checkDisplacedIsQuiet, checkNoAccount, checkNotListed, checkNotRegistered, checkQuietWhileHeld, checkRevokedAfterFinish, checkSessionIdsGrow, checkStagedBeforeTrigger, untoldAccount, type ServerName } from "../../src/harness/index.js";
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

Given("device {device} has an account of {operator} that its server was not told", function (this: MusterWorld, alias: string, operator: ServerName) {
  untoldAccount(this.scenario, alias, operator);
});

When("the first Register of {device} is answered", function (this: MusterWorld, alias: string) {
  return awaitFirstRegister(this.scenario, alias);
});

Then("{server} does not list {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkNotListed(this.scenario, alias, server);
});

Then("the results of the batch are {string}", function (this: MusterWorld, statuses: string) {
  checkBatchResults(this.scenario, statuses);
});

Then("{server} is told the credential of {device} before {server} is asked to trigger it", function (this: MusterWorld, holder: ServerName, alias: string, trigger: ServerName) {
  return checkStagedBeforeTrigger(this.scenario, alias, holder, trigger);
});

Then("the activation of {device} at {server} is repeated with the same body", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkActivationRepeated(this.scenario, alias, server);
});

Then("the sessions of {device} activate at {server} with session ids that grow", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkSessionIdsGrow(this.scenario, alias, server);
});

Then("the displaced session of {device} writes nothing after the new one began", function (this: MusterWorld, alias: string) {
  return checkDisplacedIsQuiet(this.scenario, alias);
});

Then("{server} is told to revoke the credential of {device} after Finish", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkRevokedAfterFinish(this.scenario, alias, server);
});
