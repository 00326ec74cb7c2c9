import { Given, Then, When } from "@cucumber/cucumber";
import { act, awaitListed, awaitRegistered, checkAnswer, checkNotRegistered, checkRegistered, checkUnregisteredInTime, factoryAccount, latestOwn, isRuleName, refOf, shortServerIdOf, startDevice, type RuleName, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

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

When("{device} registers again with {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await act(this.scenario, alias, { do: "register", shortServerId: shortServerIdOf(this.scenario, operator) });
});

When("{device} updates its registration with {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await act(this.scenario, alias, { do: "update", shortServerId: shortServerIdOf(this.scenario, operator) });
});

When("{device} de-registers from {operator}", async function (this: MusterWorld, alias: string, operator: ServerName) {
  await act(this.scenario, alias, { do: "deregister", shortServerId: shortServerIdOf(this.scenario, operator) });
});

Then("{device} is registered with {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkRegistered(this.scenario, alias, operator);
});

Then("{device} is not registered with {operator} any more", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkNotRegistered(this.scenario, alias, operator, "deregister");
});

Then("the registration of {device} with {operator} ends with its lifetime of {int} s", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return checkUnregisteredInTime(this.scenario, alias, operator, lifetime);
});

Then("{device} is given a location by {server}", async function (this: MusterWorld, alias: string, server: ServerName) {
  const account = await awaitRegistered(this.scenario, alias, server);
  const register = await latestOwn(this.scenario, alias, "register");
  const location = account?.location ?? "none";
  this.scenario.check({
    rule: "register-location",
    text: `the location of "${alias}"`,
    expected: "/rd/...",
    actual: location,
    ok: /^\/rd\/./.test(location),
    evidence: register?.response === undefined ? [] : [refOf(register.response)],
  });
});

Then("{server} lists {device} with a lifetime of {int} s", async function (this: MusterWorld, server: ServerName, alias: string, lifetime: number) {
  const listed = await awaitListed(this.scenario, alias, server);
  this.scenario.equal("register-accepted", `the lifetime of "${alias}" at server ${server}`, String(lifetime), String(listed?.lifetime ?? "not listed"));
});

/** The rule that a code answers to, when the sentence does not say which: the first the scenario names. */
const namedRule = (world: MusterWorld): RuleName => world.scenario.recorder.declared.rules.find(isRuleName) ?? "register-accepted";

Then("the answer is {code}", function (this: MusterWorld, codes: string) {
  checkAnswer(this.scenario, codes, namedRule(this));
});

Then("by {string} the answer is {code}", function (this: MusterWorld, rule: string, codes: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  checkAnswer(this.scenario, codes, rule);
});
