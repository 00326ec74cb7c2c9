import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { readClientHello } from "./codec/messages.js";
import { messagesIn, recordsIn } from "./testing/handmade.js";
import { connected, converse, StagedClient, StagedServer } from "./testing/staged.js";
import { Tap } from "./testing/tap.js";

describe("a pre-shared key", () => {
  it.each([
    ["identity of 1 byte", Buffer.from("i"), Buffer.alloc(16, 1)],
    ["identity of 128 bytes", Buffer.alloc(128, 0x69), Buffer.alloc(16, 1)],
    ["identity that is no text", Buffer.from([0, 255, 10, 13, 0]), Buffer.alloc(16, 1)],
    ["key of 1 byte", Buffer.from("device"), Buffer.alloc(1, 1)],
    ["key of 64 bytes", Buffer.from("device"), Buffer.alloc(64, 1)],
    ["key of 64 bytes under an identity of 128", Buffer.alloc(128, 0x69), Buffer.alloc(64, 1)],
  ])("may have an %s", (_name, identity, key) => {
    const server = new StagedServer();
    const seen: string[] = [];
    server.findKey = (name) => {
      seen.push(name);
      return { key, context: "theirs" };
    };
    const client = new StagedClient({}, server.ports, { identity, key });
    converse(client, server, client.start());
    expect(client.connectedAs?.identity.bytes).toEqual(identity);
    expect(server.sessions[0]?.info.identity.bytes).toEqual(identity);
    expect(seen).toEqual([identity.toString()]);
  });
});

describe("a server name", () => {
  it("reaches the server", () => {
    const { server } = connected({ client: { serverName: "bs.example.org" } });
    expect(server.sessions[0]?.info.serverName).toBe("bs.example.org");
  });

  it.each(["10.0.0.2", "2001:db8::1", "::1"])("is not sent when it is an address: %s", (serverName) => {
    const { client, server } = connected({ client: { serverName } });
    const [hello] = messagesIn(...client.sent.slice(0, 1));
    expect(hello?.type).toBe(HandshakeType.clientHello);
    expect([...readClientHello(hello?.body ?? Buffer.alloc(0)).extensions.keys()]).not.toContain(0);
    expect(server.sessions[0]?.info.serverName).toBeUndefined();
  });
});

describe("the key log", () => {
  it.each([
    ["CCM_8", {}],
    ["CBC with encrypt-then-MAC", { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] }],
    ["CCM_8 without extended master secret", { extendedMasterSecret: "never" }],
  ] as const)("has a line in NSS format that decrypts what both ends send: %s", (_name, settings) => {
    const ours: string[] = [];
    const { client, server } = connected({ client: { ...settings, keyLog: (line) => ours.push(line) } });
    expect(ours).toEqual(server.keyLog);
    expect(ours).toHaveLength(1);
    expect(ours[0]).toMatch(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/);
    const tap = new Tap(server);
    client.client.send(Buffer.from("to"));
    server.sessions[0]?.send(Buffer.from("fro"));
    expect(tap.read("client", ...client.sent).at(-1)).toBe(`23 ${Buffer.from("to").toString("hex")}`);
    expect(tap.read("server", ...server.sent).at(-1)).toBe(`23 ${Buffer.from("fro").toString("hex")}`);
    expect(tap.read("client", ...client.sent)[0]).toMatch(/^22 14/);
    expect(tap.read("server", ...server.sent)[0]).toMatch(/^22 14/);
  });

  it("has nothing for a handshake that does not finish", () => {
    const server = new StagedServer();
    server.findKey = () => ({ key: Buffer.from("another"), context: "" });
    const client = new StagedClient({ keyLog: (line) => server.keyLog.push(line) }, server.ports);
    converse(client, server, client.start());
    expect(server.keyLog).toEqual([]);
  });
});

describe("what is sent in a session", () => {
  it("may be empty, and as long as a record holds", () => {
    const { client, server } = connected();
    for (const length of [0, 1, 16_384]) {
      client.client.send(Buffer.alloc(length, 0x61));
      server.hear(client.sent.slice(-1));
      expect(server.received.at(-1)).toHaveLength(length);
    }
    expect(() => client.client.send(Buffer.alloc(16_385))).toThrow(RangeError);
    expect(() => server.sessions[0]?.send(Buffer.alloc(16_385))).toThrow(RangeError);
  });

  it("is delivered once, in whatever order it comes", () => {
    const { client, server } = connected();
    for (const text of ["a", "b", "c"]) client.client.send(Buffer.from(text));
    const [a, b, c] = client.sent.slice(-3);
    if (a === undefined || b === undefined || c === undefined) throw new Error("three were sent");
    server.hear([c, a, a, b, c, Buffer.concat([a, b, c])]);
    expect(server.received).toEqual(["c", "a", "b"]);
    expect(server.server.counters.replayed).toBe(5);
  });

  it("is delivered from several records of one datagram, past one that is bad", () => {
    const { client, server } = connected();
    for (const text of ["a", "b", "c"]) client.client.send(Buffer.from(text));
    const [a, b, c] = client.sent.slice(-3);
    if (a === undefined || b === undefined || c === undefined) throw new Error("three were sent");
    b.writeUInt8(b.readUInt8(20) ^ 1, 20);
    server.hear(Buffer.concat([a, b, c]));
    expect(server.received).toEqual(["a", "c"]);
  });

  it("is counted in records, as what is received is", () => {
    const { client, server } = connected({ client: { maxDatagram: 64 }, server: { maxDatagram: 64 } });
    client.client.send(Buffer.from("hello"));
    server.hear(client.sent.slice(-1));
    expect(client.client.counters.recordsOut).toBe(server.server.counters.recordsIn);
    expect(server.server.counters.recordsOut).toBe(client.client.counters.recordsIn);
    expect(client.sent.flatMap((datagram) => recordsIn(datagram))).toHaveLength(client.client.counters.recordsOut);
  });

  it("has neither key nor master secret nor plaintext on the wire", () => {
    const { client, server } = connected();
    client.client.send(Buffer.from("plaintext"));
    const [, , master = ""] = server.keyLog[0]?.split(" ") ?? [];
    const wire = Buffer.concat([...client.sent, ...server.sent]).toString("hex");
    for (const secret of [Buffer.from("0123456789abcdef").toString("hex"), Buffer.from("plaintext").toString("hex"), master]) expect(wire).not.toContain(secret);
  });
});
