import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import {
  actAt,
  awaitListed,
  awaitRegistered,
  checkAnswer,
  checkFollows,
  checkFormerLocation,
  checkLocationGiven,
  checkNoRegister,
  checkNotRegistered,
  checkObjectList,
  checkRegisterAnswered,
  checkRegistered,
  checkComesWithNewKey,
  checkGivesBootstrapUp,
  checkRegisteredAs,
  checkTriesAgain,
  checkRegisters,
  checkReplaced,
  checkUpdatesItself,
  factoryAccount,
  isRuleName,
  startDevice,
  tellsUnknownLocations,
  updateInTime,
  updateTooLate,
  type Operation,
  type RuleName,
  type ServerName,
} from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

/** The rule that a code answers to, when the sentence does not say which: the first the scenario names. */
export const namedRule = (world: MusterWorld): RuleName => world.scenario.recorder.declared.rules.find(isRuleName) ?? "register-accepted";

Given("device {device} is registered with {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await factoryAccount(this.scenario, alias, operator);
  await startDevice(this.scenario, alias);
  const account = await awaitRegistered(this.scenario, alias, operator);
  this.scenario.precondition(`"${alias}" is registered with operator ${operator}`, account !== undefined, "its Register was not answered 2.01");
});

Given("device {device} is registered with {operator} for {int} s", async function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  await factoryAccount(this.scenario, alias, operator, lifetime);
  await startDevice(this.scenario, alias);
  const account = await awaitRegistered(this.scenario, alias, operator);
  this.scenario.precondition(`"${alias}" is registered with operator ${operator}`, account !== undefined, "its Register was not answered 2.01");
});

// A device that keeps nothing alive by itself: what lives and what ends is then the server's doing.
Given("device {device} sends no Update by itself", function (this: MusterWorld, alias: string) {
  const { coap, dtls, device } = this.scenario.run.timing;
  this.scenario.declare(alias, { timing: { coap, dtls, device: { ...device, updateMarginFactor: 1000 } } });
});

// `/1/x/13`, the lower the earlier.
Given("device {device} registers with {operator} before {operator}", function (this: MusterWorld, alias: string, first: ServerName, second: ServerName) {
  const order = new Map([first, second].map((name, index) => [this.scenario.uriOf(name), index + 1]));
  const servers = (this.scenario.specOf(alias)?.servers ?? []).map((server) => ({ ...server, resources: { ...server.resources, 13: order.get(server.uri) ?? 0 } }));
  this.scenario.declare(alias, { servers });
});

// "Gone" is told by 4.04: whoever rests on that makes sure of it first.
Given("{server} refuses Updates of {device} at unknown locations", function (this: MusterWorld, server: ServerName, alias: string) {
  return tellsUnknownLocations(this.scenario, alias, server);
});

When("{device} updates its registration with {operator} shortly before its lifetime of {int} s is over", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return updateInTime(this.scenario, alias, operator, lifetime);
});

When("{device} updates its registration with {operator} when its lifetime of {int} s and the grace are over", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return updateTooLate(this.scenario, alias, operator, lifetime);
});

When("{device} registers again with {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await actAt(this.scenario, alias, operator, { do: "register" });
});

When("{device} updates its registration with {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await actAt(this.scenario, alias, operator, { do: "update" });
});

When("{device} de-registers from {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await actAt(this.scenario, alias, operator, { do: "deregister" });
});

Then("{device} is registered with {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkRegistered(this.scenario, alias, operator);
});

Then("{device} is not registered with {operator} any more", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkNotRegistered(this.scenario, alias, operator, "deregister");
});

Then("{device} is given a location by {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkLocationGiven(this.scenario, alias, server);
});

Then("{server} lists {device} with a lifetime of {int} s", async function (this: MusterWorld, server: ServerName, alias: string, lifetime: number) {
  const listed = await awaitListed(this.scenario, alias, server);
  this.scenario.equal("register-accepted", `the lifetime of "${alias}" at server ${server}`, String(lifetime), String(listed?.lifetime ?? "not listed"));
});

// Of a Register that named no endpoint: whose it is said the session.
Then("{server} lists {device} with a lifetime of {int} s by {string}", async function (this: MusterWorld, server: ServerName, alias: string, lifetime: number, rule: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  const listed = await awaitListed(this.scenario, alias, server);
  this.scenario.equal(rule, `the lifetime of "${alias}" at server ${server}`, String(lifetime), String(listed?.lifetime ?? "not listed"));
});

Then("the answer is {code}", function (this: MusterWorld, codes: string) {
  checkAnswer(this.scenario, codes, namedRule(this));
});

Then("by {string} the answer is {code}", function (this: MusterWorld, rule: string, codes: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  checkAnswer(this.scenario, codes, rule);
});

Then("the Register of {device} is answered {code}", function (this: MusterWorld, alias: string, code: string) {
  return checkRegisterAnswered(this.scenario, alias, code);
});

Then("the newest location of {device} at {server} is the one that is served", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkReplaced(this.scenario, alias, server);
});

Then("{server} serves the former location of {device} no more", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkFormerLocation(this.scenario, alias, server, "deregister");
});

// What the device sent, as its server saw it

// `| field | value |`: lwm2m, lifetime, binding, queueMode.
Then("{device} states to {server}:", function (this: MusterWorld, alias: string, server: ServerName, table: DataTable) {
  return checkRegisteredAs(this.scenario, alias, server, table.rowsHash(), namedRule(this));
});

Then("the object list of {device} at {server} has {string} and nothing of \\/0 or \\/21", function (this: MusterWorld, alias: string, server: ServerName, paths: string) {
  return checkObjectList(
    this.scenario,
    alias,
    server,
    paths.split(",").map((path) => path.trim()),
    [0, 21],
  );
});

Then("{device} renews its registration with {server} within its lifetime of {int} s", function (this: MusterWorld, alias: string, server: ServerName, lifetime: number) {
  return checkUpdatesItself(this.scenario, alias, server, lifetime);
});

const operations: Readonly<Record<string, Operation>> = { Register: "register", Update: "update", "De-register": "deregister", Execute: "execute", Write: "write" };
const operationNamed = (name: string): Operation => operations[name] ?? "other";

// `"c1" sends an Update to server A after the Execute`, and `..., 1 s or more later`.
Then(/^"([^"]+)" sends an? (Register|Update|De-register) to server ([AB]) after the (Execute|Write|Update|De-register)(?:, (\d+) s or more later)?$/, function (this: MusterWorld, alias: string, what: string, server: string, cause: string, seconds: string | null) {
  return checkFollows(this.scenario, alias, server === "B" ? "B" : "A", operationNamed(what), operationNamed(cause), namedRule(this), Number(seconds ?? 0));
});

Then("{device} does not register with {server} meanwhile", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkNoRegister(this.scenario, alias, server, namedRule(this));
});

Then("{device} registers with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkRegisters(this.scenario, alias, server, namedRule(this));
});

// Of a device whose message was lost

Then("{device} tries again at {server}, and asks for no bootstrap", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkTriesAgain(this.scenario, alias, operator);
});

Then("{device} asks for its bootstrap once more", function (this: MusterWorld, alias: string) {
  return checkGivesBootstrapUp(this.scenario, alias);
});

Then("{device} comes to {server} with its new key", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkComesWithNewKey(this.scenario, alias, server);
});
