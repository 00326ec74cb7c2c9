import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fragmentsOf, handshakeMessage, HandshakeType, readFragment, type HandshakeFragment, type HandshakeMessage } from "../codec/handshake.js";
import { Reader } from "../../wire/index.js";
import { MAX_MESSAGE, Reassembly } from "./reassembly.js";

const message = (messageSeq: number, length: number): HandshakeMessage => handshakeMessage(HandshakeType.serverHello, messageSeq, Buffer.from(Array.from({ length }, (_, i) => (i * 31 + messageSeq) & 0xff)));
const piece = (whole: HandshakeMessage, offset: number, end: number): HandshakeFragment => ({ type: whole.type, length: whole.body.length, messageSeq: whole.messageSeq, offset, body: whole.body.subarray(offset, end) });

function takeAll(reassembly: Reassembly): HandshakeMessage[] {
  const taken: HandshakeMessage[] = [];
  for (let one = reassembly.take(); one !== undefined; one = reassembly.take()) taken.push(one);
  return taken;
}

describe("reassembly of handshake messages", () => {
  it("gives whole messages in order, whatever the order, the cuts and the repetitions of their pieces", () => {
    const pieces = fc.array(fc.record({ length: fc.integer({ min: 0, max: 300 }), cut: fc.integer({ min: 24, max: 120 }) }), { minLength: 1, maxLength: 6 }).chain((messages) => {
      const fragments = messages.flatMap(({ length, cut }, messageSeq) => fragmentsOf(message(messageSeq, length).raw, cut).map((bytes) => readFragment(new Reader(bytes))));
      return fc.tuple(
        fc.constant(messages),
        fc.shuffledSubarray(fragments, { minLength: fragments.length }),
        fc.array(fc.constantFrom(...fragments), { maxLength: 10 }),
      );
    });
    fc.assert(
      fc.property(pieces, ([messages, shuffled, again]) => {
        const reassembly = new Reassembly();
        const taken: HandshakeMessage[] = [];
        for (const fragment of [...shuffled.slice(0, 3), ...again, ...shuffled]) {
          reassembly.add(fragment);
          taken.push(...takeAll(reassembly));
        }
        // Cuts this coarse never leave more than 32 gaps.
        expect(taken.map(({ raw }) => raw.toString("hex"))).toEqual(messages.map(({ length }, messageSeq) => message(messageSeq, length).raw.toString("hex")));
        expect(reassembly.bytes).toBe(0);
      }),
    );
  });

  it("takes pieces that overlap, and keeps the bytes that came first", () => {
    const whole = message(0, 100);
    const reassembly = new Reassembly();
    const lie = { ...piece(whole, 30, 70), body: Buffer.alloc(40, 0xee) };
    reassembly.add(piece(whole, 40, 60));
    reassembly.add(piece(whole, 0, 10));
    expect(reassembly.add(lie)).toBe("kept");
    reassembly.add(piece(whole, 5, 35));
    reassembly.add(piece(whole, 65, 100));
    const [taken] = takeAll(reassembly);
    const expected = Buffer.from(whole.body);
    expected.fill(0xee, 30, 40);
    expected.fill(0xee, 60, 70);
    expect(taken?.body).toEqual(expected);
  });

  it("calls a piece of a message that was taken old, and one more than eight messages ahead too far", () => {
    const reassembly = new Reassembly(3);
    expect(reassembly.add(piece(message(2, 10), 0, 10))).toBe("old");
    expect(reassembly.add(piece(message(11, 10), 0, 10))).toBe("kept");
    expect(reassembly.add(piece(message(12, 10), 0, 10))).toBe("too-far-ahead");
  });

  it("refuses a message that is too long, pieces that reach beyond their message, and pieces that disagree", () => {
    const reassembly = new Reassembly();
    const add = (fragment: HandshakeFragment) => () => reassembly.add(fragment);
    const whole = message(0, 10);
    expect(add({ ...piece(whole, 0, 5), length: MAX_MESSAGE + 1 })).toThrow("a handshake message of 8193 bytes");
    expect(add({ ...piece(whole, 0, 10), offset: 1 })).toThrow("a fragment that reaches beyond its message");
    expect(add({ ...piece(whole, 0, 0), offset: 0xffffff })).toThrow("a fragment that reaches beyond its message");
    expect(add(piece(whole, 0, 5))()).toBe("kept");
    expect(add({ ...piece(whole, 5, 10), length: 11 })).toThrow("fragments of one message that disagree");
    expect(add({ ...piece(whole, 5, 10), type: HandshakeType.finished })).toThrow("fragments of one message that disagree");
  });

  it("keeps no more than 32 pieces of a message that do not touch, and is whole when the gaps are filled", () => {
    const whole = message(0, 200);
    const reassembly = new Reassembly();
    for (let i = 0; i < 40; i++) reassembly.add(piece(whole, 2 * i, 2 * i + 1));
    reassembly.add(piece(whole, 0, 64));
    expect(takeAll(reassembly)).toEqual([]);
    reassembly.add(piece(whole, 64, 200));
    expect(takeAll(reassembly).map(({ raw }) => raw)).toEqual([whole.raw]);
  });

  it("takes a message without content, in one empty piece", () => {
    const reassembly = new Reassembly();
    reassembly.add(piece(message(0, 0), 0, 0));
    expect(takeAll(reassembly)).toHaveLength(1);
  });

  it("reserves no more than 8 KiB for messages ahead and 8 KiB for the next one, whatever their headers say", () => {
    const announced = (messageSeq: number, length: number): HandshakeFragment => ({ type: 1, length, messageSeq, offset: 0, body: Buffer.alloc(1) });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: MAX_MESSAGE })), { maxLength: 40 }), (headers) => {
        const reassembly = new Reassembly();
        for (const [messageSeq, length] of headers) {
          try {
            reassembly.add(announced(messageSeq, length));
          } catch {
            // Two lengths for one message.
          }
          takeAll(reassembly);
          expect(reassembly.bytes).toBeLessThanOrEqual(2 * MAX_MESSAGE);
        }
      }),
    );
    const full = new Reassembly();
    expect(full.add(announced(1, MAX_MESSAGE))).toBe("kept");
    expect(full.add(announced(2, 1))).toBe("too-far-ahead");
    expect(full.add(announced(0, MAX_MESSAGE))).toBe("kept");
    full.clear();
    expect(full.bytes).toBe(0);
    expect(full.add(announced(2, 1))).toBe("kept");
  });
});
