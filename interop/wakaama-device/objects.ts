import type { ObjectDefinition, ResourceDefinition, WakaamaPackage } from "./npm-package.js";
import type { Spec } from "./spec.js";

const text = (value: string, acl = "R"): ResourceDefinition => ({ type: "STRING", acl, value });
const integer = (value: number, acl = "R"): ResourceDefinition => ({ type: "INTEGER", acl, value });
const float = (value: number, acl = "R"): ResourceDefinition => ({ type: "FLOAT", acl, value });
const executable: ResourceDefinition = { type: "FUNCTION", acl: "E" };

/** The Device object with the rights of its definition (OMA); the package's own asks the machine, which takes seconds. */
const device = (endpoint: string): ObjectDefinition => ({
  0: {
    0: text("Wakaama"),
    1: text("node-red-contrib-lwm2m"),
    2: text(endpoint),
    3: text("2.12.3"),
    4: executable,
    5: executable,
    6: { type: "MULTIPLE_RESOURCE", acl: "R", value: { 0: integer(1) } },
    9: integer(100),
    11: { type: "MULTIPLE_RESOURCE", acl: "R", value: { 0: integer(0) } },
    12: executable,
    14: text("+00", "RW"),
    15: text("Etc/UTC", "RW"),
    16: text("U"),
    17: text("simulator"),
  },
});

/** D: the package deletes an instance where one of its resources may be deleted. */
const temperature = { 5700: float(20, "RD"), 5701: text("Cel", "RD") };

/** The lowest number that is free of those wanted, from `from` on. */
function numbered(wanted: readonly (number | undefined)[], taken: readonly number[] = []): number[] {
  const used = new Set([...taken, ...wanted.filter((id) => id !== undefined)]);
  return wanted.map((id) => {
    if (id !== undefined) return id;
    let free = 0;
    while (used.has(free)) free++;
    used.add(free);
    return free;
  });
}

interface Entry {
  readonly uri: string;
  readonly psk?: { readonly identity: Buffer; readonly key: Buffer } | undefined;
}

/** Of the Bootstrap Server's account, where it says nothing: the package fills an account with 0 in from options of its own. */
const noShortServerId = 65_535;

/** What is written to a new instance becomes; the package creates nothing that may not be written. */
export const definitions = ({ instances }: WakaamaPackage): Readonly<Record<string, Readonly<Record<string, ResourceDefinition>>>> => ({
  0: { ...instances.security },
  1: { ...instances.server },
  3303: { 5700: float(0, "RWD"), 5701: text("", "RWD") },
});

/** What the device leaves the factory with. Instances of /0, /1 and /2 are as the package defines them, with our values. */
export function factoryObjects({ instances }: WakaamaPackage, spec: Spec): Readonly<Record<string, ObjectDefinition>> {
  const { bootstrap, servers } = spec;
  const valued = (definition: Readonly<Record<string, ResourceDefinition>>, values: Readonly<Record<string, unknown>>): Record<string, ResourceDefinition> =>
    Object.fromEntries(Object.entries(definition).map(([id, resource]) => [id, id in values ? { ...resource, value: values[id] } : resource]));
  const security = ({ uri, psk }: Entry, more: Readonly<Record<string, unknown>>) =>
    valued(instances.security, { 0: uri, 2: psk === undefined ? 3 : 0, 3: psk?.identity ?? Buffer.alloc(0), 4: Buffer.alloc(0), 5: psk?.key ?? Buffer.alloc(0), 7: Buffer.alloc(0), 8: Buffer.alloc(0), ...more });
  const securityIds = numbered(
    servers.map(({ securityInstance }) => securityInstance),
    bootstrap === undefined ? [] : [bootstrap.securityInstance],
  );
  const serverIds = numbered(servers.map(({ serverInstance }) => serverInstance));
  const securityInstances: (readonly [number, ObjectDefinition[string]])[] = servers.map((account, i) => [securityIds[i] ?? i, security(account, { 1: false, 10: account.shortServerId })]);
  if (bootstrap !== undefined) securityInstances.push([bootstrap.securityInstance, security(bootstrap, { 1: true, 10: noShortServerId, 11: bootstrap.holdOff })]);
  const serverInstances = servers.map(({ shortServerId, lifetime, binding }, i) => [serverIds[i] ?? i, valued(instances.server, { 0: shortServerId, 1: lifetime, 7: binding })] as const);
  return {
    0: Object.fromEntries(securityInstances),
    1: Object.fromEntries(serverInstances),
    2: Object.fromEntries(
      spec.accessControl.map(({ object, instance, owner, rights }, i) => [i, valued(instances.accessControl, { 0: object, 1: instance, 2: Object.fromEntries(Object.entries(rights).map(([id, right]) => [id, integer(right, "RW")])), 3: owner })] as const),
    ),
    3: device(spec.endpoint),
    3303: Object.fromEntries(Array.from({ length: spec.temperatures }, (_, id) => [id, temperature] as const)),
  };
}
