import { ContentError } from "../errors.js";
import type { Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";

const refuse = (type: ValueType): ContentError => new ContentError(`application/octet-stream carries Opaque, not ${type}`, "unsupported");

/** The bytes themselves (LwM2M Core 1.1 §7.4.2); only for a resource of type Opaque, or of unknown type. Throws `ContentError`. */
export function encodeOpaque(value: Value, type?: ValueType): Buffer {
  if (type !== undefined && type !== "Opaque") throw refuse(type);
  if (!(value instanceof Uint8Array)) throw new ContentError(`${typeof value} is no Opaque`);
  return Buffer.from(value);
}

export function decodeOpaque(bytes: Uint8Array, type?: ValueType): Uint8Array {
  if (type !== undefined && type !== "Opaque") throw refuse(type);
  return new Uint8Array(bytes);
}
