import { describe, expect, it } from "vitest";
import { ExtensionType } from "../codec/extensions.js";
import { HandshakeType } from "../codec/handshake.js";
import { alertsIn, helloOf, helloRecord, messagesIn, none, recordsIn } from "../testing/handmade.js";
import { StagedServer } from "../testing/staged.js";

const serverName = (hex: string): ReadonlyMap<number, Uint8Array> => new Map([[ExtensionType.serverName, Buffer.from(hex, "hex")]]);

describe("a server that gets a ClientHello", () => {
  it("counts on from its numbers", () => {
    const server = new StagedServer();
    const answer = server.greet({}, { messageSeq: 7, sequence: 900 });
    expect(messagesIn(...answer).map(({ type, messageSeq }) => [type, messageSeq])).toEqual([
      [HandshakeType.serverHello, 7],
      [HandshakeType.serverHelloDone, 8],
    ]);
    expect(answer.flatMap((datagram) => recordsIn(datagram)).map(({ sequence }) => sequence)).toEqual([900, 901]);
  });

  it.each([
    ["the last record number there is", { sequence: 2 ** 48 - 1 }],
    ["the last message number there is", { messageSeq: 65_535 }],
  ])("drops one with %s", (_name, numbers) => {
    const server = new StagedServer();
    expect(server.greet({}, numbers)).toEqual([]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(server.server.counters.discarded).toBe(1);
  });

  it("drops one that is longer than any client's", () => {
    const server = new StagedServer();
    const padding = (length: number) => helloOf({ extensions: new Map([[21, Buffer.alloc(length)]]) });
    expect(messagesIn(...server.hear(helloRecord(padding(3_000)))).map(({ type }) => type)).toEqual([HandshakeType.helloVerifyRequest]);
    expect(server.hear(helloRecord(padding(4_100)))).toEqual([]);
  });

  it.each([
    ["a list that ends early", "000a00000a62"],
    ["a list without a length", "00"],
    ["an empty name", "0003000000"],
    ["a name of 256 bytes", `0103000100${"61".repeat(256)}`],
  ])("answers a server name that does not parse with decode_error: %s", (_name, hex) => {
    const server = new StagedServer();
    expect(alertsIn(...server.greet({ extensions: serverName(hex) }))).toEqual(["2 50"]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("takes a server name list without a host name for none", () => {
    const server = new StagedServer();
    expect(messagesIn(...server.greet({ extensions: serverName("0006070003616263") })).map(({ type }) => type)).toEqual([HandshakeType.serverHello, HandshakeType.serverHelloDone]);
  });

  it.each([
    ["protocol_version for DTLS 1.0", { version: 0xfeff }, "2 70"],
    ["protocol_version for a version of TLS", { version: 0x0303 }, "2 70"],
    ["illegal_parameter for compression alone", { compressions: Uint8Array.of(1) }, "2 47"],
    ["illegal_parameter for no compression method at all", { compressions: none }, "2 47"],
    ["handshake_failure for suites that it has not", { suites: [0xc0a9, 0x008c] }, "2 40"],
    ["handshake_failure for no suite", { suites: [] }, "2 40"],
    ["handshake_failure for a renegotiation_info that names an earlier handshake", { extensions: new Map([[ExtensionType.renegotiationInfo, Buffer.from("0c000102030405060708090a0b", "hex")]]) }, "2 40"],
    ["decode_error for an extended_master_secret with content", { extensions: new Map([[ExtensionType.extendedMasterSecret, Buffer.from([0])]]) }, "2 50"],
    ["decode_error for an encrypt_then_mac with content", { extensions: new Map([[ExtensionType.encryptThenMac, Buffer.from([0])]]) }, "2 50"],
  ])("answers with %s", (_name, over, alert) => {
    const server = new StagedServer();
    expect(alertsIn(...server.greet(over))).toEqual([alert]);
    expect(server.failed).toHaveLength(1);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("speaks 1.2 with a client that knows a newer version too", () => {
    const server = new StagedServer();
    const [hello] = messagesIn(...server.greet({ version: 0xfefc }));
    expect(hello?.body.readUInt16BE(0)).toBe(0xfefd);
  });
});
