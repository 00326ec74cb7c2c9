/**
 * The TLV format (application/vnd.oma.lwm2m+tlv, LwM2M Core 1.1 §7.4.3). Entries only: what the bytes of a value mean is not known here.
 */
export type TlvEntry =
  | { readonly kind: "resource" | "resource-instance"; readonly id: number; readonly value: Buffer }
  | { readonly kind: "instance" | "multiple-resource"; readonly id: number; readonly entries: readonly TlvEntry[] };

/** Bytes that are no TLV; the only error the reader throws. */
export class TlvError extends Error {}

const kinds = ["instance", "resource-instance", "multiple-resource", "resource"] as const;
type Kind = (typeof kinds)[number];

/** What may stand in what: object instances at the top only, resource instances in multiple resources only. */
const children: Readonly<Record<"top" | "instance" | "multiple-resource", readonly Kind[]>> = {
  top: kinds,
  instance: ["resource", "multiple-resource"],
  "multiple-resource": ["resource-instance"],
};

/** Reads a payload; the depth is bounded by what may stand in what. Throws `TlvError`. */
export const readTlv = (payload: Buffer): TlvEntry[] => readEntries(payload, "top");

function readEntries(bytes: Buffer, inside: keyof typeof children): TlvEntry[] {
  const entries: TlvEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const type = bytes.readUInt8(at);
    const kind = kinds[(type >> 6) & 3] ?? "instance";
    const idBytes = (type & 0x20) === 0 ? 1 : 2;
    const lengthBytes = (type >> 3) & 3;
    const header = 1 + idBytes + lengthBytes;
    if (at + header > bytes.length) throw new TlvError("the header of an entry is cut off");
    const id = bytes.readUIntBE(at + 1, idBytes);
    const length = lengthBytes === 0 ? type & 7 : bytes.readUIntBE(at + 1 + idBytes, lengthBytes);
    const end = at + header + length;
    if (end > bytes.length) throw new TlvError(`entry ${id} ends after the payload`);
    if (!children[inside].includes(kind)) throw new TlvError(`${kind} ${id} inside ${inside}`);
    const value = bytes.subarray(at + header, end);
    entries.push(kind === "instance" || kind === "multiple-resource" ? { kind, id, entries: readEntries(value, kind) } : { kind, id, value });
    at = end;
  }
  return entries;
}

export const writeTlv = (entries: readonly TlvEntry[]): Buffer => Buffer.concat(entries.map(writeEntry));

function writeEntry(entry: TlvEntry): Buffer {
  const value = "value" in entry ? entry.value : writeTlv(entry.entries);
  const idBytes = entry.id < 0x100 ? 1 : 2;
  // Up to seven bytes of length fit in the type byte itself.
  const lengthBytes = value.length < 8 ? 0 : value.length < 0x100 ? 1 : value.length < 0x10000 ? 2 : 3;
  const header = Buffer.alloc(1 + idBytes + lengthBytes);
  header.writeUInt8((kinds.indexOf(entry.kind) << 6) | (idBytes === 2 ? 0x20 : 0) | (lengthBytes << 3) | (lengthBytes === 0 ? value.length : 0), 0);
  header.writeUIntBE(entry.id, 1, idBytes);
  if (lengthBytes > 0) header.writeUIntBE(value.length, 1 + idBytes, lengthBytes);
  return Buffer.concat([header, value]);
}
