import { isUtf8 } from "node:buffer";
import { ContentError } from "../errors.js";
import type { Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";
import { booleanOf, bytesOf, floatOf, inferredType, integerOf, linkOf, narrowest, textOf } from "./value-type.js";

const integer = /^-?\d{1,20}$/;
const float = /^[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})(e[+-]?\d{1,4})?$/i;
const objectLink = /^(\d{1,5}):(\d{1,5})$/;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A value as text/plain (LwM2M Core 1.1 §7.4.1): numbers in decimal, booleans as 0 and 1, opaque in base64, links as `object:instance`. */
export function formatValue(value: Value, type: ValueType = inferredType(value)): string {
  switch (type) {
    case "String":
    case "Corelnk":
      return textOf(type, value);
    case "Integer":
    case "Unsigned Integer":
    case "Time":
      return String(integerOf(type, value));
    case "Float": {
      const number = floatOf(type, value);
      if (!Number.isFinite(number)) throw new ContentError("text holds no number that is not finite");
      return Object.is(number, -0) ? "-0" : String(number);
    }
    case "Boolean":
      return booleanOf(type, value) ? "1" : "0";
    case "Opaque": {
      const bytes = bytesOf(type, value);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
    }
    case "Objlnk": {
      const { object, instance } = linkOf(type, value);
      return `${object}:${instance}`;
    }
  }
}

/** Reads a value from text/plain; without a type the text itself is the value. Throws `ContentError`. */
export function parseValue(text: string, type: ValueType | undefined): Value {
  switch (type) {
    case undefined:
    case "String":
    case "Corelnk":
      return text;
    case "Integer":
    case "Unsigned Integer":
    case "Time":
      return integerFrom(text, type);
    case "Float": {
      const number = float.test(text) ? Number(text) : Number.NaN;
      if (!Number.isFinite(number)) throw wrong(type, text);
      return number;
    }
    case "Boolean":
      if (text !== "0" && text !== "1") throw wrong(type, text);
      return text === "1";
    case "Opaque":
      return bytesFrom(text);
    case "Objlnk":
      return linkFrom(text);
  }
}

const wrong = (type: ValueType, text: string): ContentError => new ContentError(`not ${type}: ${text.slice(0, 40)}`);

function integerFrom(text: string, type: "Integer" | "Unsigned Integer" | "Time"): number | bigint {
  if (!integer.test(text)) throw wrong(type, text);
  const value = BigInt(text);
  const fits = type === "Unsigned Integer" ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
  if (!fits) throw wrong(type, text);
  return narrowest(value);
}

/** Base64 with or without its padding, but whole: no character outside the alphabet and no stray bits. */
function bytesFrom(text: string): Uint8Array {
  const bytes = base64.test(text) ? Buffer.from(text, "base64") : undefined;
  const canonical = bytes?.toString("base64");
  if (bytes === undefined || canonical === undefined || (text !== canonical && text !== canonical.replace(/=+$/, ""))) throw new ContentError("not base64");
  return new Uint8Array(bytes);
}

function linkFrom(text: string): Value {
  const match = objectLink.exec(text);
  const object = Number(match?.[1]);
  const instance = Number(match?.[2]);
  if (match === null || object > 0xffff || instance > 0xffff) throw wrong("Objlnk", text);
  return { object, instance };
}

export const encodeText = (value: Value, type?: ValueType): Buffer => Buffer.from(formatValue(value, type), "utf8");

/** Throws `ContentError` and nothing else. */
export function decodeText(bytes: Uint8Array, type: ValueType | undefined): Value {
  if (!isUtf8(bytes)) throw new ContentError("text is not UTF-8");
  return parseValue(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"), type);
}
