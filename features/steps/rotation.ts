import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import {
  awaitOverlapOver,
  checkComesBack,
  checkConfirmedAtServer,
  checkCopy,
  checkNewIdentities,
  checkReconnect,
  checkCounted,
  checkGoesOn,
  checkSessionEnded,
  checkSessionKept,
  checkSwap,
  checkVersionInForce,
  deliverVersion,
  fieldsOf,
  isRuleName,
  keepIdentity,
  loseAllSessions,
  restartServer,
  putInForce,
  stageVersion,
  takeBack,
  versionIsOver,
  type RuleName,
  type ServerName,
} from "../../src/harness/index.js";
import { namedRule } from "./registration.js";
import type { MusterWorld } from "./world.js";

function ruleOf(name: string): RuleName {
  if (!isRuleName(name)) throw new Error(`the catalogue has no rule "${name}"`);
  return name;
}

// The harness in the place of the Bootstrap Server. Version 1 is what the device has from the factory; each has a key and an identity of its own.

When("the Bootstrap Server stages version {int} of the credential of {device} at {server}", async function (this: MusterWorld, version: number, alias: string, server: ServerName) {
  await stageVersion(this.scenario, alias, server, version);
});

Given("all versions of the credential of {device} have one identity at {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  keepIdentity(this.scenario, alias, server);
});

When("the Bootstrap Server puts version {int} of the credential of {device} in force at {server}", function (this: MusterWorld, version: number, alias: string, server: ServerName) {
  return putInForce(this.scenario, alias, server, version);
});

// `| overlapSeconds | 3600 |`, `| sessionPolicy | keep-until-rehandshake |`
When("the Bootstrap Server puts version {int} of the credential of {device} in force at {server} with:", function (this: MusterWorld, version: number, alias: string, server: ServerName, table: DataTable) {
  return putInForce(this.scenario, alias, server, version, fieldsOf(table.rowsHash()));
});

// As the server itself says; whether it is true is judged by what a device gets.
When("version {int} of the credential of {device} is over at {server}", function (this: MusterWorld, version: number, alias: string, server: ServerName) {
  return versionIsOver(this.scenario, alias, server, version);
});

When("the Bootstrap Server takes version {int} of the credential of {device} at {server} back", function (this: MusterWorld, version: number, alias: string, server: ServerName) {
  return takeBack(this.scenario, alias, server, version);
});

// By a plain bootstrap; the device registers with it.
When("{device} is given version {int} of its credential for {server}", function (this: MusterWorld, alias: string, version: number, server: ServerName) {
  return deliverVersion(this.scenario, alias, server, version);
});

When("an overlap of {int} s is over", function (this: MusterWorld, seconds: number) {
  return awaitOverlapOver(this.scenario, seconds);
});

// What the device gets when it gives its session up and asks for another, by its own record.

Given("{device} has resumed its session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, "resumption-after-revoke", "resumed", "resumed");
});

Then("by {string} {device} gets a new session with {server}", function (this: MusterWorld, rule: string, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, ruleOf(rule), "full", "full");
});

Then("by {string} {device} gets no new session with {server}", function (this: MusterWorld, rule: string, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, ruleOf(rule), "full", "none");
});

// Another device that holds one version of its credential.
Then("by {string} a copy of {device} with version {int} gets no session with {server}", function (this: MusterWorld, rule: string, alias: string, version: number, server: ServerName) {
  return checkCopy(this.scenario, alias, version, server, ruleOf(rule), "none");
});

Then("{device} can resume its session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, "resumption-after-revoke", "resumed", "resumed");
});

Then("{device} cannot resume its session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, "resumption-after-revoke", "resumed", "not-resumed");
});

Then("{server} ends the session of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkSessionEnded(this.scenario, alias, server);
});

Then("{server} goes on in the session of {device}", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkSessionKept(this.scenario, alias, server);
});

// Of all its devices, as in a restart: the scenario has to be @alone.
When("{server} loses its DTLS sessions and registrations", function (this: MusterWorld, server: ServerName) {
  return loseAllSessions(this.scenario, server, { registrations: true, keepResumable: false });
});

When("{server} loses its DTLS sessions", function (this: MusterWorld, server: ServerName) {
  return loseAllSessions(this.scenario, server, { registrations: false, keepResumable: false });
});

When("{server} loses its DTLS sessions but what they can be resumed from", function (this: MusterWorld, server: ServerName) {
  return loseAllSessions(this.scenario, server, { registrations: false, keepResumable: true });
});

When("{server} is restarted and goes on with its DTLS sessions", function (this: MusterWorld, server: ServerName) {
  return restartServer(this.scenario, server, true);
});

When("{server} is restarted without its DTLS sessions", function (this: MusterWorld, server: ServerName) {
  return restartServer(this.scenario, server, false);
});

Then("{device} goes on in the session with {server} that it had before", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkGoesOn(this.scenario, alias, server);
});

Then("{server} and {device} have counted {int} handshake(s) since", function (this: MusterWorld, server: ServerName, alias: string, count: number) {
  return checkCounted(this.scenario, alias, server, count, namedRule(this));
});

Then("{device} finds out with its next Update to {server}, and comes back", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkComesBack(this.scenario, alias, server);
});

Then("{device} offers its session to {server} and gets a new one", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, "lost-sessions", "resumed", "full");
});

Then("{device} offers its session to {server} and goes on in it", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkReconnect(this.scenario, alias, server, "lost-sessions", "resumed", "resumed");
});

// Of a rotation that an operator ordered.

Then("each version of the credential of {device} at {server} has an identity of its own", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkNewIdentities(this.scenario, alias, server);
});

// The outage goes into the run's figures.
Then("the swap at {server} comes after the Writes to {device}, and its outage is over", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkSwap(this.scenario, alias, server);
});

Then("by {string} version {int} of the credential of {device} is in force at {server}", function (this: MusterWorld, rule: string, version: number, alias: string, server: ServerName) {
  return checkVersionInForce(this.scenario, alias, server, ruleOf(rule), version);
});

Then("{server} says that the newest version of {device} is confirmed", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkConfirmedAtServer(this.scenario, alias, server, true);
});

Then("{server} does not say that the newest version of {device} is confirmed", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkConfirmedAtServer(this.scenario, alias, server, false);
});
