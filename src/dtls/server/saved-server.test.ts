import { describe, expect, it } from "vitest";
import { WireError } from "../../wire/index.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "../testing/staged.js";
import type { ClientSettings } from "../types.js";

const elsewhere = { host: "10.0.0.7", port: 7_000 };
const key = Buffer.from("0123456789abcdef");
const last = (datagrams: readonly Buffer[]): Buffer => datagrams.at(-1) ?? Buffer.alloc(0);
const write = (context: string): Buffer => Buffer.from(context);
const read = (context: Buffer): string => context.toString();

/** A server with sessions of these clients, each at a port of its own. */
function serving(...clients: readonly ClientSettings[]): { readonly server: StagedServer; readonly clients: readonly { readonly client: StagedClient; readonly at: { host: string; port: number } }[] } {
  const server = new StagedServer({ connectionIdLength: 8 });
  const made = clients.map((settings, index) => {
    const client = new StagedClient(settings, server.ports, { identity: Buffer.from(`device-${index}`), key });
    const at = { host: "10.0.0.1", port: 40_000 + index };
    converse(client, { hear: (datagrams) => server.hear(datagrams, at) }, client.start());
    return { client, at };
  });
  return { server, clients: made };
}

describe("a server that is restarted with its sessions", () => {
  it("goes on with each of them without a handshake: with an id, from elsewhere, and without one", () => {
    const { server, clients } = serving({ connectionIdLength: 0 }, { connectionIdLength: 3 }, {});
    const restarted = new StagedServer({ connectionIdLength: 8 }, server.ports);
    const restored = restarted.server.restoreAll(server.server.save(write), read);
    expect(restored.map(({ peer, context, open }) => `${peer.port} ${context} ${open}`)).toEqual(["40000 device-0 true", "40001 device-1 true", "40002 device-2 true"]);
    expect(restarted.sessions).toEqual(restored);
    for (const [index, { client, at }] of clients.entries()) {
      client.client.send(Buffer.from(`hello ${index}`));
      restarted.hear(last(client.sent), index === 1 ? elsewhere : at);
      restored[index]?.send(Buffer.from(`answer ${index}`));
      client.hear(last(restarted.sent));
      expect(client.received).toEqual([`answer ${index}`]);
    }
    expect(restarted.received).toEqual(["hello 0", "hello 1", "hello 2"]);
    expect(restarted.server.counters.handshakesStarted).toBe(0);
  });

  it("resumes what they can be resumed from", () => {
    const { server, clients } = serving({});
    const restarted = new StagedServer({}, server.ports);
    restarted.server.restoreAll(server.server.save(write), read);
    const resume = clients[0]?.client.connectedAs?.resumption;
    if (resume === undefined) throw new Error("nothing to resume");
    const again = new StagedClient({ resume }, server.ports, { identity: Buffer.from("device-0"), key });
    converse(again, restarted, again.start());
    expect(again.connectedAs?.resumed).toBe(true);
  });

  it("leaves out those whose context is no longer known", () => {
    const { server } = serving({}, {});
    const restarted = new StagedServer({ connectionIdLength: 8 }, server.ports);
    const restored = restarted.server.restoreAll(server.server.save(write), (context, { bytes }) => (bytes.toString() === "device-0" ? undefined : context.toString()));
    expect(restored.map(({ context }) => context)).toEqual(["device-1"]);
    expect(restarted.server.size.live).toBe(1);
  });

  it("may have had none", () => {
    expect(new StagedServer().server.restoreAll(new StagedServer().server.save(write), read)).toEqual([]);
  });

  it("takes none of them when one is no session, is cut off, or is in another version", () => {
    const { server } = serving({ connectionIdLength: 0 }, {});
    const saved = server.server.save(write);
    const restarted = new StagedServer({ connectionIdLength: 8 }, server.ports);
    // Between two sessions the bytes may end.
    const [first] = server.sessions;
    const whole = new Set([1, 1 + 1 + "10.0.0.1".length + 2 + 2 + "device-0".length + 2 + (first?.save().length ?? 0)]);
    for (let length = 0; length < saved.length; length++) if (!whole.has(length)) expect(() => restarted.server.restoreAll(saved.subarray(0, length), read), String(length)).toThrow(WireError);
    expect(() => restarted.server.restoreAll(Buffer.concat([Buffer.from([2]), saved.subarray(1)]), read)).toThrow("saved sessions of version 2");
    expect(() => restarted.server.restoreAll(Buffer.concat([saved, Buffer.from("00115c00000000", "hex")]), read)).toThrow("a saved session without an address");
    expect(restarted.server.size.live).toBe(0);
    expect(restarted.sessions).toEqual([]);
  });
});

describe("a session is not restored at a server", () => {
  const saved = (): Buffer => connected({ client: { connectionIdLength: 0 }, server: { connectionIdLength: 8 } }).server.sessions[0]?.save() ?? Buffer.alloc(0);

  it("with ids of another length, which could not find it", () => {
    for (const settings of [{ connectionIdLength: 4 }, {}]) expect(() => new StagedServer(settings).server.restore(saved(), clientAddress, "")).toThrow("a connection id of 8 bytes at a server with ids of");
  });

  it("that has its id already", () => {
    const server = new StagedServer({ connectionIdLength: 8 });
    const bytes = saved();
    server.server.restore(bytes, clientAddress, "");
    expect(() => server.server.restore(bytes, elsewhere, "")).toThrow("here already");
    expect(server.sessions.map(({ open, peer }) => [open, peer])).toEqual([[true, clientAddress]]);
  });

  it("that is closed", () => {
    const server = new StagedServer({ connectionIdLength: 8 });
    server.server.close();
    expect(() => server.server.restore(saved(), clientAddress, "")).toThrow("a server that is closed");
  });

  it("when a client has saved it, nor the other way round", () => {
    const { client, server } = connected({ client: { connectionIdLength: 0 }, server: { connectionIdLength: 8 } });
    expect(() => server.server.restore(client.client.save(), clientAddress, "")).toThrow("a saved session of a client");
  });

  it("beside another one at its address, if neither has an id: the newer one takes its place", () => {
    const bytes = connected().server.sessions[0]?.save() ?? Buffer.alloc(0);
    const { server } = connected();
    server.server.restore(bytes, clientAddress, "");
    expect(server.closed).toEqual([{ why: "replaced" }]);
    expect(server.server.size.live).toBe(1);
  });
});
