import { ConfigError, keyOf, loadYaml, resolveToken, timing, type Timing, type TokenSources } from "../../config/index.js";
import type { AdapterFacts, Property, SteeredRoleName } from "../adapters/index.js";
import { factsOf } from "../adapters/index.js";
import type { SecurityMode, ServerUris } from "../actors/types.js";
import { targetSchema, type Capability, type TargetFile } from "./schema.js";
import type { KnownDeviation } from "./deviations.js";
import { portsIn, portsOf, type SteeredFile } from "./steered.js";

/** A role that somebody else started. */
export interface RunningTarget {
  readonly kind: "running";
  /** What reports call it. */
  readonly implementation?: string;
  readonly uris: ServerUris;
  readonly secondUris: ServerUris;
  readonly forwardSecondCoap: boolean;
  readonly smp: string;
  readonly operator?: { readonly url: string; readonly token: string };
  readonly without: readonly Capability[];
}

/** A role of somebody else's that is steered by its own interface. */
export interface AdaptedTarget {
  readonly kind: "adapted";
  /** What reports call it. */
  readonly implementation?: string;
  /** With the names of free ports still in it. */
  readonly entry: SteeredFile;
  readonly facts: AdapterFacts;
  /** What the entry names environment variables for. Never in a report. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly without: readonly Capability[];
}

/** A role that the run starts itself. */
export interface ReferenceTarget {
  readonly kind: "reference";
}

export type RoleTarget = RunningTarget | ReferenceTarget | AdaptedTarget;
export type ServerName = "A" | "B";

export interface Target {
  readonly name: string;
  readonly bootstrapServer: RoleTarget;
  readonly servers: Readonly<Record<ServerName, RoleTarget>>;
  /** The bearer token that the Bootstrap Server and this LwM2M Server share; undefined: made for the run. */
  readonly pairTokens: Readonly<Record<ServerName, string | undefined>>;
  readonly timing: Timing;
  /** As the target file names it. */
  readonly knownDeviationsFile?: string;
  readonly knownDeviations?: readonly KnownDeviation[];
  readonly plants: { readonly bootstrapServer: readonly string[]; readonly lwm2mServer: readonly string[]; readonly device: readonly string[] };
}

/** All roles references, short times: what a run is without a target file. */
export const referenceTarget: Target = {
  name: "reference",
  bootstrapServer: { kind: "reference" },
  servers: { A: { kind: "reference" }, B: { kind: "reference" } },
  pairTokens: { A: undefined, B: undefined },
  timing: timing("lab"),
  plants: { bootstrapServer: [], lwm2mServer: [], device: [] },
};

type RoleEntry = TargetFile["serverA"] | TargetFile["bootstrapServer"];

const urisOf = (nosec: string | undefined, psk: string | undefined): ServerUris => ({ ...(nosec === undefined ? {} : { nosec }), ...(psk === undefined ? {} : { psk }) });

interface Sources extends TokenSources {
  /** Somebody sits at the terminal. */
  readonly interactive: boolean;
}

function secretsOf(entry: SteeredFile, key: string, { env, source = "", locate }: Sources): Record<string, string> {
  if (entry.adapter !== "http-template") return {};
  return Object.fromEntries(
    Object.entries(entry.secrets).map(([name, { env: variable }]) => {
      const value = env[variable];
      if (value !== undefined && value !== "") return [name, value] as const;
      const path = [key, "secrets", name, "env"];
      throw new ConfigError([{ source, ...locate?.(path), key: keyOf(path), message: `the environment variable ${variable} is not set`, fix: `set it: export ${variable}=...` }]);
    }),
  );
}

/** Addresses may name only ports that are picked for them. */
function portsDeclared(entry: SteeredFile, key: string, { source = "", locate }: Sources): void {
  const known = portsOf(entry);
  const addresses: readonly (readonly [path: string, address: string | undefined])[] = [["coap", entry.coap], ["coaps", entry.coaps], ["api", "api" in entry ? entry.api : undefined]];
  for (const [name, address = ""] of addresses) {
    const unknown = portsIn(address).find((port) => !known.includes(port));
    if (unknown === undefined) continue;
    const path = [key, name];
    throw new ConfigError([{ source, ...locate?.(path), key: keyOf(path), message: `\${${unknown}} is not a port of start.ports`, fix: known.length === 0 ? `add start with ports: [${unknown}], or write the port as a number` : `add it to start.ports, which has ${known.join(", ")}` }]);
  }
}

function roleOf(entry: RoleEntry, key: string, sources: Sources): RoleTarget {
  if (entry === "reference" || "reference" in entry) return { kind: "reference" };
  const named = entry.implementation === undefined ? {} : { implementation: entry.implementation };
  if ("adapter" in entry) portsDeclared(entry, key, sources);
  if ("adapter" in entry) return { kind: "adapted", ...named, entry, facts: factsOf(entry, key === "bootstrapServer" ? "bootstrap-server" : "lwm2m-server", sources.interactive), secrets: secretsOf(entry, key, sources), without: entry.without };
  const operatorToken = entry.operatorTokenEnv ?? (key === "bootstrapServer" ? entry.tokenEnv : undefined);
  return {
    kind: "running",
    ...named,
    uris: urisOf(entry.coap, entry.coaps),
    secondUris: urisOf(entry.secondCoap, entry.secondCoaps),
    forwardSecondCoap: entry.forwardSecondCoap,
    smp: entry.smp,
    ...(entry.operator === undefined ? {} : { operator: { url: entry.operator, token: resolveToken({ tokenEnv: operatorToken }, [key, "operatorToken"], sources) } }),
    without: entry.without,
  };
}

function pairToken(entry: RoleEntry, key: string, sources: TokenSources): string | undefined {
  if (entry === "reference" || "adapter" in entry) return undefined;
  return entry.tokenEnv === undefined ? undefined : resolveToken({ tokenEnv: entry.tokenEnv }, [key, "token"], sources);
}

/** Reads a target file. Throws `ConfigError` naming file, line, key and the fix. */
export function readTarget(text: string, file: string, env: Readonly<Record<string, string | undefined>>, interactive = false): Target {
  const { value, locate } = loadYaml(text, file, targetSchema);
  const sources: Sources = { env, source: file, locate, interactive };
  return {
    name: value.name ?? file.replace(/^.*\//, "").replace(/\.ya?ml$/, ""),
    bootstrapServer: roleOf(value.bootstrapServer, "bootstrapServer", sources),
    servers: { A: roleOf(value.serverA, "serverA", sources), B: roleOf(value.serverB, "serverB", sources) },
    pairTokens: { A: pairToken(value.serverA, "serverA", sources), B: pairToken(value.serverB, "serverB", sources) },
    timing: timing(value.timing),
    ...(value.knownDeviations === undefined ? {} : { knownDeviationsFile: value.knownDeviations }),
    plants: { bootstrapServer: value.plants?.bootstrapServer ?? [], lwm2mServer: value.plants?.lwm2mServer ?? [], device: value.plants?.device ?? [] },
  };
}

/** Why a scenario that needs a capability is not run: the target says that it lacks it, or gives no means to use it. */
export interface Lack {
  readonly as: "not-applicable" | "unsupported";
  readonly reason: string;
}

const rolesOf = (target: Target): readonly (readonly [name: string, role: RoleTarget])[] => [
  ["the Bootstrap Server", target.bootstrapServer],
  ["server A", target.servers.A],
  ["server B", target.servers.B],
];

/** What the devices of a run speak where nobody says: DTLS, unless some role has no port for it. */
export const usualSecurity = (target: Target): SecurityMode => (rolesOf(target).every(([, role]) => role.kind === "reference" || (role.kind === "running" && role.uris.psk !== undefined)) ? "psk" : "nosec");

/** Needs that go beyond pre-shared keys. */
const keyed = ["rpk", "x509", "cid"] as const;

/** What the target as a whole cannot do in a run of this security. A running role without operator API can be neither steered nor watched. */
export function missingCapabilities(target: Target, security: SecurityMode): ReadonlyMap<Capability, Lack> {
  const missing = new Map<Capability, Lack>();
  const roles = [
    ["the Bootstrap Server", target.bootstrapServer, ["faults", "trace", "plain-bootstrap"]],
    ["server A", target.servers.A, ["faults", "trace", "relay"]],
    ["server B", target.servers.B, ["faults", "trace", "relay"]],
  ] as const;
  for (const [name, role, steered] of roles) {
    if (role.kind === "reference") continue;
    if (role.kind === "adapted") {
      const queued = role.facts.lacks.get("trigger-queued");
      if (queued !== undefined) missing.set("queue-mode", { as: "unsupported", reason: `${name} (${role.facts.name}): ${queued}` });
      for (const capability of role.without) missing.set(capability, { as: "not-applicable", reason: `${name} states that it is without ${capability}` });
      continue;
    }
    if (role.operator === undefined) for (const capability of steered) missing.set(capability, { as: "unsupported", reason: `${name} has no operator API` });
    for (const capability of role.without) missing.set(capability, { as: "not-applicable", reason: `${name} states that it is without ${capability}` });
  }
  const a = target.servers.A;
  if (a.kind === "running" && a.secondUris[security] === undefined) missing.set("second-uri", { as: "not-applicable", reason: `server A has no second URI (${security === "psk" ? "secondCoaps" : "secondCoap"})` });
  if (security === "nosec") for (const need of ["psk", ...keyed] as const) missing.set(need, { as: "not-applicable", reason: "the run is one without DTLS" });
  for (const [name, role] of rolesOf(target)) {
    if (role.kind === "reference") continue;
    if (role.kind === "adapted") {
      const modes: readonly string[] = role.entry.capabilities?.security ?? [];
      const secured = role.entry.coaps !== undefined && modes.includes("psk");
      if (!secured) missing.set("psk", { as: "not-applicable", reason: `${name} states no coaps address, or no security mode psk` });
      for (const need of keyed) {
        if (modes.includes(need)) missing.set(need, { as: "unsupported", reason: `${name} (${role.facts.name}): the adapter gives it pre-shared keys only` });
        else missing.set(need, { as: "not-applicable", reason: `${name} states no ${need === "cid" ? "connection ids" : `security mode ${need}`}` });
      }
      continue;
    }
    if (role.uris.psk === undefined) for (const need of ["psk", ...keyed] as const) missing.set(need, { as: "not-applicable", reason: `${name} has no coaps address` });
    else if (role.operator === undefined) for (const need of ["rpk", "x509"] as const) missing.set(need, { as: "unsupported", reason: `${name} has no operator API that tells its public key and certificate` });
    if (role.uris.nosec === undefined) missing.set("nosec", { as: "not-applicable", reason: `${name} has no coap address` });
  }
  return missing;
}

const operatorApi: readonly Property[] = [
  "faults",
  "coap-log",
  "registrations",
  "registration-details",
  "object-list",
  "read",
  "write",
  "write-instance",
  "execute",
  "discover",
  "create",
  "delete",
  "write-attributes",
  "observe",
  "observe-attributes",
  "cancel-observation",
  "cancel-by-reset",
  "configuration",
  "configuration-writes",
];

/** A role that only speaks the Server Management profile: its witnesses are the other roles. */
const withoutOperatorApi: AdapterFacts = { name: "without operator API", lacks: new Map(operatorApi.map((property) => [property, "the target file gives no operator address"])) };

/** What is known of the roles that an adapter steers, or nobody. */
export function steeredRoles(target: Target): Readonly<Partial<Record<SteeredRoleName, AdapterFacts>>> {
  const roles = { bootstrapServer: target.bootstrapServer, A: target.servers.A, B: target.servers.B } as const;
  const facts: Partial<Record<SteeredRoleName, AdapterFacts>> = {};
  for (const name of ["bootstrapServer", "A", "B"] as const) {
    const role = roles[name];
    if (role.kind === "adapted") facts[name] = role.facts;
    else if (role.kind === "running" && role.operator === undefined) facts[name] = withoutOperatorApi;
  }
  return facts;
}
