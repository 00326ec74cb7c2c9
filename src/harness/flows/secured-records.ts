import type { Psk } from "../../config/index.js";
import { identityOf, keyCheckValue } from "../../smp/index.js";
import { describeAnswer } from "../actors/operator.js";
import type { SmpAnswer, SmpRequest } from "../actors/types.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { noteAnswer } from "./calls.js";
import { shortServerIdOf, usualLifetime } from "./devices.js";
import { madePsk, pskRecord } from "./psk.js";

/** Records that the harness keeps for devices, in the place of the Bootstrap Server. */
const recordId = "cr-1";

/** A device that is refused stays where it is until it is told to try again: /1/x/16 to /1/x/20. */
export const patience = { 16: false, 17: 1, 18: 600, 19: 600, 20: 1 } as const;

const keyName = (alias: string, operator: ServerName): string => `key of ${alias} at ${operator}`;

/** The key that a device holds for the operator's server (`version`: a later one, which nobody has given it). */
function keyOf(scenario: Scenario, alias: string, operator: ServerName, version: number): Psk {
  const own = scenario.remembered.get(keyName(alias, operator));
  if (version === 1 && own !== undefined) return { identity: Buffer.from(own["identity"] ?? "", "hex"), key: Buffer.from(own["key"] ?? "", "hex") };
  return madePsk(scenario, operator, scenario.endpoint(alias), version);
}

/** Declares a device that has an account with a key of the operator's server, which that server was not told. `psk`: another one than it would have. */
export function untoldKey(scenario: Scenario, alias: string, operator: ServerName, resources: Readonly<Record<number, number | boolean>> = patience, psk?: Psk): void {
  if (psk !== undefined) scenario.remembered.set(keyName(alias, operator), { identity: Buffer.from(psk.identity).toString("hex"), key: Buffer.from(psk.key).toString("hex") });
  const known = scenario.specOf(alias)?.servers ?? [];
  const account = { uri: scenario.uriOf(operator), shortServerId: shortServerIdOf(scenario, operator), lifetime: usualLifetime, psk: psk ?? keyOf(scenario, alias, operator, 1), resources };
  scenario.involve(scenario.declare(alias, { servers: [...known, account] }).endpoint);
}

/** As `untoldKey`, and the account has no security at all. */
export function unsecuredAccount(scenario: Scenario, alias: string, operator: ServerName): void {
  const uri = scenario.server(operator).uris.nosec;
  if (uri === undefined) return scenario.recorder.missing(`server ${operator} is reached without security: it has no coap address`);
  scenario.involve(scenario.declare(alias, { servers: [{ uri, shortServerId: shortServerIdOf(scenario, operator), lifetime: usualLifetime, resources: patience }] }).endpoint);
}

/** What is otherwise in a staged record than it ought to be. */
export interface Staging {
  readonly version?: number;
  /** The check value of some other key. */
  readonly wrongKcv?: boolean;
  /** The secret was encrypted for another device, or another record of this one. */
  readonly secretFor?: string;
  readonly secretOfRecord?: string;
  /** The identity is that of another device. */
  readonly identityOf?: string;
  /** Members of the profile: overlapSeconds, sessionPolicy, bits. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Where the harness keeps the record of a device, in the place of the Bootstrap Server. */
export const recordPathOf = (scenario: Scenario, alias: string): string => `/smp/v1/clients/${encodeURIComponent(scenario.endpoint(alias))}/credentials/${recordId}`;

/** A call as the server's Bootstrap Server would send it; the answer becomes the last answer. */
export async function sendAsBootstrapServer(scenario: Scenario, server: ServerName, request: SmpRequest): Promise<SmpAnswer> {
  const answer = await scenario.server(server).asBootstrapServer(request);
  noteAnswer(scenario, request, answer);
  return answer;
}

async function bodyOf(scenario: Scenario, server: ServerName, alias: string, { version = 1, wrongKcv = false, secretFor, secretOfRecord, identityOf: other, more = {} }: Staging): Promise<Readonly<Record<string, unknown>>> {
  const psk = keyOf(scenario, alias, server, version);
  const terms = { credentialId: recordId, version, ssid: shortServerIdOf(scenario, server) };
  const body = await pskRecord(scenario, server, scenario.endpoint(alias), psk, terms);
  const elsewhere = secretFor === undefined && secretOfRecord === undefined ? undefined : await pskRecord(scenario, server, scenario.endpoint(secretFor ?? alias), psk, { ...terms, credentialId: secretOfRecord ?? recordId });
  return {
    ...body,
    ...(wrongKcv ? { kcv: keyCheckValue(madePsk(scenario, server, scenario.endpoint(alias), version + 100).key, recordId) } : {}),
    ...(elsewhere === undefined ? {} : { secret: elsewhere["secret"] }),
    ...(other === undefined ? {} : { identity: identityOf(keyOf(scenario, other, server, 1).identity) }),
    ...more,
  };
}

/** SM-3 in the place of the Bootstrap Server: tells a server the key of a device. The answer becomes the last answer. */
export async function stageKey(scenario: Scenario, server: ServerName, alias: string, staging: Staging = {}): Promise<void> {
  scenario.involve(scenario.endpoint(alias));
  const path = recordPathOf(scenario, alias);
  const answer = await sendAsBootstrapServer(scenario, server, { method: "PUT", path, body: await bodyOf(scenario, server, alias, staging) });
  if (answer.status !== 201 && answer.status !== 204) return;
  scenario.atEnd(`key of ${alias}`, () => scenario.server(server).asBootstrapServer({ method: "DELETE", path: `${path}?version=${staging.version ?? 1}` }));
}

/** SM-3 for several devices in one call. The answer becomes the last answer. `wrongFirst`: the first key does not come to its check value. */
export async function stageKeysInBatch(scenario: Scenario, server: ServerName, aliases: readonly string[], wrongFirst: boolean): Promise<void> {
  const items = await Promise.all(aliases.map(async (alias, index) => ({ operation: "stage", ep: scenario.endpoint(alias), credentialId: recordId, credential: await bodyOf(scenario, server, alias, { wrongKcv: wrongFirst && index === 0 }) })));
  await sendAsBootstrapServer(scenario, server, { method: "POST", path: "/smp/v1/credentials:batch", body: { items } });
  for (const alias of aliases) scenario.atEnd(`key of ${alias}`, () => scenario.server(server).asBootstrapServer({ method: "DELETE", path: `${recordPathOf(scenario, alias)}?version=1` }));
}

export async function activateKey(scenario: Scenario, server: ServerName, alias: string): Promise<void> {
  await sendAsBootstrapServer(scenario, server, { method: "PUT", path: `${recordPathOf(scenario, alias)}/activation`, body: { version: 1, sessionId: 1 } });
}

/** A precondition: the key is active, and the server says so. */
export async function putKeyInForce(scenario: Scenario, server: ServerName, alias: string): Promise<void> {
  await activateKey(scenario, server, alias);
  const record = await scenario.server(server).asBootstrapServer({ method: "GET", path: recordPathOf(scenario, alias) });
  const state: unknown = Reflect.get(Object(record.body), "state");
  scenario.precondition(`server ${server} activates the key of "${alias}"`, scenario.lastAnswer?.code.startsWith("2") === true && state === "active", `PUT answered ${scenario.lastAnswer?.code ?? "not at all"}, the record is ${String(state)}`);
}

/** A precondition in one sentence: the server knows the key, and with `active` lets the device in with it. */
export async function tellKey(scenario: Scenario, server: ServerName, alias: string, active: boolean): Promise<void> {
  await stageKey(scenario, server, alias);
  const done = (): string => describeAnswer({ status: Number(scenario.lastAnswer?.code), body: scenario.lastAnswer?.body });
  const isOk = (): boolean => scenario.lastAnswer?.code.startsWith("2") === true;
  scenario.precondition(`server ${server} is told the key of "${alias}"`, isOk(), done());
  if (active) await putKeyInForce(scenario, server, alias);
}

/** A key at the edges of what the texts allow: an identity by its length, or of bytes that are no UTF-8 ("not UTF-8"). */
export function edgeKey(scenario: Scenario, alias: string, identity: string, keyBytes: number): Psk {
  const length = Number(/^(\d+) bytes?$/.exec(identity)?.[1] ?? 16);
  const name = Buffer.from(scenario.endpoint(alias).padEnd(Math.max(256, length), "."));
  const noText = Buffer.concat([Buffer.from([0xff, 0xfe, 0x80]), name.subarray(0, length - 3)]);
  // No two scenarios may have the same single byte.
  const bytes = identity === "not UTF-8" ? noText : length === 1 ? Buffer.from([0x21 + (keyBytes % 90)]) : name.subarray(0, length);
  const key = madePsk(scenario, "B", scenario.endpoint(alias)).key;
  return { identity: bytes, key: Buffer.concat([key, key, key, key, key]).subarray(0, keyBytes) };
}

/** The key that another device has; it is no more this device's than anybody's. */
export const borrowedKey = (scenario: Scenario, owner: string, operator: ServerName): Psk => keyOf(scenario, owner, operator, 1);

async function lists(scenario: Scenario, server: ServerName, endpoint: string): Promise<boolean> {
  let cursor: string | undefined;
  do {
    const path = `/smp/v1/credentials?limit=1000${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = await scenario.server(server).asBootstrapServer({ method: "GET", path });
    scenario.precondition(`server ${server} lists its credentials`, page.status === 200, describeAnswer(page));
    if (JSON.stringify(page.body).includes(JSON.stringify(endpoint))) return true;
    const next: unknown = Reflect.get(Object(page.body), "next");
    cursor = typeof next === "string" ? next : undefined;
  } while (cursor !== undefined);
  return false;
}

/** Judges that a server's list has no credential of a device that another server has a credential of. */
export async function checkListsNoCredential(scenario: Scenario, alias: string, other: ServerName, holder: ServerName): Promise<void> {
  const endpoint = scenario.endpoint(alias);
  scenario.precondition(`server ${holder} lists the credential of "${alias}"`, await lists(scenario, holder, endpoint), "it does not");
  scenario.equal("tenant-isolation", `credentials of "${alias}" in the list of server ${other}`, "none", (await lists(scenario, other, endpoint)) ? "one" : "none");
}
