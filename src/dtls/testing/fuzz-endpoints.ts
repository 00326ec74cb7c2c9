import type { Address, Random } from "../../ports/index.js";
import { handshakeMessage } from "../codec/handshake.js";
import { ContentType } from "../codec/record.js";
import type { ClientCredential, ClientSettings } from "../types.js";
import { identities } from "./authority.js";
import { datagrams as captured, type Fuzz } from "./fuzz-codecs.js";
import { helloOf, helloRecord, messagesIn, recordsIn } from "./handmade.js";
import { hostileDatagram, mutated, pick, trying } from "./mutation.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "./staged.js";
import { Tap } from "./tap.js";

/** Both ends ask for as long a connection id, where they ask for one. */
const ID_LENGTH = 4;
const LIMITS = { maxHalfOpen: 30, maxSessions: 30, maxResumable: 30 };
/** Longer than any handshake lives. */
const AFTERLIFE_MS = 64_000;
/** Where a client with an id may go on from. */
const elsewhere: readonly Address[] = [1, 2, 3].map((port) => ({ host: "10.0.0.9", port }));
const pskSettings: readonly ClientSettings[] = [{}, { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] }, { extendedMasterSecret: "never", serverName: "bs" }, { connectionIdLength: ID_LENGTH }];
interface Kind {
  readonly settings?: ClientSettings;
  readonly credential?: ClientCredential;
}
const { keys, rpk, x509 } = await identities();
/** Signatures cost more than anything else in a handshake, so not every other one has them. */
const kinds: readonly Kind[] = [
  ...pskSettings.map((settings) => ({ settings })),
  { settings: { recordSizeLimit: 100, connectionIdLength: ID_LENGTH } },
  { settings: { connectionIdLength: 0 } },
  { settings: { suites: ["TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"] } },
  { credential: rpk },
  { credential: x509() },
];

const total = (datagrams: readonly Buffer[]): number => datagrams.reduce((sum, { length }) => sum + length, 0);

/** What may come back for one datagram: whole records, handshake messages and alerts alone, and no flood of them. */
function judge(answer: readonly Buffer[], input: Buffer): void {
  for (const record of answer.flatMap((datagram) => recordsIn(datagram, ID_LENGTH))) {
    if (record.type === ContentType.applicationData) throw new Error("application data for an answer");
    if (record.epoch === 0 && record.type === ContentType.alert && record.fragment.readUInt8(0) !== 2) throw new Error("a warning in the clear");
  }
  if (total(answer) > 4_000 + 8 * input.length) throw new Error(`${total(answer)} bytes for ${input.length}`);
}

function judgeServer({ server, ports }: StagedServer): void {
  const { live, halfOpen } = server.size;
  if (live > LIMITS.maxSessions || halfOpen > LIMITS.maxHalfOpen) throw new Error(`${live} live and ${halfOpen} half-open`);
  if (ports.clock.pending().length > halfOpen + 2) throw new Error("more timers than handshakes");
}

/** A server that is not done with one hostile peer when the next one comes, all on one clock. */
class Arena {
  readonly server = new StagedServer({ limits: LIMITS, keys, connectionIdLength: ID_LENGTH });
  #port = 1_024;

  nextAddress(): Address {
    this.#port = this.#port === 65_535 ? 1_024 : this.#port + 1;
    return { host: "10.0.0.1", port: this.#port };
  }

  client(random: Random): StagedClient {
    const { settings, credential } = pick(random, kinds);
    return new StagedClient(settings, this.server.ports, credential);
  }

  hear(what: string, datagram: Buffer, from: Address): readonly Buffer[] {
    let answer: readonly Buffer[] = [];
    trying(what, datagram, () => {
      answer = this.server.hear(datagram, from);
      judge(answer, datagram);
    });
    return answer;
  }

  /** Nothing is left once every timer has had its time. */
  async settle(): Promise<void> {
    judgeServer(this.server);
    this.server.sent.length = 0;
    this.server.sessions.length = 0;
    this.server.received.length = 0;
    this.server.keyLog.length = 0;
    await this.server.ports.clock.advance(AFTERLIFE_MS);
    if (this.server.server.size.halfOpen > 0) throw new Error("half-open for ever");
    const pending = this.server.ports.clock.pending();
    if (pending.length > 0) throw new Error(`timers are left: ${pending.join(", ")}`);
  }
}

/** Strangers who cannot receive what is sent to them: no state, and never more bytes back than came. */
export const fuzzStrangers: Fuzz = async (random, inputs) => {
  const arena = new Arena();
  const corpus = [...captured, helloRecord(helloOf()), helloRecord(helloOf({ cookie: Buffer.alloc(32, 7) }), 1, 1)];
  for (let i = 0; i < inputs; i++) {
    const datagram = hostileDatagram(random, corpus);
    const answer = arena.hear("strangers", datagram, arena.nextAddress());
    if (total(answer) > datagram.length) throw new Error(`${total(answer)} bytes for ${datagram.length}: ${datagram.toString("hex")}`);
    if (arena.server.server.size.halfOpen + arena.server.ports.clock.pending().length > 0) throw new Error("a stranger costs state");
    if (i % 1_000 === 0) await arena.settle();
  }
};

/** An honest client's handshake as far as `turns` carries it, and what it would have sent next. */
function begun(arena: Arena, random: Random, from: Address): { readonly client: StagedClient; readonly next: readonly Buffer[]; readonly heard: readonly Buffer[] } {
  const client = arena.client(random);
  const heard: Buffer[] = [];
  let next = client.start();
  for (let rounds = random.below(3); rounds > 0 && next.length > 0; rounds--) {
    heard.push(...next);
    next = client.hear(next.flatMap((datagram) => arena.server.hear(datagram, from)));
  }
  return { client, next, heard };
}

/** A server in the middle of handshakes: each gets changed datagrams of its own, then the true ones. */
export const fuzzServerHandshakes: Fuzz = async (random, inputs) => {
  const arena = new Arena();
  for (let done = 0, peers = 0; done < inputs; peers++) {
    const from = arena.nextAddress();
    arena.server.findKey = (identity) => (random.next() < 0.2 ? Promise.resolve({ key: Buffer.from("0123456789abcdef"), context: identity }) : { key: Buffer.from("0123456789abcdef"), context: identity });
    const { client, next, heard } = begun(arena, random, from);
    const corpus = [...next, ...next, ...heard, pick(random, captured)];
    for (let count = 1 + random.below(12); count > 0 && done < inputs; count--, done++) arena.hear("server in a handshake", hostileDatagram(random, corpus), from);
    converse({ hear: (datagrams) => client.hear(datagrams) }, { hear: (datagrams) => datagrams.flatMap((datagram) => arena.hear("server in a handshake", datagram, from)) }, next);
    // One clock for all: the client's own timer is not what is looked at.
    client.client.close();
    if (peers % 100 === 0) await arena.settle();
  }
  await arena.settle();
};

/** A client in the middle of a handshake that gets changed datagrams of its server. */
export const fuzzClientHandshakes: Fuzz = async (random, inputs) => {
  const arena = new Arena();
  for (let done = 0, peers = 0; done < inputs; peers++) {
    const from = arena.nextAddress();
    const client = arena.client(random);
    let toServer = client.start();
    let toClient: readonly Buffer[] = [];
    for (let rounds = random.below(3); ; rounds--) {
      toClient = toServer.flatMap((datagram) => arena.server.hear(datagram, from));
      if (rounds === 0) break;
      toServer = client.hear(toClient);
    }
    const corpus = [...toClient, ...toClient, ...client.sent, pick(random, captured)];
    for (let count = 1 + random.below(12); count > 0 && done < inputs; count--, done++) {
      const datagram = hostileDatagram(random, corpus);
      trying("client in a handshake", datagram, () => judge(client.hear(datagram), datagram));
    }
    client.hear(toClient);
    if (client.closed.length > 1) throw new Error("closed more than once");
    if (client.connectedAs === undefined) await finish(arena, client);
    else client.client.close();
    if (peers % 100 === 0) await arena.settle();
  }
  await arena.settle();
};

/** A client ends one way or another once its time is over. */
async function finish(arena: Arena, client: StagedClient): Promise<void> {
  if (client.client.state === "closed") return;
  await arena.server.ports.clock.advance(AFTERLIFE_MS);
  if (client.client.state === "handshaking") throw new Error("a handshake for ever");
}

/** Both ends of a session, against strangers and against a peer that has its keys. */
export const fuzzSessions: Fuzz = async (random, inputs) => {
  let session: ReturnType<typeof connected> | undefined = undefined;
  let tap: Tap | undefined = undefined;
  let corpus: Buffer[] = [];
  for (let done = 0; done < inputs; done++) {
    if (session === undefined || tap === undefined || done % 2_000 === 0 || session.client.client.state === "closed" || session.server.sessions[0]?.open === false) {
      if (session !== undefined) await session.server.ports.clock.advance(AFTERLIFE_MS);
      if ((session?.server.ports.clock.pending().length ?? 0) > 0) throw new Error("timers are left");
      session = connected({ client: pick(random, pskSettings), server: { limits: LIMITS, connectionIdLength: ID_LENGTH } });
      tap = new Tap(session.server);
      session.client.client.send(Buffer.from("to the server"));
      session.server.sessions[0]?.send(Buffer.from("to the client"));
      corpus = [...session.client.sent, ...session.server.sent, pick(random, captured)];
    }
    const { client, server } = session;
    const by = random.next() < 0.5 ? "client" : "server";
    const datagram = random.next() < 0.4 ? sealed(random, tap, by) : hostileDatagram(random, corpus);
    const from = random.next() < 0.8 ? clientAddress : pick(random, elsewhere);
    trying(`session, from the ${by}`, datagram, () => judge(by === "client" ? server.hear(datagram, from) : client.hear(datagram), datagram));
    judgeServer(server);
    if (server.server.size.live + server.server.size.halfOpen > 2) throw new Error("more than one peer");
  }
};

const alerts = [Buffer.from([1, 0]), Buffer.from([2, 40]), Buffer.from([1, 100]), Buffer.from([2, 110])];
const messages = messagesIn(...captured).map(({ type, messageSeq, body }) => handshakeMessage(type, messageSeq, body).raw);

/** A record that authenticates, with content that was changed. */
function sealed(random: Random, tap: Tap, by: "client" | "server"): Buffer {
  const type = pick(random, [ContentType.handshake, ContentType.handshake, ContentType.alert, ContentType.applicationData, ContentType.changeCipherSpec]);
  const content = mutated(random, type === ContentType.alert ? alerts : messages);
  if (tap.keys[by].keys.connectionId !== undefined && random.next() < 0.3) return tap.sealInner(by, mutated(random, [Buffer.concat([content.subarray(0, 4_000), Uint8Array.of(type), Buffer.alloc(random.below(8))])]));
  return tap.seal(by, type, content.subarray(0, 4_000));
}
