import { HandshakeType, readFragment, type HandshakeFragment } from "../../src/dtls/codec/handshake.js";
import { readClientHello, readServerHello } from "../../src/dtls/codec/messages.js";
import { ContentType, readRecord, recordLength, type DtlsRecord } from "../../src/dtls/codec/record.js";
import { connectionKeys, masterSecret, type ConnectionKeys } from "../../src/dtls/crypto/key-schedule.js";
import { pskPremaster } from "../../src/dtls/crypto/primitives.js";
import { suiteNamed } from "../../src/dtls/crypto/suites.js";
import { Reader, WireError } from "../../src/wire/index.js";

const suite = suiteNamed("TLS_PSK_WITH_AES_128_CCM_8");
/** A record of the session before may come after the ServerHello of the next. */
const sessionsKept = 4;

/**
 * What somebody who holds the keys reads in the DTLS of a client with one server. This client has one suite and no extensions, and resumes nothing, so two
 * randoms and a key are all that a session follows from.
 */
export class Overheard {
  #clientRandom: Uint8Array = Buffer.alloc(0);
  #sessions: readonly ConnectionKeys[] = [];

  /** `keys`: those that the client might use with this server now. */
  constructor(private readonly keys: () => readonly Uint8Array[]) {}

  /** The application data of a datagram, record by record. */
  read(direction: "in" | "out", datagram: Buffer): readonly Buffer[] {
    const found: Buffer[] = [];
    for (let at = 0, record = readRecord(datagram, 0); record !== undefined; at += recordLength(record), record = readRecord(datagram, at)) {
      if (record.type === ContentType.handshake && record.epoch === 0) this.#handshake(record.fragment);
      const opened = record.type === ContentType.applicationData ? this.#open(direction, record) : undefined;
      if (opened !== undefined) found.push(opened);
    }
    return found;
  }

  #open(direction: "in" | "out", record: DtlsRecord): Buffer | undefined {
    for (const session of this.#sessions) {
      const plaintext = (direction === "out" ? session.client : session.server).open(record);
      if (plaintext !== undefined) return plaintext;
    }
    return undefined;
  }

  #handshake(content: Buffer): void {
    try {
      for (const reader = new Reader(content); reader.remaining > 0; ) this.#message(readFragment(reader));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }

  /** Its tinydtls puts no fragments together, so every message comes whole. */
  #message({ type, body }: HandshakeFragment): void {
    if (type === HandshakeType.clientHello) this.#clientRandom = readClientHello(body).random;
    if (type !== HandshakeType.serverHello) return;
    const randoms = { client: this.#clientRandom, server: readServerHello(body).random };
    const made = this.keys().map((key) => connectionKeys(suite, masterSecret(pskPremaster(key), randoms), randoms, { encryptThenMac: false, randomIv: () => Buffer.alloc(0) }));
    this.#sessions = [...made, ...this.#sessions].slice(0, sessionsKept);
  }
}
