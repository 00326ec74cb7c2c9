import { handshakeMessage, HandshakeType } from "../codec/handshake.js";
import { readServerHello } from "../codec/messages.js";
import { ContentType } from "../codec/record.js";
import { connectionKeys, type ConnectionKeys } from "../crypto/key-schedule.js";
import { suitesNamed } from "../crypto/suites.js";
import { recordIds } from "../handshake/steps.js";
import { messagesIn, recordsIn } from "./handmade.js";
import type { StagedServer } from "./staged.js";

/** Reads and writes under the keys of a server's newest session, which it has from the key log as anybody would. */
export class Tap {
  readonly keys: ConnectionKeys;
  /** Far ahead of what either end has used. */
  #next = 1_000;

  constructor(server: StagedServer) {
    const session = server.sessions.at(-1);
    const [, clientRandom = "", master = ""] = server.keyLog.at(-1)?.split(" ") ?? [];
    const hello = messagesIn(...server.sent.filter((datagram) => datagram[0] === ContentType.handshake)).findLast(({ type }) => type === HandshakeType.serverHello);
    if (session === undefined || hello === undefined) throw new Error("no session");
    const [suite] = suitesNamed([session.info.suite]);
    if (suite === undefined) throw new Error("no suite");
    const randoms = { client: Buffer.from(clientRandom, "hex"), server: readServerHello(hello.body).random };
    this.keys = connectionKeys(suite, Buffer.from(master, "hex"), randoms, { encryptThenMac: session.info.encryptThenMac, randomIv: () => Buffer.alloc(16, 3) }, recordIds("server", session.info.connectionIds));
  }

  /** A record as that end would send it. */
  seal(by: "client" | "server", type: ContentType, content: Uint8Array, sequence = this.#next++): Buffer {
    const { connectionId } = this.keys[by].keys;
    return connectionId === undefined ? this.keys[by].seal(type, 1, sequence, content) : this.keys[by].seal(ContentType.connectionId, 1, sequence, Buffer.concat([content, Uint8Array.of(type)]));
  }

  /** A record under the id of a session that has one: `inner` is all that is protected, with the type behind the content as whoever writes it has it. */
  sealInner(by: "client" | "server", inner: Uint8Array): Buffer {
    return this.keys[by].seal(ContentType.connectionId, 1, this.#next++, inner);
  }

  message(by: "client" | "server", type: HandshakeType, messageSeq: number, body: Uint8Array): Buffer {
    return this.seal(by, ContentType.handshake, handshakeMessage(type, messageSeq, body).raw);
  }

  alert(by: "client" | "server", level: number, description: number): Buffer {
    return this.seal(by, ContentType.alert, Buffer.from([level, description]));
  }

  /** The protected content of what that end sent: `type hex`. */
  read(by: "client" | "server", ...datagrams: readonly Buffer[]): readonly string[] {
    return datagrams
      .flatMap((datagram) => recordsIn(datagram))
      .filter(({ epoch }) => epoch === 1)
      .map((record) => `${record.type} ${this.keys[by].open(record)?.toString("hex") ?? "does not open"}`);
  }
}
