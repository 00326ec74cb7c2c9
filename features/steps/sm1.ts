import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { awaitItem, changeAccount, checkAccountUntouched, checkAnswerMembers, checkItem, checkItemState, checkNoAccount, checkNoSecret, checkOrderTypes, checkProblem, checkRegisteredAt, checkReportWitnessed, checkSameAnswer, fieldsOf, isEndState, isRuleName, itemOutcome, placeOrder, provision, rememberAccount, sendAs, supplyAccount, type OrderRequest, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

// Given: whole stories as preconditions

Given("device {device} is provisioned by {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return provision(this.scenario, alias, operator);
});

// `| field | value |`, names as in the account.
Given("device {device} is provisioned by {operator} with:", function (this: MusterWorld, alias: string, operator: ServerName, table: DataTable) {
  return provision(this.scenario, alias, operator, fieldsOf(table.rowsHash()));
});

// The operator acts (its own LwM2M Server sends the call)

Given("{operator} supplies an account", async function (this: MusterWorld, operator: ServerName) {
  await supplyAccount(this.scenario, operator);
});

Given("{operator} supplies an account with:", async function (this: MusterWorld, operator: ServerName, table: DataTable) {
  await supplyAccount(this.scenario, operator, fieldsOf(table.rowsHash()));
});

When("{operator} changes its account to:", function (this: MusterWorld, operator: ServerName, table: DataTable) {
  return changeAccount(this.scenario, operator, fieldsOf(table.rowsHash()));
});

When("{operator} moves its account to its second URI", function (this: MusterWorld, operator: ServerName) {
  return changeAccount(this.scenario, operator, { uri: this.scenario.secondUriOf(operator) });
});

const aliasesIn = (text: string): string[] => text.split(",").map((alias) => alias.trim());

// `orders to provision "c1, c2"`; the policy as `| field | value |`.
When(/^operator ([AB]) orders to (provision|update|remove|rotate) "([^"]+)"$/, function (this: MusterWorld, operator: ServerName, type: OrderRequest["type"], aliases: string) {
  return placeOrder(this.scenario, operator, type, aliasesIn(aliases));
});

When(/^operator ([AB]) orders to (provision|update|remove|rotate) "([^"]+)" with:$/, function (this: MusterWorld, operator: ServerName, type: OrderRequest["type"], aliases: string, table: DataTable) {
  return placeOrder(this.scenario, operator, type, aliasesIn(aliases), fieldsOf(table.rowsHash()));
});

// What is not concluded by then is expired.
When(/^operator ([AB]) orders to (provision|update|remove|rotate) "([^"]+)" within (\d+) s, with:$/, function (this: MusterWorld, operator: ServerName, type: OrderRequest["type"], aliases: string, seconds: string, table: DataTable) {
  const { clock } = this.scenario.run;
  return placeOrder(this.scenario, operator, type, aliasesIn(aliases), fieldsOf(table.rowsHash()), { deadline: new Date(clock.epoch() + Number(seconds) * 1_000).toISOString() });
});

When("{operator} sends {word} {word}", function (this: MusterWorld, operator: ServerName, method: string, path: string) {
  return sendAs(this.scenario, operator, method, path);
});

When("{operator} sends {word} {word} with:", function (this: MusterWorld, operator: ServerName, method: string, path: string, body: string) {
  return sendAs(this.scenario, operator, method, path, body);
});

// The Bootstrap Server's record of it

When("the item of {device} is {string}", async function (this: MusterWorld, alias: string, state: string) {
  const view = await awaitItem(this.scenario, alias, [state]);
  this.scenario.precondition(`the item of "${alias}" is ${state}`, view.state === state, `it is ${itemOutcome(view)}`);
});

// Whatever its end is: what is judged next is what the other roles saw by then.
When("the item of {device} has come to its end", async function (this: MusterWorld, alias: string) {
  const view = await awaitItem(this.scenario, alias, []);
  if (view.state === "failed") await checkReportWitnessed(this.scenario, alias, view);
  this.scenario.precondition(`the item of "${alias}" comes to its end`, isEndState(view.state), `it is ${itemOutcome(view)}`);
});

Then("the item of {device} ends as {string}", function (this: MusterWorld, alias: string, outcome: string) {
  return checkItem(this.scenario, alias, outcome);
});

Then("the account of {operator} is gone from {device}", function (this: MusterWorld, operator: ServerName, alias: string) {
  return checkNoAccount(this.scenario, alias, operator, "account-removed");
});

Then("{device} is registered at the second URI of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkRegisteredAt(this.scenario, alias, operator);
});

// `the answer is 422 "uri-not-allowed" about "/uri"`
Then("the answer is {int} {string} about {string}", function (this: MusterWorld, status: number, problem: string, field: string) {
  checkProblem(this.scenario, status, problem, field);
});

Then("the answer is {int} {string}", function (this: MusterWorld, status: number, problem: string) {
  checkProblem(this.scenario, status, problem);
});

Then("the answer is {int}", function (this: MusterWorld, status: number) {
  checkProblem(this.scenario, status);
});

Then("by {string} the item of {device} ends as {string}", function (this: MusterWorld, rule: string, alias: string, outcome: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  return checkItem(this.scenario, alias, outcome, undefined, rule);
});

Given("the account of {operator} on {device} is noted", function (this: MusterWorld, operator: ServerName, alias: string) {
  return rememberAccount(this.scenario, alias, operator);
});

Then("the account of {operator} on {device} is as before", function (this: MusterWorld, operator: ServerName, alias: string) {
  return checkAccountUntouched(this.scenario, alias, operator);
});

Then("by {string} the item of {device} comes to {string}", async function (this: MusterWorld, rule: string, alias: string, state: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  const view = await awaitItem(this.scenario, alias, [state]);
  if (view.state === "failed") await checkReportWitnessed(this.scenario, alias, view);
  await checkItemState(this.scenario, alias, view, [state], rule);
});

// `| member | value |` of the last answer's body.
Then("the answer has:", function (this: MusterWorld, table: DataTable) {
  checkAnswerMembers(this.scenario, table.rowsHash());
});

Then("by {string} the answer has:", function (this: MusterWorld, rule: string, table: DataTable) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  checkAnswerMembers(this.scenario, table.rowsHash(), rule);
});

Then("the answer is the same as the one before", function (this: MusterWorld) {
  checkSameAnswer(this.scenario);
});

Then("the answer holds no secret", function (this: MusterWorld) {
  checkNoSecret(this.scenario);
});

Then("by {string} the item of {device} stays {string}", async function (this: MusterWorld, rule: string, alias: string, state: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  await this.scenario.pause(this.scenario.run.deadlines.quietMs);
  return checkItem(this.scenario, alias, state, undefined, rule);
});

Then("the capabilities list the order types {string} and no {string}", function (this: MusterWorld, listed: string, absent: string) {
  checkOrderTypes(this.scenario, listed.split(", "), absent);
});
