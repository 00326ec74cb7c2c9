import { describe, expect, it } from "vitest";
import { ExtensionType } from "./codec/extensions.js";
import { HandshakeType } from "./codec/handshake.js";
import { readServerHello } from "./codec/messages.js";
import { identities } from "./testing/authority.js";
import { alertsIn, helloOf, messagesIn, recordsIn } from "./testing/handmade.js";
import { ContentType } from "./codec/record.js";
import { Tap } from "./testing/tap.js";
import { altering, replacing } from "./testing/faults.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "./testing/staged.js";

const { keys, x509 } = await identities();
const longest = (datagrams: readonly Buffer[]): number => Math.max(...datagrams.flatMap((datagram) => recordsIn(datagram)).map(({ fragment }) => fragment.length));
/** Of CCM_8. */
const OVERHEAD = 16;

describe("a record size limit", () => {
  it("holds each end to what the other takes, in the handshake and after it", () => {
    const { client, server } = connected({ client: { recordSizeLimit: 200 }, server: { keys, recordSizeLimit: 300 }, credential: x509() });
    // The ServerHello is where the client learns of its limit, and the server keeps to it from its first flight on.
    expect(longest(server.sent)).toBe(200);
    expect(longest(client.sent)).toBeLessThanOrEqual(300);
    expect(() => server.sessions[0]?.send(Buffer.alloc(201))).toThrow("201 bytes do not fit in a record");
    expect(() => client.client.send(Buffer.alloc(301))).toThrow("301 bytes do not fit in a record");
    server.sessions[0]?.send(Buffer.alloc(200));
    client.hear(server.sent.slice(-1));
    expect(longest(server.sent.slice(-1))).toBe(200 + OVERHEAD);
    expect(client.received).toHaveLength(1);
  });

  it("is about what is protected: a handshake in the clear may come in longer records (RFC 8449 §4)", () => {
    const server = new StagedServer({ keys });
    // The server hears of another limit than the client has set.
    const raised = altering(HandshakeType.clientHello, replacing("001c00020064", "001c00024000"));
    const client = new StagedClient({ recordSizeLimit: 100, faults: raised }, server.ports, x509());
    converse(client, server, client.start(), 5);
    expect(longest(server.sent)).toBeGreaterThan(100);
    expect(client.client.counters.discarded).toBe(0);
  });

  it("is answered by a server without one of its own with the most there is", () => {
    const server = new StagedServer();
    const [hello] = messagesIn(...server.greet({ extensions: new Map([[ExtensionType.recordSizeLimit, Buffer.from([2, 0])]]) })).filter(({ type }) => type === HandshakeType.serverHello);
    expect(readServerHello(hello?.body ?? Buffer.alloc(0)).extensions.get(ExtensionType.recordSizeLimit)).toEqual(Buffer.from([0x40, 0]));
  });

  it("beyond what a record holds is as much as a record holds", () => {
    const more = altering(HandshakeType.clientHello, replacing("001c00024000", "001c00024001"));
    const server = new StagedServer();
    const client = new StagedClient({ recordSizeLimit: 16_384, faults: more }, server.ports);
    converse(client, server, client.start());
    const [session] = server.sessions;
    expect(() => session?.send(Buffer.alloc(16_385))).toThrow("16385 bytes do not fit in a record");
    const again = new StagedServer({}, server.ports);
    again.server.restore(session?.save() ?? Buffer.alloc(0), clientAddress, "restored");
    expect(again.sessions).toHaveLength(1);
  });

  it("below 64 is refused (RFC 8449 §4)", () => {
    const server = new StagedServer();
    expect(alertsIn(...server.greet({ extensions: new Map([[ExtensionType.recordSizeLimit, Buffer.from([0, 63])]]) }))).toEqual(["2 47"]);
  });

  it("is kept to by the end that set it: what is longer is dropped", () => {
    const { client, server } = connected({ client: { recordSizeLimit: 100 } });
    // The keys of the server's session, used by somebody who knows no limit.
    const tap = new Tap(server);
    client.hear(tap.seal("server", ContentType.applicationData, Buffer.alloc(100)));
    expect(client.received).toHaveLength(1);
    client.hear(tap.seal("server", ContentType.applicationData, Buffer.alloc(101)));
    expect(client.received).toHaveLength(1);
    expect(client.client.counters.discarded).toBe(1);
  });
});

describe("a maximum fragment length", () => {
  it.each([512, 1024, 2048, 4096] as const)("of %i holds both ends", (maxFragmentLength) => {
    const { client, server } = connected({ client: { maxFragmentLength } });
    expect(() => client.client.send(Buffer.alloc(maxFragmentLength + 1))).toThrow("do not fit in a record");
    expect(() => server.sessions[0]?.send(Buffer.alloc(maxFragmentLength + 1))).toThrow("do not fit in a record");
    client.client.send(Buffer.alloc(maxFragmentLength));
    server.hear(client.sent.slice(-1));
    expect(server.received).toHaveLength(1);
  });

  it("that there is not is refused (RFC 6066 §4)", () => {
    for (const number of [0, 5, 255]) expect(alertsIn(...new StagedServer().greet({ extensions: new Map([[ExtensionType.maxFragmentLength, Buffer.from([number])]]) }))).toEqual(["2 47"]);
  });

  it("gives way to a record size limit where both are offered (RFC 8449 §5)", () => {
    const both = helloOf({
      extensions: new Map([
        [ExtensionType.maxFragmentLength, Buffer.from([1])],
        [ExtensionType.recordSizeLimit, Buffer.from([1, 0])],
      ]),
    });
    const [hello] = messagesIn(...new StagedServer().greet(both)).filter(({ type }) => type === HandshakeType.serverHello);
    expect([...readServerHello(hello?.body ?? Buffer.alloc(0)).extensions.keys()]).not.toContain(ExtensionType.maxFragmentLength);
  });
});
