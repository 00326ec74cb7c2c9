import type { CredentialList, FleetPlan, Shape } from "../../simulators/fleet/index.js";
import { seedNumber, timing, type CredentialMode, type FleetOptions, type ServerTrust } from "../config/index.js";
import { UsageError } from "./exit.js";
import { personalityNamed } from "./personality.js";
import { credentialIn, credentialsIn } from "./psk.js";
import { authorityGiven, checkTrusted, trustGiven, trustStoreGiven } from "./trust.js";

/** How long a ramp goes up. */
export const rampMs = 10_000;

/** The plan that the flags of `muster fleet` describe, with the files they name. */
export async function fleetPlan(options: FleetOptions, seed: string): Promise<FleetPlan> {
  const credentials = options.credentials === undefined ? undefined : await listOf(options, options.credentials);
  const mode = modeOf(options, credentials);
  const { trust } = await trustGiven(options, mode);
  const use = useOf(options);
  for (const { endpoint, [use]: credential } of credentials?.devices ?? []) if (credential !== undefined) checkTrusted(credential, endpoint, trust);
  const { coap, dtls, device } = timing(options.timing);
  const sum = Object.values(options.personalities).reduce((total, share) => total + share, 0);
  const { rebindEvery, rebindShare = 100, cid, shortServerId, lifetime } = options;
  return {
    name: "fleet",
    first: 1,
    last: (options.devices ?? credentials?.devices.length ?? 0) + 1,
    seed: seedNumber(seed),
    endpointPattern: options.endpointPattern,
    lwm2m: options.lwm2m,
    shape: shapeOf(options),
    personalities: Object.entries(options.personalities).map(([name, share]) => ({ personality: personalityNamed(name, "--personalities"), share: share / sum })),
    ...accountsOf(options, trust, { shortServerId, lifetime }),
    security: mode,
    ...(credentials === undefined ? {} : { credentials }),
    ...(await trustStoreGiven(options)),
    ...(await authorityGiven(options.authority)),
    ...(cid === undefined ? {} : { connectionIdLength: cid }),
    ...(rebindEvery === undefined ? {} : { nat: { share: rebindShare / 100, everyMs: rebindEvery } }),
    timing: { coap, dtls, device },
  };
}

const useOf = ({ bootstrap }: FleetOptions): "bootstrap" | "server" => (bootstrap === undefined ? "server" : "bootstrap");

function accountsOf({ bootstrap, server }: FleetOptions, trust: ServerTrust | undefined, terms: { readonly shortServerId: number; readonly lifetime: number }): Pick<FleetPlan, "bootstrap" | "servers"> {
  const knownBy = trust === undefined ? {} : { trust };
  return { ...(bootstrap === undefined ? {} : { bootstrap: { uri: bootstrap, ...knownBy } }), ...(server === undefined ? {} : { servers: [{ uri: server, ...terms, ...knownBy }] }) };
}

/** One mode for all devices, since what `--trust` holds goes with one; a file may mix them where it says itself what each server is known by. */
function modeOf(options: FleetOptions, credentials: CredentialList | undefined): CredentialMode {
  const { security, trust } = options;
  const said = security === "nosec" ? undefined : security;
  if (credentials === undefined) return said ?? "psk";
  const modes = credentials.devices.map(({ endpoint, [useOf(options)]: credential }) => ({ endpoint, mode: credential?.mode ?? ("psk" as const) }));
  const mode = said ?? modes[0]?.mode ?? "psk";
  const other = modes.find((device) => device.mode !== mode);
  if (other !== undefined && (said !== undefined || trust !== undefined)) {
    throw new UsageError(`"${other.endpoint}" has a credential of mode ${other.mode}, and not ${mode}`, said === undefined ? "leave --trust out, and say what servers are known by in the file" : `use --security ${other.mode}, or another file`);
  }
  return mode;
}

/** The devices of the file, the first so many when a number is given; each with a credential for where the fleet is started. */
async function listOf(options: FleetOptions, path: string): Promise<CredentialList> {
  const { devices: wanted } = options;
  const all = await credentialsIn(path);
  if (wanted !== undefined && wanted > all.length) throw new UsageError(`--devices ${wanted} is more than the ${all.length} devices in ${path}`, "add them to the file, or leave --devices out");
  const devices = all.slice(0, wanted);
  for (const device of devices) credentialIn(device, useOf(options), path);
  return { first: 1, devices };
}

function shapeOf({ shape, rate }: FleetOptions): Shape {
  const kind = shape ?? (rate === undefined ? "storm" : "rate");
  if (kind === "storm") return { kind };
  if (rate === undefined) throw new UsageError(`--shape ${kind} needs to know how fast`, "give --rate PER-SECOND");
  return kind === "rate" ? { kind, perSecond: rate } : { kind, from: 1, to: rate, overMs: rampMs };
}
