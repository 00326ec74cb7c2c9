import type { Address } from "../../ports/index.js";
import { Reader, Writer } from "../../wire/index.js";
import { DecodeError } from "../codec/errors.js";

const VERSION = 1;

/** A session of a server as it is put away: its own bytes, where its client was, and what the server's owner knows of it. */
export interface SavedAtServer {
  readonly peer: Address;
  readonly context: Uint8Array;
  readonly session: Uint8Array;
}

/** Throws RangeError for a context of more than 65,535 bytes. */
export function writeSavedServer(sessions: Iterable<SavedAtServer>): Buffer {
  const writer = new Writer(4_096).u8(VERSION);
  for (const { peer, context, session } of sessions) {
    const host = Buffer.from(peer.host, "latin1");
    writer.u8(host.length).bytes(host).u16(peer.port);
    for (const bytes of [context, session]) writer.u16(bytes.length).bytes(bytes);
  }
  return writer.finish();
}

/** Views on the bytes. Throws WireError for what are no saved sessions, or in another version. */
export function readSavedServer(bytes: Uint8Array): readonly SavedAtServer[] {
  const reader = new Reader(bytes);
  const version = reader.u8("version");
  if (version !== VERSION) throw new DecodeError(`saved sessions of version ${version}`);
  const sessions: SavedAtServer[] = [];
  while (reader.remaining > 0) {
    const host = reader.bytes(reader.u8("host length"), "host").toString("latin1");
    const port = reader.u16("port");
    if (host === "" || port === 0) throw new DecodeError("a saved session without an address");
    sessions.push({ peer: { host, port }, context: reader.bytes(reader.u16("context length"), "context"), session: reader.bytes(reader.u16("session length"), "session") });
  }
  return sessions;
}
