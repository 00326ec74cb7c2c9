import { ContentError } from "../errors.js";
import type { InstanceNode, Node, ResourceNode, Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";
import type { ObjectDefinition } from "../objects/registry.js";
import { maximumId } from "../paths.js";
import { booleanOf, bytesOf, floatOf, inferredType, integerOf, linkOf, textOf } from "./value-type.js";

/** Identifier kinds, bits 7-6 of the type byte (LwM2M Core 1.1 §7.4.3.1). */
export const tlvKind = { instance: 0x00, resourceInstance: 0x40, multipleResource: 0x80, resource: 0xc0 } as const;

/**
 * Writes backwards, last byte first, so that a length is known by the time its header is written and nothing is encoded twice. The buffer is
 * shared by all encodings of a thread; `encode` copies the result out.
 */
class BackwardWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #start = 4096;

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** Place for the next bytes, taken before the buffer is touched: growing replaces it. */
  #room(count: number): number {
    if (count > this.#start) {
      const used = this.length;
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + count));
      this.#bytes.copy(larger, larger.length - used, this.#start);
      this.#bytes = larger;
      this.#start = larger.length - used;
    }
    return (this.#start -= count);
  }

  reset(): void {
    if (this.#bytes.length > 65_536) this.#bytes = Buffer.allocUnsafe(4096);
    this.#start = this.#bytes.length;
  }

  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#start));
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  u24(value: number): void {
    const at = this.#room(3);
    this.#bytes.writeUIntBE(value, at, 3);
  }

  i8(value: number): void {
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
  }

  i16(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
  }

  i32(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  i64(value: bigint): void {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  u64(value: bigint): void {
    const at = this.#room(8);
    this.#bytes.writeBigUInt64BE(value, at);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeFloatBE(value, at);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    const at = this.#room(length);
    this.#bytes.write(value, at, length, "utf8");
  }
}

const writer = new BackwardWriter();

function writeHeader(kind: number, id: number, length: number): void {
  if (!Number.isInteger(id) || id < 0 || id > maximumId) throw new ContentError(`an id is 0 to ${maximumId}, not ${id}`);
  let type = kind;
  if (length > 0xffff) {
    if (length > 0xffffff) throw new ContentError("a TLV holds at most 16777215 bytes");
    writer.u24(length);
    type |= 0x18;
  } else if (length > 0xff) {
    writer.u16(length);
    type |= 0x10;
  } else if (length > 7) {
    writer.u8(length);
    type |= 0x08;
  } else {
    type |= length;
  }
  if (id > 0xff) {
    writer.u16(id);
    type |= 0x20;
  } else {
    writer.u8(id);
  }
  writer.u8(type);
}

function writeInteger(value: number | bigint): void {
  if (typeof value === "bigint" || value < -0x80000000 || value > 0x7fffffff) writer.i64(BigInt(value));
  else if (value >= -0x80 && value <= 0x7f) writer.i8(value);
  else if (value >= -0x8000 && value <= 0x7fff) writer.i16(value);
  else writer.i32(value);
}

function writeUnsigned(value: number | bigint): void {
  if (typeof value === "bigint" || value > 0xffffffff) writer.u64(BigInt(value));
  else if (value <= 0xff) writer.u8(value);
  else if (value <= 0xffff) writer.u16(value);
  else writer.u32(value);
}

function writeValue(type: ValueType, value: Value): void {
  switch (type) {
    case "String":
    case "Corelnk":
      return writer.text(textOf(type, value));
    case "Integer":
    case "Time":
      return writeInteger(integerOf(type, value));
    case "Unsigned Integer":
      return writeUnsigned(integerOf(type, value));
    case "Float": {
      const float = floatOf(type, value);
      return Object.is(Math.fround(float), float) ? writer.float(float) : writer.double(float);
    }
    case "Boolean":
      return writer.u8(booleanOf(type, value) ? 1 : 0);
    case "Opaque":
      return writer.bytes(bytesOf(type, value));
    case "Objlnk": {
      const { object, instance } = linkOf(type, value);
      writer.u16(instance);
      return writer.u16(object);
    }
  }
}

function writeResourceInstance(id: number, value: Value, type: ValueType | undefined, kind: number): void {
  const before = writer.length;
  writeValue(type ?? inferredType(value), value);
  writeHeader(kind, id, writer.length - before);
}

function writeResource(node: ResourceNode, definition: ObjectDefinition | undefined): void {
  const type = definition?.resources.get(node.id)?.type;
  if (node.kind === "resource") return writeResourceInstance(node.id, node.value, type, tlvKind.resource);
  const before = writer.length;
  for (let at = node.instances.length - 1; at >= 0; at--) {
    const instance = node.instances[at];
    if (instance !== undefined) writeResourceInstance(instance.id, instance.value, type, tlvKind.resourceInstance);
  }
  writeHeader(tlvKind.multipleResource, node.id, writer.length - before);
}

function writeResources(resources: readonly ResourceNode[], definition: ObjectDefinition | undefined): void {
  for (let at = resources.length - 1; at >= 0; at--) {
    const resource = resources[at];
    if (resource !== undefined) writeResource(resource, definition);
  }
}

function writeInstance(node: InstanceNode, definition: ObjectDefinition | undefined): void {
  const before = writer.length;
  writeResources(node.resources, definition);
  writeHeader(tlvKind.instance, node.id, writer.length - before);
}

/**
 * Writes a node as the payload for its own path: an object as its instances, an instance as its bare resources, a resource as itself, a resource
 * instance inside its multiple resource (`resourceId`). Throws `ContentError` for values that are not of the resource's type.
 */
export function encodeTlv(node: Node, definition: ObjectDefinition | undefined, resourceId?: number): Buffer {
  writer.reset();
  switch (node.kind) {
    case "object":
      for (let at = node.instances.length - 1; at >= 0; at--) {
        const instance = node.instances[at];
        if (instance !== undefined) writeInstance(instance, definition);
      }
      break;
    case "instance":
      writeResources(node.resources, definition);
      break;
    case "resource-instance":
      if (resourceId === undefined) throw new ContentError("a resource instance is written inside its resource");
      writeResource({ kind: "multiple-resource", id: resourceId, instances: [node] }, definition);
      break;
    default:
      writeResource(node, definition);
  }
  return writer.copy();
}

/** Bare resources that name no instance: a Create whose instance id the client shall choose. */
export function encodeTlvResources(resources: readonly ResourceNode[], definition: ObjectDefinition | undefined): Buffer {
  writer.reset();
  writeResources(resources, definition);
  return writer.copy();
}
