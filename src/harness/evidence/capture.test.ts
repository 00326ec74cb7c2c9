import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../ports/index.js";
import { captureOf, readAddress } from "./capture.js";
import { CaptureError } from "./pcapng.js";

let seq = 0;
const datagram = (role: string, direction: "in" | "out", local: string, peer: string, hex = "40010001"): TraceEvent => ({ seq: ++seq, at: String(seq * 1000), role, event: { kind: "datagram", direction, local, peer, hex, summary: "CON GET /" } });

describe("the capture of a trace", () => {
  it("holds a datagram that both ends saw once, as it was sent", () => {
    const sent = datagram("device", "out", "127.0.0.1:1", "127.0.0.1:2");
    const capture = captureOf([sent, datagram("server-a", "in", "127.0.0.1:2", "127.0.0.1:1")], 10n);
    expect(capture).toHaveLength(1);
    expect(capture[0]).toMatchObject({ at: BigInt(sent.at) + 10n, from: { host: "127.0.0.1", port: 1 }, to: { host: "127.0.0.1", port: 2 }, comment: "device: CON GET /" });
  });

  it("holds one whose sender is not ours as it was received", () => {
    expect(captureOf([datagram("server-a", "in", "127.0.0.1:2", "127.0.0.1:1")], 0n)).toMatchObject([{ from: { port: 1 }, to: { port: 2 } }]);
  });

  it("holds a retransmission as often as it was sent", () => {
    const events = [datagram("device", "out", "127.0.0.1:1", "127.0.0.1:2"), datagram("device", "out", "127.0.0.1:1", "127.0.0.1:2"), datagram("server-a", "in", "127.0.0.1:2", "127.0.0.1:1")];
    expect(captureOf(events, 0n)).toHaveLength(2);
  });

  it("leaves out what has no IP address", () => {
    expect(captureOf([datagram("device", "out", "localhost:1", "127.0.0.1:2")], 0n)).toEqual([]);
  });

  it("reads addresses of both families", () => {
    expect(readAddress("[::1]:5683")).toEqual({ host: "::1", port: 5683 });
    expect(() => readAddress("nowhere")).toThrow(CaptureError);
  });
});

describe("the capture of a security session", () => {
  it("holds its records and not the messages inside, which were not on the wire like that", () => {
    const inside = datagram("device", "out", "127.0.0.1:1", "127.0.0.1:2");
    if (inside.event.kind !== "datagram") throw new Error("not a datagram");
    const records: TraceEvent = { ...inside, event: { ...inside.event, kind: "dtls", hex: "17fefd", summary: "application data" } };
    expect(captureOf([{ ...inside, event: { ...inside.event, secured: true } }, records], 0n)).toMatchObject([{ payload: Buffer.from("17fefd", "hex"), comment: "device: application data" }]);
  });
});
