import type { LwM2mVersion } from "../version.js";
import type { ObjectFacts, Operations, ResourceFacts, ValueType } from "./facts.js";
import type { Bounds } from "./range.js";
import { parseRange } from "./range.js";
import { objectFacts } from "./registry.generated.js";

export interface ResourceDefinition {
  readonly id: number;
  readonly name: string;
  readonly operations: Operations;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  /** Undefined for an executable resource, which has no value. */
  readonly type: ValueType | undefined;
  readonly multiple: boolean;
  readonly mandatory: boolean;
  /** The registry's words; `bounds` is what of them can be checked. */
  readonly range: string | undefined;
  readonly bounds: Bounds | undefined;
  readonly units: string | undefined;
}

export interface ObjectDefinition {
  readonly id: number;
  /** Object version, `1.0`. */
  readonly version: string;
  /** The enabler version the registry files it under. */
  readonly lwm2mVersion: string;
  readonly name: string;
  readonly multiple: boolean;
  readonly mandatory: boolean;
  readonly resources: ReadonlyMap<number, ResourceDefinition>;
}

function resourceDefinition([id, name, operations, type, multiple, mandatory, range, units]: ResourceFacts): ResourceDefinition {
  const rangeText = range === undefined || range === "" ? undefined : range;
  return {
    id,
    name,
    operations,
    readable: operations === "R" || operations === "RW",
    writable: operations === "W" || operations === "RW",
    executable: operations === "E",
    type: type === "" ? undefined : type,
    multiple,
    mandatory,
    range: rangeText,
    bounds: rangeText === undefined ? undefined : parseRange(rangeText),
    units,
  };
}

function definitionOf(facts: ObjectFacts): ObjectDefinition {
  const { id, version, lwm2mVersion, name, multiple, mandatory } = facts;
  const resources = new Map(facts.resources.map((resource) => [resource[0], resourceDefinition(resource)]));
  return { id, version, lwm2mVersion, name, multiple, mandatory, resources };
}

const byId = new Map<number, ObjectDefinition[]>();
for (const facts of objectFacts) {
  const versions = byId.get(facts.id);
  if (versions === undefined) byId.set(facts.id, [definitionOf(facts)]);
  else versions.push(definitionOf(facts));
}

/** Every known version of an object, oldest first; empty for an unknown object. Definitions are shared: one per object and version in a thread. */
export const objectDefinitions = (id: number): readonly ObjectDefinition[] => byId.get(id) ?? [];

/** `["1.0", "1.1"]`, oldest first. */
export const objectVersions = (id: number): readonly string[] => objectDefinitions(id).map((definition) => definition.version);

/** The definition of an object in one object version (default: the newest known). */
export function objectDefinition(id: number, version?: string): ObjectDefinition | undefined {
  const versions = byId.get(id);
  return version === undefined ? versions?.at(-1) : versions?.find((definition) => definition.version === version);
}

/**
 * The object versions that a client of an enabler version means when it announces no `ver` (LwM2M Core 1.1 §7.2, appendix E). An object that is
 * not named is 1.0.
 */
const coreVersions: Readonly<Record<LwM2mVersion, ReadonlyMap<number, string>>> = {
  "1.0": new Map([0, 1, 2, 3, 4, 5, 6, 7].map((id) => [id, "1.0"])),
  "1.1": new Map([
    [0, "1.1"],
    [1, "1.1"],
    [2, "1.0"],
    [3, "1.1"],
    [4, "1.2"],
    [5, "1.0"],
    [6, "1.0"],
    [7, "1.0"],
    [21, "1.0"],
  ]),
};

/** The object version implied when a Register or Discover gives none. */
export const coreObjectVersion = (objectId: number, lwm2mVersion: LwM2mVersion): string => coreVersions[lwm2mVersion].get(objectId) ?? "1.0";

/** The definition that applies to a client: the object version it announced, else the one its enabler version implies. */
export function definitionFor(objectId: number, lwm2mVersion: LwM2mVersion, announced?: string): ObjectDefinition | undefined {
  return objectDefinition(objectId, announced ?? coreObjectVersion(objectId, lwm2mVersion));
}
