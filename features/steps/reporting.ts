import { Then, When } from "@cucumber/cucumber";
import { cancelObservation, changeInside, changeUntilReset, checkByMaximum, checkNotifications, checkNotified, checkNothingAfterReset, checkNotSooner, observe, type ServerName } from "../../src/harness/index.js";
import { namedRule } from "./registration.js";
import type { MusterWorld } from "./world.js";

When("{operator} observes {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return observe(this.scenario, operator, alias, path);
});

// `pmin=1&pmax=2`, written as attributes before.
When("{operator} observes {path} of {device} with {string}", function (this: MusterWorld, operator: ServerName, path: string, alias: string, attributes: string) {
  return observe(this.scenario, operator, alias, path, attributes);
});

When("{operator} cancels the observation of {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return cancelObservation(this.scenario, operator, alias, path, "deregister");
});

When("{operator} forgets the observation of {path} of {device}, so that its next notification is answered with a reset", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return cancelObservation(this.scenario, operator, alias, path, "reset");
});

When("{path} of {device} becomes {string}", async function (this: MusterWorld, path: string, alias: string, value: string) {
  await changeInside(this.scenario, alias, path, value);
});

When("{path} of {device} changes until {operator} has answered a notification of it with a reset", function (this: MusterWorld, path: string, alias: string, operator: ServerName) {
  return changeUntilReset(this.scenario, operator, alias, path);
});

Then("nothing is notified of {path} of {device} to {server} after the reset", function (this: MusterWorld, path: string, alias: string, server: ServerName) {
  return checkNothingAfterReset(this.scenario, server, alias, path, namedRule(this));
});

Then("{server} is notified that {path} of {device} is {string}", async function (this: MusterWorld, server: ServerName, path: string, alias: string, value: string) {
  await checkNotified(this.scenario, server, alias, path, value, namedRule(this));
});

// In order, "21.5, 22", and nothing else; "" for none.
Then("the notifications of {path} of {device} to {server} are {string}", function (this: MusterWorld, path: string, alias: string, server: ServerName, values: string) {
  const wanted = values.split(",").map((value) => value.trim());
  return checkNotifications(this.scenario, server, alias, path, wanted.filter((value) => value !== ""), namedRule(this));
});

Then("{server} is notified of {path} of {device} not sooner than {int} s after its Observe", function (this: MusterWorld, server: ServerName, path: string, alias: string, seconds: number) {
  return checkNotSooner(this.scenario, server, alias, path, seconds);
});

Then("{server} is notified of {path} of {device} within {int} s", function (this: MusterWorld, server: ServerName, path: string, alias: string, seconds: number) {
  return checkByMaximum(this.scenario, server, alias, path, seconds);
});
