/** Data types of resources, as the object registry names them. */
export type ValueType = "String" | "Integer" | "Unsigned Integer" | "Float" | "Boolean" | "Opaque" | "Time" | "Objlnk" | "Corelnk";

/** What a LwM2M Server may do with a resource; empty: nobody but the Bootstrap Server. */
export type Operations = "" | "R" | "W" | "RW" | "E";

/** id, name, operations, type (empty: executable), multiple, mandatory, range, units. */
export type ResourceFacts =
  | readonly [number, string, Operations, ValueType | "", boolean, boolean]
  | readonly [number, string, Operations, ValueType | "", boolean, boolean, string]
  | readonly [number, string, Operations, ValueType | "", boolean, boolean, string, string];

/** One version of one object, as the generated registry holds it. */
export interface ObjectFacts {
  readonly id: number;
  readonly version: string;
  readonly lwm2mVersion: string;
  readonly name: string;
  readonly multiple: boolean;
  readonly mandatory: boolean;
  readonly resources: readonly ResourceFacts[];
}
