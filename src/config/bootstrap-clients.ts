import { z } from "zod";
import { readCredentials } from "./credential-file.js";
import { ConfigError } from "./error.js";
import { identitySchema, keySchema } from "./key-text.js";
import { isPsk, testPsk, type CredentialUse, type Psk } from "./test-credentials.js";
import { matchesPattern, patternSchema } from "./values.js";

/** LwM2M asks of both ends for keys of up to 64 bytes; one below 16 is guessed sooner than the cipher is broken. */
const shortestKey = 16;

export const strongKeySchema = keySchema.refine((key) => key.length >= shortestKey, { error: `is shorter than ${shortestKey} bytes; use ${shortestKey} to 64 bytes in hex` });

const withKeySchema = z.strictObject({
  endpoint: z.string().min(1).max(1024),
  psk: z.strictObject({
    /** The endpoint name where it is left out. */
    identity: identitySchema.optional(),
    key: strongKeySchema,
  }),
});

const indexed = /\{index(?::0(\d+)d)?\}/;

/** Test devices whose keys follow from a seed: a fleet by number (`muster-{index:08d}`), others by their names (`ab-*`). */
const testDevicesSchema = z.strictObject({
  testDevices: z.strictObject({
    seed: z.number().int(),
    pattern: patternSchema,
    /** With `{index}`: numbers up to this only, from 0 or 1 on. */
    devices: z.number().int().min(1).max(10_000_000).default(1_000_000),
  }),
});

const fileSchema = z.strictObject({ credentials: z.string().min(1) });

/** Whom a Bootstrap Server knows: a pattern of names without keys, a device with its key, a file of them, or test devices. */
export const bootstrapClientSchema = z.union([patternSchema, withKeySchema, testDevicesSchema, fileSchema]);
export type BootstrapClientEntry = z.output<typeof bootstrapClientSchema>;

/** Whom a LwM2M Server has keys for without having been told by a Bootstrap Server. */
export const serverClientSchema = z.union([withKeySchema, testDevicesSchema, fileSchema]);
export type ServerClientEntry = z.output<typeof serverClientSchema>;

/** Who may send a Bootstrap-Request without DTLS: nobody, devices that have no key here, or everybody (laboratory only). */
export const noSecRules = ["never", "without-credentials", "always"] as const;
export type NoSecRule = (typeof noSecRules)[number];

/** Plain data, ready to be posted to a worker. */
export interface DeviceKeys {
  readonly keys: readonly (Psk & { readonly endpoint: string })[];
  readonly testDevices: readonly TestDevices[];
}

export interface BootstrapClients extends DeviceKeys {
  /** Patterns of names. */
  readonly names: readonly string[];
}

export interface TestDevices {
  readonly seed: number;
  readonly pattern: string;
  readonly devices: number;
}

/** The files that a list of clients names, as it names them. */
export const credentialFilesOf = (entries: readonly BootstrapClientEntry[]): readonly string[] => entries.flatMap((entry) => (typeof entry === "object" && "credentials" in entry ? [entry.credentials] : []));

/** `files` holds the text of each file. Throws `ConfigError` for a file that is not there or wrong, and for an identity that two devices have. */
export function bootstrapClients(entries: readonly BootstrapClientEntry[], files?: ReadonlyMap<string, string>): BootstrapClients {
  return { names: entries.filter((entry) => typeof entry === "string"), ...deviceKeys(entries, "bootstrap", files) };
}

/** The keys among the entries, those that devices have for `use`; errors as `bootstrapClients`. */
export function deviceKeys(entries: readonly BootstrapClientEntry[], use: CredentialUse, files: ReadonlyMap<string, string> = new Map()): DeviceKeys {
  const keys: (Psk & { readonly endpoint: string })[] = [];
  const testDevices: TestDevices[] = [];
  entries.forEach((entry, index) => {
    if (typeof entry === "string") return;
    if ("psk" in entry) keys.push({ endpoint: entry.endpoint, identity: entry.psk.identity ?? Buffer.from(entry.endpoint), key: entry.psk.key });
    else if ("testDevices" in entry) testDevices.push(entry.testDevices);
    else keys.push(...keysIn(entry.credentials, use, index, files));
  });
  checkIdentities(keys);
  return { keys, testDevices };
}

function keysIn(file: string, use: CredentialUse, index: number, files: ReadonlyMap<string, string>): (Psk & { readonly endpoint: string })[] {
  const text = files.get(file);
  if (text === undefined) throw new ConfigError([{ source: "configuration", key: `clients.${index}.credentials`, message: `${file} was not read`, fix: "give the keys themselves" }]);
  return readCredentials(text, file).flatMap(({ endpoint, [use]: credential }) => {
    if (credential === undefined) return [];
    if (isPsk(credential)) return [{ endpoint, ...credential }];
    throw new ConfigError([{ source: file, key: "mode", message: `"${endpoint}" has a credential of mode ${credential.mode}`, fix: "give pre-shared keys" }]);
  });
}

function checkIdentities(keys: DeviceKeys["keys"]): void {
  const owners = new Map<string, string>();
  for (const { endpoint, identity } of keys) {
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
  return device === undefined ? undefined : testPsk(fleet.seed, device, use, endpoint);
}
