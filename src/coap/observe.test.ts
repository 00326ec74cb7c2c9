import { describe, expect, it } from "vitest";

import { isFresher } from "./client-observation.js";
import { Codes, OptionNumber, textOption, Type, uintOption, type IncomingRequest, type Observation, type Observer, type Response } from "./index.js";
import { alone, exact, pair, text, type Lockstep, type Pair, type Setup } from "./testing/simulation.js";

const state = (value: string | number): Response => ({ code: Codes.Content, payload: Buffer.from(String(value)) });
const get = { code: Codes.GET, path: ["temperature"] } as const;

interface Observing extends Pair {
  readonly observation: Observation;
  readonly observers: Observer[];
  readonly seen: string[];
  readonly ends: string[];
}

/** A client that observes a server. */
async function observing(setup: Setup = {}, first: Response = state("first")): Promise<Observing> {
  const observers: Observer[] = [];
  const ends: string[] = [];
  const seen: string[] = [];
  const made = await pair((request) => {
    if (request.observe === 0) observers.push(request.observed(first, (why) => ends.push(`server: ${why}`)));
    else request.respond(state("plain"));
  }, setup);
  const observation = made.client.observe(made.peer, get, {
    onNotification: (response) => seen.push(text(response.payload).slice(0, 20)),
    onEnd: (reason) => ends.push(`client: ${reason}`),
  });
  await made.ports.clock.advance(10);
  return { ...made, observation, observers, seen, ends };
}

describe("an observation", () => {
  it("brings the first answer and every further state until it is deregistered", async () => {
    const { ports, observers, observation, seen, ends, server } = await observing();
    observers[0]?.notify(state("second"));
    await ports.clock.advance(10);
    observers[0]?.notify(state("third"), { confirmable: false });
    await ports.clock.advance(10);
    expect(seen).toEqual(["first", "second", "third"]);
    const last = observation.cancel("deregister");
    await ports.clock.advance(10);
    expect(text((await last)?.payload)).toBe("plain");
    expect(ends).toEqual(["client: cancelled", "server: cancelled"]);
    observers[0]?.notify(state("unheard"));
    await ports.clock.advance(10);
    expect(seen).toHaveLength(3);
    expect(server.counters.resets).toBe(0);
    expect(ports.clock.pending()).toEqual([]);
  });

  it.each([true, false])("ends by RST at the next notification (confirmable: %s)", async (confirmable) => {
    const { ports, observers, observation, seen, ends } = await observing();
    expect(await observation.cancel("reset")).toBeUndefined();
    expect(ends).toEqual(["client: cancelled"]);
    observers[0]?.notify(state("unheard"), { confirmable });
    await ports.clock.advance(10);
    expect(seen).toEqual(["first"]);
    expect(ends).toEqual(["client: cancelled", "server: reset"]);
    expect(await observation.cancel("deregister")).toBeUndefined();
    expect(ports.clock.pending()).toEqual([]);
  });

  it("is refused by an answer without Observe or with an error", async () => {
    for (const response of [state("plain"), { code: Codes.NotFound }]) {
      const ends: [string, number | undefined][] = [];
      const made = await pair((request) => request.respond(response));
      made.client.observe(made.peer, get, { onNotification: () => ends.push(["notified", undefined]), onEnd: (reason, answer) => ends.push([reason, answer?.code]) });
      await made.ports.clock.advance(10);
      expect(ends).toEqual([["refused", response.code]]);
    }
  });

  it("fails with its request, is cancelled with it, and closes with the endpoint", async () => {
    const { ports, client, peer, ends } = await observing({ impairment: { loss: 1 } });
    await ports.clock.advance(100_000);
    expect(ends).toEqual(["client: timeout"]);
    const more: string[] = [];
    const handler = { onNotification: () => {}, onEnd: (reason: string) => more.push(reason) };
    await client.observe(peer, get, handler).cancel("deregister");
    client.observe(peer, get, handler);
    await client.close();
    client.observe(peer, get, handler);
    await ports.clock.advance(1);
    expect(more).toEqual(["cancelled", "closed", "closed"]);
  });

  it("ends with a notification that is no success", async () => {
    const { ports, observers, seen, ends } = await observing();
    observers[0]?.notify({ code: Codes.NotFound });
    await ports.clock.advance(10);
    expect(ends).toEqual(["client: ended"]);
    observers[0]?.notify(state("unheard"));
    await ports.clock.advance(10);
    expect(seen).toEqual(["first"]);
  });

  it("survives as many notifications as one likes under loss, and ends on the newest state", async () => {
    const { ports, observers, seen, ends } = await observing({ seed: 3, impairment: { delayMs: [1, 30] } });
    ports.network.impairment = { loss: 0.1, duplicate: 0.1, reorder: 0.1, delayMs: [1, 30] };
    for (let i = 0; i < 200; i++) {
      observers[0]?.notify(state(i));
      await ports.clock.advance(700);
    }
    await ports.clock.advance(100_000);
    const numbers = seen.slice(1).map(Number);
    expect(ends).toEqual([]);
    expect(numbers.at(-1)).toBe(199);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBeGreaterThan(60);
  });

  it("fetches the rest of a large state, first and later", async () => {
    const large = (letter: string): Response => ({ code: Codes.Content, payload: Buffer.alloc(3_000, letter) });
    const seen: number[] = [];
    const observers: Observer[] = [];
    const made = await pair((request) => {
      if (request.observe === 0) observers.push(request.observed(large("a"), () => {}));
    });
    made.client.observe(made.peer, get, { onNotification: (response) => seen.push(response.payload?.length ?? 0, response.observe ?? -1), onEnd: () => {} });
    await made.ports.clock.advance(50);
    observers[0]?.notify(large("b"));
    await made.ports.clock.advance(50);
    expect(seen).toEqual([3_000, 1, 3_000, 2]);
    expect(made.requests).toHaveLength(1);
  });
});

describe("freshness (RFC 7641 §3.4)", () => {
  it.each([
    ["a higher number", 5, 10, 4, 0, true],
    ["the same number", 5, 10, 5, 0, false],
    ["a lower number", 4, 10, 5, 0, false],
    ["a number just within half the range", 2 ** 23 - 1, 10, 0, 0, true],
    ["a number at half the range", 2 ** 23, 10, 0, 0, false],
    ["a number that wrapped", 1, 10, 2 ** 24 - 1, 0, true],
    ["a lower number after exactly 128 s", 4, 128_000, 5, 0, false],
    ["a lower number after more than 128 s", 4, 128_001, 5, 0, true],
  ])("takes %s as it should", (_, sequence, at, newest, newestAt, fresh) => {
    expect(isFresher(sequence, at, newest, newestAt)).toBe(fresh);
  });

  it("drops an old notification, and acknowledges it all the same", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(() => {});
    const seen: number[] = [];
    endpoint.observe(peer, get, { onNotification: (response) => seen.push(response.observe ?? -1), onEnd: () => {} });
    await ports.clock.advance(5);
    const { token, messageId } = lockstep.last;
    expect(lockstep.option(OptionNumber.Observe)?.value).toHaveLength(0);
    const notify = (sequence: number, type: Type, id: number): Promise<void> => lockstep.say({ type, code: Codes.Content, messageId: id, token, options: [uintOption(6, sequence)] });
    await notify(10, Type.ACK, messageId);
    await notify(12, Type.CON, 500);
    await notify(11, Type.CON, 501);
    expect(seen).toEqual([10, 12]);
    expect(lockstep.last).toMatchObject({ type: Type.ACK, messageId: 501 });
    await notify(12, Type.CON, 500);
    expect(lockstep.last).toMatchObject({ type: Type.ACK, messageId: 500 });
    await ports.clock.advance(128_000);
    await notify(3, Type.NON, 502);
    expect(seen).toEqual([10, 12, 3]);
  });
});

async function observed(setup: Setup = {}): Promise<{ lockstep: Lockstep; observers: Observer[]; ends: string[]; ports: Awaited<ReturnType<typeof alone>>["ports"]; register: (token: string, id: number, observe?: number) => Promise<void>; endpoint: Awaited<ReturnType<typeof alone>>["endpoint"] }> {
  const observers: Observer[] = [];
  const ends: string[] = [];
  const handle = (request: IncomingRequest): void => {
    if (request.observe === 0) {
      const number = observers.length;
      observers.push(request.observed(state("first"), (why) => ends.push(`${number} ${why}`)));
    } else request.respond(state("plain"));
  };
  const { ports, lockstep, endpoint } = await alone(handle, setup);
  const register = (token: string, messageId: number, observe = 0): Promise<void> =>
    lockstep.say({ messageId, token: Buffer.from(token, "hex"), options: [uintOption(6, observe), textOption(11, "temperature")] });
  return { lockstep, observers, ends, ports, register, endpoint };
}

describe("an observed resource", () => {
  it("numbers its notifications upwards and puts the token of the registration into them", async () => {
    const { lockstep, observers, register } = await observed();
    await register("0a0b", 1);
    expect(lockstep.last).toMatchObject({ type: Type.ACK, code: Codes.Content });
    const sequences = [lockstep.option(6)?.value[0] ?? -1];
    for (let i = 0; i < 3; i++) {
      observers[0]?.notify(state(i), { confirmable: false });
      await register("ffff", 100 + i, 1);
      const notification = lockstep.heard.at(-2);
      expect(notification).toMatchObject({ type: Type.NON, code: Codes.Content });
      expect(Buffer.from(notification?.token ?? []).toString("hex")).toBe("0a0b");
      sequences.push(notification?.options[0]?.value[0] ?? -1);
    }
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(new Set(sequences).size).toBe(4);
  });

  it("sends an unacknowledged notification again, and gives the observer up when none is acknowledged", async () => {
    const { lockstep, observers, ends, ports, register } = await observed();
    await register("0a", 1);
    observers[0]?.notify(state("x"));
    await ports.clock.advance(61_000);
    expect(lockstep.heard).toHaveLength(6);
    expect(ends).toEqual([]);
    await ports.clock.advance(2_000);
    expect(ends).toEqual(["0 timeout"]);
    observers[0]?.notify(state("y"));
    await ports.clock.advance(10);
    expect(lockstep.heard).toHaveLength(6);
  });

  it("puts the newest state in the place of an unacknowledged one: new message id, later attempts not earlier (RFC 7641 §4.5.2)", async () => {
    const { lockstep, observers, ports, register } = await observed();
    await register("0a", 1);
    const start = ports.clock.now();
    observers[0]?.notify(state("one"));
    await ports.clock.advance(500);
    observers[0]?.notify(state("two"));
    observers[0]?.notify(state("three"));
    await ports.clock.advance(6_000);
    const notifications = lockstep.heard.slice(1);
    expect(notifications.map(({ payload }) => text(payload))).toEqual(["one", "three", "three"]);
    expect(notifications.map(({ at }) => at - start)).toEqual([1, 2_001, 6_001]);
    expect(notifications[0]?.messageId).not.toBe(notifications[1]?.messageId);
    expect(notifications[1]?.messageId).toBe(notifications[2]?.messageId);
  });

  it("sends the newest state at once when the one before is acknowledged", async () => {
    const { lockstep, observers, ports, register } = await observed();
    await register("0a", 1);
    observers[0]?.notify(state("one"));
    observers[0]?.notify(state("two"));
    observers[0]?.notify(state("three"));
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(2);
    await lockstep.say({ type: Type.ACK, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(text(lockstep.last.payload)).toBe("three");
    await lockstep.say({ type: Type.ACK, code: Codes.Empty, messageId: lockstep.last.messageId });
    expect(lockstep.heard).toHaveLength(3);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("loses an observer by RST to a notification, also to one that was superseded", async () => {
    const { lockstep, observers, ends, ports, register } = await observed();
    await register("0a", 1);
    observers[0]?.notify(state("one"));
    await ports.clock.advance(5);
    const { messageId } = lockstep.last;
    observers[0]?.notify(state("two"));
    await ports.clock.advance(2_000);
    await lockstep.say({ type: Type.RST, code: Codes.Empty, messageId });
    expect(ends).toEqual(["0 reset"]);
    expect(ports.clock.pending()).toEqual([]);
  });

  it("loses an observer by a GET with Observe 1 and the same token only", async () => {
    const { ends, register, lockstep } = await observed();
    await register("0a", 1);
    await register("0b", 2, 1);
    expect(ends).toEqual([]);
    await register("0a", 3, 1);
    expect(ends).toEqual(["0 cancelled"]);
    expect(lockstep.option(OptionNumber.Observe)).toBeUndefined();
  });

  it("keeps one entry for a registration made again", async () => {
    const { observers, ends, register, lockstep, ports } = await observed();
    await register("0a", 1);
    await register("0a", 2);
    expect(ends).toEqual(["0 cancelled"]);
    observers[0]?.notify(state("old"));
    observers[1]?.notify(state("new"));
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(3);
    expect(text(lockstep.last.payload)).toBe("new");
  });

  it("asks for an acknowledgement at least once a day", async () => {
    const { lockstep, observers, ports, register } = await observed();
    await register("0a", 1);
    observers[0]?.notify(state("a"), { confirmable: false });
    await ports.clock.advance(24 * 3_600_000);
    observers[0]?.notify(state("b"), { confirmable: false });
    await ports.clock.advance(5);
    expect(lockstep.heard.map(({ type }) => type)).toEqual([Type.ACK, Type.NON, Type.CON]);
  });

  it("stops at an error state, at its own end, and when the peer is forgotten or the endpoint closed", async () => {
    const { observers, ends, register, lockstep, ports, endpoint } = await observed();
    await register("0a", 1);
    await register("0b", 2);
    await register("0c", 3);
    observers[0]?.notify({ code: Codes.NotFound }, { confirmable: false });
    observers[1]?.end();
    observers[1]?.notify(state("unheard"));
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(4);
    expect(lockstep.last.code).toBe(Codes.NotFound);
    expect(lockstep.option(6)).toBeUndefined();
    expect(ends).toEqual([]);
    endpoint.forget(endpoint.peer(lockstep.socket.local));
    expect(ends).toEqual(["2 closed"]);
    await register("0d", 4);
    await endpoint.close();
    expect(ends).toEqual(["2 closed", "3 closed"]);
  });

  it("does not let anything but a GET with Observe 0 become an observer", async () => {
    const problems: unknown[] = [];
    const { lockstep } = await alone((request) => {
      try {
        request.observed(state("x"), () => {});
      } catch (error) {
        problems.push(error);
        request.respond(state("y"));
      }
    });
    await lockstep.say({ messageId: 1 });
    await lockstep.say({ messageId: 2, code: Codes.PUT, options: [uintOption(6, 0)] });
    expect(problems).toHaveLength(2);
    expect(lockstep.heard).toHaveLength(2);
  });

  it("answers a refusal without making an observer", async () => {
    const { lockstep } = await alone((request) => {
      request.observed({ code: Codes.NotFound }, () => {}).notify(state("x"));
    });
    await lockstep.say({ messageId: 1, options: [uintOption(6, 0)] });
    expect(lockstep.heard).toHaveLength(1);
    expect(lockstep.option(6)).toBeUndefined();
  });

  it("queues a confirmable notification behind what is outstanding, and sends the newest when its turn comes", async () => {
    const { lockstep, observers, register, endpoint, ports } = await observed({ transmission: exact });
    await register("0a", 1);
    const peer = endpoint.peer(lockstep.socket.local);
    endpoint.send(peer, get, { onResponse: () => {}, onFailure: () => {} });
    observers[0]?.notify(state("one"));
    observers[0]?.notify(state("two"));
    await ports.clock.advance(5);
    expect(lockstep.heard).toHaveLength(2);
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId: lockstep.last.messageId, token: lockstep.last.token });
    expect(lockstep.heard).toHaveLength(3);
    expect(text(lockstep.last.payload)).toBe("two");
  });
});
