import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import {
  accountOn,
  act,
  bootstrapAccount,
  checkAccountFields,
  checkBootstrapped,
  checkDiscoverFirst,
  checkEachStepOnce,
  checkFinishCorrected,
  checkFinishLast,
  checkNoBootstrapRead,
  checkNotApplied,
  checkRequestAnswered,
  checkTurnedAway,
  checkWritesAccepted,
  configure,
  fieldsOf,
  repeatRequest,
  type ServerName,
} from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

Given("the Bootstrap Server is configured to give {device} an account of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return configure(this.scenario, alias, [operator]);
});

Given("the Bootstrap Server is configured to give {device} an account of {operator} with a lifetime of {int} s", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return configure(this.scenario, alias, [operator], { lifetime });
});

// Where `moves its account to its second URI` was said.
Then("the account of {operator} on {device} has its second URI", function (this: MusterWorld, operator: ServerName, alias: string) {
  return checkAccountFields(this.scenario, alias, operator, { uri: this.scenario.secondUriOf(operator) });
});

// `| field | value |`, names as in the configuration file: lifetime, binding, retryCount, priority.
Given("the Bootstrap Server is configured to give {device} an account of {operator} with:", function (this: MusterWorld, alias: string, operator: ServerName, table: DataTable) {
  return configure(this.scenario, alias, [operator], fieldsOf(table.rowsHash()));
});

// `| path | value |`: written beside the account.
Given("the Bootstrap Server is configured to give {device} an account of {operator} and to write:", function (this: MusterWorld, alias: string, operator: ServerName, table: DataTable) {
  return configure(this.scenario, alias, [operator], {}, table.hashes().map(({ path = "", value = "" }) => ({ path, value })));
});

Given("the Bootstrap Server does not know {device}", function (this: MusterWorld, alias: string) {
  if (!alias.startsWith("x:")) throw new Error(`the Bootstrap Server knows "${alias}"; name the device "x:${alias}"`);
  bootstrapAccount(this.scenario, alias);
});

// Carries the operation out at once and answers so late that whoever does not wait for it would have gone on by then.
Given(/^device "([^"]+)" answers Bootstrap-(Discover|Write)(?: of (\/\d+))? late$/, function (this: MusterWorld, alias: string, operation: string, path: string | null) {
  const { deviations } = this.scenario.specOf(alias) ?? {};
  const late = { to: operation === "Discover" ? "discover" : "write", ms: this.scenario.run.deadlines.quietMs, ...(path === null ? {} : { path }) } as const;
  this.scenario.declare(alias, { deviations: { ...deviations, lateAnswers: [...(deviations?.lateAnswers ?? []), late] } });
});

When("{device} sends its Bootstrap-Request once more, as the same message", function (this: MusterWorld, alias: string) {
  return repeatRequest(this.scenario, alias);
});

When("{device} asks for a bootstrap", async function (this: MusterWorld, alias: string) {
  await act(this.scenario, alias, { do: "bootstrap" });
});

Then("the Bootstrap-Request of {device} is answered {code}", function (this: MusterWorld, alias: string, codes: string) {
  return checkRequestAnswered(this.scenario, alias, codes);
});

Then("{device} completes its bootstrap", function (this: MusterWorld, alias: string) {
  return checkBootstrapped(this.scenario, alias);
});

// After a `completes its bootstrap`: another one.
Then("{device} completes its bootstrap again", function (this: MusterWorld, alias: string) {
  return checkBootstrapped(this.scenario, alias, 2);
});

Then("the session of {device} begins with Bootstrap-Discover", function (this: MusterWorld, alias: string) {
  return checkDiscoverFirst(this.scenario, alias);
});

Then("Finish is the last operation of the session of {device}", function (this: MusterWorld, alias: string) {
  return checkFinishLast(this.scenario, alias);
});

// `| field | value |`, names as in the account: uri, ssid, lifetime, binding, pmin, pmax.
Then("the account of {operator} on {device} has:", function (this: MusterWorld, operator: ServerName, alias: string, table: DataTable) {
  return checkAccountFields(this.scenario, alias, operator, table.rowsHash());
});

Then("the Bootstrap-Request of {device} is turned away", function (this: MusterWorld, alias: string) {
  return checkTurnedAway(this.scenario, alias);
});

Then("the configuration of {device} is corrected before the next Finish", function (this: MusterWorld, alias: string) {
  return checkFinishCorrected(this.scenario, alias);
});

Then("by {string} each step of the newest session of {device} comes once", function (this: MusterWorld, rule: string, alias: string) {
  if (rule !== "ORD-5" && rule !== "session-displaced") throw new Error(`"${rule}" does not speak about sessions that are displaced; write ORD-5 or session-displaced`);
  return checkEachStepOnce(this.scenario, alias, rule);
});

Then("the refused Write of {device} does not count as applied", function (this: MusterWorld, alias: string) {
  return checkNotApplied(this.scenario, alias, "write-refused");
});

Then("the unanswered Finish of {device} does not count as applied", function (this: MusterWorld, alias: string) {
  return checkNotApplied(this.scenario, alias, "finish-unanswered");
});

Then("{device} is asked for no Bootstrap-Read", function (this: MusterWorld, alias: string) {
  return checkNoBootstrapRead(this.scenario, alias);
});

Then("{device} accepts the Writes of {path}", function (this: MusterWorld, alias: string, path: string) {
  return checkWritesAccepted(this.scenario, alias, Number(path.slice(1)));
});

// By the rule of instance ids: what was there stays where and what it was, and the new account stands beside it.
Then("the account of {operator} on {device} stands beside that of {operator}, which keeps instance {int}", async function (this: MusterWorld, added: ServerName, alias: string, before: ServerName, instance: number) {
  const held = await accountOn(this.scenario, alias, before);
  this.scenario.equal("instance-ids", `the account of operator ${before} on "${alias}"`, `/1/${instance} at ${this.scenario.uriOf(before)}`, held === undefined ? "gone" : `/1/${held.serverInstance} at ${held.uri}`);
  const other = await accountOn(this.scenario, alias, added);
  const text = `the account of operator ${added} on "${alias}"`;
  this.scenario.equal("account-fields", text, "there", other === undefined ? "no account with its Short Server ID" : "there");
  const at = other === undefined ? "none" : `/1/${other.serverInstance}`;
  this.scenario.check({ rule: "instance-ids", text, expected: `an instance other than /1/${instance}`, actual: at, ok: at !== `/1/${instance}` });
});
