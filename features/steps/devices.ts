import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import { personalityNames, type PersonalityName } from "../../simulators/device/index.js";
import { act, bootstrapAccount, checkHoldsNoAccount, factoryAccount, filledIn, shortServerIdOf, startDevice, type ServerName } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

const personality = (name: string): PersonalityName => {
  const found = personalityNames.find((known) => known === name);
  if (found === undefined) throw new Error(`"${name}" is no personality; there are ${personalityNames.join(", ")}`);
  return found;
};

// What a device is, before it starts

Given("device {device} is {string}", function (this: MusterWorld, alias: string, name: string) {
  this.scenario.declare(alias, { personality: personality(name) });
});

Given("device {device} speaks LwM2M {float}", function (this: MusterWorld, alias: string, version: number) {
  this.scenario.declare(alias, { lwm2m: version === 1 ? "1.0" : "1.1" });
});

// MAX_RETRANSMIT: with a smaller one a device finds out sooner that nobody answers.
Given("device {device} sends a message again at most {int} times", function (this: MusterWorld, alias: string, maxRetransmit: number) {
  const { coap, dtls, device } = this.scenario.run.timing;
  this.scenario.declare(alias, { timing: { coap: { ...coap, maxRetransmit }, dtls, device } });
});

Given("device {device} with a bootstrap account", function (this: MusterWorld, alias: string) {
  bootstrapAccount(this.scenario, alias);
});

Given("device {device} with a factory account of {operator}", function (this: MusterWorld, alias: string, operator: ServerName) {
  return factoryAccount(this.scenario, alias, operator);
});

Given("device {device} with a factory account of {operator} and a lifetime of {int} s", function (this: MusterWorld, alias: string, operator: ServerName, lifetime: number) {
  return factoryAccount(this.scenario, alias, operator, lifetime);
});

// `| uri | shortServerId | securityInstance | serverInstance |`: the account stands at these instances of /0 and /1.
Given("the account of {operator} on {device} is instance {int}", function (this: MusterWorld, operator: ServerName, alias: string, instance: number) {
  const uri = this.scenario.uriOf(operator);
  const servers = (this.scenario.specOf(alias)?.servers ?? []).map((server) => (server.uri === uri ? { ...server, serverInstance: instance, securityInstance: instance + 1 } : server));
  this.scenario.declare(alias, { servers });
});

// What a device does

When("{device} starts", function (this: MusterWorld, alias: string) {
  return startDevice(this.scenario, alias);
});

When("{device} loses power and comes back", async function (this: MusterWorld, alias: string) {
  await act(this.scenario, alias, { do: "power-cycle" });
});

When("{device} falls asleep", async function (this: MusterWorld, alias: string) {
  await act(this.scenario, alias, { do: "sleep" });
});

When("{device} wakes", async function (this: MusterWorld, alias: string) {
  await act(this.scenario, alias, { do: "wake" });
});

When("{device} falls silent", async function (this: MusterWorld, alias: string) {
  await act(this.scenario, alias, { do: "go-silent" });
});

When("{device} speaks again", async function (this: MusterWorld, alias: string) {
  await act(this.scenario, alias, { do: "speak-again" });
});

When("{device} becomes {string}", async function (this: MusterWorld, alias: string, name: string) {
  await act(this.scenario, alias, { do: "behave", personality: personality(name) });
});

// `| method | path | query | payload | format |`, query parameters separated by `&`, <c1> the endpoint name of "c1", <c1.location> its location; the answer is the last answer.
When("{device} sends to {server}:", async function (this: MusterWorld, alias: string, server: ServerName, table: DataTable) {
  await act(this.scenario, alias, { do: "request", to: shortServerIdOf(this.scenario, server), ...requestOf(this, table) });
});

When("{device} sends to the Bootstrap Server:", async function (this: MusterWorld, alias: string, table: DataTable) {
  await act(this.scenario, alias, { do: "request", to: "bootstrap", ...requestOf(this, table) });
});

function requestOf(world: MusterWorld, table: DataTable): { method: string; path: string[]; query?: string[]; payload?: string; contentFormat?: number } {
  const row = table.hashes()[0] ?? {};
  const { method = "POST", path = "/", query = "", payload = "", format = "" } = row;
  return {
    method,
    path: filledIn(world.scenario, path).split("/").filter((segment) => segment !== ""),
    ...(query === "" ? {} : { query: query.split("&").map((item) => filledIn(world.scenario, item)) }),
    ...(payload === "" ? {} : { payload }),
    ...(format === "" ? {} : { contentFormat: Number(format) }),
  };
}

// After a bootstrap of it.
Then("{device} holds no account at all", function (this: MusterWorld, alias: string) {
  return checkHoldsNoAccount(this.scenario, alias);
});
