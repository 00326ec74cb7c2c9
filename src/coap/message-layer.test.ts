import { describe, expect, it } from "vitest";

import { Codes, OptionNumber, textOption, Type, uintOption, type IncomingRequest, type Response } from "./index.js";
import { alone, exact, Outcome, pair, text } from "./testing/simulation.js";

const content: Response = { code: Codes.Content, payload: Buffer.from("hello") };
const echo = (request: IncomingRequest): void => request.respond(content);
const get = { code: Codes.GET, path: ["a"] } as const;
const token = Buffer.from("0102", "hex");

describe("a confirmable request", () => {
  it("is answered in the acknowledgement, with the same token and message id", async () => {
    const { endpoint, lockstep } = await alone(echo);
    await lockstep.say({ messageId: 77, token, options: [textOption(11, "a")] });
    expect(lockstep.heard).toHaveLength(1);
    expect(lockstep.last).toMatchObject({ type: Type.ACK, code: Codes.Content, messageId: 77 });
    expect(Buffer.from(lockstep.last.token)).toEqual(token);
    expect(text(lockstep.last.payload)).toBe("hello");
    expect(endpoint.counters).toMatchObject({ datagramsIn: 1, datagramsOut: 1 });
  });

  it("is sent again after 2, 6, 14 and 30 seconds and given up after 62 (RFC 7252 §4.2)", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(61_999);
    expect(lockstep.heard.map(({ at }) => at)).toEqual([1, 2_001, 6_001, 14_001, 30_001]);
    expect(new Set(lockstep.heard.map(({ messageId }) => messageId)).size).toBe(1);
    expect(outcome.at).toBeUndefined();
    await ports.clock.advance(2);
    expect(outcome).toMatchObject({ failure: "timeout", at: 62_000 });
    expect(ports.clock.pending()).toEqual([]);
    expect(endpoint.counters).toMatchObject({ retransmissions: 4, timeouts: 1 });
  });

  it("waits at first between ACK_TIMEOUT and ACK_TIMEOUT times ACK_RANDOM_FACTOR, not always the same", async () => {
    const waits = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const { ports, endpoint, lockstep, peer } = await alone(echo, { seed, transmission: { ...exact, ackRandomFactor: 1.5 } });
      endpoint.send(peer, get, new Outcome(ports));
      await ports.clock.advance(3_100);
      const wait = (lockstep.heard[1]?.at ?? 0) - (lockstep.heard[0]?.at ?? 0);
      expect(wait).toBeGreaterThanOrEqual(2_000);
      expect(wait).toBeLessThanOrEqual(3_000);
      waits.add(wait);
    }
    expect(waits.size).toBeGreaterThan(10);
  });

  it("that was rejected fails at once", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.RST, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(outcome.failure).toBe("reset");
    expect(endpoint.counters.resets).toBe(1);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("can be cancelled, and its late response is rejected", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    const exchange = endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    const request = lockstep.last;
    exchange.cancel();
    exchange.cancel();
    expect(outcome.failure).toBe("cancelled");
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId: request.messageId, token: request.token });
    expect(lockstep.heard).toHaveLength(1);
    await lockstep.say({ type: Type.CON, code: Codes.Content, messageId: 900, token: request.token });
    expect(lockstep.last).toMatchObject({ type: Type.RST, code: Codes.Empty, messageId: 900 });
    expect(endpoint.counters.strayResponses).toBe(2);
  });

  it("is not answered by a response with another token, message id or sender", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    const { messageId, token: ours } = lockstep.last;
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId, token: Buffer.from("ffffffff", "hex") });
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId: messageId ^ 1, token: ours });
    const stranger = await ports.network.bind({ host: "10.0.0.66" }, { onDatagram: () => {}, onSocketError: () => {} });
    stranger.send(Buffer.from([0x64, Codes.Content, messageId >> 8, messageId & 255, ...ours]), endpoint.local);
    await ports.clock.advance(5);
    expect(outcome.at).toBeUndefined();
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId, token: ours });
    expect(outcome.response?.code).toBe(Codes.Content);
  });
});

describe("a separate response", () => {
  it("follows an empty acknowledgement when the handler is slow, is confirmable and sent until acknowledged", async () => {
    const waiting: IncomingRequest[] = [];
    const { ports, lockstep } = await alone((request) => waiting.push(request));
    await lockstep.say({ messageId: 5, token });
    expect(lockstep.heard).toHaveLength(0);
    await ports.clock.advance(1_000);
    expect(lockstep.last).toMatchObject({ type: Type.ACK, code: Codes.Empty, messageId: 5 });
    await ports.clock.advance(10_000);
    waiting[0]?.respond(content);
    await ports.clock.advance(2_100);
    expect(lockstep.heard).toHaveLength(3);
    expect(lockstep.heard[1]).toMatchObject({ type: Type.CON, code: Codes.Content });
    expect(lockstep.heard[2]?.messageId).toBe(lockstep.heard[1]?.messageId);
    expect(Buffer.from(lockstep.last.token)).toEqual(token);
    await lockstep.say({ type: Type.ACK, code: Codes.Empty, messageId: lockstep.last.messageId });
    await ports.clock.advance(100_000);
    expect(lockstep.heard).toHaveLength(3);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("that comes too late is answered with a reset, and whoever gave it hears of that", async () => {
    const waiting: IncomingRequest[] = [];
    const { ports, lockstep } = await alone((request) => waiting.push(request));
    await lockstep.say({ messageId: 5, token });
    await ports.clock.advance(1_000);
    let resets = 0;
    waiting[0]?.respond(content, () => resets++);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.RST, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(resets).toBe(1);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("is acknowledged by the requester, again when it comes again, and ends the exchange once", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    const request = lockstep.last;
    await lockstep.say({ type: Type.ACK, code: Codes.Empty, messageId: request.messageId });
    await ports.clock.advance(20_000);
    expect(lockstep.heard).toHaveLength(1);
    const response = { type: Type.CON, code: Codes.Content, messageId: 4_000, token: request.token, payload: Buffer.from("late") };
    await lockstep.say(response);
    expect(text(outcome.response?.payload)).toBe("late");
    expect(lockstep.last).toMatchObject({ type: Type.ACK, code: Codes.Empty, messageId: 4_000 });
    await lockstep.say(response);
    expect(lockstep.heard).toHaveLength(3);
    expect(lockstep.last).toMatchObject({ type: Type.ACK, messageId: 4_000 });
    expect(endpoint.counters).toMatchObject({ duplicates: 1, strayResponses: 0 });
  });

  it("may overtake the acknowledgement", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.NON, code: Codes.Content, messageId: 4_000, token: lockstep.last.token });
    expect(outcome.response?.code).toBe(Codes.Content);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("is waited for no longer than the response timeout", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, get, outcome);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.ACK, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(ports.clock.pending()).toEqual(["separate response"]);
    await ports.clock.advance(exact.responseTimeoutMs);
    expect(outcome.failure).toBe("timeout");
  });
});

describe("a non-confirmable request", () => {
  it("is answered by a non-confirmable response and never sent again", async () => {
    const { endpoint, lockstep } = await alone(echo);
    await lockstep.say({ type: Type.NON, messageId: 9, token });
    expect(lockstep.last).toMatchObject({ type: Type.NON, code: Codes.Content });
    await lockstep.say({ type: Type.NON, messageId: 9, token });
    expect(lockstep.heard).toHaveLength(1);
    expect(endpoint.counters.duplicates).toBe(1);
  });

  it("fails when no response comes", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, { ...get, confirmable: false }, outcome);
    await ports.clock.advance(200_000);
    expect(lockstep.heard).toHaveLength(1);
    expect(lockstep.last.type).toBe(Type.NON);
    expect(outcome.failure).toBe("timeout");
  });

  it("that is rejected fails", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, { ...get, confirmable: false }, outcome);
    await ports.clock.advance(10_000);
    await lockstep.say({ type: Type.RST, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(outcome.failure).toBe("reset");
  });
});

describe("a duplicate", () => {
  it("gets the same reply and does not reach the handler again, for as long as an exchange can live", async () => {
    let handled = 0;
    const { ports, lockstep } = await alone((request) => request.respond({ code: Codes.Changed, payload: Buffer.from(String(++handled)) }));
    for (let i = 0; i < 3; i++) await lockstep.say({ code: Codes.POST, messageId: 3, token });
    expect(lockstep.heard.map(({ payload }) => text(payload))).toEqual(["1", "1", "1"]);
    await ports.clock.advance(exact.exchangeLifetimeMs);
    await lockstep.say({ code: Codes.POST, messageId: 3, token });
    expect(text(lockstep.last.payload)).toBe("2");
  });

  it("of a request in work gets the empty acknowledgement once there is one, and never a second handling", async () => {
    const waiting: IncomingRequest[] = [];
    const { ports, lockstep } = await alone((request) => waiting.push(request));
    await lockstep.say({ code: Codes.POST, messageId: 3 });
    await lockstep.say({ code: Codes.POST, messageId: 3 });
    expect(lockstep.heard).toHaveLength(0);
    await ports.clock.advance(1_000);
    await lockstep.say({ code: Codes.POST, messageId: 3 });
    expect(lockstep.heard.map(({ type, code }) => [type, code])).toEqual([[Type.ACK, Codes.Empty], [Type.ACK, Codes.Empty]]);
    expect(waiting).toHaveLength(1);
  });

  it("of a request that was ignored or reset stays ignored or reset", async () => {
    const { ports, lockstep } = await alone((request) => (request.messageId === 1 ? request.ignore() : request.reset()));
    for (const messageId of [1, 1, 2, 2]) await lockstep.say({ messageId });
    await ports.clock.advance(5_000);
    expect(lockstep.heard.map(({ type, messageId }) => [type, messageId])).toEqual([[Type.RST, 2], [Type.RST, 2]]);
  });

  it("is not what comes from a former client's source port with its message id and another token", async () => {
    let handled = 0;
    const { endpoint, lockstep } = await alone((request) => request.respond({ code: Codes.Created, payload: Buffer.from(String(++handled)) }));
    const other = Buffer.from("0a0b0c", "hex");
    await lockstep.say({ code: Codes.POST, messageId: 3, token });
    for (let i = 0; i < 2; i++) await lockstep.say({ code: Codes.POST, messageId: 3, token: other });
    expect(lockstep.heard.map((reply) => [Buffer.from(reply.token).toString("hex"), text(reply.payload)])).toEqual([["0102", "1"], ["0a0b0c", "2"], ["0a0b0c", "2"]]);
    expect(endpoint.counters.duplicates).toBe(1);
  });

  it("of one of very many unanswered requests is not handled again either", async () => {
    const waiting: IncomingRequest[] = [];
    const { ports, endpoint, lockstep } = await alone((request) => waiting.push(request), { serverLimits: { deduplicationPerPeer: 256 } });
    for (let messageId = 1; messageId <= 100; messageId++) await lockstep.say({ type: messageId % 2 === 0 ? Type.NON : Type.CON, code: Codes.POST, messageId });
    for (const messageId of [1, 2, 99, 100]) await lockstep.say({ type: messageId % 2 === 0 ? Type.NON : Type.CON, code: Codes.POST, messageId });
    expect(waiting).toHaveLength(100);
    expect(lockstep.heard[0]).toMatchObject({ type: Type.ACK, code: Codes.Empty, messageId: 1 });
    waiting[0]?.respond(content);
    await ports.clock.advance(5);
    expect(lockstep.last).toMatchObject({ type: Type.CON, code: Codes.Content });
    await endpoint.close();
    for (const request of waiting.slice(1)) request.respond(content);
    expect(ports.clock.pending().filter((name) => name !== "datagram in flight")).toEqual([]);
  });

  it("is told apart by peer", async () => {
    const { ports, client, server, peer, requests } = await pair(echo);
    const second = await ports.network.bind({ host: "10.0.0.3" }, { onDatagram: () => {}, onSocketError: () => {} });
    let id = -1;
    client.tap = (direction, datagram) => {
      if (direction === "out") id = Buffer.from(datagram).readUInt16BE(2);
    };
    client.send(peer, get, new Outcome(ports));
    second.send(Buffer.from([0x40, 1, id >> 8, id & 255]), server.local);
    await ports.clock.advance(10);
    expect(requests.map((request) => request.messageId)).toEqual([id, id]);
    expect(server.counters.duplicates).toBe(0);
  });
});

describe("NSTART", () => {
  it("lets one interaction with a peer be outstanding and sends the others in order", async () => {
    const { ports, client, peer, requests } = await pair((request) => request.respond({ code: Codes.Content, payload: Buffer.from(request.path.join("/")) }));
    const outcomes = ["a", "b", "c"].map((path) => {
      const outcome = new Outcome(ports);
      client.send(peer, { code: Codes.GET, path: [path] }, outcome);
      return outcome;
    });
    expect(client.counters.datagramsOut).toBe(1);
    await ports.clock.advance(20);
    expect(outcomes.map(({ response }) => text(response?.payload))).toEqual(["a", "b", "c"]);
    expect(outcomes.map(({ at }) => at)).toEqual([2, 4, 6]);
    expect(requests).toHaveLength(3);
  });

  it("is given back by an empty acknowledgement, a failure and a cancellation", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcomes = Array.from({ length: 4 }, () => new Outcome(ports));
    const exchanges = outcomes.map((outcome) => endpoint.send(peer, get, outcome));
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(1);
    await lockstep.say({ type: Type.ACK, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(lockstep.heard).toHaveLength(2);
    exchanges[2]?.cancel();
    exchanges[1]?.cancel();
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(3);
    await ports.clock.advance(62_001);
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined, "cancelled", "cancelled", "timeout"]);
  });

  it("counts peers apart, and can be more than one", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo, { transmission: { ...exact, nstart: 3 } });
    const other = endpoint.peer({ host: "10.0.0.8", port: 5683 });
    for (let i = 0; i < 5; i++) {
      endpoint.send(peer, get, new Outcome(ports));
      endpoint.send(other, get, new Outcome(ports));
    }
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(3);
    expect(endpoint.counters.datagramsOut).toBe(6);
  });
});

describe("message ids", () => {
  it("are not used twice towards a peer within EXCHANGE_LIFETIME: requests wait instead", async () => {
    const { ports, client, peer, server } = await pair(echo, { impairment: { delayMs: [0, 0] } });
    const ids = new Set<number>();
    server.tap = (direction, datagram) => {
      if (direction === "in") ids.add(Buffer.from(datagram).readUInt16BE(2));
    };
    let done = 0;
    const next = (): void => {
      client.send(peer, get, { onResponse: () => (done++, next()), onFailure: () => {} });
    };
    next();
    await ports.clock.advance(0.1);
    // Every exchange takes no time here, so a whole round of ids is used at one instant.
    expect(done).toBeGreaterThan(60_000);
    expect(done).toBeLessThanOrEqual(65_536);
    expect(ids.size).toBe(done);
    const used = done;
    await ports.clock.advance(exact.exchangeLifetimeMs - 1);
    expect(done).toBe(used);
    await ports.clock.advance(2);
    expect(done).toBeGreaterThan(used);
    await client.close();
  });
});

describe("empty messages", () => {
  it("as CON are a ping, answered by RST", async () => {
    const { lockstep } = await alone(echo);
    await lockstep.say({ code: Codes.Empty, messageId: 44 });
    expect(lockstep.last).toMatchObject({ type: Type.RST, code: Codes.Empty, messageId: 44 });
  });

  it("as NON, and unasked ACK and RST, mean nothing", async () => {
    const { endpoint, lockstep } = await alone(echo);
    for (const type of [Type.NON, Type.ACK, Type.RST]) await lockstep.say({ type, code: Codes.Empty, messageId: 44 });
    expect(lockstep.heard).toHaveLength(0);
    expect(endpoint.counters.malformed).toBe(1);
  });

  it("ping a living peer and find a dead one dead", async () => {
    const { ports, client, peer } = await pair(echo);
    const alive = client.ping(peer);
    await ports.clock.advance(10);
    expect(await alive).toBe(true);
    const heal = ports.network.partition(() => true);
    const dead = client.ping(peer);
    await ports.clock.advance(70_000);
    expect(await dead).toBe(false);
    heal();
  });
});

describe("a malformed message", () => {
  it("is rejected when confirmable and its header can be read, else ignored, and counted", async () => {
    const { endpoint, lockstep } = await alone(echo);
    await lockstep.say(Buffer.from("490112340000", "hex"));
    expect(lockstep.last).toMatchObject({ type: Type.RST, messageId: 0x1234 });
    for (const wire of ["590112340000", "690112340000", "790112340000", "4001", "80011234", "c0011234"]) await lockstep.say(Buffer.from(wire, "hex"));
    expect(lockstep.heard).toHaveLength(1);
    expect(endpoint.counters.malformed).toBe(7);
  });

  it("is a request in an ACK or RST, and an RST that is not empty", async () => {
    const { endpoint, lockstep } = await alone(echo);
    await lockstep.say({ type: Type.ACK, code: Codes.GET });
    await lockstep.say({ type: Type.RST, code: Codes.GET });
    await lockstep.say({ type: Type.RST, code: Codes.Content });
    expect(lockstep.heard).toHaveLength(0);
    expect(endpoint.counters.malformed).toBe(3);
  });
});

describe("an option that is not understood", () => {
  const critical = { number: 4_001, value: Buffer.from([1]) };

  it("makes a confirmable request bad when it is critical (RFC 7252 §5.4.1)", async () => {
    const { lockstep } = await alone(echo);
    await lockstep.say({ messageId: 8, token, options: [critical] });
    expect(lockstep.last).toMatchObject({ type: Type.ACK, code: Codes.BadOption, messageId: 8 });
    expect(text(lockstep.last.payload)).toBe("option 4001");
  });

  it("makes a non-confirmable request go unheard", async () => {
    let handled = 0;
    const { lockstep } = await alone(() => handled++);
    await lockstep.say({ type: Type.NON, options: [critical] });
    expect(lockstep.heard).toHaveLength(0);
    expect(handled).toBe(0);
  });

  it("is handed on when elective", async () => {
    const seen: IncomingRequest[] = [];
    const { lockstep } = await alone((request) => (seen.push(request), request.respond(content)));
    await lockstep.say({ options: [{ number: 4_000, value: Buffer.from([1]) }] });
    expect(lockstep.last.code).toBe(Codes.Content);
    expect(seen[0]?.options).toEqual([{ number: 4_000, value: Buffer.from([1]) }]);
  });

  it("is one with a wrong length, or one too many (RFC 7252 §5.4.3, §5.4.5)", async () => {
    const { lockstep } = await alone(echo);
    await lockstep.say({ messageId: 1, options: [{ number: OptionNumber.Accept, value: Buffer.alloc(3) }] });
    expect(lockstep.last.code).toBe(Codes.BadOption);
    await lockstep.say({ messageId: 2, options: [uintOption(OptionNumber.Accept, 1), uintOption(OptionNumber.Accept, 2)] });
    expect(lockstep.last.code).toBe(Codes.BadOption);
    await lockstep.say({ messageId: 3, options: [{ number: OptionNumber.ContentFormat, value: Buffer.alloc(3) }] });
    expect(lockstep.last.code).toBe(Codes.Content);
  });

  it("rejects a separate response and fails the request, and fails it in a piggybacked one", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const first = new Outcome(ports);
    endpoint.send(peer, get, first);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.CON, code: Codes.Content, messageId: 70, token: lockstep.last.token, options: [critical] });
    expect(lockstep.last).toMatchObject({ type: Type.RST, messageId: 70 });
    expect(first.failure).toBe("malformed-response");
    const second = new Outcome(ports);
    endpoint.send(peer, get, second);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId: lockstep.last.messageId, token: lockstep.last.token, options: [critical] });
    expect(second.failure).toBe("malformed-response");
  });

  it("is let pass in a response when the request had it", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo);
    const outcome = new Outcome(ports);
    endpoint.send(peer, { ...get, options: [critical] }, outcome);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.ACK, code: Codes.BadOption, messageId: lockstep.last.messageId, token: lockstep.last.token, options: [critical] });
    expect(outcome.response?.code).toBe(Codes.BadOption);
  });

  it.each([
    ["If-Match", { number: OptionNumber.IfMatch, value: Buffer.from("e") }],
    ["If-None-Match", { number: OptionNumber.IfNoneMatch, value: Buffer.alloc(0) }],
  ])("is answered 4.02 when it is a condition that nobody judges: %s", async (_, option) => {
    let handled = 0;
    const { lockstep } = await alone((request) => (handled++, request.respond(content)));
    await lockstep.say({ code: Codes.PUT, options: [option] });
    expect(lockstep.last.code).toBe(Codes.BadOption);
    expect(handled).toBe(0);
  });

  it("is answered 5.05 when it asks for a proxy", async () => {
    const { lockstep } = await alone(echo);
    await lockstep.say({ options: [textOption(OptionNumber.ProxyUri, "coap://example/")] });
    expect(lockstep.last.code).toBe(Codes.ProxyingNotSupported);
  });
});

describe("a peer that refuses", () => {
  it("is given up at the second refusal, so that a restart in between costs one retransmission only", async () => {
    const { ports, client, server, peer } = await pair(echo);
    await server.close();
    const outcome = new Outcome(ports);
    client.send(peer, get, outcome);
    await ports.clock.advance(1_999);
    expect(outcome.at).toBeUndefined();
    await ports.clock.advance(10);
    expect(outcome).toMatchObject({ failure: "unreachable" });
    const unconfirmed = new Outcome(ports);
    client.send(peer, { ...get, confirmable: false }, unconfirmed);
    await ports.clock.advance(10);
    expect(unconfirmed).toMatchObject({ failure: "unreachable" });
  });
});
