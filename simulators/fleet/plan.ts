import type { AuthorityKeys } from "../../src/certificates/index.js";
import { testAuthorityOf, testCredential, testCredentials, type CredentialMode, type CredentialUse, type DeviceCredential, type DeviceCredentials } from "../../src/config/index.js";
import type { LwM2mVersion } from "../../src/lwm2m/index.js";
import type { BootstrapAccountSpec, DeviceSpec, DeviceTimes, PersonalityName, ServerAccountSpec } from "../device/index.js";

/** When the devices of a plan start. An open model: the schedule does not wait for answers, and latency counts from it. */
export type Shape =
  /** All at once, or spread evenly over `jitterMs`. */
  | { readonly kind: "storm"; readonly jitterMs?: number }
  /** Devices per second, all shards together. */
  | { readonly kind: "rate"; readonly perSecond: number }
  /** From one rate to another in a straight line over `overMs`, then on at `to`. */
  | { readonly kind: "ramp"; readonly from: number; readonly to: number; readonly overMs: number };

export interface Share {
  readonly personality: PersonalityName;
  /** Of all devices, 0 to 1. What the shares leave is `default`. */
  readonly share: number;
}

/**
 * A population of devices. Device `i` of `[first, last)` is the same one whichever shard runs it: endpoint name, seed, personality, source
 * address and start follow from `i` and the plan alone.
 */
export interface FleetPlan {
  /** Names the population in statistics; unique in a fleet. */
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly seed: number;
  /** `ab-fleet-{index:08d}`. */
  readonly endpointPattern: string;
  readonly lwm2m: LwM2mVersion;
  readonly shape: Shape;
  readonly personalities?: readonly Share[];
  readonly bootstrap?: BootstrapAccountSpec;
  readonly servers?: readonly ServerAccountSpec[];
  /** What devices enter the `coaps://` accounts above with. Default: test keys, which follow from the seed and the number of the device. */
  readonly credentials?: CredentialList;
  /** What the test devices of the plan enter `coaps://` accounts with. Default: pre-shared keys. */
  readonly security?: CredentialMode;
  /** Issues the certificates of the plan's test devices. Default: the test authority of the seed. */
  readonly authority?: AuthorityKeys;
  /** Authorities that every device knows (DER), for certificate usages 0 and 1. */
  readonly trustStore?: readonly Uint8Array[];
  /** RFC 9146: length of the connection id that the devices ask for, 0 to 16. Absent: they know no connection ids. */
  readonly connectionIdLength?: number;
  /** Devices behind a NAT that gives each another address once in a period. */
  readonly nat?: Nat;
  readonly timing: DeviceTimes;
  /** Devices of which everything is traced, spread evenly. Default 5. */
  readonly traced?: number;
  /** /3303 instances per device. Default 1. */
  readonly temperatures?: number;
  /** Devices per source address before the next one of 127.0.0.0/8 is used. Default 8,000: three sockets each fit the ports of one address. */
  readonly perAddress?: number;
}

export interface Nat {
  /** Of all devices, 0 to 1. */
  readonly share: number;
  readonly everyMs: number;
}

/** Credentials of devices `first` and on, one after the other; they name the devices too, and not the plan's pattern. */
export interface CredentialList {
  readonly first: number;
  readonly devices: readonly DeviceCredentials[];
}

/** What of a plan a shard runs: devices `[first, last)`. */
export interface Slice {
  readonly first: number;
  readonly last: number;
}

/** Each shard's part: contiguous, disjoint, all of the plan together. */
export function sliceOf(plan: Pick<FleetPlan, "first" | "last">, shard: number, shards: number): Slice {
  const devices = plan.last - plan.first;
  return { first: plan.first + Math.floor((devices * shard) / shards), last: plan.first + Math.floor((devices * (shard + 1)) / shards) };
}

/** A pattern taken apart: what stands before and after the index, and how many digits it has at least. */
interface Pattern {
  readonly before: string;
  readonly after: string;
  readonly digits: number;
}

const patterns = new Map<string, Pattern | undefined>();

/** Undefined for a text without an index. */
function patternOf(text: string): Pattern | undefined {
  if (patterns.has(text)) return patterns.get(text);
  const match = /^(.*?)\{index(?::0(\d+)d)?\}(.*)$/s.exec(text);
  const pattern = match === null ? undefined : { before: match[1] ?? "", after: match[3] ?? "", digits: Number(match[2] ?? 0) };
  if (patterns.size >= 256) patterns.clear();
  patterns.set(text, pattern);
  return pattern;
}

const nameOf = ({ before, after, digits }: Pattern, index: number): string => before + String(index).padStart(digits, "0") + after;

export function endpointName(pattern: string, index: number): string {
  const parts = patternOf(pattern);
  return parts === undefined ? pattern : nameOf(parts, index);
}

/** The index of a name that the pattern makes; undefined for any other name. */
export function indexOf(pattern: string, endpoint: string): number | undefined {
  const parts = patternOf(pattern);
  if (parts === undefined || !endpoint.startsWith(parts.before) || !endpoint.endsWith(parts.after)) return undefined;
  const index = Number(endpoint.slice(parts.before.length, endpoint.length - parts.after.length));
  return Number.isSafeInteger(index) && index >= 0 && nameOf(parts, index) === endpoint ? index : undefined;
}

type Named = Pick<FleetPlan, "endpointPattern" | "credentials">;

const nameIn = ({ endpointPattern, credentials }: Named, index: number): string => credentials?.devices[index - credentials.first]?.endpoint ?? endpointName(endpointPattern, index);

const places = new WeakMap<readonly DeviceCredentials[], ReadonlyMap<string, number>>();

/** The index of a device of the plan; undefined for a name that is none of its. */
export function indexIn({ endpointPattern, credentials }: Named, endpoint: string): number | undefined {
  if (credentials === undefined) return indexOf(endpointPattern, endpoint);
  const { first, devices } = credentials;
  let known = places.get(devices);
  if (known === undefined) places.set(devices, (known = new Map(devices.map((device, at) => [device.endpoint, at]))));
  const at = known.get(endpoint);
  return at === undefined ? undefined : first + at;
}

/** The plan as a shard needs it: with the credentials of its own devices alone. */
export function planFor(plan: FleetPlan, { first, last }: Slice): FleetPlan {
  const { credentials } = plan;
  return credentials === undefined ? plan : { ...plan, credentials: { first, devices: credentials.devices.slice(first - credentials.first, last - credentials.first) } };
}

const isSecured = ({ uri }: { readonly uri: string }): boolean => uri.startsWith("coaps:");

function credentialsOf(plan: FleetPlan, index: number, endpoint: string): DeviceCredentials | undefined {
  if (plan.credentials !== undefined) return plan.credentials.devices[index - plan.credentials.first];
  const atBootstrap = plan.bootstrap !== undefined && isSecured(plan.bootstrap);
  const atServer = plan.servers?.some(isSecured) === true;
  if (!atBootstrap && !atServer) return undefined;
  const { security = "psk", seed } = plan;
  if (security === "psk") return testCredentials(seed, index, endpoint);
  const credential = (use: CredentialUse): DeviceCredential => testCredential({ mode: security, authority: authorityOf(plan) }, seed, index, use, endpoint);
  return { endpoint, ...(atBootstrap ? { bootstrap: credential("bootstrap") } : {}), ...(atServer ? { server: credential("server") } : {}) };
}

const testAuthorities = new WeakMap<FleetPlan, AuthorityKeys>();

/** One array for its certificate in each thread, whoever issues. */
function authorityOf(plan: FleetPlan): AuthorityKeys {
  if (plan.authority !== undefined) return plan.authority;
  let known = testAuthorities.get(plan);
  if (known === undefined) testAuthorities.set(plan, (known = testAuthorityOf(plan.seed)));
  return known;
}

/**
 * Position of a device in the plan's order of starting, 0 to devices - 1. Steps of about the golden section, so that every slice is spread evenly over
 * the whole start; a one-to-one mapping.
 */
export const positionOf = (plan: Pick<FleetPlan, "first" | "last" | "seed">, index: number): number => walk(plan, index, startStride);

/** Another walk for the personalities, or they would start one after the other. One-to-one too, so that shares come out exact. */
const personalityPosition = (plan: Pick<FleetPlan, "first" | "last" | "seed">, index: number): number => walk(plan, index, personalityStride);

function walk({ first, last, seed }: Pick<FleetPlan, "first" | "last" | "seed">, index: number, stride: Stride): number {
  const devices = last - first;
  // Products stay exact below 90 million devices.
  return ((index - first) * stride.of(devices) + (mix(seed, stride.salt) % devices)) % devices;
}

/** Step width for a number of devices: near a fraction of it, without a common factor. The last answer is remembered. */
class Stride {
  #devices = 0;
  #stride = 1;

  constructor(
    readonly fraction: number,
    readonly salt: number,
  ) {}

  of(devices: number): number {
    if (devices === this.#devices) return this.#stride;
    let candidate = Math.max(1, Math.round(devices * this.fraction));
    while (greatestCommonDivisor(candidate, devices) !== 1) candidate++;
    this.#devices = devices;
    this.#stride = candidate;
    return candidate;
  }
}

const startStride = new Stride(0.6180339887, 1);
const personalityStride = new Stride(0.7548776662, 2);
const natStride = new Stride(0.5698402910, 3);

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** A 32-bit number that follows from two. */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Personality of a device; the set of devices of each personality has exactly its share, rounded. */
export function personalityOf(plan: FleetPlan, index: number): PersonalityName {
  const shares = plan.personalities;
  if (shares === undefined || shares.length === 0) return "default";
  const devices = plan.last - plan.first;
  const at = personalityPosition(plan, index);
  let sum = 0;
  for (const { personality, share } of shares) {
    sum += share;
    if (at < Math.round(sum * devices)) return personality;
  }
  return "default";
}

/** When in each period a device behind a NAT gets another address, 0 to 1; undefined for a device that is behind none. Exactly the share is, rounded. */
export function rebindPhaseOf(plan: FleetPlan, index: number): number | undefined {
  const { nat, seed, first, last } = plan;
  if (nat === undefined || walk(plan, index, natStride) >= Math.round(nat.share * (last - first))) return undefined;
  return mix(seed ^ rebindSalt, index) / 2 ** 32;
}

const rebindSalt = 0x4e4154;
const defaultPerAddress = 8_000;

function hostOf(plan: FleetPlan, index: number): string {
  const block = Math.floor((index - plan.first) / (plan.perAddress ?? defaultPerAddress));
  return block === 0 ? "127.0.0.1" : `127.${1 + (block >> 8)}.${block & 0xff}.1`;
}

function isTraced(plan: FleetPlan, index: number): boolean {
  const traced = Math.min(plan.traced ?? 5, plan.last - plan.first);
  if (traced === 0) return false;
  return (index - plan.first) % Math.ceil((plan.last - plan.first) / traced) === 0;
}

/** Device `index` of a plan, whole: the same wherever it runs. */
export function deviceOf(plan: FleetPlan, index: number): DeviceSpec {
  const endpoint = nameIn(plan, index);
  const credentials = credentialsOf(plan, index, endpoint);
  return {
    endpoint,
    lwm2m: plan.lwm2m,
    personality: personalityOf(plan, index),
    seed: mix(plan.seed, index),
    ...(plan.bootstrap === undefined ? {} : { bootstrap: plan.bootstrap }),
    ...(plan.servers === undefined ? {} : { servers: plan.servers }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(plan.trustStore === undefined ? {} : { trustStore: plan.trustStore }),
    ...(plan.connectionIdLength === undefined ? {} : { connectionIdLength: plan.connectionIdLength }),
    timing: plan.timing,
    ...(plan.temperatures === undefined ? {} : { temperatures: plan.temperatures }),
    host: hostOf(plan, index),
    traced: isTraced(plan, index),
  };
}
