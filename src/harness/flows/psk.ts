import { z } from "zod";
import { identityOf, keyCheckValue, recipientOf, type Recipient } from "../../smp/index.js";
import { describeAnswer } from "../actors/operator.js";
import type { LwM2mServerActor } from "../actors/types.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { shortServerIdOf } from "./devices.js";

/** A pre-shared key as a device and its server hold it. */
export interface Psk {
  readonly identity: Buffer;
  readonly key: Buffer;
}

const keyLength = 16;

/** Identity and key of a device at an operator's server, from the run's seed: the same run makes the same, and no two devices, operators or versions share one. */
export function madePsk(scenario: Scenario, operator: ServerName, endpoint: string, version = 1): Psk {
  const random = scenario.run.random.fork(`psk ${endpoint} ${operator} ${version}`);
  return { identity: Buffer.from(`${endpoint}.${operator.toLowerCase()}${version}`), key: random.bytes(keyLength) };
}

const jwksSchema = z.looseObject({
  keys: z.array(z.looseObject({ kty: z.literal("EC"), crv: z.enum(["P-256", "P-384", "P-521"]), x: z.string(), y: z.string(), kid: z.string(), alg: z.literal("ECDH-ES+A256KW") })),
});
const capabilitiesSchema = z.looseObject({ tenant: z.string().optional() });

/** What secrets for a server are encrypted to, and how it calls the tenant that they belong to. */
interface Addressee {
  readonly recipient: Recipient;
  readonly tenant: string;
}

const addressees = new WeakMap<LwM2mServerActor, Promise<Addressee>>();

async function askAddressee(scenario: Scenario, operator: ServerName): Promise<Addressee> {
  const server = scenario.server(operator);
  const [keys, capabilities] = [await server.asBootstrapServer({ method: "GET", path: "/smp/v1/jwks" }), await server.asBootstrapServer({ method: "GET", path: "/smp/v1/capabilities" })];
  const set = jwksSchema.safeParse(keys.body);
  const recipient = set.success ? await recipientOf(set.data) : undefined;
  if (recipient === undefined) return scenario.recorder.missing(`server ${operator} publishes a key for secrets: ${describeAnswer(keys)}`);
  const { tenant } = capabilitiesSchema.catch({}).parse(capabilities.body);
  return { recipient, tenant: tenant ?? operator.toLowerCase() };
}

/** The key that secrets for the operator's server are encrypted to; asked for once. */
export function addressee(scenario: Scenario, operator: ServerName): Promise<Addressee> {
  const server = scenario.server(operator);
  const known = addressees.get(server) ?? askAddressee(scenario, operator);
  addressees.set(server, known);
  return known;
}

/** What an SM-3 record says beside the key. */
export interface RecordTerms {
  readonly credentialId: string;
  readonly version: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The body of an SM-3 PUT for a pre-shared key, as a Bootstrap Server would write it. */
export async function pskRecord(scenario: Scenario, operator: ServerName, endpoint: string, psk: Psk, { credentialId, version, more = {} }: RecordTerms): Promise<Readonly<Record<string, unknown>>> {
  const { recipient, tenant } = await addressee(scenario, operator);
  const ssid = shortServerIdOf(scenario, operator);
  return {
    version,
    ssid,
    mode: "psk",
    identity: identityOf(psk.identity),
    bits: psk.key.length * 8,
    kcv: await keyCheckValue(psk.key, credentialId),
    secret: await recipient.wrap(psk.key, { tenant, ep: endpoint, ssid, credentialId, version, purpose: "sm3-psk" }),
    ...more,
  };
}
