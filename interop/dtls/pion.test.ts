import { afterEach, describe, expect, it } from "vitest";

import { eventFrom, eventually, type RunningProcess } from "../process.js";
import { eventsOf, pionClient, pionServer } from "./peers/pion.js";
import { gateway } from "./rig/gateway.js";
import { cachedVersion, needs } from "./rig/installed.js";
import { LONG_IDENTITY, SUITES } from "./rig/keys.js";
import { echoOf, LOOPBACK, lossy, ourClient, ourServer, sessionOf, type OurServer } from "./rig/ours.js";
import { restoredClient } from "./rig/saved.js";
import { table } from "./rig/table.js";
import { fragmented, MessageType, TLS12_CID } from "./rig/wire.js";

const version = needs("pion/dtls", cachedVersion("3.1.15", "pion", "muster-pion"));
const rows = table("pion/dtls", version);

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

describe("pion's client and our server", () => {
  async function served(...args: Parameters<typeof ourServer>): Promise<OurServer> {
    const server = await ourServer(...args);
    open.push(() => server.close());
    return server;
  }

  const visit = async (...args: Parameters<typeof pionClient>): Promise<RunningProcess> => {
    const client = await pionClient(...args);
    expect(eventsOf(client, "done"), client.output()).toHaveLength(1);
    expect(eventsOf(client, "data")[0]?.["text"]).toBe(echoOf("hello"));
    return client;
  };

  describe.each(["C0A8", "00AE"] as const)("with %s", (suite) => {
    const row = rows.row("client", suite);

    it("exchange data with the extended master secret that the client insists on, and part with close_notify", async (test) => {
      row.shows(test, "EMS", "close_notify");
      const server = await served();
      await visit("echo-client", server.port, [suite], "-ems", "require");
      expect(await sessionOf(server)).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true });
      expect(await eventually(3_000, () => server.ends[0])).toEqual({ why: "peer-closed" });
    });

    it("do without the extended master secret when the client has none", async (test) => {
      row.shows(test, "no EMS");
      const server = await served();
      await visit("echo-client", server.port, [suite], "-ems", "never");
      expect(await sessionOf(server)).toMatchObject({ extendedMasterSecret: false });
    });

    it("resume a session by its id", async (test) => {
      row.shows(test, "resumption");
      const server = await served();
      const client = await visit("echo-client", server.port, [suite], "-resume", "-times", "2");
      expect(await sessionOf(server, 1)).toMatchObject({ resumed: true, suite: SUITES[suite] });
      const [first, second] = eventsOf(client, "session");
      expect(second?.["sessionId"]).toBe(first?.["sessionId"]);
    });

    it("come together when the handshake messages of both are in fragments", async (test) => {
      row.shows(test, "fragments both ways", "identity of 128 bytes");
      const server = await served({ maxDatagram: 64, identity: LONG_IDENTITY });
      await visit("echo-client", server.port, [suite], "-mtu", "120", "-identity", LONG_IDENTITY);
      const [session] = server.sessions;
      expect(fragmented(server.wire, server.port)).toEqual([MessageType.ServerHello]);
      expect(fragmented(server.wire, session?.peer.port ?? 0)).toContain(MessageType.ClientKeyExchange);
    });
  });

  it.for([0, 4])("go on after a change of address behind a gateway, under an id of the server and one of %i bytes of the client", async (own, test) => {
    rows.row("client", "C0A8").shows(test, ...(own === 0 ? ["connection id of ours"] : ["connection ids both ways", "change of address", "padded records"]));
    const server = await served({ connectionIdLength: 8 });
    let data = 0;
    const between = await gateway(server.port, (datagram) => datagram[0] === TLS12_CID && ++data === 2);
    open.push(() => between.close());
    const client = await pionClient("echo-client", between.port, ["C0A8"], "-cid", String(own), "-padding", "7", "-messages", "4");
    expect(eventsOf(client, "data").map(({ text }) => text), client.output()).toEqual(Array.from({ length: 4 }, () => echoOf("hello")));
    const [session] = server.sessions;
    expect([session?.info.connectionIds?.own.length, session?.info.connectionIds?.peer.length]).toEqual([8, own]);
    expect(session?.peer).toEqual(between.outside);
    expect(server.counters).toMatchObject({ addressChanges: 1, handshakesStarted: 1, badRecords: 0 });
    expect(await eventually(3_000, () => server.ends[0])).toEqual({ why: "peer-closed" });
  });

  it("come to a session although our datagrams are lost and doubled", async (test) => {
    rows.row("client", "C0A8").shows(test, "loss and duplication");
    const server = await served({ faults: lossy(2, 2), retransmission: { initialMs: 300 } });
    await visit("echo-client", server.port, ["C0A8"]);
    expect(server.sessions).toHaveLength(1);
  });

  it("agree on our server's choice when the client offers both suites", async (test) => {
    rows.row("client", "C0A8").shows(test, "choice of the server");
    const server = await served();
    await visit("echo-client", server.port, ["00AE", "C0A8"]);
    expect(await sessionOf(server)).toMatchObject({ suite: SUITES.C0A8 });
  });

  it("come to no session when the client's key is another", async (test) => {
    rows.row("client", "C0A8").shows(test, "no session with a wrong key");
    const server = await served({ retransmission: { initialMs: 100, giveUpMs: 1_000 } });
    const client = await pionClient("echo-client", server.port, ["C0A8"], "-psk", "00112233", "-timeout", "1500ms");
    expect(eventsOf(client, "failed")).toHaveLength(1);
    expect(server.sessions).toHaveLength(0);
  });
});

describe("pion's server and our client", () => {
  async function serving(...args: Parameters<typeof pionServer>): ReturnType<typeof pionServer> {
    const server = await pionServer(...args);
    open.push(() => server.process.stop());
    return server;
  }

  async function visit(...args: Parameters<typeof ourClient>): ReturnType<typeof ourClient> {
    const client = await ourClient(...args);
    open.push(() => client.close());
    client.send(Buffer.from("hello"));
    expect(await client.next()).toBe("hello");
    return client;
  }

  describe.each(["C0A8", "00AE"] as const)("with %s", (suite) => {
    const row = rows.row("server", suite);
    const suites = [SUITES[suite]];

    it("exchange data with the extended master secret that the server insists on, and part with close_notify", async (test) => {
      row.shows(test, "EMS", "close_notify");
      const server = await serving("echo-server", [suite], "-ems", "require");
      const client = await visit(server.port, { suites });
      expect(client.info).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true });
      await client.close();
      expect(await eventually(3_000, () => eventsOf(server.process, "closed")[0])).not.toHaveProperty("error");
    });

    it("do without the extended master secret when the server has none", async (test) => {
      row.shows(test, "no EMS");
      const server = await serving("echo-server", [suite], "-ems", "never");
      const client = await visit(server.port, { suites });
      expect(client.info.extendedMasterSecret).toBe(false);
    });

    it("resume a session by its id", async (test) => {
      row.shows(test, "resumption");
      const server = await serving("echo-server", [suite], "-resume");
      const first = await visit(server.port, { suites });
      await first.close();
      const { resumption } = first.info;
      if (resumption === undefined) throw new Error("the server gave no session id");
      const second = await visit(server.port, { suites, resume: resumption });
      expect(second.info).toMatchObject({ resumed: true, suite: SUITES[suite] });
      const sessions = await eventually(3_000, () => (eventsOf(server.process, "session").length === 2 ? eventsOf(server.process, "session") : undefined));
      expect(sessions?.[1]?.["sessionId"]).toBe(sessions?.[0]?.["sessionId"]);
    });

    it("come together when the handshake messages of both are in fragments", async (test) => {
      row.shows(test, "fragments both ways", "identity hint", "identity of 128 bytes");
      const server = await serving("echo-server", [suite], "-mtu", "40", "-hint", "a hint of some length, which the client ignores", "-identity", LONG_IDENTITY);
      const client = await visit(server.port, { suites, maxDatagram: 100, identity: LONG_IDENTITY });
      expect(fragmented(client.wire, server.port)).toContain(MessageType.ServerHello);
      expect(fragmented(client.wire, client.localPort)).toEqual([MessageType.ClientKeyExchange]);
      expect(await eventFrom(server.process, ({ event }) => event === "session")).toMatchObject({ identityHint: LONG_IDENTITY });
    });
  });

  it.for([0, 4])("go on after the client has moved, under an id of the server and one of %i bytes of the client", async (own, test) => {
    rows.row("server", "C0A8").shows(test, ...(own === 0 ? ["connection id of the server"] : ["connection ids both ways", "change of address", "padded records"]));
    const server = await serving("echo-server", ["C0A8"], "-cid", "8", "-padding", "7");
    const client = await visit(server.port, { connectionIdLength: own });
    expect([client.info.connectionIds?.own.length, client.info.connectionIds?.peer.length]).toEqual([own, 8]);
    const before = client.localPort;
    await client.rebind();
    expect(client.localPort).not.toBe(before);
    for (const text of ["from elsewhere", "and again"]) {
      client.send(Buffer.from(text));
      expect(await client.next()).toBe(text);
    }
    expect(eventsOf(server.process, "session")).toHaveLength(1);
    expect(eventsOf(server.process, "moved")).toEqual([{ event: "moved", peer: `${LOOPBACK}:${client.localPort}` }]);
  });

  it("go on with a session that our client had saved, from another port and after what it sent since", async (test) => {
    rows.row("server", "C0A8").shows(test, "saved session");
    const server = await serving("echo-server", ["C0A8"], "-cid", "8");
    const client = await visit(server.port, { connectionIdLength: 0 });
    const saved = client.save();
    client.send(Buffer.from("sent after it was saved"));
    expect(await client.next()).toBe("sent after it was saved");
    const again = await restoredClient(server.port, saved);
    open.push(() => again.close());
    for (const text of ["woken up", "and again"]) {
      again.send(Buffer.from(text));
      expect(await again.next()).toBe(text);
    }
    expect(eventsOf(server.process, "session")).toHaveLength(1);
  });

  it("come to a session although our datagrams are lost and doubled", async (test) => {
    rows.row("server", "C0A8").shows(test, "loss and duplication");
    const server = await serving("echo-server", ["C0A8"]);
    const client = await ourClient(server.port, { faults: lossy(3, 2) });
    open.push(() => client.close());
    client.send(Buffer.from("hello"));
    expect(await client.next()).toBe("hello");
    expect(client.counters.retransmissions).toBeGreaterThanOrEqual(3);
  });
});
