import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../wire/index.js";
import { cipherSuites } from "../crypto/suites.js";
import { identities } from "../testing/authority.js";
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
    const saved = make().client.client.save();
    expect(writeSavedSession(readSavedSession(saved))).toEqual(saved);
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
    expect(() => readSavedSession(Buffer.concat([Buffer.from([2]), saved.subarray(1)]))).toThrow("a saved session of version 2");
    for (let length = 0; length < saved.length; length++) expect(() => readSavedSession(saved.subarray(0, length))).toThrow(WireError);
    expect(() => readSavedSession(Buffer.concat([saved, Buffer.from([0])]))).toThrow("bytes behind the saved session");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(saved.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const changed = Buffer.from(saved);
        for (const [at, byte] of changes) changed.writeUInt8(byte, at);
        try {
          readSavedSession(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
