import { ContentError } from "../errors.js";
import { isObjectLink } from "../nodes.js";
import type { Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";

/** Type of a value whose resource has no definition. */
export function inferredType(value: Value): ValueType {
  switch (typeof value) {
    case "string":
      return "String";
    case "boolean":
      return "Boolean";
    case "bigint":
      return value >= 1n << 63n ? "Unsigned Integer" : "Integer";
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "Integer" : "Float";
    default:
      return isObjectLink(value) ? "Objlnk" : "Opaque";
  }
}

const wrong = (type: ValueType, value: Value): ContentError => new ContentError(`${typeof value} is no ${type}`);

/** A 64-bit integer as number where that is exact, else as bigint. */
export const narrowest = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

export function integerOf(type: ValueType, value: Value): number | bigint {
  if (typeof value === "number" && Number.isSafeInteger(value)) {
    if (value < 0 && type === "Unsigned Integer") throw wrong(type, value);
    return value === 0 ? 0 : value;
  }
  if (typeof value !== "bigint") throw wrong(type, value);
  const fits = type === "Unsigned Integer" ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
  if (!fits) throw new ContentError(`${type} of more than 64 bits`);
  return narrowest(value);
}

export function floatOf(type: ValueType, value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw wrong(type, value);
}

export function textOf(type: ValueType, value: Value): string {
  if (typeof value !== "string") throw wrong(type, value);
  return value;
}

export function booleanOf(type: ValueType, value: Value): boolean {
  if (typeof value !== "boolean") throw wrong(type, value);
  return value;
}

export function bytesOf(type: ValueType, value: Value): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrong(type, value);
  return value;
}

export function linkOf(type: ValueType, value: Value): { readonly object: number; readonly instance: number } {
  if (!isObjectLink(value)) throw wrong(type, value);
  if (!isLinkId(value.object) || !isLinkId(value.instance)) throw new ContentError("an object link holds two numbers from 0 to 65535");
  return value;
}

const isLinkId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= 0xffff;
