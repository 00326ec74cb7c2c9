import { Given, Then, When } from "@cucumber/cucumber";
import type { DataTable } from "@cucumber/cucumber";
import {
  changeAccountToMode,
  checkAlert,
  checkModeDelivered,
  checkPublicHalfTold,
  checkUnusable,
  expectsAnother,
  fieldsOf,
  holdsPem,
  isMisfit,
  isOdd,
  meetsMisfit,
  removeRecord,
  stagePublicKey,
  supplyAccountOfMode,
  untoldPublicKey,
  type PublicMode,
  type PublicStaging,
  type ServerName,
  type Usage,
} from "../../src/harness/index.js";
import { retryResources } from "./secured.js";
import type { MusterWorld } from "./world.js";

const modeOf = (text: string): PublicMode => {
  if (text === "rpk" || text === "x509") return text;
  throw new Error(`there is no mode "${text}" without a secret; write rpk or x509`);
};

function usageOf(usage: number): Usage {
  if (usage === 0 || usage === 1 || usage === 2 || usage === 3) return usage;
  throw new Error(`there is no certificate usage ${usage}; write 0 to 3`);
}

// Accounts that operators supply (SM-1)

Given("{operator} supplies an account of mode {word}", function (this: MusterWorld, operator: ServerName, mode: string) {
  return supplyAccountOfMode(this.scenario, operator, mode === "psk" ? mode : modeOf(mode));
});

Given("{operator} supplies an account of mode x509 with certificate usage {int}", function (this: MusterWorld, operator: ServerName, usage: number) {
  return supplyAccountOfMode(this.scenario, operator, "x509", usageOf(usage));
});

When("{operator} changes its account to mode {word}", function (this: MusterWorld, operator: ServerName, mode: string) {
  return changeAccountToMode(this.scenario, operator, mode === "psk" ? mode : modeOf(mode));
});

// Devices that have a key or a certificate from the factory

Given("device {device} has an account of {operator} in mode {word} that its server was not told", function (this: MusterWorld, alias: string, operator: ServerName, mode: string) {
  return untoldPublicKey(this.scenario, alias, operator, modeOf(mode));
});

Given("device {device} has an account of {operator} in mode {word} that its server was not told, and it says:", function (this: MusterWorld, alias: string, operator: ServerName, mode: string, table: DataTable) {
  return untoldPublicKey(this.scenario, alias, operator, modeOf(mode), { resources: retryResources(table) });
});

Given("device {device} has an account of {operator} with a certificate that is {string}, and its server was not told", function (this: MusterWorld, alias: string, operator: ServerName, odd: string) {
  if (!isOdd(odd)) throw new Error(`no certificate of a device is "${odd}"`);
  return untoldPublicKey(this.scenario, alias, operator, "x509", { odd });
});

Given("device {device} has an account of {operator} under certificate usage {int}, and server {word} shows it a certificate that is {string}", function (this: MusterWorld, alias: string, operator: ServerName, usage: number, _server: string, misfit: string) {
  if (!isMisfit(misfit)) throw new Error(`no certificate of a server is "${misfit}"`);
  return meetsMisfit(this.scenario, alias, operator, misfit, usageOf(usage));
});

Given("device {device} has an account of {operator} in mode {word} that names another server's", function (this: MusterWorld, alias: string, operator: ServerName, mode: string) {
  return expectsAnother(this.scenario, alias, operator, modeOf(mode));
});

Given("device {device} has an account of {operator} in mode {word}, written in PEM", function (this: MusterWorld, alias: string, operator: ServerName, mode: string) {
  return holdsPem(this.scenario, alias, operator, modeOf(mode));
});

// SM-3 in the place of the Bootstrap Server; each answer is the last answer

When("the Bootstrap Server tells {server} of {device} in mode {word}", function (this: MusterWorld, server: ServerName, alias: string, mode: string) {
  return stagePublicKey(this.scenario, server, alias, modeOf(mode));
});

/**
 * `| form | subject |`; `| shown | in PEM |`, `on another curve`, `another device's` (with `| of | c2 |`), `expired`, `not yet valid`, `made out to another device`,
 * `of an unknown authority`; `| thumbprint | of another key |`; `| version | 2 |`; anything else is a member of the profile.
 */
When("the Bootstrap Server tells {server} of {device} in mode {word} with:", function (this: MusterWorld, server: ServerName, alias: string, mode: string, table: DataTable) {
  return stagePublicKey(this.scenario, server, alias, modeOf(mode), stagingOf(table.rowsHash()));
});

function stagingOf({ version, form, shown, of, thumbprint, ...more }: Readonly<Record<string, string | undefined>>): PublicStaging {
  const given = Object.entries(more).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  if (form !== undefined && form !== "certificate" && form !== "subject") throw new Error(`there is no form "${form}"; write certificate or subject`);
  return {
    ...(version === undefined ? {} : { version: Number(version) }),
    ...(form === undefined ? {} : { form }),
    ...(shown === undefined ? {} : { shown: shownOf(shown) }),
    ...(of === undefined ? {} : { of }),
    wrongThumbprint: thumbprint === "of another key",
    more: fieldsOf(Object.fromEntries(given)),
  };
}

function shownOf(text: string): NonNullable<PublicStaging["shown"]> {
  if (text === "in PEM" || text === "on another curve" || text === "another device's" || isOdd(text)) return text;
  throw new Error(`nothing that is shown is "${text}"`);
}

When("the Bootstrap Server removes the record of {device} at {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return removeRecord(this.scenario, server, alias);
});

// What became of it

Then("{device} has the account of {operator} in mode {word}, and a session in it", function (this: MusterWorld, alias: string, operator: ServerName, mode: string) {
  return checkModeDelivered(this.scenario, alias, operator, mode === "psk" ? mode : modeOf(mode));
});

Then("{server} was told of {device} what it shows, and no secret", function (this: MusterWorld, server: ServerName, alias: string) {
  return checkPublicHalfTold(this.scenario, alias, server);
});

Then(/^"([^"]+)" refuses server ([AB]) with alert (\d+(?: or \d+)*)$/, function (this: MusterWorld, alias: string, server: string, alerts: string) {
  return checkAlert(this.scenario, alias, server === "A" ? "A" : "B", "device-checks-server", "sends", alerts.split(" or ").map(Number));
});

Then(/^"([^"]+)" is refused by server ([AB]) with alert (\d+(?: or \d+)*)$/, function (this: MusterWorld, alias: string, server: string, alerts: string) {
  return checkAlert(this.scenario, alias, server === "A" ? "A" : "B", "certificate-at-handshake", "gets", alerts.split(" or ").map(Number));
});

Then("{device} begins no session with {server}", function (this: MusterWorld, alias: string, server: ServerName) {
  return checkUnusable(this.scenario, alias, server);
});
