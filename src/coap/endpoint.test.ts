import { describe, expect, it } from "vitest";

import type { Log } from "../ports/index.js";
import { simulatedPorts } from "../ports/simulated/index.js";
import { udpEndpoint } from "../transport/index.js";
import { Codes, decode, ExchangeError, labTransmission, OptionNumber, summarise, textOption, Type, type IncomingRequest, type Peer } from "./index.js";
import { alone, exact, Outcome, pair, text } from "./testing/simulation.js";

const echo = (request: IncomingRequest): void => request.respond({ code: Codes.Content, payload: request.payload });

describe("a request", () => {
  it("arrives with everything its sender wrote, and so does the response", async () => {
    const { ports, client, peer, requests } = await pair((request) =>
      request.respond({ code: Codes.Created, locationPath: ["rd", "5a3f"], locationQuery: ["q"], contentFormat: 40, maxAge: 30, etag: Buffer.from("abcd"), payload: Buffer.from("</>"), options: [{ number: 2_050, value: Buffer.from([9]) }] }),
    );
    const answer = client.request(peer, {
      code: Codes.POST,
      path: ["rd", "ä/b", ""],
      query: ["ep=dév-1", "lt=60"],
      accept: 110,
      contentFormat: 40,
      payload: Buffer.from("</1/0>"),
      options: [textOption(OptionNumber.UriHost, "example"), { number: 2_050, value: Buffer.from([1]) }],
    });
    await ports.clock.advance(10);
    const response = await answer;
    expect(requests[0]).toMatchObject({ code: Codes.POST, path: ["rd", "ä/b", ""], query: ["ep=dév-1", "lt=60"], accept: 110, contentFormat: 40, confirmable: true, arrivedAt: 1 });
    expect(requests[0]?.observe).toBeUndefined();
    expect(text(requests[0]?.payload)).toBe("</1/0>");
    expect(requests[0]?.options?.map(({ number, value }) => [number, Buffer.from(value).toString("hex")])).toEqual([[3, "6578616d706c65"], [2_050, "01"]]);
    expect(response).toMatchObject({ code: Codes.Created, locationPath: ["rd", "5a3f"], locationQuery: ["q"], contentFormat: 40, maxAge: 30 });
    expect(text(response.etag)).toBe("abcd");
    expect(text(response.payload)).toBe("</>");
    expect(response.options).toEqual([{ number: 2_050, value: Buffer.from([9]) }]);
  });

  it("rejects its promise with the reason when there is no response", async () => {
    const { ports, client, peer } = await pair(echo, { impairment: { loss: 1 } });
    const failed = client.request(peer, { code: Codes.GET, path: [] }).catch((error: unknown) => error);
    await ports.clock.advance(100_000);
    const error = await failed;
    expect(error).toBeInstanceOf(ExchangeError);
    expect(error).toMatchObject({ reason: "timeout", peer: "10.0.0.2:5683" });
  });

  it("is answered 5.00 when its handler throws, and the next one is served", async () => {
    const ports = simulatedPorts(1);
    const logged: object[] = [];
    const log: Log = { ...ports.log, error: (fields) => logged.push(fields) };
    const server = await udpEndpoint({ ...ports, log }, { host: "10.0.0.2", transmission: exact }, {
      onRequest: (request) => {
        if (request.path[0] === "bad") throw new Error("no");
        request.respond({ code: Codes.Content });
      },
    });
    const client = await udpEndpoint(ports, { host: "10.0.0.1", transmission: exact }, { onRequest: echo });
    const codes: number[] = [];
    for (const path of ["bad", "good"]) {
      client.send(client.peer(server.local), { code: Codes.GET, path: [path] }, { onResponse: (response) => codes.push(response.code), onFailure: () => {} });
    }
    await ports.clock.advance(20);
    expect(codes).toEqual([Codes.InternalServerError, Codes.Content]);
    expect(logged).toHaveLength(1);
  });

  it("must not be answered twice", async () => {
    let second: unknown;
    const { lockstep } = await alone((request) => {
      request.respond({ code: Codes.Content });
      try {
        request.respond({ code: Codes.Content });
      } catch (error) {
        second = error;
      }
    });
    await lockstep.say({});
    expect(second).toBeInstanceOf(Error);
    expect(lockstep.heard).toHaveLength(1);
  });

  it("with a method nobody knows is answered 4.05", async () => {
    const { lockstep } = await alone(echo);
    await lockstep.say({ code: 0x1f });
    expect(lockstep.last.code).toBe(Codes.MethodNotAllowed);
  });
});

describe("an endpoint", () => {
  it("is client and server at once on one port", async () => {
    const { ports, client, server, peer } = await pair((request) => {
      const back = new Outcome(ports);
      server.send(request.peer, { code: Codes.GET, path: ["back"] }, back);
      backs.push(back);
      request.respond({ code: Codes.Changed });
    });
    const backs: Outcome[] = [];
    const there = new Outcome(ports);
    client.send(peer, { code: Codes.POST, path: ["there"] }, there);
    await ports.clock.advance(20);
    expect(there.response?.code).toBe(Codes.Changed);
    expect(backs[0]?.response?.code).toBe(Codes.NotFound);
  });

  it("gives one object per peer, that keeps what a role hangs on it", async () => {
    const { ports, server, client, requests, peer } = await pair(echo);
    server.peer(client.local).label = "device-1";
    client.send(peer, { code: Codes.GET, path: [] }, new Outcome(ports));
    await ports.clock.advance(5);
    expect(requests[0]?.peer.label).toBe("device-1");
    expect(requests[0]?.peer).toBe(server.peer({ ...client.local }));
  });

  it("shows every datagram in and out to its tap", async () => {
    const { ports, client, peer } = await pair(echo);
    const seen: string[] = [];
    client.tap = (direction, datagram, from) => seen.push(`${direction} ${from.address.port} ${summarise(datagram).coap?.code ?? ""}`);
    client.send(peer, { code: Codes.GET, path: ["x"] }, new Outcome(ports));
    client.sendRaw(peer, Buffer.from("4000abcd", "hex"));
    await ports.clock.advance(5);
    expect(seen).toEqual(["out 5683 0.01", "out 5683 0.00", "in 5683 2.05", "in 5683 0.00"]);
  });

  it("lets a mutation change, multiply and swallow what goes out", async () => {
    const { ports, lockstep, endpoint } = await alone((request) => request.respond({ code: Codes.Content }));
    let call = 0;
    endpoint.mutate = (datagram) => {
      call++;
      if (call === 1) return undefined;
      if (call === 2) return [datagram, datagram];
      const wrong = Buffer.from(datagram);
      wrong[1] = Codes.NotFound;
      return wrong;
    };
    for (const messageId of [1, 2, 3]) await lockstep.say({ messageId });
    await ports.clock.advance(5);
    expect(lockstep.heard.map(({ messageId, code }) => [messageId, code])).toEqual([[2, Codes.Content], [2, Codes.Content], [3, Codes.NotFound]]);
    expect(endpoint.counters.datagramsOut).toBe(3);
  });

  it("fails what is under way when it closes, leaves no timer and answers no more", async () => {
    const waiting: IncomingRequest[] = [];
    const { ports, endpoint, lockstep, peer } = await alone((request) => waiting.push(request));
    const outcomes = [new Outcome(ports), new Outcome(ports), new Outcome(ports)];
    for (const outcome of outcomes) endpoint.send(peer, { code: Codes.GET, path: [] }, outcome);
    const ping = endpoint.ping(peer);
    await lockstep.say({ messageId: 1 });
    await endpoint.close();
    await endpoint.close();
    waiting[0]?.respond({ code: Codes.Content });
    expect(outcomes.map(({ failure }) => failure)).toEqual(["closed", "closed", "closed"]);
    expect(await ping).toBe(false);
    expect(ports.clock.pending()).toEqual([]);
    const late = new Outcome(ports);
    endpoint.send(peer, { code: Codes.GET, path: [] }, late);
    await ports.clock.advance(1);
    expect(late.failure).toBe("closed");
    expect(await endpoint.ping(peer)).toBe(false);
  });

  it("forgets a peer: its exchanges are cancelled, its message ids are new again", async () => {
    let handled = 0;
    const { ports, endpoint, lockstep, peer } = await alone((request) => {
      handled++;
      if (request.messageId !== 9) request.respond({ code: Codes.Content });
    });
    await lockstep.say({ messageId: 1 });
    await lockstep.say({ messageId: 9 });
    const outcome = new Outcome(ports);
    endpoint.send(peer, { code: Codes.GET, path: [] }, outcome);
    endpoint.forget(peer);
    expect(outcome.failure).toBe("cancelled");
    expect(ports.clock.pending().filter((name) => name !== "datagram in flight")).toEqual([]);
    await lockstep.say({ messageId: 1 });
    expect(handled).toBe(3);
  });

  it("remembers a bounded number of peers, forgets the one unused longest and never one with something under way", async () => {
    const waiting: IncomingRequest[] = [];
    const { ports, endpoint } = await alone((request) => (request.path[0] === "slow" ? waiting.push(request) : request.respond({ code: Codes.Content })), { serverLimits: { maxPeers: 3 } });
    const heard = new Map<number, number[]>();
    const sockets = await Promise.all(
      [1, 2, 3, 4, 5].map(async (port) => {
        heard.set(port, []);
        return ports.network.bind({ host: "10.0.1.1", port }, { onDatagram: (datagram) => heard.get(port)?.push(decode(datagram).code), onSocketError: () => {} });
      }),
    );
    const say = async (port: number, hex: string): Promise<void> => {
      sockets[port - 1]?.send(Buffer.from(hex, "hex"), endpoint.local);
      await ports.clock.advance(5);
    };
    const get = "40010001";
    const slow = "40010001b4736c6f77";
    const duplicatesOf = async (port: number): Promise<number> => {
      const before = endpoint.counters.duplicates;
      await say(port, get);
      return endpoint.counters.duplicates - before;
    };
    await say(1, slow);
    await say(2, get);
    await say(3, get);
    expect(await duplicatesOf(2)).toBe(1);
    // The alone() peer counts too: room for three, of which 1 is busy.
    await say(4, get);
    expect(await duplicatesOf(4)).toBe(1);
    expect(await duplicatesOf(3)).toBe(0);
    waiting[0]?.respond({ code: Codes.Changed });
    await ports.clock.advance(5);
    expect(heard.get(1)).toEqual([Codes.Changed]);
    await say(4, slow.replace("0001", "0002"));
    await say(5, slow);
    await say(3, slow.replace("0001", "0002"));
    const before = endpoint.counters.datagramsOut;
    await say(2, get);
    expect(endpoint.counters.datagramsOut).toBe(before);
    const must: Peer = endpoint.peer({ host: "10.0.1.1", port: 77 });
    expect(endpoint.peer({ host: "10.0.1.1", port: 77 })).toBe(must);
  });

  it("takes a forgotten peer back when it is asked to send to it", async () => {
    const { ports, endpoint, lockstep, peer } = await alone(echo, { serverLimits: { maxPeers: 1 } });
    endpoint.peer({ host: "10.0.1.1", port: 1 });
    const outcome = new Outcome(ports);
    endpoint.send(peer, { code: Codes.GET, path: [] }, outcome);
    await ports.clock.advance(5);
    await lockstep.say({ type: Type.ACK, code: Codes.Content, messageId: lockstep.last.messageId, token: lockstep.last.token });
    expect(outcome.response?.code).toBe(Codes.Content);
    expect(endpoint.peer(lockstep.socket.local)).toBe(peer);
  });
});

describe("under loss of a fifth each way, with duplicates and reordering", () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 4],
    [5, 4],
  ])("every exchange ends as its timers say, and every request is handled once (seed %i, NSTART %i)", async (seed, nstart) => {
    const handled = new Map<string, number>();
    const made = await pair(
      (request) => {
        const key = request.query[0] ?? "";
        handled.set(key, (handled.get(key) ?? 0) + 1);
        if (request.path[0] === "slow") setImmediate(() => request.respond({ code: Codes.Content, payload: Buffer.from(key) }));
        else request.respond({ code: Codes.Content, payload: Buffer.from(key) });
      },
      { seed, impairment: { loss: 0.2, duplicate: 0.1, reorder: 0.1, delayMs: [5, 60] }, transmission: { ...labTransmission, nstart }, serverLimits: { deduplicationPerPeer: nstart === 1 ? 64 : 1_000 } },
    );
    const { ports, client, peer } = made;
    const outcomes = Array.from({ length: 400 }, (_, i) => {
      const outcome = new Outcome(ports);
      client.send(peer, { code: Codes.POST, path: [i % 5 === 0 ? "slow" : "fast"], query: [`i=${i}`], confirmable: i % 7 !== 0 }, outcome);
      return outcome;
    });
    await ports.clock.advance(2_000_000);
    const failures = outcomes.filter(({ failure }) => failure !== undefined);
    for (const [i, { response, failure }] of outcomes.entries()) {
      if (failure === undefined) expect(text(response?.payload)).toBe(`i=${i}`);
      else expect(failure).toBe("timeout");
    }
    // CON: five attempts that each succeed with 0.64; NON: one.
    expect(failures.length).toBeLessThan(50);
    expect(outcomes.filter(({ failure }, i) => failure !== undefined && i % 7 !== 0).length).toBeLessThan(12);
    expect([...handled.values()].every((count) => count === 1)).toBe(true);
    expect(ports.network.counters.lost).toBeGreaterThan(100);
    expect(client.counters.retransmissions).toBeGreaterThan(50);
    expect(ports.clock.pending()).toEqual([]);
  });
});
