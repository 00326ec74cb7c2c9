import { describe, expect, it } from "vitest";
import { ExtensionType } from "./codec/extensions.js";
import { HandshakeType } from "./codec/handshake.js";
import { readClientHello, readServerHello } from "./codec/messages.js";
import { ContentType } from "./codec/record.js";
import { cipherSuites } from "./crypto/suites.js";
import { identities } from "./testing/authority.js";
import { helloOf, messagesIn, recordsIn } from "./testing/handmade.js";
import { pair, shaken, TestClient } from "./testing/pair.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "./testing/staged.js";
import type { ClientSettings, ServerSettings } from "./types.js";

const { keys, rpk } = await identities();
const elsewhere = { host: "10.0.0.7", port: 7_000 };
const ids = (client: number, server: number) => ({ client: { connectionIdLength: client }, server: { connectionIdLength: server } });
const last = (datagrams: readonly Buffer[]): Buffer => datagrams.at(-1) ?? Buffer.alloc(0);

describe.each(cipherSuites.map(({ name, keyExchange, isBlockCipher }) => [name, keyExchange === "ecdhe_ecdsa" ? rpk : undefined, isBlockCipher] as const))("%s", (suite, credential) => {
  it.each([
    [0, 8],
    [8, 0],
    [4, 4],
    [0, 0],
  ])("carries data both ways with ids of %i and %i bytes", (own, theirs) => {
    const { client, server } = connected({ client: { suites: [suite], connectionIdLength: own }, server: { keys, connectionIdLength: theirs }, ...(credential === undefined ? {} : { credential }) });
    const [session] = server.sessions;
    expect(client.connectedAs?.connectionIds).toEqual({ own: session?.info.connectionIds?.peer, peer: session?.info.connectionIds?.own });
    expect([session?.info.connectionIds?.peer.length, session?.info.connectionIds?.own.length]).toEqual([own, theirs]);
    client.client.send(Buffer.from("to the server"));
    server.hear(client.sent.slice(-1));
    session?.send(Buffer.from("to the client"));
    client.hear(server.sent.slice(-1));
    expect([server.received, client.received]).toEqual([["to the server"], ["to the client"]]);
    expect(last(client.sent)[0]).toBe(theirs === 0 ? ContentType.applicationData : ContentType.connectionId);
    expect(last(server.sent)[0]).toBe(own === 0 ? ContentType.applicationData : ContentType.connectionId);
  });
});

describe("the extension", () => {
  const offered = (settings: ClientSettings): boolean => {
    const [hello] = messagesIn(...new StagedClient(settings).start());
    return readClientHello(hello?.body ?? Buffer.alloc(0)).extensions.has(ExtensionType.connectionId);
  };
  const answered = (settings: ServerSettings, extensions: ReadonlyMap<number, Uint8Array>): Uint8Array | undefined => {
    const [hello] = messagesIn(...new StagedServer(settings).greet(helloOf({ extensions }))).filter(({ type }) => type === HandshakeType.serverHello);
    return readServerHello(hello?.body ?? Buffer.alloc(0)).extensions.get(ExtensionType.connectionId);
  };
  const asking = new Map([[ExtensionType.connectionId, Buffer.from([0])]]);

  it("is offered and answered by an end that wants it, and by no other", () => {
    expect([offered({}), offered({ connectionIdLength: 0 })]).toEqual([false, true]);
    expect(answered({}, asking)).toBeUndefined();
    expect(answered({ connectionIdLength: 0 }, asking)).toEqual(Buffer.from([0]));
    expect(answered({ connectionIdLength: 5 }, asking)).toHaveLength(6);
    expect(answered({ connectionIdLength: 5 }, new Map())).toBeUndefined();
  });

  it("that the other end does not know leaves records as they are", () => {
    for (const settings of [{ client: { connectionIdLength: 8 } }, { server: { connectionIdLength: 8 } }]) {
      const { client, server } = connected(settings);
      expect(client.connectedAs?.connectionIds).toBeUndefined();
      client.client.send(Buffer.from("hello"));
      server.hear(client.sent.slice(-1));
      expect(server.received).toEqual(["hello"]);
    }
  });

  it("does not parse with bytes behind the id, or fewer than it says: decode_error", () => {
    for (const bytes of ["0102ff", "05aa", ""]) {
      const server = new StagedServer({ connectionIdLength: 4 });
      server.greet(helloOf({ extensions: new Map([[ExtensionType.connectionId, Buffer.from(bytes, "hex")]]) }));
      expect(server.failed).toMatchObject([{ reason: { why: "alert-sent", alert: { description: 50 } } }]);
    }
  });

  it.each([17, -1, 2.5, Number.NaN])("is not to be had with an id of %d bytes", (connectionIdLength) => {
    expect(() => new StagedServer({ connectionIdLength })).toThrow("is no whole number between 0 and 16");
  });

  it("is agreed on anew when a session is resumed", () => {
    const { client, server } = connected(ids(4, 4));
    const resume = client.connectedAs?.resumption;
    if (resume === undefined) throw new Error("nothing to resume");
    const again = new StagedClient({ resume, connectionIdLength: 2 }, server.ports);
    converse(again, server, again.start());
    expect(again.connectedAs).toMatchObject({ resumed: true });
    expect(again.connectedAs?.connectionIds?.own).toHaveLength(2);
    expect(again.connectedAs?.connectionIds?.peer).not.toEqual(client.connectedAs?.connectionIds?.peer);
    const bare = new StagedClient({ resume }, server.ports);
    converse(bare, server, bare.start());
    expect(bare.connectedAs).toMatchObject({ resumed: true, connectionIds: undefined });
  });
});

describe("an end with an id", () => {
  it("drops records of its session that come without it, and with another one", () => {
    const { client, server } = connected(ids(0, 4));
    client.client.send(Buffer.from("hello"));
    const good = last(client.sent);
    const other = Buffer.from(good);
    other.writeUInt8(other.readUInt8(12) ^ 1, 12);
    const without = Buffer.concat([Buffer.from([ContentType.applicationData]), good.subarray(1, 11), good.subarray(15)]);
    server.hear([other, without]);
    expect(server.received).toEqual([]);
    expect(server.server.counters).toMatchObject({ discarded: 1, badRecords: 1 });
    server.hear(good);
    expect(server.received).toEqual(["hello"]);
  });

  it("is told apart from a stranger with an id of nobody's, who costs nothing", () => {
    const server = new StagedServer({ connectionIdLength: 4 });
    const datagram = Buffer.concat([Buffer.from("19fefd0001000000000001aabbccdd0010", "hex"), Buffer.alloc(16)]);
    expect(recordsIn(datagram, 4)).toHaveLength(1);
    expect(server.hear(datagram)).toEqual([]);
    expect(server.server.counters).toMatchObject({ recordsIn: 1, discarded: 1 });
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
  });
});

/** A session with an id of the server's, whose client may send from anywhere. */
function roaming(): { readonly client: StagedClient; readonly server: StagedServer; readonly said: (text: string) => Buffer; readonly to: { host: string; port: number }[] } {
  const { client, server } = connected(ids(0, 8));
  const to: { host: string; port: number }[] = [];
  const { sink } = server.server.host;
  Object.assign(server.server.host, {
    sink: (datagram: Uint8Array, address: { host: string; port: number }) => {
      to.push(address);
      sink(datagram, address);
    },
  });
  return {
    client,
    server,
    to,
    said: (text) => {
      client.client.send(Buffer.from(text));
      return last(client.sent);
    },
  };
}

describe("a client whose address changes", () => {
  it("goes on without a handshake, is answered at the new address, and is there once it has heard that", () => {
    const { server, said, to } = roaming();
    const [session] = server.sessions;
    server.hear(said("from elsewhere"), elsewhere);
    expect(server.received).toEqual(["from elsewhere"]);
    session?.send(Buffer.from("answer"));
    expect(to).toEqual([elsewhere]);
    expect(session?.peer).toEqual(clientAddress);
    server.hear(said("again"), elsewhere);
    expect(session?.peer).toEqual(elsewhere);
    expect(server.server.session(elsewhere)).toBe(session);
    expect(server.server.session(clientAddress)).toBeUndefined();
    expect(server.server.counters).toMatchObject({ addressChanges: 1, handshakesStarted: 1 });
  });

  it("is not believed to be where an old record is replayed from, or one that is not the newest", () => {
    const { server, said, to } = roaming();
    const [early, late] = [said("early"), said("late")];
    server.hear(late);
    server.hear(early, elsewhere);
    server.hear(late, elsewhere);
    expect(server.received).toEqual(["late", "early"]);
    server.sessions[0]?.send(Buffer.from("answer"));
    expect(to).toEqual([clientAddress]);
    expect(server.server.counters).toMatchObject({ replayed: 1, addressChanges: 0 });
  });

  it("is not believed to be where somebody only passes its newest record on: more than three times its length goes where it was", () => {
    const { server, said, to } = roaming();
    server.hear(said("hello"), elsewhere);
    for (let i = 0; i < 4; i++) server.sessions[0]?.send(Buffer.alloc(60));
    expect(to).toEqual([elsewhere, clientAddress, clientAddress, clientAddress]);
  });

  it("is not believed to be where a record comes from that does not authenticate", () => {
    const { server, said, to } = roaming();
    const forged = Buffer.from(said("hello"));
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
    server.hear(forged, elsewhere);
    server.sessions[0]?.send(Buffer.from("answer"));
    expect(to).toEqual([clientAddress]);
  });

  it("without an id cannot be known again: its records are dropped, and it is silence that tells it", () => {
    const { client, server } = connected();
    client.client.send(Buffer.from("hello"));
    expect(server.hear(client.sent.slice(-1), elsewhere)).toEqual([]);
    expect(server.received).toEqual([]);
    expect(server.server.counters).toMatchObject({ discarded: 1 });
  });

  it("leaves its old address to somebody else, and both sessions live on", () => {
    const { server, said } = roaming();
    const other = new StagedClient({ connectionIdLength: 0 }, server.ports, { identity: Buffer.from("device-2"), key: Buffer.from("0123456789abcdef") });
    converse(other, server, other.start());
    expect(server.sessions.map(({ open }) => open)).toEqual([true, true]);
    server.hear(said("still here"), elsewhere);
    other.client.send(Buffer.from("here now"));
    server.hear(other.sent.slice(-1));
    expect(server.received).toEqual(["still here", "here now"]);
    expect(server.server.size.live).toBe(2);
  });

  it("takes its own place when it begins anew at the same address", () => {
    const { client, server } = connected(ids(0, 8));
    const again = new StagedClient({ connectionIdLength: 0 }, server.ports);
    converse(again, server, again.start());
    expect(server.closed).toEqual([{ why: "replaced" }]);
    expect(server.server.size.live).toBe(1);
    client.client.send(Buffer.from("hello"));
    expect(server.hear(client.sent.slice(-1))).toEqual([]);
    expect(server.received).toEqual([]);
  });

  it("is left alone by a ClientHello from its address until that comes to a session (RFC 6347 §4.2.8)", () => {
    const { server, said } = roaming();
    const stranger = new StagedClient({ connectionIdLength: 0 }, server.ports, { identity: Buffer.from("device-2"), key: Buffer.from("wrong key") });
    converse(stranger, server, stranger.start());
    server.hear(said("still here"));
    expect(server.received).toEqual(["still here"]);
  });

  it("closes from wherever it is, and nothing of it stays", () => {
    const { client, server } = roaming();
    client.client.close();
    server.hear(client.sent.slice(-1), elsewhere);
    expect(server.closed).toEqual([{ why: "peer-closed" }]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(server.ports.clock.pending()).toEqual([]);
  });
});

describe("sessions with ids", () => {
  it("come about over a network that loses, doubles and reorders, and go on from another address", async () => {
    let came = 0;
    for (let seed = 0; seed < 100; seed++) {
      const made = await pair({ seed, client: { connectionIdLength: seed % 3 }, server: { connectionIdLength: 1 + (seed % 8) }, impairment: { loss: 0.2, duplicate: 0.1, reorder: 0.2, delayMs: [1, 80] } });
      made.client.client.connect();
      await made.ports.clock.advanceUntil(() => made.client.isOver, 300_000);
      if (made.client.connectedAs === undefined) continue;
      came++;
      await made.ports.clock.advance(70_000);
      made.ports.network.impairment = {};
      const saved = made.client.client.save();
      await made.client.socket.close();
      const moved = await TestClient.restored(made.ports, saved);
      moved.client.send(Buffer.from("echo moved"));
      await made.ports.clock.advance(10);
      expect(moved.received).toEqual(["moved"]);
      expect(made.server.server.counters.handshakesFinished).toBe(made.server.sessions.length);
    }
    expect(came).toBeGreaterThan(90);
  });

  it("are counted, evicted and forgotten as others are", async () => {
    const made = await shaken({ server: { connectionIdLength: 4, limits: { maxSessions: 2 } }, client: { connectionIdLength: 0 } });
    for (const name of ["device-2", "device-3"]) {
      const next = await TestClient.create(made.ports, { connectionIdLength: 0 }, { identity: Buffer.from(name), key: Buffer.from("0123456789abcdef") });
      next.client.connect();
      await made.ports.clock.advance(100);
    }
    expect(made.server.closed).toEqual([{ why: "evicted" }]);
    expect(made.server.server.size.live).toBe(2);
    made.server.server.forgetAll();
    expect(made.server.server.size.live).toBe(0);
  });
});
