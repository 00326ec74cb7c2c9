import { Then, When } from "@cucumber/cucumber";
import { operate, pathOn, valueOf, type ServerName } from "../../src/harness/index.js";
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

When("{operator} observes {path} of {device}", async function (this: MusterWorld, operator: ServerName, path: string, alias: string) {
  const result = await this.scenario.server(operator).observe(this.scenario.endpoint(alias), await pathOn(this.scenario, alias, path));
  this.scenario.lastAnswer = { text: `observe ${path} of "${alias}"`, code: result.code ?? `no answer (${result.failure ?? "unknown"})`, body: result.resources, at: this.scenario.now() };
});

Then("the value is {string}", function (this: MusterWorld, expected: string) {
  const body = this.scenario.lastAnswer?.body;
  const values = typeof body === "object" && body !== null ? Object.values(body).map(String) : [];
  this.scenario.equal("device-management", `the value in ${this.scenario.lastAnswer?.text ?? "the last answer"}`, expected, values.join(", ") || "none");
});
