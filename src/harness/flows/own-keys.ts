import { z } from "zod";
import { identityOf, keyCheckValue } from "../../smp/index.js";
import { httpExchanges, refOf, timeOf, type HttpExchange } from "../evidence/index.js";
import { Unsupported } from "../scenario/recorder.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { shortServerIdOf } from "./devices.js";
import { heldKeys } from "./held-keys.js";
import { provision } from "./provision.js";
import { awaitItem, placeOrder } from "./provisioning.js";

/** More than a Bootstrap Server makes when nobody says how long a key shall be. */
const ownKeyBits = 256;

const capabilities = z.looseObject({ bootstrapServer: z.looseObject({ keyOrigins: z.array(z.string()).optional() }) });

/** The target may have no place for keys that a LwM2M Server makes. */
async function needsKeyOriginServer(scenario: Scenario, operator: ServerName): Promise<void> {
  const told = capabilities.safeParse((await scenario.operators[operator].call({ method: "GET", path: "/smp/v1/capabilities" })).body);
  if (told.success && told.data.bootstrapServer.keyOrigins?.includes("server") !== true) throw new Unsupported("the Bootstrap Server takes no keys that a LwM2M Server makes: its keyOrigins have no server");
}

/** SM-1 with key origin `server`: the operator's LwM2M Server makes the key, and sends it with its order. */
export async function orderWithOwnKey(scenario: Scenario, operator: ServerName, type: "provision" | "rotate", alias: string, policy: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await needsKeyOriginServer(scenario, operator);
  const { id } = scenario.account(operator);
  const version = 1 + scenario.orders.filter((order) => order.operator === operator).length;
  const ownKeys = { ssid: shortServerIdOf(scenario, operator), credentialId: id, version, bits: ownKeyBits };
  await placeOrder(scenario, operator, type, [alias], { ...policy, credential: { origin: "server" } }, { ownKeys });
}

/** A precondition in one sentence: as `provision`, with a key that the operator's server made. */
export const provisionWithOwnKey = (scenario: Scenario, alias: string, operator: ServerName): Promise<void> =>
  provision(scenario, alias, operator, {}, (policy) => orderWithOwnKey(scenario, operator, "provision", alias, policy));

const orderSchema = z.looseObject({
  credentials: z.array(z.looseObject({ ep: z.string(), credentialId: z.string(), version: z.number(), identity: z.looseObject({ b64u: z.string() }), kcv: z.string(), secret: z.unknown() })),
});
type OrderedKey = z.output<typeof orderSchema>["credentials"][number];

interface SeenKey {
  readonly call: HttpExchange;
  readonly key: OrderedKey;
}

/** The newest key for the device among the orders that a role saw. */
async function orderedKey(scenario: Scenario, alias: string, roles: readonly string[]): Promise<SeenKey | undefined> {
  const calls = httpExchanges(await scenario.events()).filter(({ role, request }) => roles.includes(role) && request.event.method === "POST" && request.event.url.endsWith("/smp/v1/orders"));
  return calls.flatMap((call) => {
    const order = orderSchema.safeParse(call.request.event.body);
    const key = order.success ? order.data.credentials.find(({ ep }) => ep === scenario.endpoint(alias)) : undefined;
    return key === undefined ? [] : [{ call, key }];
  }).at(-1);
}

const isEncrypted = ({ secret }: OrderedKey): boolean => secret === "(jwe)";

/** Judges in which form the newest key for the device came with the order, as the Bootstrap Server saw it. */
export async function checkOwnKeyEncrypted(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const seen = await orderedKey(scenario, alias, [scenario.bootstrapServer.role]);
  scenario.check({
    rule: "own-key-encrypted",
    text: `the key for "${alias}" in the order of operator ${operator}`,
    expected: "a JWE",
    actual: seen === undefined ? "none was seen" : isEncrypted(seen.key) ? "a JWE" : "no JWE",
    ok: seen === undefined ? undefined : isEncrypted(seen.key),
    evidence: seen === undefined ? [] : [refOf(seen.call.request)],
  });
}

/** What the operator's server sent with its newest order. That it is a JWE is the LwM2M Server's affair. */
async function sentKey(scenario: Scenario, alias: string, operator: ServerName): Promise<SeenKey> {
  const seen = await orderedKey(scenario, alias, [scenario.server(operator).role, scenario.bootstrapServer.role]);
  scenario.precondition(`server ${operator} sends a key for "${alias}" with its order, encrypted`, seen !== undefined && isEncrypted(seen.key), seen === undefined ? "it sends none" : "it is no JWE");
  return seen ?? scenario.recorder.missing(`server ${operator} sends a key for "${alias}"`);
}

const credentialUrl = /\/credentials\/[^/?]+$/;

/** Judges what the server was told of the key that it had made: its identity and check value, and nothing that is secret. */
export async function checkToldWithoutSecret(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { key, call } = await sentKey(scenario, alias, operator);
  const staged = httpExchanges(await scenario.events()).findLast(
    ({ role, direction, request }) => role === scenario.server(operator).role && direction === "in" && request.event.method === "PUT" && credentialUrl.test(request.event.url) && timeOf(request) > timeOf(call.request),
  );
  const body: object = Object(staged?.request.event.body) as object;
  const told = (name: string): string => (Reflect.has(body, name) ? JSON.stringify(Reflect.get(body, name)) : "absent");
  const wanted = { keyOrigin: '"server"', secret: "absent", kcv: JSON.stringify(key.kcv), version: String(key.version), identity: key.identity.b64u };
  const actual = { keyOrigin: told("keyOrigin"), secret: told("secret"), kcv: told("kcv"), version: told("version"), identity: String(Reflect.get(Object(Reflect.get(body, "identity")), "b64u")) };
  const inWords = (of: typeof wanted): string => Object.entries(of).map(([name, value]) => `${name} ${value}`).join(", ");
  scenario.check({
    rule: "own-key-told-back",
    text: `what server ${operator} is told of the key that it made for "${alias}"`,
    expected: inWords(wanted),
    actual: staged === undefined ? "nothing" : inWords(actual),
    ok: inWords(actual) === inWords(wanted),
    timing: staged === undefined,
    evidence: staged === undefined ? [] : [refOf(staged.request)],
  });
}

/** Judges that the device holds the very key that the operator's server made. */
export async function checkHoldsOwnKey(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  await awaitItem(scenario, alias, ["confirmed"], operator);
  const { key } = await sentKey(scenario, alias, operator);
  const held = (await heldKeys(scenario, alias)).find(({ of }) => of === shortServerIdOf(scenario, operator));
  const inWords = (identity: string, kcv: string): string => `identity ${identity}, check value ${kcv}`;
  const actual = held === undefined ? "none" : inWords(identityOf(Buffer.from(held.identityHex, "hex")).b64u, keyCheckValue(Buffer.from(held.keyHex, "hex"), key.credentialId));
  scenario.equal("own-key-delivered", `the key that "${alias}" has for operator ${operator}`, inWords(key.identity.b64u, key.kcv), actual);
}
