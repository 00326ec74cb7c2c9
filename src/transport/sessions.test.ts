import { describe, expect, it } from "vitest";

import { Codes, decode, encode, Type, type Observer } from "../coap/index.js";
import { realPorts } from "../ports/real/index.js";
import { secureEndpoint, serverEndpoint, udpEndpoint } from "./index.js";
import { credential, outcomeOf, retransmission, securedPair, TestDirectory, transmission } from "./testing/secured.js";

describe("a secured client endpoint", () => {
  it("makes its session for the first request, which waits for it", async () => {
    const { client, ask, heard, requests, directory } = await securedPair();
    expect(client.state).toBe("idle");
    expect(await ask()).toBe("2.04");
    expect(heard).toEqual(["full"]);
    expect(client.state).toBe("connected");
    expect(requests[0]?.peer).toBe(directory.sessions[0]);
    expect(requests[0]?.peer.identity).toMatchObject({ mode: "psk", name: "dev-1" });
  });

  it("sends everything that waited, in order, in one session", async () => {
    const { ports, client, peer, requests, heard } = await securedPair();
    const outcomes = ["a", "b", "c"].map((name) => outcomeOf(ports, client.request(peer, { code: Codes.POST, path: [name] })));
    expect(await Promise.all(outcomes)).toEqual(["2.04", "2.04", "2.04"]);
    expect(requests.map(({ path }) => path[0])).toEqual(["a", "b", "c"]);
    expect(heard).toEqual(["full"]);
  });

  it("fails what waited when the server refuses the handshake, and tells the alert", async () => {
    const { ask, heard, client, directory } = await securedPair({ client: { credential: credential("nobody") } });
    expect(await ask()).toBe("handshake");
    expect(heard).toEqual(["handshake alert-received 115"]);
    expect(client.lastEnd).toEqual({ during: "handshake", why: "alert-received", alert: 115 });
    expect(directory.failures).toEqual(["alert-sent nobody"]);
  });

  it("fails what waited when a wrong key makes the server silent, and tries anew for the next request", async () => {
    const { ask, heard, client, directory } = await securedPair({ client: { credential: credential("dev-1", Buffer.alloc(16, 1)) } });
    expect(await ask()).toBe("handshake");
    expect(heard).toEqual(["handshake timeout"]);
    directory.keys.set("dev-1", { key: Buffer.alloc(16, 1), context: "record 2" });
    expect(await ask()).toBe("2.04");
    expect(client.dtls).toMatchObject({ handshakesStarted: 2 });
  });

  it("is reached by the server in its session, and not beside it", async () => {
    const { ports, server, client, ask, directory } = await securedPair();
    await ask();
    const [session] = directory.sessions;
    if (session === undefined) throw new Error("no session");
    expect(server.securePeer(client.local)).toBe(session);
    expect(await outcomeOf(ports, server.request(session, { code: Codes.GET, path: ["3"] }))).toBe("2.05");
    expect(server.peer(client.local)).not.toBe(session);
    expect(await outcomeOf(ports, server.request(server.peer(client.local), { code: Codes.GET, path: ["3"] }))).not.toBe("2.05");
  });

  it("resumes its session after silence, unless it is told to make a new one", async () => {
    const { client, ask, heard } = await securedPair();
    await ask();
    client.reconnect();
    expect(await ask()).toBe("2.04");
    client.reconnect("full");
    expect(await ask()).toBe("2.04");
    expect(heard).toEqual(["full", "resumed", "full"]);
  });

  it("makes a full handshake where the server does not resume", async () => {
    const { client, ask, heard, directory } = await securedPair();
    await ask();
    directory.resumable = false;
    client.reconnect();
    await ask();
    expect(heard).toEqual(["full", "full"]);
  });

  it("takes a session of an earlier endpoint up again", async () => {
    const first = await securedPair();
    await first.ask();
    const again = await secureEndpoint(first.ports, { host: "10.0.0.1", connect: { host: "10.0.0.2", port: 5684 }, credential: credential(), resume: first.client.resumption, transmission }, { onRequest: () => {} }, { onSession: ({ resumed }) => first.heard.push(resumed ? "again" : "anew"), onSessionEnd: () => {} });
    expect(await outcomeOf(first.ports, again.request(again.peer(first.server.local), { code: Codes.POST, path: ["rd"] }))).toBe("2.04");
    expect(first.heard).toEqual(["full", "again"]);
  });

  it("leaves with close_notify, or without a word", async () => {
    const { ports, client, ask, heard, directory } = await securedPair();
    await ask();
    client.disconnect();
    await ports.clock.advance(10);
    expect(directory.ends).toEqual(["peer-closed"]);
    expect(heard).toEqual(["full", "session closed"]);
    await ask();
    client.drop();
    await ports.clock.advance(10);
    expect(client.state).toBe("idle");
    expect(directory.ends).toEqual(["peer-closed"]);
    await ask();
    await client.close();
    await ports.clock.advance(10);
    expect(directory.ends.at(-1)).toBe("peer-closed");
  });

  it("fails what is under way when the server ends the session, and makes another for the next request", async () => {
    const { ports, client, peer, server, directory, heard, ask } = await securedPair({ onRequest: (request) => (request.path[0] === "slow" ? undefined : request.respond({ code: Codes.Changed })) });
    await ask();
    const slow = outcomeOf(ports, client.request(peer, { code: Codes.GET, path: ["slow"] }));
    await ports.clock.advance(100);
    expect(server.revoke((identity, context) => identity.bytes.toString() === "dev-1" && context === "record 1", 49)).toBe(1);
    expect(await slow).toBe("unreachable");
    expect(heard).toEqual(["full", "session alert-received 49"]);
    expect(client.resumption).toBeUndefined();
    expect(await ask()).toBe("2.04");
    expect(directory.sessions).toHaveLength(2);
  });

  it("stops its handshake when it is told to drop it", async () => {
    const { ports, client, directory } = await securedPair({ client: { credential: credential("dev-1", Buffer.alloc(16, 1)) } });
    client.connect();
    client.drop();
    await ports.clock.advance(100_000);
    expect(client.state).toBe("idle");
    expect(ports.clock.pending()).toEqual([]);
    expect(directory.sessions).toEqual([]);
  });
});

describe("a new session on an address", () => {
  it("is a new peer, and the old one is gone: requests to it fail and do not reach the new session", async () => {
    const { ports, server, client, ask, directory } = await securedPair();
    await ask();
    const [old] = directory.sessions;
    if (old === undefined) throw new Error("no session");
    old.label = "what a role hung on it";
    client.drop();
    const waiting = outcomeOf(ports, server.request(old, { code: Codes.GET, path: ["3"] }));
    await ports.clock.advance(100);
    await ask();
    expect(await waiting).toBe("unreachable");
    expect(old.gone).toBe(true);
    expect(server.sessionOf(old)).toBeUndefined();
    const young = directory.sessions[1];
    expect(young).not.toBe(old);
    expect(young?.label).toBeUndefined();
    const heard: string[] = [];
    client.tap = (direction) => heard.push(direction);
    expect(await outcomeOf(ports, server.request(old, { code: Codes.GET, path: ["3"] }))).toBe("unreachable");
    expect(await server.ping(old)).toBe(false);
    server.sendRaw(old, Buffer.from("40010001", "hex"));
    await ports.clock.advance(100);
    expect(heard).toEqual([]);
  });

  it("knows no message id of the one before, at either end", async () => {
    const { ports, server, client, peer, ask, requests, directory } = await securedPair();
    await ask();
    const register = encode({ type: Type.CON, code: Codes.POST, messageId: 7, token: Buffer.from("t"), options: [], payload: Buffer.alloc(0) });
    client.sendRaw(peer, register);
    client.sendRaw(peer, register);
    await ports.clock.advance(10);
    expect(requests).toHaveLength(2);
    const ids: number[] = [];
    client.tap = (direction, datagram) => direction === "in" && ids.push(decode(datagram).messageId);
    const read = encode({ type: Type.CON, code: Codes.GET, messageId: 9, token: Buffer.from("s"), options: [], payload: Buffer.alloc(0) });
    const answers: number[] = [];
    server.tap = (direction, datagram) => direction === "in" && answers.push(decode(datagram).code);
    const say = async (): Promise<void> => {
      const session = directory.sessions.at(-1);
      if (session !== undefined) server.sendRaw(session, read);
      await ports.clock.advance(10);
    };
    await say();
    client.reconnect();
    await ports.clock.advance(10);
    client.sendRaw(peer, register);
    await ports.clock.advance(10);
    expect(requests).toHaveLength(3);
    await say();
    expect(answers.filter((code) => code === Codes.Content)).toHaveLength(2);
  });

  it("inherits no observation and no token", async () => {
    const observers: Observer[] = [];
    const { ports, client, peer, ask } = await securedPair({
      onRequest: (request) => {
        if (request.observe === 0) observers.push(request.observed({ code: Codes.Content }, () => {}));
        else request.respond({ code: Codes.Changed });
      },
    });
    const ends: string[] = [];
    const seen: number[] = [];
    client.observe(peer, { code: Codes.GET, path: ["3"] }, { onNotification: ({ code }) => seen.push(code), onEnd: (reason) => ends.push(reason) });
    await ports.clock.advance(100);
    expect(seen).toEqual([Codes.Content]);
    client.reconnect();
    await ask();
    observers[0]?.notify({ code: Codes.Content });
    await ports.clock.advance(10_000);
    expect(ends).toEqual(["unreachable"]);
    expect(seen).toEqual([Codes.Content]);
  });

  it("gets no answer to a question of the old one", async () => {
    const waiting: (() => void)[] = [];
    const { ports, client, peer, ask } = await securedPair({ onRequest: (request) => (request.path[0] === "slow" ? waiting.push(() => request.respond({ code: Codes.Content })) : request.respond({ code: Codes.Changed })) });
    await ask();
    const slow = outcomeOf(ports, client.request(peer, { code: Codes.GET, path: ["slow"] }));
    await ports.clock.advance(100);
    client.reconnect();
    await ask();
    expect(await slow).toBe("unreachable");
    const heard: string[] = [];
    client.tap = (direction) => heard.push(direction);
    for (const answer of waiting) answer();
    await ports.clock.advance(10_000);
    expect(heard).toEqual([]);
  });
});

describe("a server with both ports", () => {
  it("tells secured peers from others, at one endpoint with one tap", async () => {
    const { ports, server, ask, requests } = await securedPair();
    const seen: string[] = [];
    server.tap = (direction, _datagram, peer) => seen.push(`${direction} ${peer.secured === true ? "secured" : "plain"}`);
    await ask();
    const plain = await udpEndpoint(ports, { host: "10.0.0.7", connect: server.local, transmission }, { onRequest: () => {} });
    expect(await outcomeOf(ports, plain.request(plain.peer(server.local), { code: Codes.POST, path: ["rd"] }))).toBe("2.04");
    expect(seen).toEqual(["in secured", "out secured", "in plain", "out plain"]);
    expect(requests.map(({ peer }) => peer.identity?.name)).toEqual(["dev-1", undefined]);
    expect([server.local.port, server.secureLocal?.port]).toEqual([5683, 5684]);
  });

  it("shows the records of the DTLS port as they are on the wire, and whose they are", async () => {
    const { server, client, ask, directory } = await securedPair();
    const records: string[] = [];
    const whose: string[] = [];
    server.recordTap = { onRecords: (direction, _datagram, { host }) => records.push(`${direction} ${host}`), onSession: ({ identity }) => whose.push(identity?.name ?? "?") };
    const mine: string[] = [];
    client.recordTap = { onRecords: (direction, _datagram, { port }) => mine.push(`${direction} ${port}`), onSession: () => {} };
    await ask();
    expect(new Set(records)).toEqual(new Set(["in 10.0.0.1", "out 10.0.0.1"]));
    expect(new Set(mine)).toEqual(new Set(["in 5684", "out 5684"]));
    expect(records.length).toBe(mine.length);
    expect(whose).toEqual(["dev-1"]);
    expect(server.sessionOf(directory.sessions[0] ?? server.peer(client.local))?.context).toBe("record 1");
  });

  it("can lose its sessions as in a restart: the client notices by silence, and resumes only what was kept", async () => {
    const { server, client, ask, heard, directory } = await securedPair();
    await ask();
    server.forgetSessions(true);
    expect(directory.ends).toEqual(["closed"]);
    expect(await ask()).toBe("timeout");
    client.reconnect();
    expect(await ask()).toBe("2.04");
    server.forgetSessions();
    client.reconnect();
    expect(await ask()).toBe("2.04");
    expect(heard).toEqual(["full", "resumed", "full"]);
  });

  it("goes on with its sessions after a restart in which it kept them: no handshake, and whoever it knew is reached", async () => {
    const { ports, server, ask, heard, directory } = await securedPair();
    await ask();
    const { handshakesFinished } = server.dtls ?? expect.fail("no DTLS port");
    expect(await server.restartSecurePort(true)).toEqual({ sessions: 1, restored: 1 });
    expect(directory.ends).toEqual(["closed"]);
    expect(await ask()).toBe("2.04");
    const [peer] = directory.restored;
    expect(await outcomeOf(ports, server.request(peer ?? expect.fail("nothing restored"), { code: Codes.GET, path: ["3"] }))).toBe("2.05");
    expect([heard, server.dtls?.handshakesFinished, server.dtls?.alertsOut]).toEqual([["full"], handshakesFinished, 0]);
    expect(server.sessionOf(peer ?? expect.fail("nothing restored"))?.context).toBe("record 1");
  });

  it("has none of its sessions after a restart in which it kept none, and nothing to resume", async () => {
    const { server, client, ask, heard } = await securedPair();
    await ask();
    expect(await server.restartSecurePort(false)).toEqual({ sessions: 1, restored: 0 });
    expect(await ask()).toBe("timeout");
    client.reconnect();
    expect(await ask()).toBe("2.04");
    expect(heard).toEqual(["full", "full"]);
  });

  it("does not go on with a session whose context is over when it is taken up", async () => {
    const { server, ask, directory } = await securedPair();
    await ask();
    directory.over.add("record 1");
    expect(await server.restartSecurePort(true)).toEqual({ sessions: 1, restored: 0 });
    expect(directory.restored).toEqual([]);
    expect(await ask()).toBe("timeout");
  });

  it("leaves no port open that closes in the middle of a restart", async () => {
    const { ports, server, directory } = await securedPair();
    await Promise.all([server.restartSecurePort(true), server.close()]);
    await expect(serverEndpoint(ports, { coaps: { host: "10.0.0.2", port: 5684, directory }, transmission }, { onRequest: () => {} })).resolves.toMatchObject({ secureLocal: { port: 5684 } });
  });

  it("tells its sessions good-bye when it closes", async () => {
    const { ports, server, ask, heard } = await securedPair();
    await ask();
    await server.close();
    await ports.clock.advance(10);
    expect(heard).toEqual(["full", "session peer-closed"]);
  });

  it("refuses to be without a port, and leaves none open when one is taken", async () => {
    const { ports } = await securedPair();
    await expect(serverEndpoint(ports, { transmission }, { onRequest: () => {} })).rejects.toThrow("coap, coaps or both");
    const taken = { coap: { host: "10.0.0.9", port: 1 }, coaps: { host: "10.0.0.2", port: 5684, directory: new TestDirectory() }, transmission };
    await expect(serverEndpoint(ports, taken, { onRequest: () => {} })).rejects.toMatchObject({ code: "EADDRINUSE" });
    const free = await serverEndpoint(ports, { coap: taken.coap, transmission }, { onRequest: () => {} });
    expect(free.secureLocal).toBeUndefined();
  });
});

describe("secured endpoints under loss", () => {
  it.each([1, 2, 3, 4, 5])("get their requests through, or say why not (seed %i)", async (seed) => {
    const { ask, heard } = await securedPair({ seed, impairment: { loss: 0.2, duplicate: 0.1, reorder: 0.1, delayMs: [1, 30] } });
    for (let i = 0; i < 10; i++) expect(["2.04", "timeout", "handshake"]).toContain(await ask());
    expect(heard).toContain("full");
  });
});

describe("secured endpoints on real sockets", () => {
  it("exchange requests both ways, and learn from the kernel that nobody listens", async () => {
    const ports = realPorts("secured transport test");
    const directory = new TestDirectory();
    const server = await serverEndpoint(ports, { coaps: { host: "127.0.0.1", port: 0, directory }, transmission }, { onRequest: (request) => request.respond({ code: Codes.Changed }) });
    const ends: string[] = [];
    const open = () =>
      secureEndpoint(ports, { host: "127.0.0.1", connect: server.local, credential: credential(), settings: { retransmission: { ...retransmission, initialMs: 20 } }, transmission }, { onRequest: (request) => request.respond({ code: Codes.Content }) }, { onSession: () => {}, onSessionEnd: ({ during, why }) => ends.push(`${during} ${why}`) });
    const client = await open();
    const peer = client.peer(server.local);
    expect((await client.request(peer, { code: Codes.POST, path: ["rd"] })).code).toBe(Codes.Changed);
    const [session] = directory.sessions;
    if (session === undefined) throw new Error("no session");
    expect((await server.request(session, { code: Codes.GET, path: ["3"] })).code).toBe(Codes.Content);
    const late = await open();
    await server.close();
    await expect(late.request(late.peer(server.local), { code: Codes.POST, path: ["rd"] })).rejects.toMatchObject({ reason: "unreachable" });
    expect(ends).toEqual(["session peer-closed", "handshake unreachable"]);
    await Promise.all([client.close(), late.close()]);
  });
});
