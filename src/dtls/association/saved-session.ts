import { Reader, Writer } from "../../wire/index.js";
import { DecodeError } from "../codec/errors.js";
import { MAX_SESSION_ID_LENGTH } from "../codec/messages.js";
import { MAX_PLAINTEXT } from "../codec/record.js";
import { kept } from "../crypto/primitives.js";
import type { DirectionKeys } from "../crypto/protection.js";
import { cipherSuites, suiteNamed } from "../crypto/suites.js";
import type { RecordLimits } from "../handshake/record-limits.js";
import { SEQUENCE_NUMBERS, type RecordState } from "../record/record-layer.js";
import type { AuthenticationMode, SessionInfo } from "../types.js";

const VERSION = 1;
const MASTER_LENGTH = 48;
const MAX_IDENTITY = 8_192;
const MAX_CONNECTION_ID = 16;
/** Records that a session may have sent since it was saved: their numbers are not used again. */
export const SKIPPED_WHEN_RESTORED = 2 ** 20;
const modes: readonly AuthenticationMode[] = ["psk", "rpk", "x509"];
const Flags = { extendedMasterSecret: 1, encryptThenMac: 2, resumed: 4, connectionIds: 8, serverName: 16, server: 32 } as const;
const ALL_FLAGS = Object.values(Flags).reduce((all, flag) => all | flag, 0);

/** A session as it can be put away: everything that its next record needs. */
export interface SavedSession {
  /** Of the end that saved it: the other one writes with what it reads with. */
  readonly role: "client" | "server";
  readonly info: SessionInfo;
  readonly read: DirectionKeys;
  readonly write: DirectionKeys;
  readonly records: RecordState;
  readonly limits: RecordLimits;
}

const writeKeys = (writer: Writer, { macKey, key, iv }: DirectionKeys): Writer => writer.bytes(macKey).bytes(key).bytes(iv);
const writeU48 = (writer: Writer, value: number): Writer => writer.u16(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32);
const readU48 = (reader: Reader, field: string): number => reader.u16(field) * 2 ** 32 + reader.u32(field);

export function writeSavedSession({ role, info, read, write, records, limits }: SavedSession): Buffer {
  const { suite, resumption, identity, serverName, connectionIds } = info;
  const flags =
    (info.extendedMasterSecret ? Flags.extendedMasterSecret : 0) |
    (info.encryptThenMac ? Flags.encryptThenMac : 0) |
    (info.resumed ? Flags.resumed : 0) |
    (connectionIds === undefined ? 0 : Flags.connectionIds) |
    (serverName === undefined ? 0 : Flags.serverName) |
    (role === "server" ? Flags.server : 0);
  const writer = new Writer(320).u8(VERSION).u16(suiteNamed(suite).id).u8(flags).u8(modes.indexOf(identity.mode)).u16(identity.bytes.length).bytes(identity.bytes);
  // Without a session id there is nothing to resume, and nobody needs the master secret.
  writer.u8(resumption?.sessionId.length ?? 0);
  if (resumption !== undefined) writer.bytes(resumption.sessionId).bytes(resumption.masterSecret);
  if (serverName !== undefined) writer.u8(serverName.length).bytes(Buffer.from(serverName, "latin1"));
  if (connectionIds !== undefined) for (const id of [connectionIds.own, connectionIds.peer]) writer.u8(id.length).bytes(id);
  writeKeys(writeKeys(writer, read), write);
  writeU48(writer, records.sealed);
  // Before the first record there is no newest number; nothing has been seen then.
  writeU48(writer, Math.max(0, records.newest));
  writer.u32(Number(records.seen >> 32n)).u32(Number(records.seen & 0xffff_ffffn));
  return writer.u16(limits.send ?? MAX_PLAINTEXT).u16(limits.receive ?? MAX_PLAINTEXT).finish();
}

/** Throws WireError for what is no saved session of this end, or one of another version. */
export function readSavedSession(bytes: Uint8Array, role: "client" | "server"): SavedSession {
  const reader = new Reader(bytes);
  const version = reader.u8("version");
  if (version !== VERSION) throw new DecodeError(`a saved session of version ${version}`);
  const suiteId = reader.u16("cipher suite");
  const suite = cipherSuites.find(({ id }) => id === suiteId);
  if (suite === undefined) throw new DecodeError(`a saved session with suite 0x${suiteId.toString(16)}`);
  const flags = reader.u8("flags");
  if ((flags & ~ALL_FLAGS) !== 0) throw new DecodeError(`a saved session with flags 0x${flags.toString(16)}`);
  const savedBy = (flags & Flags.server) === 0 ? "client" : "server";
  if (savedBy !== role) throw new DecodeError(`a saved session of a ${savedBy}`);
  const mode = modes[reader.u8("mode")];
  if (mode === undefined) throw new DecodeError("a saved session of an unknown mode");
  const identity = { mode, bytes: opaque(reader, reader.u16("identity length"), MAX_IDENTITY, "identity") };
  const sessionId = opaque(reader, reader.u8("session id length"), MAX_SESSION_ID_LENGTH, "session id");
  const master = sessionId.length === 0 ? Buffer.alloc(0) : opaque(reader, MASTER_LENGTH, MASTER_LENGTH, "master secret");
  const serverName = (flags & Flags.serverName) === 0 ? undefined : opaque(reader, reader.u8("server name length"), 255, "server name").toString("latin1");
  const id = (): Buffer => opaque(reader, reader.u8("connection id length"), 255, "connection id");
  const connectionIds = (flags & Flags.connectionIds) === 0 ? undefined : { own: id(), peer: id() };
  if (connectionIds !== undefined && connectionIds.own.length > MAX_CONNECTION_ID) throw new DecodeError(`a connection id of ${connectionIds.own.length} bytes`);
  const keys = (connectionId: Buffer | undefined): DirectionKeys => ({
    macKey: opaque(reader, suite.macKeyLength, suite.macKeyLength, "MAC key"),
    key: opaque(reader, suite.keyLength, suite.keyLength, "key"),
    iv: opaque(reader, suite.ivLength, suite.ivLength, "IV"),
    connectionId: connectionId === undefined || connectionId.length === 0 ? undefined : connectionId,
  });
  const [read, write] = [keys(connectionIds?.own), keys(connectionIds?.peer)];
  const records = readRecordState(reader);
  const limits = { send: limit(reader), receive: limit(reader) };
  if (reader.remaining > 0) throw new DecodeError("bytes behind the saved session");
  const is = (flag: number): boolean => (flags & flag) !== 0;
  const agreed = { suite: suite.name, extendedMasterSecret: is(Flags.extendedMasterSecret), encryptThenMac: is(Flags.encryptThenMac) };
  const resumption = sessionId.length === 0 ? undefined : { ...agreed, sessionId, masterSecret: master };
  return {
    role,
    info: { ...agreed, resumed: is(Flags.resumed), identity, serverName, connectionIds, resumption },
    read,
    write,
    records,
    limits,
  };
}

function readRecordState(reader: Reader): RecordState {
  const sealed = readU48(reader, "records sealed");
  if (sealed + SKIPPED_WHEN_RESTORED >= SEQUENCE_NUMBERS) throw new DecodeError("the record numbers of the saved session are used up");
  const newest = readU48(reader, "newest record");
  const seen = (BigInt(reader.u32("records seen")) << 32n) | BigInt(reader.u32("records seen"));
  return { sealed, newest: seen === 0n ? -1 : newest, seen };
}

function opaque(reader: Reader, length: number, most: number, field: string): Buffer {
  if (length > most) throw new DecodeError(`${field} of ${length} bytes`);
  return kept(reader.bytes(length, field));
}

function limit(reader: Reader): number {
  const value = reader.u16("record size limit");
  if (value === 0 || value > MAX_PLAINTEXT) throw new DecodeError(`a record size limit of ${value}`);
  return value;
}
