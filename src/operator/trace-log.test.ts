import { describe, expect, it } from "vitest";
import type { Peer } from "../coap/index.js";
import { VirtualClock } from "../ports/simulated/index.js";
import { TraceLog, redactSecrets } from "./index.js";
import { PeersByAddress } from "./peers-by-address.js";

/** CON GET /3/0, message id 0x1234, token 0xab. */
const GET = Buffer.from("41011234abb1330130", "hex");
const local = { host: "127.0.0.1", port: 5683 };
const peerAt = (port: number, label?: string): Peer => ({ address: { host: "127.0.0.1", port }, ...(label === undefined ? {} : { label }) });
const state = (id: string) => ({ kind: "state", machine: "item", id, from: "a", to: "b", input: "go" }) as const;

describe("a trace log", () => {
  it("decodes a datagram when it is read", async () => {
    const clock = new VirtualClock();
    const trace = new TraceLog("server-a", clock, 10);
    const tap = trace.tapFor(local);
    await clock.advance(5);
    tap?.("in", GET, peerAt(40_001, "dev-1"));
    expect(trace.read({ after: 0, limit: 10 })).toEqual({
      events: [
        {
          seq: 1,
          at: "5000000",
          role: "server-a",
          endpoint: "dev-1",
          event: {
            kind: "datagram",
            direction: "in",
            local: "127.0.0.1:5683",
            peer: "127.0.0.1:40001",
            hex: GET.toString("hex"),
            summary: expect.stringContaining("/3/0") as string,
            coap: expect.objectContaining({ type: "CON", code: "0.01", path: "/3/0", messageId: 0x1234, token: "ab" }) as object,
          },
        },
      ],
      next: 1,
      dropped: 0,
    });
  });

  it("keeps what does not decode", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 10);
    trace.tapFor(local)?.("in", Buffer.from("ff", "hex"), peerAt(1));
    const [event] = trace.read({ after: 0, limit: 1 }).events;
    expect(event?.event).toMatchObject({ kind: "datagram", hex: "ff", summary: expect.stringContaining("malformed") as string });
  });

  it("finds a datagram that came before its sender was known", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 10);
    const peer = peerAt(40_001);
    trace.tapFor(local)?.("in", GET, peer);
    peer.label = "dev-1";
    expect(trace.read({ after: 0, limit: 10, endpoints: ["dev-*"] }).events).toHaveLength(1);
  });

  it("files an event under the label its peer had then, when another device takes the address", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 10);
    const peer = peerAt(40_001, "dev-1");
    trace.tapFor(local)?.("in", GET, peer);
    peer.label = "dev-2";
    expect(trace.read({ after: 0, limit: 10 }).events[0]?.endpoint).toBe("dev-1");
  });

  it("is read page by page, and a filter does not lose the place", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 100);
    for (let index = 1; index <= 10; index++) trace.record(state(String(index)), index % 2 === 0 ? "even" : "odd");
    const first = trace.read({ after: 0, limit: 2, endpoints: ["even"] });
    expect(first.events.map(({ seq }) => seq)).toEqual([2, 4]);
    expect(first.next).toBe(4);
    const rest = trace.read({ after: first.next, limit: 100, endpoints: ["even"] });
    expect(rest.events.map(({ seq }) => seq)).toEqual([6, 8, 10]);
    expect(rest.next).toBe(10);
    expect(trace.read({ after: 10, limit: 10 })).toEqual({ events: [], next: 10, dropped: 0 });
  });

  it("forgets the oldest and says how many", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 4);
    for (let index = 1; index <= 10; index++) trace.record(state(String(index)));
    const page = trace.read({ after: 2, limit: 10 });
    expect(page.events.map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
    expect(page.dropped).toBe(4);
    expect(trace.read({ after: 8, limit: 10 }).dropped).toBe(0);
  });

  it("keeps nothing with capacity 0, and still counts", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 0);
    expect(trace.tapFor(local)).toBeUndefined();
    trace.record(state("1"));
    expect(trace.read({ after: 0, limit: 10 })).toEqual({ events: [], next: 1, dropped: 1 });
  });

  it("never keeps a secret of an HTTP body", () => {
    const trace = new TraceLog("bootstrap-server", new VirtualClock(), 10);
    trace.record({ kind: "http", direction: "out", peer: "server-a", method: "PUT", url: "/smp/v1/x", body: { mode: "psk", secret: "canary", nested: [{ privateKey: "canary" }] } });
    expect(JSON.stringify(trace.read({ after: 0, limit: 10 }))).not.toContain("canary");
  });
});

describe("redaction", () => {
  it("replaces secret members at any depth and leaves the rest alone", () => {
    expect(redactSecrets({ a: 1, token: "t", list: [{ masterSecret: "s", kcv: "k" }], secret: null })).toEqual({ a: 1, token: "(secret)", list: [{ masterSecret: "(secret)", kcv: "k" }], secret: null });
  });

  it("does not follow a body without end", () => {
    interface Nested {
      next?: Nested;
    }
    const loop: Nested = {};
    loop.next = loop;
    expect(() => redactSecrets(loop)).not.toThrow();
  });
});

describe("a trace log of a role with sessions", () => {
  const secureLocal = { host: "127.0.0.1", port: 5684 };
  const secured = (port: number, label?: string): Peer => ({ ...peerAt(port, label), secured: true });
  /** A record of epoch 1: 13 bytes of header, 2 of content. */
  const record = Buffer.from("17fefd000100000000000100020102", "hex");

  it("shows a message and the records that carried it, each as what it is", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 10);
    const peer = secured(40_001, "dev-1");
    trace.recordTapFor(secureLocal)?.onRecords("in", record, peer.address);
    trace.tapFor(local, secureLocal)?.("in", GET, peer);
    trace.tapFor(local, secureLocal)?.("in", GET, peerAt(40_002));
    const { events } = trace.read({ after: 0, limit: 10 });
    expect(events.map(({ event }) => event)).toMatchObject([
      { kind: "dtls", direction: "in", local: "127.0.0.1:5684", peer: "127.0.0.1:40001", hex: record.toString("hex"), summary: "application data, epoch 1, 2 bytes" },
      { kind: "datagram", local: "127.0.0.1:5684", secured: true, hex: GET.toString("hex") },
      { kind: "datagram", local: "127.0.0.1:5683" },
    ]);
    expect(events[2]?.event).not.toHaveProperty("secured");
  });

  it("files records under the device whose session came of the handshake, also those of the handshake itself", () => {
    const trace = new TraceLog("server-a", new VirtualClock(), 10);
    const tap = trace.recordTapFor(secureLocal);
    const peer = secured(40_001);
    tap?.onRecords("in", record, peer.address);
    tap?.onRecords("in", record, peerAt(40_002).address);
    tap?.onSession(peer);
    peer.label = "dev-1";
    expect(trace.read({ after: 0, limit: 10, endpoints: ["dev-*"] }).events.map(({ seq }) => seq)).toEqual([1]);
    trace.recordTapFor(secureLocal, "dev-2")?.onRecords("out", record, local);
    expect(trace.read({ after: 0, limit: 10, endpoints: ["dev-2"] }).events).toHaveLength(1);
  });

  it("shows no key that was written to a device, whatever carried it", () => {
    const trace = new TraceLog("bootstrap-server", new VirtualClock(), 10);
    /** CON PUT /0/1 with six bytes of payload. */
    const write = Buffer.concat([Buffer.from("40031234b1300131ff", "hex"), Buffer.from("secret")]);
    for (const peer of [secured(1), peerAt(2)]) trace.tapFor(local)?.("out", write, peer);
    const { events } = trace.read({ after: 0, limit: 10 });
    expect(events).toHaveLength(2);
    for (const { event } of events) {
      expect(event).toMatchObject({ hex: "40031234b1300131ff000000000000", coap: { path: "/0/1", payloadLength: 6 } });
    }
    expect(JSON.stringify(events)).not.toContain(Buffer.from("secret").toString("hex"));
  });

  it("remembers a bounded number of sessions by their address", () => {
    const peers = new PeersByAddress(2);
    for (const port of [1, 2, 1, 3]) peers.put(secured(port, String(port)));
    expect([1, 2, 3].map((port) => peers.get(peerAt(port).address)?.label)).toEqual(["1", undefined, "3"]);
  });
});
