import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { handshakeMessage, HandshakeType } from "../codec/handshake.js";
import { ContentType } from "../codec/record.js";
import { CbcProtection } from "../crypto/cbc.js";
import { AeadProtection } from "../crypto/aead.js";
import { changeCipherSpec, type FlightMessage } from "../handshake/steps.js";
import { RecordLayer } from "../record/record-layer.js";
import { messagesIn, recordsIn } from "../testing/handmade.js";
import { datagramsOf } from "./flight.js";

const message = (type: HandshakeType, length: number, epoch: 0 | 1 = 0): FlightMessage => ({ type: ContentType.handshake, epoch, bytes: handshakeMessage(type, 1, Buffer.alloc(length, 7)).raw });
const keys = { macKey: Buffer.alloc(32), key: Buffer.alloc(16), iv: Buffer.alloc(4) };

function layer(protection = new AeadProtection(keys, "aes-128-ccm", 8) as AeadProtection | CbcProtection): RecordLayer {
  const records = new RecordLayer();
  records.install(protection, protection);
  return records;
}
const lastFlight = [message(HandshakeType.clientKeyExchange, 10), changeCipherSpec, message(HandshakeType.finished, 12, 1)];

describe("a flight", () => {
  it("goes in one datagram when it fits", () => {
    const [datagram, ...more] = [...datagramsOf(lastFlight, layer(), 1_200)];
    expect(more).toEqual([]);
    expect(recordsIn(datagram ?? Buffer.alloc(0)).map(({ type, epoch }) => [type, epoch])).toEqual([
      [ContentType.handshake, 0],
      [ContentType.changeCipherSpec, 0],
      [ContentType.handshake, 1],
    ]);
  });

  it("is cut so that no datagram is longer than asked, whatever the messages", () => {
    const lengths = fc.array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.constantFrom<0 | 1>(0, 1)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 128, max: 1_500 }), fc.boolean(), (messages, maxDatagram, isCbc) => {
        const records = layer(isCbc ? new CbcProtection(keys, () => Buffer.alloc(16)) : new AeadProtection(keys, "aes-128-ccm", 8));
        const flight = messages.map(([length, epoch]) => message(HandshakeType.finished, length, epoch));
        const datagrams = [...datagramsOf(flight, records, maxDatagram)];
        for (const datagram of datagrams) expect(datagram.length).toBeLessThanOrEqual(maxDatagram);
        const inTheClear = messages.filter(([, epoch]) => epoch === 0).reduce((sum, [length]) => sum + length, 0);
        expect(messagesIn(...datagrams).reduce((sum, { body }) => sum + body.length, 0)).toBe(inTheClear);
      }),
    );
  });

  it("never has its ClientHello cut: a server without state could not put it together", () => {
    const [datagram, ...more] = [...datagramsOf([message(HandshakeType.clientHello, 300)], layer(), 128)];
    expect(more).toEqual([]);
    expect(datagram).toHaveLength(13 + 12 + 300);
  });

  it("takes new record numbers each time it is sent", () => {
    const records = layer();
    const numbers = (): readonly number[] => [...datagramsOf(lastFlight, records, 1_200)].flatMap((datagram) => recordsIn(datagram)).map(({ sequence }) => sequence);
    expect([numbers(), numbers()]).toEqual([
      [0, 1, 0],
      [2, 3, 1],
    ]);
  });
});
