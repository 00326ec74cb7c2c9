import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { attributesOf, checkLink, filledIn, grant, operate, resourcesFrom, valueOf, type ServerName } from "../../src/harness/index.js";
import { namedRule } from "./registration.js";
import type { MusterWorld } from "./world.js";

// Paths are LwM2M paths; `A` or `B` in place of an instance of /1 stands for that operator's account on the device: /1/A/1.

When("{operator} reads {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return operate(this.scenario, operator, alias, { operation: "read", path });
});

When("{operator} writes {string} to {path} of {device}", function (this: MusterWorld, operator: ServerName, value: string, path: string, alias: string) {
  return operate(this.scenario, operator, alias, { operation: "write", path, value: valueOf(value) });
});

When("{operator} executes {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return operate(this.scenario, operator, alias, { operation: "execute", path });
});

When("{operator} discovers {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return operate(this.scenario, operator, alias, { operation: "discover", path });
});

When("{operator} deletes {path} of {device}", function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  return operate(this.scenario, operator, alias, { operation: "delete", path });
});

Then("the value is {string}", function (this: MusterWorld, expected: string) {
  const body = this.scenario.lastAnswer?.body;
  const values = typeof body === "object" && body !== null ? Object.values(body).map(String) : [];
  this.scenario.equal(namedRule(this), `the value in ${this.scenario.lastAnswer?.text ?? "the last answer"}`, filledIn(this.scenario, expected), values.join(", ") || "none");
});

// With several accounts: `/3/0`, and what the operator that does not own it may do, "read, execute".
Given("{operator} owns {path} of {device}, on which the other one may {string}", function (this: MusterWorld, owner: ServerName, path: string, alias: string, allowed: string) {
  grant(this.scenario, alias, path, owner, allowed);
});

When("{operator} reads {path} of {device} in content format {int}", function (this: MusterWorld, operator: ServerName, path: string, alias: string, format: number) {
  return operate(this.scenario, operator, alias, { operation: "read", path, format });
});

When("{operator} writes {string} to {path} of {device} in content format {int}", function (this: MusterWorld, operator: ServerName, value: string, path: string, alias: string, format: number) {
  return operate(this.scenario, operator, alias, { operation: "write", path, value: valueOf(value), format });
});

// `| path | value |`, absolute paths of resources; a partial Write (POST).
When("{operator} writes to {path} of {device}:", async function (this: MusterWorld, operator: ServerName, path: string, alias: string, table: DataTable) {
  return operate(this.scenario, operator, alias, { operation: "write", path, resources: await resourcesFrom(this.scenario, alias, table.rowsHash()) });
});

When("{operator} replaces {path} of {device} by:", async function (this: MusterWorld, operator: ServerName, path: string, alias: string, table: DataTable) {
  return operate(this.scenario, operator, alias, { operation: "write", path, replace: true, resources: await resourcesFrom(this.scenario, alias, table.rowsHash()) });
});

When("{operator} creates {path} on {device} with:", async function (this: MusterWorld, operator: ServerName, path: string, alias: string, table: DataTable) {
  return operate(this.scenario, operator, alias, { operation: "create", path, resources: await resourcesFrom(this.scenario, alias, table.rowsHash()) });
});

// `pmin=1&pmax=2`
When("{operator} sets the attributes {string} on {path} of {device}", function (this: MusterWorld, operator: ServerName, attributes: string, path: string, alias: string) {
  return operate(this.scenario, operator, alias, { operation: "write-attributes", path, attributes: attributesOf(attributes) });
});

// `/3/0/0`, or with attributes `/3303/0/5700;pmin=1`.
Then("the answer lists {string}", function (this: MusterWorld, link: string) {
  checkLink(this.scenario, link, true, namedRule(this));
});

Then("the answer does not list {string}", function (this: MusterWorld, link: string) {
  checkLink(this.scenario, link, false, namedRule(this));
});
