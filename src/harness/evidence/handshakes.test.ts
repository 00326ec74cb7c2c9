import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../ports/index.js";
import { deviceHandshakes, handshakeInWords, handshakesSeen, isUnheard } from "./handshakes.js";

let seq = 0;
const dtls = (id: string, from: string, to: string, input: string, detail?: Readonly<Record<string, number>>): TraceEvent => ({
  seq: ++seq,
  at: String(seq),
  role: "device",
  endpoint: "d1",
  event: { kind: "state", machine: "dtls", id, from, to, input, ...(detail === undefined ? {} : { detail }) },
});

describe("handshakes of a device", () => {
  it("are told with how each of them ended, by server", () => {
    const events = [
      dtls("d1/200", "none", "handshaking", "connect"),
      dtls("d1/100", "none", "handshaking", "connect"),
      dtls("d1/200", "handshaking", "none", "alert-received", { alert: 49 }),
      dtls("d1/100", "handshaking", "connected", "full"),
      dtls("d1/200", "none", "handshaking", "connect"),
      dtls("d1/200", "handshaking", "handshaking", "storm"),
    ];
    expect(deviceHandshakes(events, "d1", 200).map(handshakeInWords)).toEqual(["alert-received 49", "not over"]);
    expect(deviceHandshakes(events, "d1", 100)).toMatchObject([{ outcome: "session", how: "full" }]);
    expect(deviceHandshakes(events, "d1", "bootstrap")).toEqual([]);
  });

  it("are not over because a session of before ended", () => {
    const events = [dtls("d1/200", "none", "handshaking", "connect"), dtls("d1/200", "handshaking", "connected", "full"), dtls("d1/200", "connected", "none", "closed-by-peer")];
    expect(deviceHandshakes(events, "d1", 200).map(({ outcome }) => outcome)).toEqual(["session"]);
  });
});

describe("an alert of a server", () => {
  const answered = (to: string): TraceEvent => ({ ...dtls("k1", "identity", to, "fault"), role: "server-b", event: { kind: "state", machine: "handshake", id: "k1", from: "identity", to, input: "fault" } });
  const unheard = (...events: TraceEvent[]): boolean[] => {
    const told = deviceHandshakes(events, "d1", 200);
    return handshakesSeen(events, "server-b", "d1").map((attempt) => isUnheard(attempt, told));
  };

  it("was lost on the way when the device only knows that time was up", () => {
    const first = [dtls("d1/200", "none", "handshaking", "connect"), answered("alert unknown_psk_identity (115)"), dtls("d1/200", "handshaking", "none", "timeout")];
    const second = [dtls("d1/200", "none", "handshaking", "connect"), answered("alert unknown_psk_identity (115)"), dtls("d1/200", "handshaking", "none", "alert-received", { alert: 115 })];
    expect(unheard(...first, ...second)).toEqual([true, false]);
  });

  it("is heard by a device that tells nothing, and silence is no alert", () => {
    expect(unheard(answered("alert unknown_psk_identity (115)"))).toEqual([false]);
    expect(unheard(dtls("d1/200", "none", "handshaking", "connect"), answered("silence"), dtls("d1/200", "handshaking", "none", "timeout"))).toEqual([false]);
  });
});
