import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../ports/index.js";
import { deviceHandshakes, handshakeInWords } from "./handshakes.js";

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
