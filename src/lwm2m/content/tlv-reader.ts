import { isUtf8 } from "node:buffer";
import { ContentError } from "../errors.js";
import type { InstanceNode, ResourceInstanceNode, ResourceNode, Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";
import type { ObjectDefinition } from "../objects/registry.js";
import { maximumId } from "../paths.js";
import { narrowest } from "./value-type.js";
import { tlvKind } from "./tlv-writer.js";

/** Most entries (instances, resources, resource instances) of one payload. */
const maximumEntries = 32_768;

/** Reads one payload of nested TLVs. Every read is checked against the end of the entry it belongs to. */
export class TlvReader {
  readonly #bytes: Buffer;
  readonly #definition: ObjectDefinition | undefined;
  #at = 0;
  #entries = 0;
  // The header read last.
  #kind = 0;
  #id = 0;
  #end = 0;

  constructor(bytes: Uint8Array, definition: ObjectDefinition | undefined) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#definition = definition;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Kind of the entry that follows; undefined at the end. */
  get nextKind(): number | undefined {
    const type = this.#bytes[this.#at];
    return type === undefined ? undefined : type & 0xc0;
  }

  #header(limit: number): void {
    const bytes = this.#bytes;
    if (++this.#entries > maximumEntries) throw new ContentError(`more than ${maximumEntries} TLVs`);
    const type = this.#u8(limit);
    const id = (type & 0x20) === 0 ? this.#u8(limit) : (this.#u8(limit) << 8) | this.#u8(limit);
    if (id > maximumId) throw new ContentError("TLV with the reserved id 65535");
    let length = type & 0x07;
    for (let count = (type & 0x18) >> 3, first = true; count > 0; count--, first = false) length = (first ? 0 : length << 8) | this.#u8(limit);
    if (length > limit - this.#at) throw new ContentError(`TLV ${id}: ${length} bytes wanted, ${limit - this.#at} left of ${bytes.length}`);
    this.#kind = type & 0xc0;
    this.#id = id;
    this.#end = this.#at + length;
  }

  #u8(limit: number): number {
    const byte = this.#at < limit ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) throw new ContentError("TLV header cut short");
    this.#at++;
    return byte;
  }

  instances(): InstanceNode[] {
    const instances: InstanceNode[] = [];
    while (!this.atEnd) instances.push(this.instance());
    rejectDoubles(instances);
    return instances;
  }

  instance(): InstanceNode {
    this.#header(this.#bytes.length);
    if (this.#kind !== tlvKind.instance) throw new ContentError("an object instance TLV is wanted");
    const id = this.#id;
    return { kind: "instance", id, resources: this.resources(this.#end) };
  }

  resources(end = this.#bytes.length): ResourceNode[] {
    const resources: ResourceNode[] = [];
    while (this.#at < end) resources.push(this.resource(end));
    rejectDoubles(resources);
    return resources;
  }

  resource(limit = this.#bytes.length): ResourceNode {
    this.#header(limit);
    const id = this.#id;
    const type = this.#definition?.resources.get(id)?.type;
    if (this.#kind === tlvKind.resource) return { kind: "resource", id, value: this.#value(type) };
    if (this.#kind !== tlvKind.multipleResource) throw new ContentError(`TLV ${id}: a resource is wanted`);
    const end = this.#end;
    const instances: ResourceInstanceNode[] = [];
    while (this.#at < end) instances.push(this.#resourceInstance(end, type));
    rejectDoubles(instances);
    return { kind: "multiple-resource", id, instances };
  }

  /** A resource instance that stands alone, outside its multiple resource. */
  bareResourceInstance(resourceId: number): ResourceInstanceNode {
    return this.#resourceInstance(this.#bytes.length, this.#definition?.resources.get(resourceId)?.type);
  }

  #resourceInstance(limit: number, type: ValueType | undefined): ResourceInstanceNode {
    this.#header(limit);
    if (this.#kind !== tlvKind.resourceInstance) throw new ContentError(`TLV ${this.#id}: a resource instance is wanted`);
    const id = this.#id;
    return { kind: "resource-instance", id, value: this.#value(type) };
  }

  /** The value between here and the end of the entry; bytes when the type is not known. */
  #value(type: ValueType | undefined): Value {
    const bytes = this.#bytes;
    const at = this.#at;
    const end = this.#end;
    const length = end - at;
    this.#at = end;
    switch (type) {
      case "String":
      case "Corelnk":
        return decodeUtf8(bytes, at, end);
      case "Integer":
      case "Time":
        if (length === 1) return bytes.readInt8(at);
        if (length === 2) return bytes.readInt16BE(at);
        if (length === 4) return bytes.readInt32BE(at);
        if (length === 8) return narrowest(bytes.readBigInt64BE(at));
        throw wrongLength(type, length);
      case "Unsigned Integer":
        if (length === 1) return bytes.readUInt8(at);
        if (length === 2) return bytes.readUInt16BE(at);
        if (length === 4) return bytes.readUInt32BE(at);
        if (length === 8) return narrowest(bytes.readBigUInt64BE(at));
        throw wrongLength(type, length);
      case "Float":
        if (length === 4) return bytes.readFloatBE(at);
        if (length === 8) return bytes.readDoubleBE(at);
        throw wrongLength(type, length);
      case "Boolean": {
        if (length !== 1) throw wrongLength(type, length);
        const byte = bytes.readUInt8(at);
        if (byte > 1) throw new ContentError(`Boolean of value ${byte}`);
        return byte === 1;
      }
      case "Objlnk":
        if (length !== 4) throw wrongLength(type, length);
        return { object: bytes.readUInt16BE(at), instance: bytes.readUInt16BE(at + 2) };
      case "Opaque":
      case undefined:
        return new Uint8Array(bytes.subarray(at, end));
    }
  }
}

const wrongLength = (type: ValueType, length: number): ContentError => new ContentError(`${type} of ${length} bytes`);

/** Strict UTF-8. */
export function decodeUtf8(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  // U+FFFD is what the decoder puts in place of wrong bytes; only then is it worth asking whether they were.
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) throw new ContentError("text is not UTF-8");
  return text;
}

function rejectDoubles(nodes: readonly { readonly id: number }[]): void {
  let ascending = true;
  for (let at = 1; at < nodes.length && ascending; at++) ascending = (nodes[at]?.id ?? 0) > (nodes[at - 1]?.id ?? 0);
  if (ascending) return;
  const seen = new Set<number>();
  for (const { id } of nodes) {
    if (seen.has(id)) throw new ContentError(`TLV ${id} appears twice`);
    seen.add(id);
  }
}
