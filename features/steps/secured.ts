import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import {
  activateKey,
  borrowedKey,
  checkActivationTakenBack,
  checkAsksForBootstrap,
  checkEncrypted,
  checkHoldsOwnKey,
  checkKeyRenewed,
  checkKeysDiffer,
  checkListsNoCredential,
  checkMostTries,
  checkNoKeyTold,
  checkNoSession,
  checkNotAsked,
  checkOwnKeyEncrypted,
  checkProblem,
  checkProblemIsOneOf,
  checkRegistersWithKey,
  checkSession,
  checkToldWithoutSecret,
  checkTries,
  checkWaitsOn,
  configureSameAccount,
  edgeKey,
  fieldsOf,
  isRuleName,
  noteKey,
  orderWithOwnKey,
  provisionWithOwnKey,
  putKeyInForce,
  stageKey,
  stageKeysInBatch,
  tellKey,
  unsecuredAccount,
  untoldKey,
  type RuleName,
  type ServerName,
  type Staging,
} from "../../src/harness/index.js";
import { namedRule } from "./registration.js";
import type { MusterWorld } from "./world.js";

const ruleOf = (name: string): RuleName => {
  if (!isRuleName(name)) throw new Error(`the catalogue has no rule "${name}"`);
  return name;
};

// Keys that devices have, and what their servers know of them

Given("device {device} has a key of {operator} that its server was not told", function (this: MusterWorld, alias: string, operator: ServerName) {
  untoldKey(this.scenario, alias, operator);
});

Given("device {device} has a key of {operator} that its server was not told, and its account says:", function (this: MusterWorld, alias: string, operator: ServerName, table: DataTable) {
  untoldKey(this.scenario, alias, operator, retryResources(table));
});

// `an identity of 128 bytes`, `not UTF-8`
Given("device {device} has for {operator} an identity of {string} and a key of {int} bytes", function (this: MusterWorld, alias: string, operator: ServerName, identity: string, keyBytes: number) {
  untoldKey(this.scenario, alias, operator, undefined, edgeKey(this.scenario, alias, identity, keyBytes));
});

Given("device {device} uses at {server} the key that {device} has of {operator}", function (this: MusterWorld, alias: string, server: ServerName, owner: string, operator: ServerName) {
  untoldKey(this.scenario, alias, server, undefined, borrowedKey(this.scenario, owner, operator));
});

Given("device {device} has an account of {operator} without security", function (this: MusterWorld, alias: string, operator: ServerName) {
  unsecuredAccount(this.scenario, alias, operator);
});

Given("{server} is told the key of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return tellKey(this.scenario, server, alias, false);
});

Given("{server} has activated the key of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return tellKey(this.scenario, server, alias, true);
});

// With the same key, and what its account says of tries.
Given("the Bootstrap Server is configured to give {device} the same account of {operator} again", function (this: MusterWorld, alias: string, operator: ServerName) {
  const { scenario } = this;
  const resources = scenario.specOf(alias)?.servers?.find(({ uri }) => uri === scenario.uriOf(operator))?.resources ?? {};
  const fields = Object.entries(retryMembers).flatMap(([name, id]) => (resources[id] === undefined ? [] : [[name, resources[id]] as const]));
  return configureSameAccount(scenario, alias, operator, Object.fromEntries(fields));
});

// `silence`, `alert 115`
Given(/^server ([AB]) answers handshakes of "([^"]+)" with (silence|alert \d+) until its key is active$/, async function (this: MusterWorld, server: string, alias: string, answer: string) {
  const { scenario } = this;
  const action = answer === "silence" ? ({ kind: "silence" } as const) : ({ kind: "refuse", alert: Number(answer.replace("alert ", "")) } as const);
  await scenario.setFault(scenario.server(server === "B" ? "B" : "A"), { operation: "handshake.refused", endpoint: scenario.endpoint(alias), action });
});

// SM-3 in the place of the Bootstrap Server; each answer is the last answer

When("the Bootstrap Server tells {server} the key of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return stageKey(this.scenario, server, alias);
});

/**
 * `| version | 2 |`, a later key of the device; `| kcv | of another key |`; `| encrypted for | c2 |`, `| encrypted for record | cr-2 |`; `| identity of | c2 |`;
 * anything else is a member of the profile.
 */
When("the Bootstrap Server tells {server} the key of {device} with:", function (this: MusterWorld, server: ServerName, alias: string, table: DataTable) {
  return stageKey(this.scenario, server, alias, stagingOf(table.rowsHash()));
});

When(/^the Bootstrap Server tells server ([AB]) the keys of "([^"]+)" in a batch, the first with the check value of another key$/, function (this: MusterWorld, server: ServerName, aliases: string) {
  return stageKeysInBatch(this.scenario, server, aliases.split(",").map((alias) => alias.trim()), true);
});

When("the Bootstrap Server activates the key of {device} at {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return activateKey(this.scenario, server, alias);
});

// And the server says that it is: what follows is about somebody else.
When("the Bootstrap Server puts the key of {device} in force at {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return putKeyInForce(this.scenario, server, alias);
});

function stagingOf({ version, kcv, "encrypted for": secretFor, "encrypted for record": secretOfRecord, "identity of": identityOf, ...more }: Readonly<Record<string, string | undefined>>): Staging {
  const given = Object.entries(more).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return {
    ...(version === undefined ? {} : { version: Number(version) }),
    wrongKcv: kcv === "of another key",
    ...(secretFor === undefined ? {} : { secretFor }),
    ...(secretOfRecord === undefined ? {} : { secretOfRecord }),
    ...(identityOf === undefined ? {} : { identityOf }),
    more: fieldsOf(Object.fromEntries(given)),
  };
}

const retryMembers: Readonly<Record<string, number>> = { bootstrapOnFailure: 16, retryCount: 17, retryTimer: 18, sequenceDelay: 19, sequenceCount: 20 };

/** `| bootstrapOnFailure | retryCount | retryTimer | sequenceDelay | sequenceCount |`: /1/x/16 to /1/x/20, all of them; seconds. */
export function retryResources(table: DataTable): Readonly<Record<number, number | boolean>> {
  const row = table.rowsHash();
  const wrong = Object.keys(row).filter((name) => retryMembers[name] === undefined);
  const missing = Object.keys(retryMembers).filter((name) => row[name] === undefined);
  if (wrong.length + missing.length > 0) throw new Error(`write ${Object.keys(retryMembers).join(", ")}, all of them: a default would make the scenario's time somebody else's affair`);
  return Object.fromEntries(Object.entries(row).map(([name, text]) => [retryMembers[name] ?? 0, name === "bootstrapOnFailure" ? text === "true" : Number(text)]));
}

// Keys that a LwM2M Server makes

Given("device {device} is provisioned by {operator} with a key that its server made", function (this: MusterWorld, alias: string, operator: ServerName) {
  return provisionWithOwnKey(this.scenario, alias, operator);
});

When(/^operator ([AB]) orders to (provision|rotate) "([^"]+)" with a key that its server makes$/, function (this: MusterWorld, operator: ServerName, type: "provision" | "rotate", alias: string) {
  return orderWithOwnKey(this.scenario, operator, type, alias);
});

Then("the key for {device} comes with the order of {operator} encrypted", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkOwnKeyEncrypted(this.scenario, alias, operator);
});

Then("{server} is told of its own key for {device} without the secret", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkToldWithoutSecret(this.scenario, alias, server);
});

Then("{device} has the key that {server} made", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkHoldsOwnKey(this.scenario, alias, server);
});

// What became of it; of a device as its server saw it

Then("{device} begins {int} handshakes with {server}, each {int} s or more after the one before", function (this: MusterWorld, alias: string, count: number, server: ServerName, seconds: number) {
  return checkTries(this.scenario, alias, server, count, seconds, namedRule(this));
});

Then("{device} has begun no more than {int} handshake(s) with {server}", function (this: MusterWorld, alias: string, most: number, server: ServerName) {
  return checkMostTries(this.scenario, alias, server, most);
});

Then("{device} waits for {server} as long as it would without that alert", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkWaitsOn(this.scenario, alias, server, namedRule(this));
});

Then("{device} asks for a bootstrap because it gets no session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkAsksForBootstrap(this.scenario, alias, server, namedRule(this));
});

Then("{device} has not asked for a bootstrap by itself", function (this: MusterWorld, alias: string) {
  return checkNotAsked(this.scenario, alias, namedRule(this));
});

Then("{device} gets no session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkNoSession(this.scenario, alias, server, namedRule(this));
});

Then("by {string} {device} gets no session with {server}", function (this: MusterWorld, rule: string, alias: string, server: ServerName) {
  return checkNoSession(this.scenario, alias, server, ruleOf(rule));
});

Then("{device} gets no session with the Bootstrap Server", function (this: MusterWorld, alias: string) {
  return checkNoSession(this.scenario, alias, "bootstrap", namedRule(this));
});

Then("{device} gets a session with the Bootstrap Server", function (this: MusterWorld, alias: string) {
  return checkSession(this.scenario, alias, "bootstrap", namedRule(this));
});

Then("{server} lists no credential of {device}, and {server} does", function (this: MusterWorld, other: ServerName, alias: string, holder: ServerName) {
  return checkListsNoCredential(this.scenario, alias, other, holder);
});

Then("by {string} {device} registers with its key at {server}", function (this: MusterWorld, rule: string, alias: string, server: ServerName) {
  return checkRegistersWithKey(this.scenario, alias, server, ruleOf(rule));
});

Then("by {string} the answer is {int}", function (this: MusterWorld, rule: string, status: number) {
  checkProblem(this.scenario, status, undefined, undefined, ruleOf(rule));
});

Then(/^the answer is one of (\d{3}(?:, \d{3})+)$/, function (this: MusterWorld, statuses: string) {
  checkProblemIsOneOf(this.scenario, statuses.split(", "));
});

// Keys that devices hold, as they tell us

Then("the accounts on {device} have different keys", function (this: MusterWorld, alias: string) {
  return checkKeysDiffer(this.scenario, alias);
});

Then("the keys of {device} came to {server} encrypted", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkEncrypted(this.scenario, alias, server);
});

Given("the key that {device} has for {operator} is noted", function (this: MusterWorld, alias: string, operator: ServerName) {
  return noteKey(this.scenario, alias, operator);
});

Then("{device} has a new key and a new identity for {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return checkKeyRenewed(this.scenario, alias, operator);
});

Then("by {string} the activation of {device} at {server} is taken back", function (this: MusterWorld, rule: string, alias: string, server: ServerName) {
  return checkActivationTakenBack(this.scenario, alias, server, ruleOf(rule));
});

Then("neither what the Bootstrap Server tells operators A and B nor what it recorded holds a key of {device}", function (this: MusterWorld, alias: string) {
  return checkNoKeyTold(this.scenario, alias, "bootstrap", ["A", "B"]);
});

Then("neither what {server} tells its Bootstrap Server nor what it recorded holds a key of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkNoKeyTold(this.scenario, alias, server, []);
});
