import { z } from "zod";
import { HandshakeType, readFragment } from "../src/dtls/codec/handshake.js";
import { ExtensionType } from "../src/dtls/codec/extensions.js";
import { readClientHello, readServerHello } from "../src/dtls/codec/messages.js";
import { ContentType, readRecord, recordLength, type DtlsRecord } from "../src/dtls/codec/record.js";
import { connectionKeys, type ConnectionKeys } from "../src/dtls/crypto/key-schedule.js";
import { cipherSuites } from "../src/dtls/crypto/suites.js";
import { Reader } from "../src/wire/index.js";

const recordsSeen = z.looseObject({ role: z.string(), event: z.looseObject({ kind: z.literal("dtls"), direction: z.enum(["in", "out"]), peer: z.string(), hex: z.string() }) });

/** NSS key log: the master secret of each session by the client random it began with, both in hex. */
const mastersIn = (keyLog: string): ReadonlyMap<string, string> => new Map([...keyLog.matchAll(/^CLIENT_RANDOM ([0-9a-f]+) ([0-9a-f]+)$/gm)].map(([, random = "", master = ""]) => [random, master]));

function* recordsIn(datagram: Buffer): Generator<DtlsRecord> {
  for (let at = 0, record = readRecord(datagram, at); record !== undefined; at += recordLength(record), record = readRecord(datagram, at)) yield record;
}

/** What goes on between a server and one address: a handshake gives the keys for what follows it. */
class Conversation {
  #clientRandom: Uint8Array = new Uint8Array();
  #keys: ConnectionKeys | undefined;

  constructor(readonly masters: ReadonlyMap<string, string>) {}

  /** The application data of a record that the server sent, decrypted; undefined for all else. */
  read(record: DtlsRecord, byServer: boolean): Buffer | undefined {
    if (record.epoch === 0 && record.type === ContentType.handshake) this.#handshake(new Reader(record.fragment));
    return record.epoch === 1 && record.type === ContentType.applicationData && byServer ? this.#keys?.server.open(record) : undefined;
  }

  #handshake(reader: Reader): void {
    while (reader.remaining > 0) {
      const { type, body, length } = readFragment(reader);
      if (body.length !== length) continue;
      if (type === HandshakeType.clientHello) this.#clientRandom = readClientHello(body).random;
      if (type !== HandshakeType.serverHello) continue;
      const { suite: id, random, extensions } = readServerHello(body);
      const suite = cipherSuites.find((one) => one.id === id);
      const master = this.masters.get(Buffer.from(this.#clientRandom).toString("hex"));
      if (suite === undefined || master === undefined) continue;
      this.#keys = connectionKeys(suite, Buffer.from(master, "hex"), { client: this.#clientRandom, server: random }, { encryptThenMac: extensions.has(ExtensionType.encryptThenMac), randomIv: () => new Uint8Array() });
    }
  }
}

/** What a role sent its devices over DTLS, decrypted with the run's key log: message by message. Records with connection ids are left out. */
export function decryptedFrom(role: string, trace: string, keyLog: string): Buffer[] {
  const masters = mastersIn(keyLog);
  const conversations = new Map<string, Conversation>();
  return trace.split("\n").flatMap((line) => {
    const parsed = line === "" ? undefined : recordsSeen.safeParse(JSON.parse(line));
    if (parsed?.success !== true || parsed.data.role !== role) return [];
    const { peer, direction, hex } = parsed.data.event;
    const conversation = conversations.get(peer) ?? new Conversation(masters);
    conversations.set(peer, conversation);
    return [...recordsIn(Buffer.from(hex, "hex"))].flatMap((record) => conversation.read(record, direction === "out") ?? []);
  });
}
