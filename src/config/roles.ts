import { z } from "zod";
import { bootstrapEntrySchema } from "./accounts.js";
import { serverKeyPair, type KeyFiles, type ServerKeyPair } from "./server-keys.js";
import { resolveToken } from "./tokens.js";
import type { TokenSources } from "./tokens.js";
import { timing, timingSchema } from "./timing.js";
import type { Timing } from "./timing.js";
import type { BootstrapEntry } from "./accounts.js";
import { bootstrapClients, bootstrapClientSchema, deviceKeys, noSecRules, serverClientSchema } from "./bootstrap-clients.js";
import type { BootstrapClients, DeviceKeys, NoSecRule } from "./bootstrap-clients.js";
import { addressSchema, httpUrlSchema, patternSchema, shortServerIdSchema } from "./values.js";

interface HostPort {
  readonly host: string;
  readonly port: number;
}

const tokenSchema = z.string().min(16, { error: "is too short for a bearer token; use 16 characters or more" });
const environmentNameSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "is not the name of an environment variable; write it as MUSTER_TOKEN" });

const peerSchema = z.strictObject({
  id: z.string().min(1).max(64),
  tenant: z.string().min(1).max(64),
  /** Base URL of the peer's SMP API; without it this role never calls the peer. */
  smp: httpUrlSchema.optional(),
  /** The bearer token of this pair of peers, used in both directions. */
  token: tokenSchema.optional(),
  tokenEnv: environmentNameSchema.optional(),
  /** Endpoint names the peer may act on. */
  endpoints: z.array(patternSchema).max(1000).default(["*"]),
  /** URIs the peer's accounts may name. */
  uris: z.array(patternSchema).max(1000).default(["*"]),
  /** First and last Short Server ID the peer's accounts may use. */
  shortServerIds: z.tuple([shortServerIdSchema, shortServerIdSchema]).default([1, 65534]),
});

const common = {
  /** The role's name in traces, metrics and logs. */
  name: z.string().min(1).max(64).optional(),
  coap: addressSchema.default({ host: "127.0.0.1", port: 5783 }),
  /** The DTLS port, beside the NoSec port; none unless given. */
  coaps: addressSchema.optional(),
  /** Files of the role's own key and certificates for the DTLS port, PEM or DER; made at each start unless given. */
  serverKey: z.string().min(1).optional(),
  serverCertificate: z.string().min(1).optional(),
  http: addressSchema.default({ host: "127.0.0.1", port: 8783 }),
  peers: z.array(peerSchema).max(1000).default([]),
  operatorToken: tokenSchema.optional(),
  operatorTokenEnv: environmentNameSchema.optional(),
  /** Allows NoSec accounts, loopback URIs and secrets in the clear. */
  lab: z.boolean().default(false),
  /** How secrets travel between the roles: encrypted to their receiver's key, or in the clear, which needs `lab`. */
  secretTransport: z.enum(["jwe", "cleartext"]).default("jwe"),
  timing: timingSchema.default("rfc"),
  /** Rules this role breaks on purpose, by name. */
  plants: z.array(z.string().min(1)).max(100).default([]),
  /** Bytes asked of the kernel for the CoAP socket; what was granted is logged. */
  receiveBuffer: z.number().int().min(4096).max(67_108_864).default(4_194_304),
  /** Events the trace holds before it forgets the oldest. */
  traceEvents: z.number().int().min(0).max(2_000_000).default(100_000),
};

interface Checking {
  readonly value: { readonly secretTransport: "jwe" | "cleartext"; readonly lab: boolean };
  readonly issues: { push(issue: { code: "custom"; message: string; input: unknown; path: (string | number)[]; params?: Record<string, unknown> }): unknown };
}

function cleartextNeedsLab({ value, issues }: Checking): void {
  if (value.secretTransport === "cleartext" && !value.lab) {
    issues.push({ code: "custom", input: value, path: ["secretTransport"], message: "cleartext is for a laboratory only", params: { fix: "set lab: true, or use jwe" } });
  }
}

/** The configuration file of `muster serve bootstrap-server`; every flag has the key of its name. */
export const bootstrapServerSchema = z.strictObject({
  ...common,
  /** Whom this server knows, by name or by key; a Bootstrap-Request of any other is answered 4.00. */
  clients: z.array(bootstrapClientSchema).max(100_000).default(["*"]),
  /** Who may come without DTLS; `never` where some client has a key, else everybody without one. */
  nosec: z.enum(noSecRules).optional(),
  bootstrap: z.array(bootstrapEntrySchema).max(100_000).default([]),
}).check(cleartextNeedsLab).check(({ value, issues }) => {
  if (value.nosec === "always" && !value.lab) issues.push({ code: "custom", input: undefined, path: ["nosec"], message: "always is for a laboratory only", params: { fix: "set lab: true, or use without-credentials" } });
});
export type BootstrapServerInput = z.input<typeof bootstrapServerSchema>;

/** The alerts a server may give instead of a key: bad_record_mac, handshake_failure, access_denied, decrypt_error, unknown_psk_identity. */
const handshakeAnswerSchema = z.union([z.literal("silence"), z.literal([20, 40, 49, 51, 115])], { error: "is no answer to a handshake; use silence, 20, 40, 49, 51 or 115" });

/** The alerts about certificates and public keys: beside those, bad_certificate, unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown, unknown_ca. */
const certificateAnswerSchema = z.union([z.literal("silence"), z.literal([20, 40, 42, 43, 44, 45, 46, 48, 49, 51])], { error: "is no answer to a certificate; use silence, 20, 40, 42 to 46, 48, 49 or 51" });

/** The configuration file of `muster serve lwm2m-server`. */
export const lwm2mServerSchema = z.strictObject({
  ...common,
  coap: addressSchema.default({ host: "127.0.0.1", port: 5683 }),
  http: addressSchema.default({ host: "127.0.0.1", port: 8683 }),
  /** This server's own Short Server ID, where a trigger does not name one. */
  shortServerId: shortServerIdSchema.optional(),
  /** `open`: every endpoint name may register; `credential`: only one with an active SM-3 record. */
  admission: z.enum(["open", "credential"]).default("credential"),
  /** Devices whose keys it has without a Bootstrap Server having told it. */
  clients: z.array(serverClientSchema).max(100_000).default([]),
  /** 2: the old and the new version of a credential both admit for a while; 1: activation swaps them. */
  credentialSlots: z.union([z.literal(1), z.literal(2)]).default(2),
  /** What a DTLS handshake gets whose identity no credential has here, or one that is over: this alert, or none. */
  unknownIdentity: handshakeAnswerSchema.default(115),
  /** The same for a public key or a certificate that no credential has here, or one that is over. */
  unknownCertificate: certificateAnswerSchema.default(46),
  /** The same where its credential is staged and not active yet, for `timing.lwm2mServer.stagingGraceMs`; after that it is as unknown. */
  stagedIdentity: handshakeAnswerSchema.default("silence"),
  /** More handshakes of one device than this within `timing.lwm2mServer.handshakeWindowMs` are a storm. */
  handshakeStorm: z.number().int().min(1).max(1000).default(10),
}).check(cleartextNeedsLab);
export type HandshakeAnswer = "silence" | number;
export type LwM2mServerInput = z.input<typeof lwm2mServerSchema>;

/** Another party of the Server Management interface, as a role knows it. */
export interface PeerConfig {
  readonly id: string;
  readonly tenant: string;
  readonly smp?: string;
  readonly token: string;
  readonly endpoints: readonly string[];
  readonly uris: readonly string[];
  readonly shortServerIds: readonly [first: number, last: number];
}

/** Plain data, ready to be posted to a worker. */
export interface RoleConfig {
  readonly name: string;
  readonly coap: HostPort;
  readonly coaps?: HostPort;
  /** Absent: made at the start. */
  readonly serverKeys?: ServerKeyPair;
  readonly http: HostPort;
  readonly peers: readonly PeerConfig[];
  readonly operatorToken: string;
  readonly lab: boolean;
  readonly secretTransport: "jwe" | "cleartext";
  readonly timing: Timing;
  readonly plants: readonly string[];
  readonly receiveBuffer: number;
  readonly traceEvents: number;
}

export interface BootstrapServerConfig extends RoleConfig {
  readonly clients: BootstrapClients;
  readonly nosec: NoSecRule;
  readonly bootstrap: readonly BootstrapEntry[];
}

export interface LwM2mServerConfig extends RoleConfig {
  readonly shortServerId?: number;
  readonly admission: "open" | "credential";
  readonly clients: DeviceKeys;
  readonly credentialSlots: 1 | 2;
  readonly unknownIdentity: HandshakeAnswer;
  readonly unknownCertificate: HandshakeAnswer;
  readonly stagedIdentity: HandshakeAnswer;
  readonly handshakeStorm: number;
}

/** Fills in tokens from the environment or `sources.generate`, and the timing's numbers. Throws `ConfigError` for a token or a key that cannot be had; `credentialFiles` are texts by the names that `clients` gives them, `keyFiles` the bytes of those that `serverKey` and `serverCertificate` name. */
export function resolveBootstrapServer(file: z.output<typeof bootstrapServerSchema>, sources: TokenSources, credentialFiles?: ReadonlyMap<string, string>, keyFiles?: KeyFiles): BootstrapServerConfig {
  const clients = bootstrapClients(file.clients, credentialFiles);
  const hasKeys = [clients.keys, clients.testDevices, clients.publicKeys, clients.certificates, clients.authorities].some(({ length }) => length > 0);
  return { ...resolveCommon(file, "bootstrap-server", sources, keyFiles), clients, nosec: file.nosec ?? (hasKeys ? "never" : "without-credentials"), bootstrap: file.bootstrap };
}

export function resolveLwM2mServer(file: z.output<typeof lwm2mServerSchema>, sources: TokenSources, credentialFiles?: ReadonlyMap<string, string>, keyFiles?: KeyFiles): LwM2mServerConfig {
  const clients = deviceKeys(file.clients, "server", credentialFiles);
  const { shortServerId, admission, credentialSlots, unknownIdentity, unknownCertificate, stagedIdentity, handshakeStorm } = file;
  return { ...resolveCommon(file, "lwm2m-server", sources, keyFiles), ...(shortServerId === undefined ? {} : { shortServerId }), admission, clients, credentialSlots, unknownIdentity, unknownCertificate, stagedIdentity, handshakeStorm };
}

/** For callers that write a configuration in code: defaults filled in, tokens as given. */
export const bootstrapServerConfig = (input: BootstrapServerInput, sources: TokenSources = { env: {} }, credentialFiles?: ReadonlyMap<string, string>, keyFiles?: KeyFiles): BootstrapServerConfig =>
  resolveBootstrapServer(bootstrapServerSchema.parse(input), sources, credentialFiles, keyFiles);
export const lwm2mServerConfig = (input: LwM2mServerInput, sources: TokenSources = { env: {} }, credentialFiles?: ReadonlyMap<string, string>, keyFiles?: KeyFiles): LwM2mServerConfig =>
  resolveLwM2mServer(lwm2mServerSchema.parse(input), sources, credentialFiles, keyFiles);

type CommonFile = Pick<z.output<typeof bootstrapServerSchema>, keyof typeof common>;

function resolveCommon(file: CommonFile, defaultName: string, sources: TokenSources, keyFiles: KeyFiles | undefined): RoleConfig {
  const serverKeys = serverKeyPair(file, keyFiles);
  return {
    name: file.name ?? defaultName,
    coap: file.coap,
    ...(file.coaps === undefined ? {} : { coaps: file.coaps }),
    ...(serverKeys === undefined ? {} : { serverKeys }),
    http: file.http,
    peers: file.peers.map(({ id, tenant, smp, endpoints, uris, shortServerIds, ...token }, index) => ({
      id,
      tenant,
      ...(smp === undefined ? {} : { smp }),
      token: resolveToken(token, ["peers", index, "token"], sources),
      endpoints,
      uris,
      shortServerIds,
    })),
    operatorToken: resolveToken({ token: file.operatorToken, tokenEnv: file.operatorTokenEnv }, ["operatorToken"], sources),
    lab: file.lab,
    secretTransport: file.secretTransport,
    timing: timing(file.timing),
    plants: file.plants,
    receiveBuffer: file.receiveBuffer,
    traceEvents: file.traceEvents,
  };
}
