import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { act, bootstrapAccount, checkAccountFields, checkBootstrapped, checkDiscoverFirst, checkFinishLast, checkRequestAnswered, configure, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

Given("the Bootstrap Server is configured to give {device} an account of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return configure(this.scenario, alias, [operator]);
});

Given("the Bootstrap Server is configured to give {device} an account of {operator} with a lifetime of {int} s", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return configure(this.scenario, alias, [operator], { lifetime });
});

// `| path | value |`: written beside the account.
Given("the Bootstrap Server is configured to give {device} an account of {operator} and to write:", function (this: MusterWorld, alias: string, operator: ServerName, table: DataTable) {
  return configure(this.scenario, alias, [operator], {}, table.hashes().map(({ path = "", value = "" }) => ({ path, value })));
});

Given("the Bootstrap Server does not know {device}", function (this: MusterWorld, alias: string) {
  if (!alias.startsWith("x:")) throw new Error(`the Bootstrap Server knows "${alias}"; name the device "x:${alias}"`);
  bootstrapAccount(this.scenario, alias);
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
