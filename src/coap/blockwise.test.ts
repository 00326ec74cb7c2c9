import { describe, expect, it } from "vitest";

import { Codes, OptionNumber, textOption, Type, uintOption, type IncomingRequest, type Message, type Request, type Response } from "./index.js";
import { alone, Outcome, pair, text, type Pair, type Setup } from "./testing/simulation.js";

const body = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i & 0xff));
const block = (number: number, more: boolean, size: number): number => number * 16 + (more ? 8 : 0) + Math.log2(size) - 4;
const token = Buffer.from("a1", "hex");

interface Seen {
  readonly pair: Pair;
  readonly outcome: Outcome;
  readonly summaries: string[];
}

/** One request through a pair of endpoints, with what was on the wire from the client's side. */
async function transfer(request: Request, onRequest: (request: IncomingRequest) => void, setup: Setup = {}): Promise<Seen> {
  const made = await pair(onRequest, setup);
  const { summarise } = await import("./index.js");
  const summaries: string[] = [];
  made.client.tap = (direction, datagram) => {
    const { coap } = summarise(datagram);
    summaries.push(`${direction} ${coap?.code ?? ""} 1:${coap?.block1 ?? "-"} 2:${coap?.block2 ?? "-"} ${coap?.payloadLength ?? 0}`);
  };
  const outcome = new Outcome(made.ports);
  made.client.send(made.peer, request, outcome);
  await made.ports.clock.advance(400_000);
  return { pair: made, outcome, summaries };
}

const post = (length: number): Request => ({ code: Codes.POST, path: ["up"], contentFormat: 42, payload: body(length) });
const get: Request = { code: Codes.GET, path: ["down"] };
const answer = (response: Response) => (request: IncomingRequest) => request.respond(response);

describe("a request body in blocks", () => {
  it("arrives whole at the handler, sent in 1024-byte blocks with Size1 under one token", async () => {
    const tokens = new Set<string>();
    const { pair: made, outcome, summaries } = await transfer(post(2_500), answer({ code: Codes.Changed }));
    expect(outcome.response?.code).toBe(Codes.Changed);
    expect(made.requests).toHaveLength(1);
    expect(Buffer.from(made.requests[0]?.payload ?? [])).toEqual(body(2_500));
    expect(summaries).toEqual([
      "out 0.02 1:0/1/1024 2:- 1024",
      "in 2.31 1:0/1/1024 2:- 0",
      "out 0.02 1:1/1/1024 2:- 1024",
      "in 2.31 1:1/1/1024 2:- 0",
      "out 0.02 1:2/0/1024 2:- 452",
      "in 2.04 1:2/0/1024 2:- 0",
    ]);
    for (const request of made.requests) tokens.add(Buffer.from(request.token).toString("hex"));
    expect(tokens.size).toBe(1);
    expect(made.ports.clock.pending()).toEqual([]);
  });

  it("fits one message up to the block size and not a byte beyond", async () => {
    expect((await transfer(post(1_024), answer({ code: Codes.Changed }))).summaries).toHaveLength(2);
    expect((await transfer(post(1_025), answer({ code: Codes.Changed }))).summaries).toHaveLength(4);
  });

  it("goes on in the smaller blocks that the server prefers", async () => {
    const { pair: made, summaries } = await transfer(post(1_300), answer({ code: Codes.Changed }), { serverLimits: { preferredBlockSize: 256 } });
    expect(Buffer.from(made.requests[0]?.payload ?? [])).toEqual(body(1_300));
    expect(summaries.filter((line) => line.startsWith("out"))).toEqual(["out 0.02 1:0/1/1024 2:- 1024", "out 0.02 1:4/1/256 2:- 256", "out 0.02 1:5/0/256 2:- 20"]);
  });

  it("starts again with smaller blocks when the server's 4.13 names them", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(() => {});
    const outcome = new Outcome(ports);
    endpoint.send(peer, post(100), outcome);
    await ports.clock.advance(5);
    const reply = (code: number, options: Message["options"]): Promise<void> => lockstep.say({ type: Type.ACK, code, messageId: lockstep.last.messageId, token: lockstep.last.token, options });
    await reply(Codes.RequestEntityTooLarge, [uintOption(OptionNumber.Block1, block(0, false, 64))]);
    expect(lockstep.option(OptionNumber.Block1)).toEqual(uintOption(OptionNumber.Block1, block(0, true, 64)));
    expect(lockstep.last.payload).toHaveLength(64);
    await reply(Codes.Continue, [uintOption(OptionNumber.Block1, block(0, true, 64))]);
    expect(lockstep.option(OptionNumber.Block1)).toEqual(uintOption(OptionNumber.Block1, block(1, false, 64)));
    await reply(Codes.Changed, [uintOption(OptionNumber.Block1, block(1, false, 64))]);
    expect(outcome.response?.code).toBe(Codes.Changed);
  });

  it("is refused with 4.13 and Size1 when it is too large, on the word of Size1 at the first block", async () => {
    const { pair: made, outcome, summaries } = await transfer(post(5_000), answer({ code: Codes.Changed }), { serverLimits: { maxBodyBytes: 4_000 } });
    expect(outcome.response?.code).toBe(Codes.RequestEntityTooLarge);
    expect(outcome.response?.options).toEqual([{ number: OptionNumber.Size1, value: Buffer.from([0x0f, 0xa0]) }]);
    expect(summaries).toHaveLength(2);
    expect(made.requests).toHaveLength(0);
    expect(made.ports.clock.pending()).toEqual([]);
  });

  it("is refused with 4.13 when it grows too large without having said so", async () => {
    const { lockstep, ports } = await alone(answer({ code: Codes.Changed }), { serverLimits: { maxBodyBytes: 100 } });
    const send = (number: number, messageId: number): Promise<void> => lockstep.say({ code: Codes.PUT, messageId, token, options: [textOption(11, "x"), uintOption(27, block(number, true, 64))], payload: body(64) });
    await send(0, 1);
    expect(lockstep.last.code).toBe(Codes.Continue);
    await send(1, 2);
    expect(lockstep.last.code).toBe(Codes.RequestEntityTooLarge);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("is refused with 4.08 when a block is missing or nothing is known of it, and 4.00 when a block has the wrong size", async () => {
    const { lockstep } = await alone(answer({ code: Codes.Changed }));
    let messageId = 0;
    const send = async (value: number, length: number): Promise<number> => {
      await lockstep.say({ code: Codes.PUT, messageId: ++messageId, token, options: [textOption(11, "x"), uintOption(27, value)], payload: body(length) });
      return lockstep.last.code;
    };
    expect(await send(block(3, true, 16), 16)).toBe(Codes.RequestEntityIncomplete);
    expect(await send(block(0, true, 16), 16)).toBe(Codes.Continue);
    expect(await send(block(2, true, 16), 16)).toBe(Codes.RequestEntityIncomplete);
    expect(await send(block(0, true, 16), 15)).toBe(Codes.BadRequest);
    expect(await send(0xf, 16)).toBe(Codes.BadRequest);
    expect(await send(block(0, false, 16), 17)).toBe(Codes.BadRequest);
    expect(await send(block(0, true, 16), 16)).toBe(Codes.Continue);
    expect(await send(block(1, true, 16), 16)).toBe(Codes.Continue);
    // The same block once more, as a new message.
    expect(await send(block(1, true, 16), 16)).toBe(Codes.Continue);
    expect(await send(block(2, false, 16), 3)).toBe(Codes.Changed);
  });

  it("is put together whatever tokens its blocks have", async () => {
    const { lockstep } = await alone((request) => request.respond({ code: Codes.Content, payload: Buffer.from(String(request.payload.length)) }));
    await lockstep.say({ code: Codes.POST, messageId: 1, token: Buffer.from("01", "hex"), options: [uintOption(27, block(0, true, 16))], payload: body(16) });
    await lockstep.say({ code: Codes.POST, messageId: 2, token: Buffer.from("02", "hex"), options: [uintOption(27, block(1, false, 16))], payload: body(4) });
    expect(text(lockstep.last.payload)).toBe("20");
    expect(Buffer.from(lockstep.last.token).toString("hex")).toBe("02");
  });

  it("does not mix with another of the same peer, and the number of open ones is bounded", async () => {
    const seen: string[] = [];
    const { ports, lockstep, endpoint } = await alone((request) => (seen.push(`${request.path.join("/")} ${request.payload.length}`), request.respond({ code: Codes.Changed })), { serverLimits: { maxTransfersPerPeer: 2 } });
    let messageId = 0;
    const send = async (path: string, number: number, more: boolean): Promise<number> => {
      await lockstep.say({ code: Codes.PUT, messageId: ++messageId, token, options: [textOption(11, path), uintOption(27, block(number, more, 16))], payload: body(16) });
      return lockstep.last.code;
    };
    await send("a", 0, true);
    await send("b", 0, true);
    await send("a", 1, true);
    expect(await send("b", 1, false)).toBe(Codes.Changed);
    expect(await send("a", 2, false)).toBe(Codes.Changed);
    expect(seen).toEqual(["b 32", "a 48"]);
    await send("a", 0, true);
    await send("b", 0, true);
    await send("c", 0, true);
    expect(await send("a", 1, false)).toBe(Codes.RequestEntityIncomplete);
    expect(await send("c", 1, false)).toBe(Codes.Changed);
    expect(ports.clock.pending()).toEqual(["block-wise transfer"]);
    await ports.clock.advance(247_001);
    expect(await send("b", 1, false)).toBe(Codes.RequestEntityIncomplete);
    await endpoint.close();
    expect(ports.clock.pending()).toEqual([]);
  });

  it("fails when the server skips a block number or continues beyond the end", async () => {
    for (const wrong of [[Codes.Continue, block(1, true, 1_024)], [Codes.Continue, -1], [Codes.Changed, 7]] as const) {
      const { ports, endpoint, lockstep, peer } = await alone(() => {});
      const outcome = new Outcome(ports);
      endpoint.send(peer, post(2_000), outcome);
      await ports.clock.advance(5);
      await lockstep.say({ type: Type.ACK, code: wrong[0], messageId: lockstep.last.messageId, token: lockstep.last.token, options: wrong[1] < 0 ? [] : [uintOption(27, wrong[1])] });
      expect(outcome.failure).toBe("block-transfer");
    }
  });

  it("may be answered before its end, with an error", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(() => {});
    const outcome = new Outcome(ports);
    endpoint.send(peer, post(2_000), outcome);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.ACK, code: Codes.Unauthorized, messageId: lockstep.last.messageId, token: lockstep.last.token });
    expect(outcome.response?.code).toBe(Codes.Unauthorized);
    expect(lockstep.heard).toHaveLength(1);
  });
});

describe("a response body in blocks", () => {
  it("arrives whole, with the options of its first block, and the handler is asked once", async () => {
    const { pair: made, outcome, summaries } = await transfer(get, answer({ code: Codes.Content, contentFormat: 42, maxAge: 5, payload: body(2_500) }));
    expect(outcome.response).toMatchObject({ code: Codes.Content, contentFormat: 42, maxAge: 5 });
    expect(Buffer.from(outcome.response?.payload ?? [])).toEqual(body(2_500));
    expect(made.requests).toHaveLength(1);
    expect(summaries).toEqual([
      "out 0.01 1:- 2:- 0",
      "in 2.05 1:- 2:0/1/1024 1024",
      "out 0.01 1:- 2:1/0/1024 0",
      "in 2.05 1:- 2:1/1/1024 1024",
      "out 0.01 1:- 2:2/0/1024 0",
      "in 2.05 1:- 2:2/0/1024 452",
    ]);
    expect(made.ports.clock.pending()).toEqual([]);
  });

  it("comes in the smaller blocks that the client asks for from the start", async () => {
    const { outcome, summaries } = await transfer(get, answer({ code: Codes.Content, payload: body(100) }), { clientLimits: { preferredBlockSize: 64 } });
    expect(outcome.response?.payload).toHaveLength(100);
    expect(summaries).toEqual(["out 0.01 1:- 2:0/0/64 0", "in 2.05 1:- 2:0/1/64 64", "out 0.01 1:- 2:1/0/64 0", "in 2.05 1:- 2:1/0/64 36"]);
  });

  it("comes in the smaller blocks that the server prefers", async () => {
    const { outcome, summaries } = await transfer(get, answer({ code: Codes.Content, payload: body(70) }), { serverLimits: { preferredBlockSize: 32 } });
    expect(Buffer.from(outcome.response?.payload ?? [])).toEqual(body(70));
    expect(summaries.filter((line) => line.startsWith("in"))).toEqual(["in 2.05 1:- 2:0/1/32 32", "in 2.05 1:- 2:1/1/32 32", "in 2.05 1:- 2:2/0/32 6"]);
  });

  it("follows a request body in blocks", async () => {
    const { pair: made, outcome, summaries } = await transfer(post(1_500), (request) => request.respond({ code: Codes.Content, payload: Buffer.from(request.payload) }));
    expect(Buffer.from(outcome.response?.payload ?? [])).toEqual(body(1_500));
    expect(made.requests).toHaveLength(1);
    expect(summaries.at(-2)).toBe("out 0.02 1:- 2:1/0/1024 0");
    expect(summaries.at(-1)).toBe("in 2.05 1:- 2:1/0/1024 476");
  });

  it("comes separately as well", async () => {
    const { outcome } = await transfer(get, (request) => setImmediate(() => request.respond({ code: Codes.Content, payload: body(3_000) })));
    expect(Buffer.from(outcome.response?.payload ?? [])).toEqual(body(3_000));
  });

  it("has Size2 in its first block and one ETag in all", async () => {
    const { lockstep } = await alone(answer({ code: Codes.Content, payload: body(40) }), { serverLimits: { preferredBlockSize: 16 } });
    await lockstep.say({ messageId: 1, token });
    const etag = lockstep.option(OptionNumber.ETag);
    expect(etag?.value).toHaveLength(4);
    expect(lockstep.option(OptionNumber.Size2)).toEqual(uintOption(OptionNumber.Size2, 40));
    await lockstep.say({ messageId: 2, token: Buffer.from("ff", "hex"), options: [uintOption(23, block(2, false, 16))] });
    expect(lockstep.last.payload).toHaveLength(8);
    expect(lockstep.option(OptionNumber.ETag)).toEqual(etag);
    expect(lockstep.option(OptionNumber.Size2)).toBeUndefined();
  });

  it("is served anew from any block of a GET, refused with 4.08 for other methods and with 4.00 behind the end", async () => {
    let handled = 0;
    const { lockstep } = await alone((request) => (handled++, request.respond({ code: Codes.Content, payload: body(40) })));
    await lockstep.say({ messageId: 1, token, options: [uintOption(23, block(1, false, 32))] });
    expect(lockstep.last.payload).toHaveLength(8);
    expect(lockstep.last.payload[0]).toBe(32);
    await lockstep.say({ messageId: 2, token, options: [uintOption(23, block(9, false, 32))] });
    expect(lockstep.last.code).toBe(Codes.BadRequest);
    expect(handled).toBe(2);
    await lockstep.say({ code: Codes.POST, messageId: 3, token, options: [uintOption(23, block(1, false, 32))] });
    expect(lockstep.last.code).toBe(Codes.RequestEntityIncomplete);
    await lockstep.say({ messageId: 4, token, options: [uintOption(23, 7)] });
    expect(lockstep.last.code).toBe(Codes.BadRequest);
    expect(handled).toBe(2);
  });

  /** Answers the endpoint's GET block by block as `blocks` says. */
  async function served(blocks: readonly { readonly block2: number; readonly length: number; readonly etag?: number }[], setup: Setup = {}): Promise<{ outcome: Outcome; heard: number }> {
    const { ports, endpoint, lockstep, peer } = await alone(() => {}, setup);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    for (const { block2, length, etag } of blocks) {
      const options = [...(etag === undefined ? [] : [uintOption(OptionNumber.ETag, etag)]), uintOption(OptionNumber.Block2, block2)];
      await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId: lockstep.last.messageId, token: lockstep.last.token, options, payload: body(length) });
    }
    return { outcome, heard: lockstep.heard.length };
  }

  it("is asked for again from the start when the representation changed", async () => {
    const { outcome, heard } = await served([
      { block2: block(0, true, 16), length: 16, etag: 1 },
      { block2: block(1, false, 16), length: 1, etag: 2 },
      { block2: block(0, true, 16), length: 16, etag: 2 },
      { block2: block(1, false, 16), length: 1, etag: 2 },
    ]);
    expect(outcome.response?.payload).toHaveLength(17);
    expect(heard).toBe(4);
  });

  it("fails when a block is skipped, has the wrong size, a reserved exponent, or when the whole is too large", async () => {
    expect((await served([{ block2: block(0, true, 16), length: 16 }, { block2: block(2, false, 16), length: 1 }])).outcome.failure).toBe("block-transfer");
    expect((await served([{ block2: block(0, true, 16), length: 15 }])).outcome.failure).toBe("block-transfer");
    expect((await served([{ block2: 7, length: 15 }])).outcome.failure).toBe("block-transfer");
    expect((await served([{ block2: block(0, true, 64), length: 64 }, { block2: block(1, true, 64), length: 64 }], { serverLimits: { maxBodyBytes: 100 } })).outcome.failure).toBe("block-transfer");
  });
});

describe("block-wise transfer", () => {
  it("carries 100,000 bytes both ways over a line that loses, duplicates and reorders", async () => {
    const { pair: made, outcome } = await transfer(post(100_000), (request) => request.respond({ code: Codes.Content, payload: Buffer.from(request.payload) }), {
      impairment: { loss: 0.05, duplicate: 0.05, reorder: 0.05, delayMs: [5, 20] },
      seed: 4,
    });
    await made.ports.clock.advance(2_000_000);
    expect(outcome.response?.payload).toHaveLength(100_000);
    expect(Buffer.compare(Buffer.from(outcome.response?.payload ?? []), body(100_000))).toBe(0);
    expect(made.requests).toHaveLength(1);
  });
});
