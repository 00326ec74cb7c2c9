import { Given, Then } from "@cucumber/cucumber";
import {
  checkAsksForBootstrap,
  checkBareUpdate,
  checkDeregisterAnswered,
  checkLastDiscover,
  checkOutlives,
  checkRegistersAfterFinish,
  checkSessionAnswers,
  checkSessionOfRegister,
  checkValuesOf,
  configurationC1,
  configurationC13,
  configurationC3,
  deadAccount,
  giveC1,
  giveNoAccount,
  isRuleName,
  type ServerName,
  type SessionOperation,
} from "../../src/harness/index.js";
import { namedRule } from "./registration.js";
import type { MusterWorld } from "./world.js";

const listOf = (text: string): string[] => text.split(",").map((item) => item.trim());

// Configurations of the Enabler Test Specification

Given("{operator} has Short Server ID {int} on the devices of this scenario", function (this: MusterWorld, operator: ServerName, id: number) {
  this.scenario.factoryIds.set(operator, id);
});

Given("device {device} is in configuration C.13", function (this: MusterWorld, alias: string) {
  configurationC13(this.scenario, alias);
});

Given("device {device} is in configuration C.1 of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return configurationC1(this.scenario, alias, operator);
});

Given("device {device} is in configuration C.3 of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return configurationC3(this.scenario, alias, operator);
});

Given("device {device} is in configuration C.1 of {operator}, with a lifetime of {int} s", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return configurationC1(this.scenario, alias, operator, lifetime);
});

Given("device {device} also has an account of a server that is not there", function (this: MusterWorld, alias: string) {
  deadAccount(this.scenario, alias);
});

Given("the Bootstrap Server is configured to give {device} account C.1 of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return giveC1(this.scenario, alias, operator);
});

// Further members of a plain bootstrap configuration, in JSON: writes, before, after, keepOthers.
Given("the Bootstrap Server is configured to give {device} account C.1 of {operator}, and:", function (this: MusterWorld, alias: string, operator: ServerName, text: string) {
  return giveC1(this.scenario, alias, operator, text);
});

Given("the Bootstrap Server is configured to write to {device}, and to give it no account:", function (this: MusterWorld, alias: string, text: string) {
  return giveNoAccount(this.scenario, alias, text);
});

// Of the device, in its newest session

Then("{device} answers the Writes of its session {code}", function (this: MusterWorld, alias: string, code: string) {
  return checkSessionAnswers(this.scenario, alias, "Write", code, namedRule(this));
});

Then("{device} answers the Finish of its session {code}", function (this: MusterWorld, alias: string, code: string) {
  return checkSessionAnswers(this.scenario, alias, "Finish", code, namedRule(this), "last");
});

// The first one: whoever corrects what was wrong sends others.
Then("by {string} {device} answers the Finish of its session {code}", function (this: MusterWorld, rule: string, alias: string, code: string) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  return checkSessionAnswers(this.scenario, alias, "Finish", code, rule, "first");
});

Then(/^"([^"]+)" answers the (first |last )?Bootstrap-(Read|Delete) of (\/[\d/]+) of its session (\d\.\d\d)$/, function (this: MusterWorld, alias: string, which: string | null, operation: SessionOperation, path: string, code: string) {
  const looked = which === "first " ? "first" : which === "last " ? "last" : "every";
  return checkSessionAnswers(this.scenario, alias, operation, code, namedRule(this), looked, path);
});

Then("{device} answers the last Bootstrap-Discover of its session with {string} and the enabler version", function (this: MusterWorld, alias: string, links: string) {
  return checkLastDiscover(this.scenario, alias, listOf(links), [], namedRule(this), true);
});

Then("{device} answers the last Bootstrap-Discover of its session with {string} and without {string}", function (this: MusterWorld, alias: string, links: string, forbidden: string) {
  return checkLastDiscover(this.scenario, alias, listOf(links), listOf(forbidden), namedRule(this), false);
});

Then("{device} falls back to its Bootstrap Server", function (this: MusterWorld, alias: string) {
  return checkAsksForBootstrap(this.scenario, alias, "A", namedRule(this));
});

// Of the device, as its LwM2M Server saw it

Then("{device} sends a Register to {server} after its Finish", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkRegistersAfterFinish(this.scenario, alias, server, "device-registers");
});

Then("{device} has come to {server} in a session made with its key", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkSessionOfRegister(this.scenario, alias, server, namedRule(this));
});

Then("by {string} the De-register of {device} is answered {code} by {server}", function (this: MusterWorld, rule: string, alias: string, code: string, server: ServerName) {
  if (!isRuleName(rule)) throw new Error(`the catalogue has no rule "${rule}"`);
  return checkDeregisterAnswered(this.scenario, alias, server, code, rule);
});

Then("the Update of {device} at {server} has no parameters and is answered 2.04", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkBareUpdate(this.scenario, alias, server, namedRule(this));
});

Then("{server} lists {device} beyond the lifetime of {int} s", function (this: MusterWorld, server: ServerName, alias: string, seconds: number) {
  return checkOutlives(this.scenario, alias, server, seconds);
});

Then("the answer has a value of each of {string}", function (this: MusterWorld, paths: string) {
  checkValuesOf(this.scenario, listOf(paths), namedRule(this));
});
