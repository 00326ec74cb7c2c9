import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { personalities } from "../../simulators/device/index.js";
import {
  askForTrigger,
  checkArrivalOrder,
  checkAskedToTrigger,
  checkBootstrapsOnTrigger,
  checkExecuteCount,
  checkFlood,
  checkReachability,
  checkSecretNowhere,
  checkServerTrigger,
  checkTriggered,
  checkTriggerOutcome,
  fallAsleep,
  fieldsOf,
  readMeanwhile,
  sendToServer,
  stageSecret,
  withdrawTrigger,
  type ServerName,
} from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

// What a device is like, as far as triggers go

Given("device {device} executes a trigger and never answers it", function (this: MusterWorld, alias: string) {
  this.scenario.declare(alias, { deviations: { trigger: { ...triggerOf(this, alias), withoutBootstrapAccount: { answer: "silence", then: "nothing" } } } });
});

// Later than the first retransmission would come: the empty ACK goes ahead, the response is separate (RFC 7252 §5.2.2).
Given("device {device} answers a trigger late", function (this: MusterWorld, alias: string) {
  const { ackTimeoutMs, ackRandomFactor } = this.scenario.run.timing.coap;
  this.scenario.declare(alias, { deviations: { trigger: { ...triggerOf(this, alias), withoutBootstrapAccount: { answer: "2.04", lateMs: 2 * ackTimeoutMs * ackRandomFactor, then: "nothing" } } } });
});

const triggerOf = (world: MusterWorld, alias: string) => personalities[world.scenario.specOf(alias)?.personality ?? "default"].trigger;

When("{device} sleeps", function (this: MusterWorld, alias: string) {
  return fallAsleep(this.scenario, alias);
});

When("{operator} wants to read {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return readMeanwhile(this.scenario, operator, alias, path);
});

// The Bootstrap Server is judged

Then("{server} is asked to trigger {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkAskedToTrigger(this.scenario, alias, server, "trigger-requested");
});

Then("{server} is asked in its place to trigger {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkAskedToTrigger(this.scenario, alias, server, "trigger-other-server");
});

// Of several states that are equally right: "refused | unsupported".
Then("the trigger of {device} ends as {string}", function (this: MusterWorld, alias: string, states: string) {
  return checkTriggerOutcome(this.scenario, alias, states);
});

// On its way, or in an attempt before the present one.
Then("the trigger of {device} comes to {string}", function (this: MusterWorld, alias: string, states: string) {
  return checkTriggerOutcome(this.scenario, alias, states, true);
});

When("{operator} cancels its order", async function (this: MusterWorld, operator: ServerName) {
  await this.scenario.operators[operator].cancelOrder(this.scenario.order(operator).id);
});

Then("{server} says that the trigger of {device} is withdrawn with the order", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkServerTrigger(this.scenario, server, alias, "withdrawn", "cancel-withdraws");
});

Then("{server} says that the trigger of {device} is withdrawn with the credential", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkServerTrigger(this.scenario, server, alias, "withdrawn", "revocation-effective");
});

// By what the device heard and did

Then("{device} is triggered by {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkTriggered(this.scenario, alias, server);
});

Then("{device} asks for a bootstrap because of the trigger", function (this: MusterWorld, alias: string) {
  return checkBootstrapsOnTrigger(this.scenario, alias, true);
});

Then("{device} does not ask for a bootstrap", function (this: MusterWorld, alias: string) {
  return checkBootstrapsOnTrigger(this.scenario, alias, false);
});

Then("exactly {int} Execute(s) of the bootstrap trigger reach(es) {device}", function (this: MusterWorld, count: number, alias: string) {
  return checkExecuteCount(this.scenario, alias, count);
});

Then("no Execute of the bootstrap trigger reaches {device}", function (this: MusterWorld, alias: string) {
  return checkExecuteCount(this.scenario, alias, 0, "trigger-withdrawn");
});

Then(/^these reach "([^"]+)" in this order: (\/[\d/]+(?:, \/[\d/]+)+)$/, function (this: MusterWorld, alias: string, paths: string) {
  return checkArrivalOrder(this.scenario, alias, paths.split(", "));
});

Then(/^this reaches "([^"]+)": (\/[\d/]+)$/, function (this: MusterWorld, alias: string, path: string) {
  return checkArrivalOrder(this.scenario, alias, [path]);
});

// A LwM2M Server is judged on its own: the harness in the place of the Bootstrap Server

When("the Bootstrap Server asks {server} to trigger {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return askForTrigger(this.scenario, server, alias);
});

// `| validity | PT1S |`: members of the trigger.
When("the Bootstrap Server asks {server} to trigger {device} with:", function (this: MusterWorld, server: ServerName, alias: string, table: DataTable) {
  return askForTrigger(this.scenario, server, alias, fieldsOf(table.rowsHash()));
});

When("the Bootstrap Server withdraws its trigger of {device} at {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return withdrawTrigger(this.scenario, server, alias);
});

When("the Bootstrap Server asks {server} {int} times at once to trigger {device}", function (this: MusterWorld, server: ServerName, count: number, alias: string) {
  return checkFlood(this.scenario, server, alias, count);
});

Then("{server} says that the trigger of {device} is {string}", function (this: MusterWorld, server: ServerName, alias: string, states: string) {
  return checkServerTrigger(this.scenario, server, alias, states);
});

Then("{server} says that the trigger of {device} has expired", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkServerTrigger(this.scenario, server, alias, "expired", "trigger-withdrawn");
});

// `| registered | true |`; several right ones: `false | absent`, written `false or absent`.
Then("{server} says of {device}:", function (this: MusterWorld, server: ServerName, alias: string, table: DataTable) {
  const rows = Object.entries(table.rowsHash()).map(([member, text]): [string, string] => [member, text.replaceAll(" or ", "|")]);
  return checkReachability(this.scenario, server, alias, Object.fromEntries(rows));
});

// <c1> in path and body stands for the endpoint name of device "c1".
When("the Bootstrap Server sends to {server} {word} {word}", function (this: MusterWorld, server: ServerName, method: string, path: string) {
  return sendToServer(this.scenario, server, method, path);
});

When("the Bootstrap Server sends to {server} {word} {word} with:", function (this: MusterWorld, server: ServerName, method: string, path: string, body: string) {
  return sendToServer(this.scenario, server, method, path, body);
});

Given("{server} keeps a credential of {device} with a secret", function (this: MusterWorld, server: ServerName, alias: string) {
  return stageSecret(this.scenario, server, alias);
});

Then("{server} tells of the credential of {device}, and nowhere its secret", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkSecretNowhere(this.scenario, server, alias);
});
