import { describe, expect, it } from "vitest";
import { fragmentsOf, handshakeMessage, HandshakeType } from "../codec/handshake.js";
import { writeClientHello, type ClientHello } from "../codec/messages.js";
import { ContentType, writePlainRecord } from "../codec/record.js";
import { CBC, CCM_8, helloOf, helloRecord, messagesIn, none, plain, plainAlert, plainMessage, recordsIn } from "../testing/handmade.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "../testing/staged.js";

/** What a hello leads to: `cookie` is another request for a cookie. */
function answerTo(server: StagedServer, hello: ClientHello, from = clientAddress): "cookie" | "handshake" | "nothing" {
  const [first] = messagesIn(...server.hear(helloRecord(hello, 1, 1), from));
  if (first === undefined) return "nothing";
  return first.type === HandshakeType.helloVerifyRequest ? "cookie" : "handshake";
}

describe("a ClientHello without a good cookie", () => {
  it("is answered with a HelloVerifyRequest under its own numbers and its record's version, and leaves no state", () => {
    for (const version of [0xfefd, 0xfeff]) {
      const server = new StagedServer();
      const { raw } = handshakeMessage(HandshakeType.clientHello, 3, writeClientHello(helloOf()));
      const answer = server.hear(writePlainRecord(ContentType.handshake, 0, 2 ** 31 + 5, raw, version));
      expect(messagesIn(...answer)).toMatchObject([{ type: HandshakeType.helloVerifyRequest, messageSeq: 3 }]);
      expect(answer.flatMap((datagram) => recordsIn(datagram))).toMatchObject([{ sequence: 2 ** 31 + 5, version }]);
      expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
      expect(server.ports.clock.pending()).toEqual([]);
      expect(server.server.counters).toMatchObject({ cookiesSent: 1, handshakesStarted: 0, alertsOut: 0 });
    }
  });

  it("is never shorter than its answer, so that nobody is flooded through the server", () => {
    const server = new StagedServer();
    const shortest = helloRecord(helloOf({ suites: [], compressions: none, extensions: new Map() }));
    const answer = server.hear([shortest]);
    expect(answer).toHaveLength(1);
    expect(answer.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(shortest.length);
    const packed = server.hear(Buffer.concat([shortest, shortest, shortest]));
    expect(packed.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(3 * shortest.length);
  });

  it.each([
    ["in fragments", fragmentsOf(handshakeMessage(HandshakeType.clientHello, 0, writeClientHello(helloOf())).raw, 60).map((bytes) => plain(ContentType.handshake, bytes))],
    ["with another message in its record", [plain(ContentType.handshake, Buffer.concat([handshakeMessage(HandshakeType.clientHello, 0, writeClientHello(helloOf())).raw, handshakeMessage(HandshakeType.clientKeyExchange, 1, none).raw]))]],
    ["that does not parse", [plainMessage(HandshakeType.clientHello, 0, Buffer.alloc(20))]],
    ["in a record of another epoch", [writePlainRecord(ContentType.handshake, 1, 0, handshakeMessage(HandshakeType.clientHello, 0, writeClientHello(helloOf())).raw)]],
  ])("is dropped when it comes %s", (_name, datagrams) => {
    const server = new StagedServer();
    expect(server.hear(datagrams)).toEqual([]);
    expect(server.server.counters).toMatchObject({ cookiesSent: 0, discarded: datagrams.length });
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("is the only thing from a stranger that is answered", () => {
    const server = new StagedServer();
    const strange = [
      plainAlert(2, 40),
      plain(ContentType.applicationData, Buffer.from("hello")),
      plain(ContentType.changeCipherSpec, Buffer.from([1])),
      plain(ContentType.applicationData, Buffer.alloc(40), 0, 1),
      ...Object.values(HandshakeType)
        .filter((type) => type !== HandshakeType.clientHello)
        .map((type) => plainMessage(type, 0, Buffer.alloc(4))),
      Buffer.alloc(0),
      Buffer.from("no record"),
    ];
    expect(server.hear(strange)).toEqual([]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
  });
});

describe("a cookie", () => {
  it("that has become worthless while its hello was under way is asked for again, and the handshake goes on", () => {
    const first = new StagedServer();
    const client = new StagedClient({}, first.ports);
    // The server is started anew, with other secrets, between the two hellos.
    const second = new StagedServer({}, first.ports);
    const hello = client.hear(first.hear(client.start()));
    const [again] = messagesIn(...second.hear(hello));
    expect(again).toMatchObject({ type: HandshakeType.helloVerifyRequest, messageSeq: 1 });
    converse(client, second, hello);
    expect(client.connectedAs).toBeDefined();
    expect(second.sessions).toHaveLength(1);
    expect(messagesIn(...client.sent).map(({ messageSeq }) => messageSeq)).toEqual([0, 1, 2, 3]);
  });

  it("is good for the same hello from the same address, as often as it comes in time", () => {
    const server = new StagedServer();
    const hello = server.withCookie(helloOf());
    expect(answerTo(server, hello)).toBe("handshake");
  });

  it.each([
    ["another random", { random: Buffer.alloc(32, 99) }],
    ["another session id", { sessionId: Buffer.alloc(32, 1) }],
    ["other suites", { suites: [CCM_8, CBC] }],
    ["another version", { version: 0xfefc }],
    ["other compressions", { compressions: Buffer.from([0, 1]) }],
    ["one bit of it wrong", { cookie: Buffer.alloc(32) }],
    ["half of it", { cookie: Buffer.alloc(16) }],
  ])("is not good with %s", (_name, over) => {
    const server = new StagedServer();
    expect(answerTo(server, { ...server.withCookie(helloOf()), ...over })).toBe("cookie");
    expect(server.server.size.halfOpen).toBe(0);
  });

  it("is not good from another address or port", () => {
    const server = new StagedServer();
    const hello = server.withCookie(helloOf());
    expect(answerTo(server, hello, { ...clientAddress, port: clientAddress.port + 1 })).toBe("cookie");
    expect(answerTo(server, hello, { host: "10.0.0.9", port: clientAddress.port })).toBe("cookie");
  });

  it("is not good at another server", () => {
    const [one, other] = [new StagedServer(), new StagedServer({}, connected().server.ports)];
    expect(answerTo(other, one.withCookie(helloOf()))).toBe("cookie");
  });

  it.each([
    [0, 59_999, "handshake"],
    [0, 60_000, "handshake"],
    [0, 119_999, "handshake"],
    [0, 120_000, "cookie"],
    [59_000, 60_999, "handshake"],
    [59_000, 61_000, "cookie"],
    [0, 100_000_000, "cookie"],
  ] as const)("made %i ms after its secret is, %i ms later, still good: %s", async (madeAfter, later, expected) => {
    const server = new StagedServer();
    await server.ports.clock.advance(madeAfter);
    const hello = server.withCookie(helloOf());
    await server.ports.clock.advance(later);
    expect(answerTo(server, hello)).toBe(expected);
  });

  it("is not kept alive by a server that was idle when its secret should have changed", async () => {
    const server = new StagedServer();
    const hello = server.withCookie(helloOf());
    await server.ports.clock.advance(119_000);
    server.withCookie(helloOf({ random: Buffer.alloc(32, 50) }));
    await server.ports.clock.advance(2_000);
    expect(answerTo(server, hello)).toBe("cookie");
  });
});
