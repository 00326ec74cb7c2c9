import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../wire/index.js";
import { ContentType } from "../codec/record.js";
import { cipherSuites } from "../crypto/suites.js";
import { identities } from "../testing/authority.js";
import { Tap } from "../testing/tap.js";
import { connected, StagedClient, StagedServer } from "../testing/staged.js";
import { DtlsClient } from "../client.js";
import { readSavedSession, writeSavedSession } from "./saved-session.js";
import { clientAddress } from "../testing/staged.js";
import { serverAddress } from "../testing/pair.js";
import type { ClientHandler, ClientSettings, ServerSettings } from "../types.js";

const { keys, rpk, x509 } = await identities();

/** A client that goes on with what another one saved. */
function goOn(of: StagedClient, saved: Uint8Array): { readonly client: DtlsClient; readonly sent: Buffer[]; readonly received: string[] } {
  const sent: Buffer[] = [];
  const received: string[] = [];
  const handler: ClientHandler = { onConnected: () => {}, onData: (plaintext) => void received.push(plaintext.toString()), onClosed: () => {} };
  return { client: DtlsClient.restore(of.ports, (datagram) => sent.push(Buffer.from(datagram)), serverAddress, saved, handler), sent, received };
}

describe.each(cipherSuites.map(({ name, keyExchange }) => [name, keyExchange] as const))("a saved session of %s", (suite, keyExchange) => {
  const settings: { client: ClientSettings; server: ServerSettings } = { client: { suites: [suite], connectionIdLength: 2 }, server: { keys, connectionIdLength: 8 } };
  const make = () => connected({ ...settings, ...(keyExchange === "ecdhe_ecdsa" ? { credential: rpk } : {}) });

  it("is read as it was written", () => {
    const { client, server } = make();
    for (const [saved, role] of [[client.client.save(), "client"], [server.sessions[0]?.save(), "server"]] as const) expect(writeSavedSession(readSavedSession(saved ?? Buffer.alloc(0), role))).toEqual(saved);
  });

  it("goes on at the client, and at the server", () => {
    const { client, server } = make();
    const again = goOn(client, client.client.save());
    again.client.send(Buffer.from("from the restored client"));
    server.hear(again.sent);
    expect(server.received).toEqual(["from the restored client"]);
    const restarted = new StagedServer(settings.server, server.ports);
    const [session] = server.sessions;
    if (session === undefined) throw new Error("no session");
    const restored = restarted.server.restore(session.save(), clientAddress, "context");
    expect(restored).toMatchObject({ peer: clientAddress, context: "context", open: true });
    expect(restarted.sessions).toEqual([restored]);
    again.client.send(Buffer.from("to the restarted server"));
    restarted.hear(again.sent.slice(-1));
    expect(restarted.received).toEqual(["to the restarted server"]);
    restored.send(Buffer.from("and back"));
    again.client.receive(Buffer.from(restarted.sent.at(-1) ?? Buffer.alloc(0)));
    expect(again.received).toEqual(["and back"]);
  });
});

describe("a saved session", () => {
  it("is small: 300 bytes at most with PSK, CCM_8 and ids, whatever is known of resumption", () => {
    const { client, server } = connected({ client: { connectionIdLength: 8, serverName: "server.example.com" }, server: { connectionIdLength: 8 } });
    expect(client.client.save().length).toBeLessThanOrEqual(300);
    expect(server.sessions[0]?.save().length).toBeLessThanOrEqual(300);
  });

  it("uses no number again, although it was saved before the last records were sent", () => {
    const { client, server } = connected();
    const saved = client.client.save();
    for (let i = 0; i < 50; i++) client.client.send(Buffer.from("lost"));
    server.hear(client.sent.slice(-50));
    const again = goOn(client, saved);
    again.client.send(Buffer.from("hello"));
    server.hear(again.sent);
    expect(server.received.at(-1)).toBe("hello");
    expect(server.server.counters.replayed).toBe(0);
  });

  it("knows which records came before it was saved", () => {
    const { client, server } = connected();
    server.sessions[0]?.send(Buffer.from("once"));
    const datagram = server.sent.at(-1) ?? Buffer.alloc(0);
    client.hear(datagram);
    const again = goOn(client, client.client.save());
    again.client.receive(Buffer.from(datagram));
    expect(again.received).toEqual([]);
    expect(again.client.counters.replayed).toBe(1);
  });

  it("can be resumed, closed and saved again", () => {
    const { client, server } = connected({ server: { keys }, credential: x509() });
    const again = goOn(client, client.client.save());
    expect(again.client.session).toEqual(client.connectedAs);
    expect(goOn(client, again.client.save()).client.state).toBe("connected");
    again.client.close();
    server.hear(again.sent);
    expect(server.closed).toEqual([{ why: "peer-closed" }]);
  });

  it("is taken up by a client whatever suites it would offer", () => {
    const { client } = connected();
    const settings: ClientSettings = { suites: ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"] };
    const handler = { onConnected: () => {}, onData: () => {}, onClosed: () => {} };
    expect(DtlsClient.restore(client.ports, () => {}, serverAddress, client.client.save(), handler, settings).state).toBe("connected");
  });

  it("holds the highest record number that there is, and knows it again", () => {
    const { server } = connected();
    const [session] = server.sessions;
    const datagram = new Tap(server).seal("client", ContentType.applicationData, Buffer.from("the last one"), 2 ** 48 - 1);
    server.hear(datagram);
    const restarted = new StagedServer({}, server.ports);
    restarted.server.restore(session?.save() ?? Buffer.alloc(0), clientAddress, "");
    restarted.hear(datagram);
    expect([server.received, restarted.received]).toEqual([["the last one"], []]);
    expect(restarted.server.counters.replayed).toBe(1);
  });

  it("has nothing to go on with when its own record numbers are used up: a typed error", () => {
    const { client } = connected();
    const saved = client.client.save();
    // Before the newest record, the records seen, and two limits.
    saved.fill(0xff, saved.length - 24, saved.length - 18);
    expect(() => readSavedSession(saved, "client")).toThrow("used up");
  });

  it("is not to be had of a client without a session", () => {
    const client = new StagedClient();
    expect(() => client.client.save()).toThrow("before the handshake");
    client.start();
    expect(() => client.client.save()).toThrow("before the handshake");
    const { client: closed } = connected();
    closed.client.close();
    expect(() => closed.client.save()).toThrow("while the association is closed");
  });

  it("is bytes that are none, or of another version: a typed error", () => {
    const saved = connected(({ client: { connectionIdLength: 8, serverName: "a.example" }, server: { connectionIdLength: 8 } })).client.client.save();
    expect(() => readSavedSession(Buffer.concat([Buffer.from([2]), saved.subarray(1)]), "client")).toThrow("a saved session of version 2");
    for (let length = 0; length < saved.length; length++) expect(() => readSavedSession(saved.subarray(0, length), "client")).toThrow(WireError);
    expect(() => readSavedSession(Buffer.concat([saved, Buffer.from([0])]), "client")).toThrow("bytes behind the saved session");
    expect(() => readSavedSession(saved, "server")).toThrow("a saved session of a client");
    const changed = (at: number, byte: number): Buffer => Buffer.concat([saved.subarray(0, at), Buffer.from([byte]), saved.subarray(at + 1)]);
    expect(() => readSavedSession(changed(2, 0), "client")).toThrow("a saved session with suite 0x");
    expect(() => readSavedSession(changed(3, 0x40), "client")).toThrow("flags 0x40");
    expect(() => readSavedSession(changed(4, 3), "client")).toThrow("an unknown mode");
    expect(() => readSavedSession(changed(saved.length - 1, 1), "client")).toThrow("a record size limit of 16385");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(saved.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const altered = Buffer.from(saved);
        for (const [at, byte] of changes) altered.writeUInt8(byte, at);
        try {
          readSavedSession(altered, "client");
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
