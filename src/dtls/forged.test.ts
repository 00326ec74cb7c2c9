import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { ContentType } from "./codec/record.js";
import { alertsIn, messagesIn, none, plain, plainAlert, plainMessage } from "./testing/handmade.js";
import { connected, converse, StagedClient, StagedServer } from "./testing/staged.js";

/** Both ends when the client has said everything and the server has heard nothing of its last flight. */
function beforeLastFlight(): { readonly client: StagedClient; readonly server: StagedServer; readonly flight: readonly Buffer[] } {
  const server = new StagedServer();
  const client = new StagedClient({}, server.ports);
  const flight = converse(client, server, client.start(), 4);
  expect(messagesIn(...flight).map(({ type }) => type)).toEqual([HandshakeType.clientKeyExchange]);
  return { client, server, flight };
}
const forgedFinished = (messageSeq: number): Buffer => plainMessage(HandshakeType.finished, messageSeq, Buffer.alloc(12), 77);

describe("records in the clear that a stranger puts into a handshake", () => {
  it("a Finished, before the server has keys, does no harm", () => {
    const { client, server, flight } = beforeLastFlight();
    expect(server.hear(forgedFinished(3))).toEqual([]);
    converse(client, server, flight);
    expect(client.connectedAs).toBeDefined();
    expect(server.sessions).toHaveLength(1);
  });

  it("a Finished, once the server has keys, does no harm", () => {
    const { client, server, flight } = beforeLastFlight();
    const [whole] = flight;
    if (whole === undefined) throw new Error("no flight");
    const keyExchange = whole.subarray(0, 13 + whole.readUInt16BE(11));
    expect(server.hear([keyExchange, forgedFinished(3)])).toEqual([]);
    expect(server.server.counters.discarded).toBe(1);
    converse(client, server, flight);
    expect(server.sessions).toHaveLength(1);
  });

  it("a Finished to the client does no harm", () => {
    const { client, server, flight } = beforeLastFlight();
    expect(client.hear(forgedFinished(3))).toEqual([]);
    expect(client.client.counters.discarded).toBe(1);
    converse(client, server, flight);
    expect(client.connectedAs).toBeDefined();
  });

  it("a record with the highest number there is does not shut out those that follow", () => {
    const server = new StagedServer();
    const client = new StagedClient({}, server.ports);
    const hello = client.start();
    client.hear(plain(ContentType.changeCipherSpec, Buffer.from([1]), 2 ** 48 - 1));
    const second = converse(client, server, hello, 2);
    const answer = server.hear(second);
    server.hear(plain(ContentType.changeCipherSpec, Buffer.from([1]), 2 ** 48 - 1));
    converse(client, server, client.hear(answer));
    expect(client.connectedAs).toBeDefined();
    expect(server.sessions).toHaveLength(1);
  });

  it("a ServerHello ends in a client without a session, for nothing before Finished is authentic", async () => {
    const server = new StagedServer();
    const client = new StagedClient({}, server.ports);
    client.start();
    const forged = Buffer.concat([Buffer.from([0xfe, 0xfd]), Buffer.alloc(32, 9), Buffer.from([0, 0xc0, 0xa8, 0])]);
    client.hear([plainMessage(HandshakeType.serverHello, 0, forged), plainMessage(HandshakeType.serverHelloDone, 1, none, 1)]);
    expect(client.client.state).toBe("handshaking");
    await server.ports.clock.advance(70_000);
    expect(client.closed).toEqual([{ why: "timeout" }]);
  });

  it("a fatal alert ends a handshake, for the true server can send one only in the clear", () => {
    const client = new StagedClient();
    client.start();
    expect(client.hear(plainAlert(2, 40))).toEqual([]);
    expect(client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description: 40 } }]);
    expect(client.ports.clock.pending()).toEqual([]);
  });
});

describe("records in the clear that a stranger sends to both ends of a session", () => {
  it.each([
    ["a fatal alert", plainAlert(2, 40)],
    ["close_notify", plainAlert(1, 0)],
    ["application data", plain(ContentType.applicationData, Buffer.from("hello"))],
    ["a HelloRequest", plainMessage(HandshakeType.helloRequest, 4, none)],
    ["a ServerHello", plainMessage(HandshakeType.serverHello, 4, Buffer.alloc(38))],
    ["a Finished", forgedFinished(4)],
    ["a ChangeCipherSpec", plain(ContentType.changeCipherSpec, Buffer.from([1]))],
  ])("change nothing: %s", async (_name, forged) => {
    const { client, server } = connected();
    // Whether a last flight may still be wanted makes no difference to the session.
    for (const again of [false, true]) {
      await server.ports.clock.advance(1_000);
      expect(alertsIn(...client.hear(forged))).toEqual([]);
      expect(alertsIn(...server.hear(forged))).toEqual([]);
      client.client.send(Buffer.from(`still here ${again}`));
      server.hear(client.sent.slice(-1));
      expect(server.received.at(-1)).toBe(`still here ${again}`);
    }
    expect(client.received).toEqual([]);
    expect([client.closed, server.closed]).toEqual([[], []]);
  });

  it("make the server repeat its last flight at most twice a second, and never once it has heard from the client", async () => {
    const { client, server } = connected();
    await server.ports.clock.advance(400);
    expect(server.hear(forgedFinished(3))).toEqual([]);
    await server.ports.clock.advance(200);
    const repeated = server.hear([forgedFinished(3), forgedFinished(3), forgedFinished(3)]);
    expect(repeated).toHaveLength(1);
    client.client.send(Buffer.from("hello"));
    server.hear(client.sent.slice(-1));
    await server.ports.clock.advance(5_000);
    expect(server.hear(forgedFinished(3))).toEqual([]);
  });
});
