import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fragmentsOf, handshakeMessage, HandshakeType } from "./codec/handshake.js";
import { ContentType, writePlainRecord } from "./codec/record.js";
import { summarizeDatagram } from "./summary.js";
import { bytes } from "./testing/arbitraries.js";
import { none, plain, plainAlert, plainMessage } from "./testing/handmade.js";

describe("the summary of a datagram", () => {
  it.each([
    ["clientHello", plainMessage(HandshakeType.clientHello, 0, Buffer.alloc(50))],
    ["serverHello, serverHelloDone", plain(ContentType.handshake, Buffer.concat([handshakeMessage(HandshakeType.serverHello, 1, Buffer.alloc(40)).raw, handshakeMessage(HandshakeType.serverHelloDone, 2, none).raw]))],
    ["clientKeyExchange; ChangeCipherSpec; handshake message, epoch 1, 40 bytes", Buffer.concat([plainMessage(HandshakeType.clientKeyExchange, 2, Buffer.alloc(5)), plain(ContentType.changeCipherSpec, Buffer.from([1])), writePlainRecord(ContentType.handshake, 1, 0, Buffer.alloc(40))])],
    ["application data, epoch 1, 30 bytes", writePlainRecord(ContentType.applicationData, 1, 9, Buffer.alloc(30))],
    ["clientKeyExchange; records under a connection id, 40 bytes", Buffer.concat([plainMessage(HandshakeType.clientKeyExchange, 2, Buffer.alloc(5)), Buffer.alloc(40, ContentType.connectionId)])],
    ["application data in the clear, 3 bytes", plain(ContentType.applicationData, Buffer.from("abc"))],
    ["alert unknown_psk_identity (115)", plainAlert(2, 115)],
    ["handshake message 77", plainMessage(77, 0, none)],
    ["clientHello; 3 bytes that are no record", Buffer.concat([plainMessage(HandshakeType.clientHello, 0, none), Buffer.alloc(3)])],
    ["malformed (alert level 9)", plainAlert(9, 0)],
    ["malformed (fragment_length: 3 bytes wanted, 1 left)", plain(ContentType.handshake, Buffer.alloc(10))],
    ["", none],
  ])("says %o", (summary, datagram) => {
    expect(summarizeDatagram(datagram)).toBe(summary);
  });

  it("says which bytes of a message a piece has", () => {
    const pieces = fragmentsOf(handshakeMessage(HandshakeType.serverHello, 1, Buffer.alloc(81)).raw, 52).map((piece) => summarizeDatagram(plain(ContentType.handshake, piece)));
    expect(pieces).toEqual(["serverHello bytes 0 to 40 of 81", "serverHello bytes 40 to 80 of 81", "serverHello bytes 80 to 81 of 81"]);
  });

  it("is one line, whatever the bytes", () => {
    fc.assert(fc.property(bytes(100), (datagram) => !summarizeDatagram(datagram).includes("\n")));
  });
});
