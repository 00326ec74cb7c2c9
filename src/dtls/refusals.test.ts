import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { ContentType } from "./codec/record.js";
import { plain } from "./testing/handmade.js";
import { altering, put, replacing } from "./testing/faults.js";
import { connected, converse, StagedClient, StagedServer } from "./testing/staged.js";
import { Tap } from "./testing/tap.js";
import type { DtlsFaults, Resumption } from "./types.js";

/** What an honest client makes of a server with this fault: why it gave up. */
function clientAgainst(faults: DtlsFaults, resume?: Resumption): { readonly client: StagedClient; readonly server: StagedServer } {
  const server = new StagedServer({ faults });
  const client = new StagedClient(resume === undefined ? {} : { resume }, server.ports);
  converse(client, server, client.start());
  return { client, server };
}
function serverAgainst(faults: DtlsFaults): { readonly client: StagedClient; readonly server: StagedServer } {
  const server = new StagedServer();
  const client = new StagedClient({ faults }, server.ports);
  converse(client, server, client.start());
  return { client, server };
}
const reasonOf = (closed: readonly { readonly why: string }[]): unknown => closed[0];
const sentAlert = (description: number, because: string) => ({ why: "alert-sent", alert: { level: 2, description }, because });
const heardAlert = (description: number) => ({ why: "alert-received", alert: { level: 2, description } });

// Where things stand in a ServerHello with a session id of 32 bytes.
const suiteAt = 2 + 32 + 1 + 32;
const compressionAt = suiteAt + 2;

describe("a client refuses a server that", () => {
  it.each([
    ["chooses another version", altering(HandshakeType.serverHello, put(0, 0xfe, 0xff)), 70, "the server wants version 0xfeff"],
    ["chooses a suite that was not offered", altering(HandshakeType.serverHello, put(suiteAt, 0x00, 0xae)), 47, "the server chose suite 0xae, which was not offered"],
    ["chooses a compression", altering(HandshakeType.serverHello, put(compressionAt, 1)), 47, "the server chose a compression"],
    ["answers an extension that was not offered", altering(HandshakeType.serverHello, (body) => Buffer.concat([body.subarray(0, compressionAt + 1), Buffer.from("000400230000", "hex")])), 110, "the server answers extension 35, which was not offered"],
    ["sends a ServerHello that does not parse", altering(HandshakeType.serverHello, (body) => body.subarray(0, 20)), 50, "server random: 32 bytes wanted, 18 left"],
    ["says more than ServerHelloDone", altering(HandshakeType.serverHelloDone, () => Buffer.from([0])), 50, "a ServerHelloDone with content"],
    ["proves to have heard something else in its Finished", altering(HandshakeType.finished, put(0, 1, 2, 3, 4)), 51, "the server's Finished is wrong"],
  ] as const)("%s", (_name, faults, description, because) => {
    const { client, server } = clientAgainst(faults);
    expect(reasonOf(client.closed)).toEqual(sentAlert(description, because));
    expect(client.connectedAs).toBeUndefined();
    // A server that is done hears the alert as that of a session.
    expect(reasonOf(description === 51 ? server.closed : server.failed.map(({ reason }) => reason))).toEqual(heardAlert(description));
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("drops extended master secret when it resumes", () => {
    const { client, server } = connected();
    const resume = client.connectedAs?.resumption;
    const stripped = new StagedClient(resume === undefined ? {} : { resume }, server.ports);
    const [hello = Buffer.alloc(0)] = converse(stripped, server, stripped.start(), 3);
    // The datagram is altered on its way: renegotiation_info alone stays, and the client need not wait for Finished to see it.
    const [record, rest] = [hello.subarray(0, 13 + hello.readUInt16BE(11)), hello.subarray(13 + hello.readUInt16BE(11))];
    const extensionsAt = 13 + 12 + compressionAt + 1;
    expect(record.subarray(extensionsAt).toString("hex")).toBe("0009ff0100010000170000");
    const without = Buffer.concat([record.subarray(0, extensionsAt), Buffer.from("0005ff01000100", "hex")]);
    without.writeUInt16BE(without.length - 13, 11);
    for (const at of [14, 22]) without.writeUIntBE(without.length - 25, at, 3);
    stripped.hear(Buffer.concat([without, rest]));
    expect(reasonOf(stripped.closed)).toEqual(sentAlert(40, "the server resumes with another kind of master secret"));
  });
});

describe("a server refuses a client that", () => {
  it.each([
    ["knows no version from 1.2 on", altering(HandshakeType.clientHello, put(0, 0xfe, 0xff)), 70, "the client speaks version 0xfeff"],
    ["insists on a compression", altering(HandshakeType.clientHello, replacing("c0a800ff0100", "c0a800ff0101")), 47, "the client insists on a compression"],
    ["sends a key exchange that does not parse", altering(HandshakeType.clientKeyExchange, () => Buffer.from([0, 5, 1])), 50, "PSK identity: 5 bytes wanted, 1 left"],
    ["proves to have heard something else in its Finished", altering(HandshakeType.finished, put(0, 1, 2, 3, 4)), 51, "the client's Finished is wrong"],
  ] as const)("%s", (_name, faults, description, because) => {
    const { client, server } = serverAgainst(faults);
    expect(reasonOf(server.failed.map(({ reason }) => reason))).toEqual(sentAlert(description, because));
    expect(server.sessions).toEqual([]);
    expect(reasonOf(client.closed)).toEqual(heardAlert(description));
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("drops extended master secret when it resumes", () => {
    const { client, server } = connected();
    const resume = client.connectedAs?.resumption;
    if (resume === undefined) throw new Error("nothing to resume");
    const again = new StagedClient({ resume, faults: altering(HandshakeType.clientHello, replacing("000400170000", "")) }, server.ports);
    converse(again, server, again.start());
    expect(server.failed[0]?.reason).toEqual(sentAlert(40, "the client resumes without extended master secret"));
    expect(reasonOf(again.closed)).toEqual(heardAlert(40));
  });
});

describe("either end drops, without a word,", () => {
  it("records that it had before", () => {
    const { client, server } = connected();
    client.client.send(Buffer.from("once"));
    server.sessions[0]?.send(Buffer.from("once"));
    const [toServer, toClient] = [client.sent.slice(-1), server.sent.slice(-1)];
    for (let time = 0; time < 3; time++) {
      expect(server.hear(toServer)).toEqual([]);
      expect(client.hear(toClient)).toEqual([]);
    }
    expect([server.received, client.received]).toEqual([["once"], ["once"]]);
    expect([server.server.counters.replayed, client.client.counters.replayed]).toEqual([2, 2]);
  });

  it("application data before Finished", () => {
    // Under the keys that the session will have, known from the same handshake under the same seed.
    const first = connected();
    const staged = new StagedServer();
    const again = { server: staged, client: new StagedClient({}, staged.ports) };
    const flight = converse(again.client, again.server, again.client.start(), 4);
    const finishedAt = flight[0]?.indexOf(Buffer.from("16fefd0001", "hex")) ?? -1;
    const tap = new Tap(first.server);
    const early = tap.seal("client", ContentType.applicationData, Buffer.from("too early"), 1);
    again.server.hear([...flight.map((datagram) => datagram.subarray(0, finishedAt)), early]);
    expect(again.server.received).toEqual([]);
    expect(again.server.server.counters.discarded).toBe(1);
    again.server.hear(flight);
    expect(again.server.sessions).toHaveLength(1);
    expect(again.server.received).toEqual([]);
  });

  it("application data in the clear, before Finished and after", () => {
    const clear = plain(ContentType.applicationData, Buffer.from("in the clear"));
    const server = new StagedServer();
    const client = new StagedClient({}, server.ports);
    const flight = converse(client, server, client.start(), 4);
    expect([...client.hear(clear), ...server.hear(clear)]).toEqual([]);
    converse(client, server, flight);
    expect([...client.hear(clear), ...server.hear(clear)]).toEqual([]);
    expect([client.received, server.received]).toEqual([[], []]);
    expect([client.client.counters.discarded, server.server.counters.discarded]).toEqual([2, 2]);
    expect([client.client.state, server.sessions[0]?.open]).toEqual(["connected", true]);
  });

  it("records of an epoch that does not exist, or of another version under keys", () => {
    const { client, server } = connected();
    client.client.send(Buffer.from("hello"));
    const [record = Buffer.alloc(0)] = client.sent.slice(-1);
    const later = Buffer.from(record);
    later.writeUInt16BE(2, 3);
    const older = Buffer.from(record);
    older.writeUInt16BE(0xfeff, 1);
    expect(server.hear([later, older])).toEqual([]);
    expect(server.received).toEqual([]);
    expect(server.server.counters).toMatchObject({ discarded: 1, badRecords: 1 });
  });
});
