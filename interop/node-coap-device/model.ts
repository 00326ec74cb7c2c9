import type { ValueType } from "./values.js";

/** Object ids of the core objects this device has, and its one sensor. */
export const Objects = { security: 0, server: 1, accessControl: 2, device: 3, temperature: 3303 } as const;

export interface ResourceModel {
  readonly type: ValueType;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly multiple: boolean;
  readonly mandatory: boolean;
}

export interface ObjectModel {
  readonly id: number;
  /** Several instances are possible. */
  readonly multiple: boolean;
  readonly resources: ReadonlyMap<number, ResourceModel>;
  /** Executable resources, present on every instance. */
  readonly executables: readonly number[];
}

/** `id type operations`, with `*` for several instances and `!` for mandatory. */
function object(id: number, multiple: boolean, executables: readonly number[], ...lines: readonly (readonly [id: number, type: ValueType, flags: string])[]): ObjectModel {
  const resources = new Map(
    lines.map(([resource, type, flags]): [number, ResourceModel] => [
      resource,
      { type, readable: flags.includes("R"), writable: flags.includes("W"), multiple: flags.includes("*"), mandatory: flags.includes("!") },
    ]),
  );
  return { id, multiple, resources, executables };
}

/** Objects of LwM2M 1.1 (OMA registry: /0 1.1, /1 1.1, /2 1.0, /3 1.1) and the IPSO temperature sensor 1.0. */
const known: readonly ObjectModel[] = [
  object(
    Objects.security,
    true,
    [],
    [0, "string", "!"],
    [1, "boolean", "!"],
    [2, "integer", "!"],
    [3, "opaque", "!"],
    [4, "opaque", "!"],
    [5, "opaque", "!"],
    [6, "integer", ""],
    [7, "opaque", ""],
    [8, "opaque", ""],
    [9, "string", ""],
    [10, "integer", ""],
    [11, "integer", ""],
    [12, "integer", ""],
    [13, "unsigned", ""],
    [14, "string", ""],
    [15, "unsigned", ""],
    [16, "unsigned", "*"],
    [17, "objlnk", ""],
  ),
  object(
    Objects.server,
    true,
    [4, 8, 9],
    [0, "integer", "R!"],
    [1, "integer", "RW!"],
    [2, "integer", "RW"],
    [3, "integer", "RW"],
    [5, "integer", "RW"],
    [6, "boolean", "RW!"],
    [7, "string", "RW!"],
    [10, "objlnk", "RW"],
    [11, "unsigned", "R"],
    [12, "time", "R"],
    [13, "unsigned", ""],
    [14, "unsigned", ""],
    [15, "boolean", ""],
    [16, "boolean", ""],
    [17, "unsigned", ""],
    [18, "unsigned", ""],
    [19, "unsigned", ""],
    [20, "unsigned", ""],
    [21, "boolean", "RW"],
    [22, "string", "RW"],
    [23, "boolean", "RW"],
  ),
  object(Objects.accessControl, true, [], [0, "integer", "R!"], [1, "integer", "R!"], [2, "integer", "RW*"], [3, "integer", "RW!"]),
  object(
    Objects.device,
    false,
    [4, 12],
    [0, "string", "R"],
    [1, "string", "R"],
    [2, "string", "R"],
    [3, "string", "R"],
    [6, "integer", "R*"],
    [7, "integer", "R*"],
    [9, "integer", "R"],
    [10, "integer", "R"],
    [11, "integer", "R*!"],
    [13, "time", "RW"],
    [14, "string", "RW"],
    [15, "string", "RW"],
    [16, "string", "R!"],
    [17, "string", "R"],
    [18, "string", "R"],
    [19, "string", "R"],
    [20, "integer", "R"],
    [21, "integer", "R"],
  ),
  object(Objects.temperature, true, [5605], [5601, "float", "R"], [5602, "float", "R"], [5603, "float", "R"], [5604, "float", "R"], [5700, "float", "R!"], [5701, "string", "R"]),
];

const byId: ReadonlyMap<number, ObjectModel> = new Map(known.map((model) => [model.id, model]));

export const modelOf = (id: number): ObjectModel | undefined => byId.get(id);
