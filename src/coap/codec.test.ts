import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CoapFormatError, Codes, decode, encode, formatCode, OptionNumber, parseCode, summarise, textOption, Type, uintOption, type Message, type Option } from "./index.js";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const plain = (message: Message): Message => ({
  ...message,
  token: Buffer.from(message.token),
  options: message.options.map(({ number, value }) => ({ number, value: Buffer.from(value) })),
  payload: Buffer.from(message.payload),
});
const text = (value: string): Buffer => Buffer.from(value);

/** Captured from libcoap 4.3.1's coap-client and coap-server, and others put together by hand from RFC 7252 §3. */
const captured: readonly { readonly name: string; readonly wire: string; readonly message: Message }[] = [
  {
    name: "libcoap's Register",
    wire: "4102492c0172c04642726411283c65703d75726e3a6465763a31066c743d333030096c776d326d3d312e3103623d55ff3c2f312f303e2c3c2f332f303e",
    message: {
      type: Type.CON,
      code: Codes.POST,
      messageId: 0x492c,
      token: hex("01"),
      options: [uintOption(7, 49_222), textOption(11, "rd"), uintOption(12, 40), textOption(15, "ep=urn:dev:1"), textOption(15, "lt=300"), textOption(15, "lwm2m=1.1"), textOption(15, "b=U")],
      payload: text("</1/0>,</3/0>"),
    },
  },
  {
    name: "libcoap's answer to GET /time, an option delta beyond 12",
    wire: "61450001aad10101ff4e6f762032332031333a32323a3331",
    message: { type: Type.ACK, code: Codes.Content, messageId: 1, token: hex("aa"), options: [uintOption(14, 1)], payload: text("Nov 23 13:22:31") },
  },
  {
    name: "an empty ACK",
    wire: "60 00 12 34",
    message: { type: Type.ACK, code: Codes.Empty, messageId: 0x1234, token: text(""), options: [], payload: text("") },
  },
  {
    name: "2.01 with the location of a registration",
    wire: "68 41 31 d4 1b52a4e9b3dd0c6f 82 7264 0a 6b4e59356c374d4c7758",
    message: { type: Type.ACK, code: Codes.Created, messageId: 0x31d4, token: hex("1b52a4e9b3dd0c6f"), options: [textOption(8, "rd"), textOption(8, "kNY5l7MLwX")], payload: text("") },
  },
  {
    name: "RFC 7959's Block1 with Size1 (deltas of 13 and more)",
    wire: "40 03 12 34 b1 74 d1 03 0e d1 14 50 ff 61",
    message: { type: Type.CON, code: Codes.PUT, messageId: 0x1234, token: text(""), options: [textOption(11, "t"), { number: 27, value: hex("0e") }, { number: 60, value: hex("50") }], payload: text("a") },
  },
  {
    name: "an option number and a value length of two extension bytes",
    wire: `40 01 00 01 ee 03 e8 00 1f ${"61".repeat(300)}`,
    message: { type: Type.CON, code: Codes.GET, messageId: 1, token: text(""), options: [{ number: 1269, value: Buffer.alloc(300, "a") }], payload: text("") },
  },
];

describe("the message codec", () => {
  it.each(captured)("reads and writes $name", ({ wire, message }) => {
    expect(plain(decode(hex(wire)))).toEqual(plain(message));
    expect(encode(message).toString("hex")).toBe(hex(wire).toString("hex"));
  });

  it("gives back any message that it wrote", () => {
    const bytes = (maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
    const code = fc.integer({ min: 1, max: 191 }).filter((value) => value >> 5 !== 1);
    const option: fc.Arbitrary<Option> = fc.record({ number: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 65_535 })), value: fc.oneof(bytes(14), bytes(700)) });
    const message = fc.record({
      type: fc.constantFrom(Type.CON, Type.NON, Type.ACK, Type.RST),
      code,
      messageId: fc.integer({ min: 0, max: 65_535 }),
      token: bytes(8),
      options: fc.array(option, { maxLength: 12 }).map((options) => options.toSorted((a, b) => a.number - b.number)),
      payload: bytes(1500),
    });
    fc.assert(
      fc.property(message, (original) => {
        expect(plain(decode(encode(original)))).toEqual(original);
      }),
      { numRuns: 3_000 },
    );
  });

  it("throws its own error and nothing else on 150,000 random and mutated datagrams, and what it reads it writes again with the same meaning", () => {
    let state = 0x2545f491;
    const random = (bound: number): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % bound;
    };
    const seeds = captured.map(({ wire }) => hex(wire));
    let read = 0;
    for (let i = 0; i < 150_000; i++) {
      let input: Buffer;
      if (i % 2 === 0) {
        input = Buffer.alloc(random(64));
        for (let j = 0; j < input.length; j++) input[j] = random(256);
        if (input.length > 0 && i % 4 === 0) input[0] = 0x40 | random(64);
      } else {
        const seed = seeds[random(seeds.length)] ?? Buffer.alloc(0);
        input = Buffer.from(seed.subarray(0, random(4) === 0 ? random(seed.length + 1) : seed.length));
        for (let flips = 1 + random(3); flips > 0 && input.length > 0; flips--) input[random(input.length)] = random(256);
      }
      try {
        const message = decode(input);
        read++;
        const again = decode(encode(message));
        if (Buffer.compare(Buffer.from(again.payload), Buffer.from(message.payload)) !== 0 || again.options.length !== message.options.length) throw new Error(`not the same: ${input.toString("hex")}`);
      } catch (error) {
        if (!(error instanceof CoapFormatError)) throw error;
      }
      summarise(input);
    }
    expect(read).toBeGreaterThan(20_000);
  });

  it.each([
    ["no header", "40 01 00"],
    ["version 2", "80 01 00 01"],
  ])("says nothing about type and id of %s", (_, wire) => {
    const error = failure(wire);
    expect(error.messageId).toBeUndefined();
    expect(error.type).toBeUndefined();
  });

  it.each([
    ["a token length of 9", "49 01 12 34 000000000000000000"],
    ["a token cut off", "44 01 12 34 00"],
    ["a payload marker without payload", "40 01 12 34 ff"],
    ["option delta 15", "40 01 12 34 f1 00"],
    ["option length 15", "40 01 12 34 1f 00"],
    ["an option value cut off", "40 01 12 34 b4 61"],
    ["a cut option extension", "40 01 12 34 d0"],
    ["an Empty message with bytes after it", "40 00 12 34 00"],
    ["an Empty message with a token", "41 00 12 34 00"],
    ["code class 1", "40 21 12 34"],
    ["code class 7", "40 e1 12 34"],
    ["an option number above 65535", "40 01 12 34 e0 ff ff e0 ff ff"],
  ])("reports type and id of a message with %s", (_, wire) => {
    const error = failure(wire);
    expect(error.messageId).toBe(0x1234);
    expect(error.type).toBe(Type.CON);
  });

  it("puts options in order when it writes them", () => {
    const options = [textOption(OptionNumber.UriQuery, "q"), textOption(OptionNumber.UriPath, "a"), textOption(OptionNumber.UriPath, "b")];
    const message = decode(encode({ type: Type.CON, code: Codes.GET, messageId: 1, token: text(""), options, payload: text("") }));
    expect(message.options.map(({ number, value }) => [number, Buffer.from(value).toString()])).toEqual([[11, "a"], [11, "b"], [15, "q"]]);
  });

  it("leaves messages alone that it wrote before", () => {
    const big = (fill: number): Message => ({ type: Type.NON, code: Codes.POST, messageId: fill, token: hex("01"), options: [textOption(11, "x".repeat(20))], payload: Buffer.alloc(9_000, fill) });
    const messages = [1, 2, 3, 4, 5].map((fill) => encode(big(fill)));
    expect(messages.map((bytes) => decode(bytes).payload[8_999])).toEqual([1, 2, 3, 4, 5]);
    expect(encode({ ...big(7), payload: Buffer.alloc(60_000, 7) })).toHaveLength(60_000 + 4 + 1 + 22 + 1);
  });
});

function failure(wire: string): CoapFormatError {
  try {
    decode(hex(wire));
  } catch (error) {
    if (error instanceof CoapFormatError) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("codes", () => {
  it("are written with a dot and read back", () => {
    expect(formatCode(Codes.Changed)).toBe("2.04");
    expect(formatCode(Codes.UnsupportedContentFormat)).toBe("4.15");
    expect(parseCode("4.04")).toBe(Codes.NotFound);
    for (let code = 0; code < 256; code++) expect(parseCode(formatCode(code))).toBe(code);
  });

  it.each(["204", "2.4", "8.00", "2.32", "", "2.04 "])("refuse %j", (wrong) => {
    expect(() => parseCode(wrong)).toThrow(RangeError);
  });
});

describe("summaries", () => {
  it("say what a reader and an oracle ask for", () => {
    const register = encode({
      type: Type.CON,
      code: Codes.POST,
      messageId: 7,
      token: hex("0a0b"),
      options: [uintOption(6, 0), textOption(11, "rd"), uintOption(12, 40), textOption(15, "ep=a"), textOption(15, "lt=60"), uintOption(23, (2 << 4) | 8 | 6), uintOption(27, 2)],
      payload: text("</1/0>"),
    });
    expect(summarise(register)).toEqual({
      summary: "CON POST /rd?ep=a&lt=60 mid=7 token=0a0b observe=0 ct=40 block1=0/0/64 block2=2/1/1024 6 bytes",
      coap: { type: "CON", code: "0.02", messageId: 7, token: "0a0b", path: "/rd", query: ["ep=a", "lt=60"], observe: 0, contentFormat: 40, block1: "0/0/64", block2: "2/1/1024", payloadLength: 6 },
    });
    expect(summarise(hex("68 41 31 d4 1b52a4e9b3dd0c6f 82 7264 02 6b4e")).summary).toBe("ACK 2.01 location=/rd/kN mid=12756 token=1b52a4e9b3dd0c6f");
    expect(summarise(hex("40 00 00 01")).summary).toBe("CON ping mid=1");
    expect(summarise(hex("40"))).toEqual({ summary: "malformed: RFC 7252 §3: a message of 1 bytes has no header" });
  });
});
