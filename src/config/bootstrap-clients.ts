import { z } from "zod";
import { readCredentials } from "./credential-file.js";
import { ConfigError } from "./error.js";
import { certificateSchema, identitySchema, keySchema, publicKeySchema } from "./key-text.js";
import { credentialModes, isPsk, testAuthorityOf, testKeyPair, testPsk, type CredentialMode, type CredentialUse, type DeviceCredential, type Psk } from "./test-credentials.js";
import { matchesPattern, patternSchema } from "./values.js";

/** LwM2M asks of both ends for keys of up to 64 bytes; one below 16 is guessed sooner than the cipher is broken. */
const shortestKey = 16;

export const strongKeySchema = keySchema.refine((key) => key.length >= shortestKey, { error: `is shorter than ${shortestKey} bytes; use ${shortestKey} to 64 bytes in hex` });

const endpointSchema = z.string().min(1).max(1024);

const withKeySchema = z.strictObject({
  endpoint: endpointSchema,
  psk: z.strictObject({
    /** The endpoint name where it is left out. */
    identity: identitySchema.optional(),
    key: strongKeySchema,
  }),
});

const withPublicKeySchema = z.strictObject({ endpoint: endpointSchema, rpk: z.strictObject({ publicKey: publicKeySchema }) });
const withCertificateSchema = z.strictObject({ endpoint: endpointSchema, x509: z.strictObject({ certificate: certificateSchema }) });
/** Every device whose name fits and whose certificate, made out to that name, the authority has issued. */
const authoritySchema = z.strictObject({ names: patternSchema, x509: z.strictObject({ authority: certificateSchema }) });

const indexed = /\{index(?::0(\d+)d)?\}/;

/** Public keys of test devices that are made at the start. */
const mostPublicKeys = 20_000;

/** Test devices whose keys follow from a seed: a fleet by number (`muster-{index:08d}`), others by their names (`ab-*`). */
const testDevicesSchema = z.strictObject({
  testDevices: z.strictObject({
    seed: z.number().int(),
    pattern: patternSchema,
    /** With `{index}`: numbers up to this only, from 0 or 1 on. */
    devices: z.number().int().min(1).max(10_000_000).default(1_000_000),
    mode: z.enum(credentialModes).default("psk"),
  }).check(({ value: { mode, pattern, devices }, issues }) => {
    if (mode !== "rpk" || (indexed.test(pattern) && devices <= mostPublicKeys)) return;
    // A public key says nothing of its holder's name: each has to be known beforehand.
    issues.push({ code: "custom", input: undefined, path: [indexed.test(pattern) ? "devices" : "pattern"], message: "leaves open whose public keys are meant", params: { fix: `number the devices with {index}, and give devices, ${mostPublicKeys} at most` } });
  }),
});

const fileSchema = z.strictObject({ credentials: z.string().min(1) });

/** Whom a Bootstrap Server knows: a pattern of names without keys, a device with its key or certificate, those that an authority vouches for, a file of them, or test devices. */
export const bootstrapClientSchema = z.union([patternSchema, withKeySchema, withPublicKeySchema, withCertificateSchema, authoritySchema, testDevicesSchema, fileSchema]);
export type BootstrapClientEntry = z.output<typeof bootstrapClientSchema>;

/** Whom a LwM2M Server has keys for without having been told by a Bootstrap Server. */
export const serverClientSchema = z.union([withKeySchema, withPublicKeySchema, withCertificateSchema, authoritySchema, testDevicesSchema, fileSchema]);
export type ServerClientEntry = z.output<typeof serverClientSchema>;

/** Who may send a Bootstrap-Request without DTLS: nobody, devices that have no key here, or everybody (laboratory only). */
export const noSecRules = ["never", "without-credentials", "always"] as const;
export type NoSecRule = (typeof noSecRules)[number];

/** Plain data, ready to be posted to a worker. */
export interface DeviceKeys {
  readonly keys: readonly (Psk & { readonly endpoint: string })[];
  readonly testDevices: readonly TestDevices[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeys: readonly { readonly endpoint: string; readonly publicKey: Uint8Array }[];
  /** DER. */
  readonly certificates: readonly { readonly endpoint: string; readonly certificate: Uint8Array }[];
  /** Who vouches for devices with these names, DER. */
  readonly authorities: readonly { readonly names: string | TestDevices; readonly certificate: Uint8Array }[];
}

export interface BootstrapClients extends DeviceKeys {
  /** Patterns of names. */
  readonly names: readonly string[];
}

export interface TestDevices {
  readonly seed: number;
  readonly pattern: string;
  readonly devices: number;
  readonly mode: CredentialMode;
}

/** The files that a list of clients names, as it names them. */
export const credentialFilesOf = (entries: readonly BootstrapClientEntry[]): readonly string[] => entries.flatMap((entry) => (typeof entry === "object" && "credentials" in entry ? [entry.credentials] : []));

/** `files` holds the text of each file. Throws `ConfigError` for a file that is not there or wrong, and for an identity that two devices have. */
export function bootstrapClients(entries: readonly BootstrapClientEntry[], files?: ReadonlyMap<string, string>): BootstrapClients {
  return { names: entries.filter((entry) => typeof entry === "string"), ...deviceKeys(entries, "bootstrap", files) };
}

type Collected = { -readonly [Kind in keyof DeviceKeys]: DeviceKeys[Kind][number][] };

/** The keys among the entries, those that devices have for `use`; errors as `bootstrapClients`. */
export function deviceKeys(entries: readonly BootstrapClientEntry[], use: CredentialUse, files: ReadonlyMap<string, string> = new Map()): DeviceKeys {
  const known: Collected = { keys: [], testDevices: [], publicKeys: [], certificates: [], authorities: [] };
  const add = (endpoint: string, credential: DeviceCredential): void => {
    if (isPsk(credential)) known.keys.push({ endpoint, ...credential });
    else if (credential.mode === "rpk") known.publicKeys.push({ endpoint, publicKey: credential.publicKey });
    else known.certificates.push({ endpoint, certificate: credential.certificate });
  };
  entries.forEach((entry, index) => {
    if (typeof entry === "string") return;
    if ("psk" in entry) known.keys.push({ endpoint: entry.endpoint, identity: entry.psk.identity ?? Buffer.from(entry.endpoint), key: entry.psk.key });
    else if ("rpk" in entry) known.publicKeys.push({ endpoint: entry.endpoint, publicKey: entry.rpk.publicKey });
    else if ("names" in entry) known.authorities.push({ names: entry.names, certificate: entry.x509.authority });
    else if ("x509" in entry) known.certificates.push({ endpoint: entry.endpoint, certificate: entry.x509.certificate });
    else if ("credentials" in entry) for (const { endpoint, credential } of credentialsIn(entry.credentials, use, index, files)) add(endpoint, credential);
    else addTestDevices(known, entry.testDevices, use);
  });
  checkIdentities(known);
  return known;
}

/** Names of test devices with a number, from 0 on. */
function* numberedNames({ pattern, devices }: TestDevices): Generator<readonly [number, string]> {
  for (let device = 0; device <= devices; device++) yield [device, pattern.replace(indexed, (_all, width: string | undefined) => String(device).padStart(Number(width ?? "1"), "0"))];
}

function addTestDevices(known: Collected, fleet: TestDevices, use: CredentialUse): void {
  switch (fleet.mode) {
    case "psk":
      known.testDevices.push(fleet);
      return;
    case "rpk":
      for (const [device, endpoint] of numberedNames(fleet)) known.publicKeys.push({ endpoint, publicKey: testKeyPair(fleet.seed, device, use).publicKey });
      return;
    case "x509":
      known.authorities.push({ names: fleet, certificate: testAuthorityOf(fleet.seed).certificate });
  }
}

/** Whether a device of this name is meant. */
export const fitsNames = (names: string | TestDevices, endpoint: string): boolean => (typeof names === "string" ? matchesPattern(names, endpoint) : testDeviceOf(names, endpoint) !== undefined);

function credentialsIn(file: string, use: CredentialUse, index: number, files: ReadonlyMap<string, string>): { readonly endpoint: string; readonly credential: DeviceCredential }[] {
  const text = files.get(file);
  if (text === undefined) throw new ConfigError([{ source: "configuration", key: `clients.${index}.credentials`, message: `${file} was not read`, fix: "give the keys themselves" }]);
  return readCredentials(text, file).flatMap(({ endpoint, [use]: credential }) => (credential === undefined ? [] : [{ endpoint, credential }]));
}

function checkIdentities({ keys, publicKeys, certificates }: DeviceKeys): void {
  const owners = new Map<string, string>();
  const identities = [...keys, ...publicKeys.map(({ endpoint, publicKey }) => ({ endpoint, identity: publicKey })), ...certificates.map(({ endpoint, certificate }) => ({ endpoint, identity: certificate }))];
  for (const { endpoint, identity } of identities) {
    const id = Buffer.from(identity).toString("hex");
    if (owners.has(id)) throw new ConfigError([{ source: "configuration", key: "clients", message: `"${owners.get(id) ?? ""}" and "${endpoint}" have one identity`, fix: "give each device its own" }]);
    owners.set(id, endpoint);
  }
}

/** The number of the device in a pattern with `{index}`, its name in one with `*`; undefined for a name that does not fit. */
export function testDeviceOf({ pattern, devices }: TestDevices, endpoint: string): number | string | undefined {
  const place = indexed.exec(pattern);
  if (place === null) return matchesPattern(pattern, endpoint) ? endpoint : undefined;
  const [text, width = "1"] = place;
  const [before, after] = [pattern.slice(0, place.index), pattern.slice(place.index + text.length)];
  if (endpoint.length <= before.length + after.length || !endpoint.startsWith(before) || !endpoint.endsWith(after)) return undefined;
  const digits = endpoint.slice(before.length, endpoint.length - after.length);
  const index = Number(digits);
  return /^\d{1,9}$/.test(digits) && String(index).padStart(Number(width), "0") === digits && index <= devices ? index : undefined;
}

/** The key that a test device has for its Bootstrap Server, or for a LwM2M Server that its factory account names. */
export function testDeviceKey(fleet: TestDevices, endpoint: string, use: CredentialUse = "bootstrap"): Psk | undefined {
  const device = testDeviceOf(fleet, endpoint);
  return device === undefined || fleet.mode !== "psk" ? undefined : testPsk(fleet.seed, device, use, endpoint);
}
