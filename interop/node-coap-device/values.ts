/** Data types of resources (LwM2M Core 1.1 appendix C). */
export type ValueType = "string" | "integer" | "unsigned" | "float" | "boolean" | "opaque" | "time" | "objlnk";

/** Time is in seconds since 1970, an object link is `3:0`. */
export type Value = string | number | boolean | Buffer;

/** A value that its type does not allow. */
export class ValueError extends Error {}

/** The value as a TLV carries it. Throws `ValueError`. */
export function toBytes(type: ValueType, value: Value): Buffer {
  if (type === "string" && typeof value === "string") return Buffer.from(value);
  if (type === "opaque" && Buffer.isBuffer(value)) return value;
  if (type === "boolean" && typeof value === "boolean") return Buffer.of(value ? 1 : 0);
  if (type === "objlnk" && typeof value === "string") return linkBytes(value);
  if (typeof value === "number") {
    if (type === "float") return floatBytes(value);
    if (type === "integer" || type === "time") return integerBytes(value);
    if (type === "unsigned") return unsignedBytes(value);
  }
  throw new ValueError(`${String(value)} is no ${type}`);
}

function integerBytes(value: number): Buffer {
  if (!Number.isSafeInteger(value)) throw new ValueError(`${value} is no integer`);
  const width = [1, 2, 4].find((bytes) => value >= -(2 ** (bytes * 8 - 1)) && value < 2 ** (bytes * 8 - 1)) ?? 8;
  const bytes = Buffer.alloc(width);
  if (width === 8) bytes.writeBigInt64BE(BigInt(value));
  else bytes.writeIntBE(value, 0, width);
  return bytes;
}

function unsignedBytes(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new ValueError(`${value} is no unsigned integer`);
  const width = [1, 2, 4].find((bytes) => value < 2 ** (bytes * 8)) ?? 8;
  const bytes = Buffer.alloc(width);
  if (width === 8) bytes.writeBigUInt64BE(BigInt(value));
  else bytes.writeUIntBE(value, 0, width);
  return bytes;
}

function floatBytes(value: number): Buffer {
  const single = Buffer.alloc(4);
  single.writeFloatBE(value);
  if (Object.is(single.readFloatBE(), value)) return single;
  const double = Buffer.alloc(8);
  double.writeDoubleBE(value);
  return double;
}

function linkBytes(text: string): Buffer {
  const [, object, instance] = /^(\d{1,5}):(\d{1,5})$/.exec(text) ?? [];
  const bytes = Buffer.alloc(4);
  const ids = [Number(object), Number(instance)];
  if (!ids.every((id) => id <= 0xffff)) throw new ValueError(`${text} is no object link`);
  ids.forEach((id, index) => bytes.writeUInt16BE(id, index * 2));
  return bytes;
}

/** The value of TLV bytes. Throws `ValueError`. */
export function fromBytes(type: ValueType, bytes: Buffer): Value {
  const width = bytes.length;
  switch (type) {
    case "string":
      return utf8(bytes);
    case "opaque":
      // A copy: the datagram it came in may be large and is not kept.
      return Buffer.from(bytes);
    case "boolean":
      if (width === 1 && (bytes[0] ?? 2) < 2) return bytes[0] === 1;
      break;
    case "integer":
    case "time":
      if (width === 1 || width === 2 || width === 4) return bytes.readIntBE(0, width);
      if (width === 8) return safe(bytes.readBigInt64BE());
      break;
    case "unsigned":
      if (width === 1 || width === 2 || width === 4) return bytes.readUIntBE(0, width);
      if (width === 8) return safe(bytes.readBigUInt64BE());
      break;
    case "float":
      if (width === 4) return bytes.readFloatBE();
      if (width === 8) return bytes.readDoubleBE();
      break;
    case "objlnk":
      if (width === 4) return `${bytes.readUInt16BE(0)}:${bytes.readUInt16BE(2)}`;
      break;
  }
  throw new ValueError(`${width} bytes are no ${type}`);
}

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ValueError(`${value} is beyond what this device counts with`);
  return number;
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ValueError("bytes are no UTF-8");
  }
}

/** The value as text/plain. */
export const toText = (value: Value): string => (Buffer.isBuffer(value) ? value.toString("base64") : typeof value === "boolean" ? (value ? "1" : "0") : String(value));

/** The value of text/plain. Throws `ValueError`. */
export function fromText(type: ValueType, bytes: Buffer): Value {
  const text = utf8(bytes);
  switch (type) {
    case "string":
      return text;
    case "boolean":
      if (text === "0" || text === "1") return text === "1";
      break;
    case "integer":
    case "time":
      if (/^[+-]?\d{1,16}$/.test(text)) return Number(text);
      break;
    case "unsigned":
      if (/^\d{1,16}$/.test(text)) return Number(text);
      break;
    case "float":
      if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
      break;
    case "objlnk":
      if (/^\d{1,5}:\d{1,5}$/.test(text)) return text;
      break;
    case "opaque":
      if (/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return Buffer.from(text, "base64");
      break;
  }
  throw new ValueError(`${JSON.stringify(text)} is no ${type}`);
}
