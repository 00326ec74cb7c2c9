import { z } from "zod";
import { seedNumber, testKey, testPsk, type Psk } from "../../config/index.js";
import { identityOf, keyCheckValue, recipientOf, type Recipient } from "../../smp/index.js";
import { describeAnswer } from "../actors/operator.js";
import type { LwM2mServerActor } from "../actors/types.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";

/** Identity and key of a device at its Bootstrap Server; the identity is its endpoint name. */
export const bootstrapPsk = (scenario: Scenario, endpoint: string): Psk => testPsk(seedNumber(scenario.run.seed), endpoint, "bootstrap", endpoint);

/** Identity and key of a device at an operator's server: no two devices, operators or versions share one. */
export function madePsk(scenario: Scenario, operator: ServerName, endpoint: string, version = 1): Psk {
  const name = `${endpoint}.${operator.toLowerCase()}${version}`;
  return { identity: Buffer.from(name), key: testKey(seedNumber(scenario.run.seed), name, "server") };
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
  readonly ssid: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The body of an SM-3 PUT for a pre-shared key, as a Bootstrap Server would write it. */
export async function pskRecord(scenario: Scenario, operator: ServerName, endpoint: string, psk: Psk, { credentialId, version, ssid, more = {} }: RecordTerms): Promise<Readonly<Record<string, unknown>>> {
  const { recipient, tenant } = await addressee(scenario, operator);
  return {
    version,
    ssid,
    mode: "psk",
    identity: identityOf(psk.identity),
    bits: psk.key.length * 8,
    kcv: keyCheckValue(psk.key, credentialId),
    secret: await recipient.wrap(psk.key, { tenant, ep: endpoint, ssid, credentialId, version, purpose: "sm3-psk" }),
    ...more,
  };
}
