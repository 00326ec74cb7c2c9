import { Reader, Writer } from "../../wire/index.js";
import { DecodeError } from "./errors.js";

/** The TLS ExtensionType registry. */
export const ExtensionType = { serverName: 0, encryptThenMac: 22, extendedMasterSecret: 23, renegotiationInfo: 0xff01 } as const;

/** More than any peer needs, and few enough to look through. */
const MAX_EXTENSIONS = 64;

/** Extensions by type, in the order they stand in the message. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** What is left of the reader: nothing at all, or a list of extensions. Throws WireError. */
export function readExtensions(reader: Reader): Map<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (reader.remaining === 0) return extensions;
  const list = new Reader(reader.bytes(reader.u16("extensions length"), "extensions"));
  if (reader.remaining > 0) throw new DecodeError("bytes behind the extensions");
  while (list.remaining > 0) {
    const type = list.u16("extension type");
    const data = list.bytes(list.u16("extension length"), "extension");
    if (extensions.has(type)) throw new DecodeError(`extension ${type} twice`);
    if (extensions.size === MAX_EXTENSIONS) throw new DecodeError(`more than ${MAX_EXTENSIONS} extensions`);
    extensions.set(type, data);
  }
  return extensions;
}

/** No list at all when there are none, as a peer without extensions expects. */
export function writeExtensions(writer: Writer, extensions: Extensions): void {
  if (extensions.size === 0) return;
  let length = 0;
  for (const data of extensions.values()) length += 4 + data.length;
  writer.u16(length);
  for (const [type, data] of extensions) writer.u16(type).u16(data.length).bytes(data);
}

const HOST_NAME = 0;
/** RFC 1035 §2.3.4. */
const MAX_NAME = 255;

/** RFC 6066 §3: the first host name of the list, undefined when there is none. Throws WireError. */
export function readServerName(data: Uint8Array): string | undefined {
  const reader = new Reader(data);
  const list = new Reader(reader.bytes(reader.u16("server name list length"), "server name list"));
  while (list.remaining > 0) {
    const type = list.u8("name type");
    const name = list.bytes(list.u16("name length"), "server name");
    if (type !== HOST_NAME) continue;
    if (name.length === 0 || name.length > MAX_NAME) throw new DecodeError(`a server name of ${name.length} bytes`);
    return name.toString("latin1");
  }
  return undefined;
}

export function writeServerName(name: string): Buffer {
  const bytes = Buffer.from(name, "latin1");
  return new Writer(5 + bytes.length).u16(3 + bytes.length).u8(HOST_NAME).u16(bytes.length).bytes(bytes).finish();
}
