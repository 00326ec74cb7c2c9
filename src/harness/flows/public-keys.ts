import type { HeldKey, ServerAccountSpec } from "../../../simulators/device/index.js";
import { CertificateAuthority, thumbprint } from "../../certificates/index.js";
import { seedNumber, testAuthorityOf, testCertificateOf, testKeyPair, type Certificate, type RawPublicKey, type ServerTrust } from "../../config/index.js";
import type { ServerKeysView } from "../../operator/index.js";
import { seededRandom } from "../../ports/seeded-random.js";
import type { AccountFields } from "../actors/operator.js";
import { httpExchanges, refOf } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { configureOnly } from "./bootstrap.js";
import { act, accountOn, shortServerIdOf, usualLifetime } from "./devices.js";
import { handshakesOf } from "./handshakes.js";
import { changeAccount, supplyAccount } from "./provisioning.js";
import { recordPathOf, patience, sendAsBootstrapServer } from "./secured-records.js";

/** Security modes without a secret between device and server. */
export type PublicMode = "rpk" | "x509";
/** `/0/x/15`: 0 and 2 name an authority, 1 and 3 the server's own certificate. */
export type Usage = 0 | 1 | 2 | 3;

const b64u = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const dayMs = 86_400_000;

// What the server proves itself with

/** What the operator's server proves itself with, as it tells its operator. */
export async function serverKeysOf(scenario: Scenario, operator: ServerName): Promise<ServerKeysView> {
  const view = await scenario.server(operator).serverKeys();
  return view ?? scenario.recorder.missing(`server ${operator} tells its public key and certificate: it has no DTLS port`);
}

/** `/0/x/4` of an account in that mode, base64url. */
function serverMaterial(scenario: Scenario, operator: ServerName, view: ServerKeysView, mode: PublicMode, usage: Usage): string {
  if (mode === "rpk") return view.publicKey;
  const material = usage === 0 || usage === 2 ? view.authority : view.certificate;
  return material ?? scenario.recorder.missing(`server ${operator} tells the ${usage === 0 || usage === 2 ? "authority of its certificate" : "certificate"} that it shows: it does not`);
}

/** What a device's account says of its server. */
export async function trustIn(scenario: Scenario, operator: ServerName, mode: PublicMode, usage: Usage = 2): Promise<ServerTrust> {
  const material = serverMaterial(scenario, operator, await serverKeysOf(scenario, operator), mode, usage);
  return { publicKey: Buffer.from(material, "base64url"), ...(mode === "x509" ? { usage } : {}) };
}

/** The same for an account that the operator supplies (SM-1). */
export async function accountOfMode(scenario: Scenario, operator: ServerName, mode: PublicMode | "psk", usage: Usage = 2): Promise<AccountFields> {
  const none = { serverPublicKey: undefined, serverCertificate: undefined, certificateUsage: undefined };
  if (mode === "psk") return { ...none, securityMode: mode };
  const material = serverMaterial(scenario, operator, await serverKeysOf(scenario, operator), mode, usage);
  return mode === "rpk" ? { ...none, securityMode: mode, serverPublicKey: material } : { ...none, securityMode: mode, serverCertificate: material, certificateUsage: usage };
}

export async function supplyAccountOfMode(scenario: Scenario, operator: ServerName, mode: PublicMode | "psk", usage: Usage = 2): Promise<void> {
  await supplyAccount(scenario, operator, await accountOfMode(scenario, operator, mode, usage));
}

export async function changeAccountToMode(scenario: Scenario, operator: ServerName, mode: PublicMode | "psk"): Promise<void> {
  await changeAccount(scenario, operator, await accountOfMode(scenario, operator, mode));
}

// What devices show of themselves

/** Whose certificate a device shows, and since when it is valid. */
const odds = ["expired", "not yet valid", "made out to another device", "of an unknown authority"] as const;
export type Odd = (typeof odds)[number];
export const isOdd = (text: string): text is Odd => odds.some((odd) => odd === text);

const held = new WeakMap<Scenario, Map<string, RawPublicKey | Certificate>>();

function heldBy(scenario: Scenario): Map<string, RawPublicKey | Certificate> {
  const known = held.get(scenario) ?? new Map<string, RawPublicKey | Certificate>();
  held.set(scenario, known);
  return known;
}

const nameOf = (scenario: Scenario, operator: ServerName, alias: string, version: number): string => `${scenario.endpoint(alias)}.${operator.toLowerCase()}${version}`;

/** The authority of the run's device certificates: it follows from the seed, as test keys do. */
const deviceAuthority = (scenario: Scenario) => testAuthorityOf(seedNumber(scenario.run.seed));

async function oddCertificate(scenario: Scenario, endpoint: string, publicKey: Uint8Array, odd: Odd): Promise<Buffer> {
  const { clock, seed } = scenario.run;
  const random = seededRandom(`${seed} certificates`).fork(endpoint);
  const ports = { clock, secrets: { bytes: (length: number) => random.bytes(length) } };
  const stranger = odd === "of an unknown authority";
  const keys = testKeyPair(seedNumber(seed), stranger ? endpoint : 0, "authority");
  const authority = await CertificateAuthority.create(ports, `Muster test authority ${seedNumber(seed)}`, keys);
  const now = clock.epoch();
  const dates = odd === "expired" ? { notBefore: now - 2 * dayMs, notAfter: now - dayMs } : odd === "not yet valid" ? { notBefore: now + dayMs, notAfter: now + 2 * dayMs } : {};
  return authority.issue(publicKey, { commonName: odd === "made out to another device" ? `${endpoint}-other` : endpoint, ...dates });
}

/** The key or certificate of a device at an operator's server: it follows from the run's seed. */
async function made(scenario: Scenario, operator: ServerName, alias: string, mode: PublicMode, version = 1, odd?: Odd): Promise<RawPublicKey | Certificate> {
  const seed = seedNumber(scenario.run.seed);
  const endpoint = scenario.endpoint(alias);
  const name = nameOf(scenario, operator, alias, version);
  const pair = testKeyPair(seed, name, "server");
  if (mode === "rpk") return { mode, ...pair };
  if (odd === undefined) return testCertificateOf(deviceAuthority(scenario), seed, name, "server", endpoint);
  return { mode, privateKey: pair.privateKey, certificate: await oddCertificate(scenario, endpoint, pair.publicKey, odd) };
}

/** What may be wrong with an account that a device has from the factory. */
export interface PublicAccount {
  readonly usage?: Usage;
  /** The certificate that the device shows. */
  readonly odd?: Odd;
  /** What the account says of the server, in the place of the truth. */
  readonly trust?: ServerTrust;
  /** In the place of the patience that keeps a refused device where it is. */
  readonly resources?: Readonly<Record<number, number | boolean>>;
  /** In the place of what the mode asks for, as it is written into the Security object. */
  readonly alter?: (credential: RawPublicKey | Certificate) => RawPublicKey | Certificate;
}

/** Declares a device that has an account in this mode, which the server was not told. */
export async function untoldPublicKey(scenario: Scenario, alias: string, operator: ServerName, mode: PublicMode, options: PublicAccount = {}): Promise<void> {
  const credential = await made(scenario, operator, alias, mode, 1, options.odd);
  heldBy(scenario).set(alias, credential);
  const trust = options.trust ?? (await trustIn(scenario, operator, mode, options.usage));
  const account: ServerAccountSpec = {
    uri: scenario.uriOf(operator),
    shortServerId: shortServerIdOf(scenario, operator),
    lifetime: usualLifetime,
    credential: options.alter === undefined ? credential : options.alter(credential),
    trust,
    resources: options.resources ?? patience,
  };
  const known = scenario.specOf(alias)?.servers ?? [];
  const authority = (await scenario.server(operator).serverKeys())?.authority;
  scenario.involve(scenario.declare(alias, { servers: [...known, account], trustStore: authority === undefined ? [] : [Buffer.from(authority, "base64url")] }).endpoint);
}

/** Plain configuration: the device's next bootstrap brings it the account that it has from the factory. */
export async function configureSameAccount(scenario: Scenario, alias: string, operator: ServerName, fields: Readonly<Record<string, unknown>>): Promise<void> {
  const account = scenario.specOf(alias)?.servers?.find(({ uri }) => uri === scenario.uriOf(operator));
  const keys = account?.trust === undefined ? undefined : plainKeysOf(heldBy(scenario).get(alias), account.trust);
  await configureOnly(scenario, alias, [operator], keys === undefined ? fields : { ...fields, psk: undefined, ...keys });
}

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function plainKeysOf(credential: RawPublicKey | Certificate | undefined, { publicKey, usage }: ServerTrust): Readonly<Record<string, unknown>> | undefined {
  if (credential === undefined) return undefined;
  const privateKey = b64(credential.privateKey);
  if (credential.mode === "rpk") return { securityMode: "rpk", rpk: { privateKey, serverPublicKey: b64(publicKey) } };
  return { securityMode: "x509", x509: { certificate: b64(credential.certificate), privateKey, serverCertificate: b64(publicKey), certificateUsage: usage } };
}

// SM-3 in the place of the Bootstrap Server

/** What is otherwise in a staged record than it ought to be. */
export interface PublicStaging {
  readonly version?: number;
  /** In mode x509: the certificate itself, or who issues it and what subject it has. */
  readonly form?: "certificate" | "subject";
  /** In the place of the device's own key or certificate. */
  readonly shown?: Odd | "in PEM" | "on another curve" | "another device's";
  /** Whose, for `another device's`. */
  readonly of?: string;
  readonly wrongThumbprint?: boolean;
  /** Members of the profile. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A public key of secp384r1. */
const anotherCurve = Buffer.from("MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE+E6Xzx6Y0gkCE7NG4bJR5h8uWwlNDvMQiR3gV5RGnnmzr/9VRJ3HvnnRcDMuvixmmpr8sq9IjVnkKtwM/EaBjyjxYzWhliyKA0biZWv10fWPT01Z70R16AGWwx/E//1a", "base64");
const pem = (label: string, der: Uint8Array): Buffer => Buffer.from(`-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`);

async function shownIn(scenario: Scenario, server: ServerName, alias: string, mode: PublicMode, { version = 1, shown, of }: PublicStaging): Promise<Uint8Array> {
  const own = version === 1 ? (heldBy(scenario).get(alias) ?? (await made(scenario, server, alias, mode))) : await made(scenario, server, alias, mode, version);
  const der = own.mode === "rpk" ? own.publicKey : own.certificate;
  switch (shown) {
    case undefined:
      return der;
    case "in PEM":
      return pem(mode === "rpk" ? "PUBLIC KEY" : "CERTIFICATE", der);
    case "on another curve":
      return anotherCurve;
    case "another device's": {
      const other = heldBy(scenario).get(of ?? "") ?? (await made(scenario, server, of ?? alias, mode));
      return other.mode === "rpk" ? other.publicKey : other.certificate;
    }
    default:
      return oddCertificate(scenario, scenario.endpoint(alias), testKeyPair(seedNumber(scenario.run.seed), nameOf(scenario, server, alias, version), "server").publicKey, shown);
  }
}

/** Longer than any overlap of a scenario, and no longer than the certificates of the run's devices are valid. */
const subjectValidityMs = 30 * dayMs;

async function publicRecord(scenario: Scenario, server: ServerName, alias: string, mode: PublicMode, staging: PublicStaging): Promise<Readonly<Record<string, unknown>>> {
  const { version = 1, form = "certificate", wrongThumbprint = false, more = {} } = staging;
  const common = { version, ssid: shortServerIdOf(scenario, server), mode };
  const issuerChain = [b64u(deviceAuthority(scenario).certificate)];
  if (mode === "x509" && form === "subject") {
    return { ...common, subject: { commonName: scenario.endpoint(alias) }, issuerChain, notAfter: new Date(scenario.run.clock.epoch() + subjectValidityMs).toISOString(), ...more };
  }
  const der = await shownIn(scenario, server, alias, mode, staging);
  const print = thumbprint(wrongThumbprint ? Buffer.from("another key") : der);
  return { ...common, ...(mode === "rpk" ? { publicKey: b64u(der) } : { certificate: b64u(der), issuerChain }), thumbprint: print, ...more };
}

/** SM-3 in the place of the Bootstrap Server: tells a server the public key or certificate of a device. The answer becomes the last answer. */
export async function stagePublicKey(scenario: Scenario, server: ServerName, alias: string, mode: PublicMode, staging: PublicStaging = {}): Promise<void> {
  scenario.involve(scenario.endpoint(alias));
  const path = recordPathOf(scenario, alias);
  const answer = await sendAsBootstrapServer(scenario, server, { method: "PUT", path, body: await publicRecord(scenario, server, alias, mode, staging) });
  if (answer.status !== 201 && answer.status !== 204) return;
  scenario.atEnd(`${mode} of ${alias}`, () => scenario.server(server).asBootstrapServer({ method: "DELETE", path: `${path}?version=${staging.version ?? 1}` }));
}

/** Revokes the record of a device by removal. */
export async function removeRecord(scenario: Scenario, server: ServerName, alias: string): Promise<void> {
  await sendAsBootstrapServer(scenario, server, { method: "DELETE", path: `${recordPathOf(scenario, alias)}?version=1` });
}

// What became of it

/** Judges the security mode of the operator's account on the device, and of the session that it makes with it. */
export async function checkModeDelivered(scenario: Scenario, alias: string, operator: ServerName, mode: PublicMode | "psk"): Promise<void> {
  const account = await scenario.until(scenario.run.deadlines.registerMs, async () => {
    const there = await accountOn(scenario, alias, operator);
    return there?.security === mode && there.session?.mode === mode ? there : undefined;
  });
  const seen = account ?? (await accountOn(scenario, alias, operator));
  const session = (await handshakesOf(scenario, alias, operator)).at(-1);
  scenario.check({
    rule: "mode-delivered",
    text: `the account of operator ${operator} on "${alias}"`,
    expected: `mode ${mode}, and a session in it`,
    actual: `mode ${seen?.security ?? "none"}, and ${seen?.session === undefined ? "no session" : seen.session.mode === mode ? "a session in it" : `a session in mode ${seen.session.mode}`}`,
    ok: account !== undefined,
    timing: seen?.security === mode && seen.session === undefined,
    evidence: session === undefined ? [] : [refOf(session.ended ?? session.began)],
  });
}

const stagingPath = /\/credentials\/[^/?]+(\?|$)/;
const secretMembers = ["secret", "kcv", "bits", "privateKey"];
const memberOf = (body: unknown, name: string): unknown => (typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined);

/** Judges what the server was told of the device (SM-3) against what the device shows: its public key or certificate, or its subject, and nothing that is secret. */
export async function checkPublicHalfTold(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { role } = scenario.server(operator);
  const puts = httpExchanges(await scenario.events()).filter(({ role: seenBy, direction, request }) => seenBy === role && direction === "in" && request.event.method === "PUT" && stagingPath.test(request.event.url));
  const newest = puts.at(-1);
  scenario.precondition(`server ${operator} was told of "${alias}"`, newest !== undefined, "it was told nothing");
  const { keys = [] } = await act(scenario, alias, { do: "tell-keys" });
  const key = keys.find(({ of }) => of === shortServerIdOf(scenario, operator));
  const bodies = puts.map(({ request }) => request.event.body);
  const secret = secretMembers.find((name) => bodies.some((body) => memberOf(body, name) !== undefined));
  const told = toldOf(scenario.endpoint(alias), newest?.request.event.body, key);
  scenario.check({
    rule: "public-half-told",
    text: `what server ${operator} was told of "${alias}"`,
    expected: "what the device shows, and no secret",
    actual: secret === undefined ? told : `a member "${secret}"`,
    ok: secret === undefined && told === "what the device shows, and no secret",
    evidence: newest === undefined ? [] : [refOf(newest.request)],
  });
}

function toldOf(endpoint: string, body: unknown, key: HeldKey | undefined): string {
  const fits = "what the device shows, and no secret";
  const subject = memberOf(body, "subject");
  if (subject !== undefined) return [memberOf(subject, "commonName"), memberOf(subject, "alternativeName")].includes(endpoint) ? fits : "the subject of another device";
  const shown = memberOf(body, "publicKey") ?? memberOf(body, "certificate");
  if (typeof shown !== "string") return "neither a key nor a certificate nor a subject";
  if (key === undefined) return "a key, of which the device has none";
  return shown === b64u(Buffer.from(key.identityHex, "hex")) ? fits : "another key or certificate than the device shows";
}

/** Judges that the device's newest handshake with the server came to nothing, by an alert: one that it sent itself, or one that it got. */
export async function checkAlert(scenario: Scenario, alias: string, operator: ServerName, rule: "device-checks-server" | "certificate-at-handshake", direction: "sends" | "gets", accepted: readonly number[]): Promise<void> {
  const ended = await scenario.until(scenario.run.deadlines.registerMs, async () => {
    const newest = (await handshakesOf(scenario, alias, operator)).at(-1);
    return newest?.ended === undefined ? undefined : newest;
  });
  scenario.precondition(`"${alias}" begins a handshake with server ${operator} that comes to an end`, ended !== undefined, "it does not");
  if (ended === undefined) return;
  const how = direction === "sends" ? "alert-sent" : "alert-received";
  const wanted = `none, by alert ${accepted.join(" or ")}`;
  // A server may refuse without a word: then the device's timers end the handshake.
  const silent = direction === "gets" && ended.how === "timeout";
  const ok = ended.outcome === "none" && (silent || (ended.how === how && ended.alert !== undefined && accepted.includes(ended.alert)));
  scenario.check({
    rule,
    text: `the session that "${alias}" asks server ${operator} for`,
    expected: wanted,
    actual: ok ? wanted : ended.outcome === "session" ? "a session" : `none (${ended.how ?? "nothing"}${ended.alert === undefined ? "" : ` ${ended.alert}`})`,
    ok,
    evidence: [ended.began, ...(ended.ended === undefined ? [] : [ended.ended])].map(refOf),
  });
}

export { pem };
