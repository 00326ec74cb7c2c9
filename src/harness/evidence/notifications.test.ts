import { describe, expect, it } from "vitest";
import { encode, summarise, Type, OptionNumber } from "../../coap/index.js";
import { encodeContent, single } from "../../lwm2m/index.js";
import type { TraceEvent } from "../../ports/index.js";
import { observed, resetOf } from "./notifications.js";

const c1 = "ab-1-c1";
const path = "/3303/0/5700";
const at = { object: 3303, instance: 0, resource: 5700 };
const token = Buffer.from("0a0b", "hex");
const option = (number: number, hex: string): { number: number; value: Buffer } => ({ number, value: Buffer.from(hex, "hex") });

function notification(messageId: number, value: number, sequence: string): Buffer {
  const payload = Buffer.from(encodeContent(11542, at, single(5700, value), "1.1"));
  return encode({ type: Type.NON, code: 0x45, messageId, token, options: [option(OptionNumber.Observe, sequence), option(OptionNumber.ContentFormat, "2d16")], payload });
}

/** What server A saw, and its device where that is said, a millisecond apart. */
class Seen {
  readonly events: TraceEvent[] = [];

  #add(direction: "in" | "out", bytes: Buffer, endpoint: string, role = "server-a"): this {
    const seq = this.events.length + 1;
    this.events.push({ seq, at: String(seq * 1_000_000), role, endpoint, event: { kind: "datagram", direction, local: "127.0.0.1:1", peer: "127.0.0.1:2", hex: bytes.toString("hex"), ...summarise(bytes) } });
    return this;
  }

  observes(messageId = 1): this {
    const segments = path.slice(1).split("/").map((segment) => ({ number: OptionNumber.UriPath, value: Buffer.from(segment) }));
    return this.#add("out", encode({ type: Type.CON, code: 1, messageId, token, options: [option(OptionNumber.Observe, ""), ...segments], payload: Buffer.alloc(0) }), c1);
  }

  told(messageId: number, value: number, sequence: string, endpoint = c1): this {
    return this.#add("in", notification(messageId, value, sequence), endpoint);
  }

  /** By the device; whether it arrives is another matter. */
  sent(messageId: number, value: number, sequence: string): this {
    return this.#add("out", notification(messageId, value, sequence), c1, "device");
  }

  reset(messageId: number, direction: "in" | "out", role: string): this {
    return this.#add(direction, encode({ type: Type.RST, code: 0, messageId, token: Buffer.alloc(0), options: [], payload: Buffer.alloc(0) }), c1, role);
  }

  error(messageId: number): this {
    return this.#add("in", encode({ type: Type.CON, code: 0x84, messageId, token, options: [option(OptionNumber.Observe, "09")], payload: Buffer.alloc(0) }), c1);
  }
}

const values = (seen: Seen): string[] | undefined => observed(seen.events, "server-a", c1, path)?.notifications.map(({ value }) => value);

describe("what a server is told of what it observes", () => {
  it("begins after the answer to the Observe", () => {
    expect(values(new Seen().observes().told(1, 20.5, ""))).toEqual([]);
    expect(values(new Seen().observes().told(1, 20.5, "").told(2, 21.5, "01"))).toEqual(["21.5"]);
  });

  it("counts a notification once that was transmitted twice", () => {
    expect(values(new Seen().observes().told(1, 20.5, "").told(2, 21.5, "01").told(2, 21.5, "01"))).toEqual(["21.5"]);
  });

  it("shows an error as its code", () => {
    expect(values(new Seen().observes().told(1, 20.5, "").error(2))).toEqual(["4.04"]);
  });

  it("is nothing without an Observe that was answered, nor of another device", () => {
    expect(values(new Seen())).toBeUndefined();
    expect(values(new Seen().observes())).toBeUndefined();
    expect(values(new Seen().observes().told(1, 20.5, "").told(2, 21.5, "01", "ab-1-c2"))).toEqual([]);
  });

  it("includes what the device sent and the network lost, and says so", () => {
    const seen = new Seen().observes().sent(1, 20.5, "").told(1, 20.5, "").sent(2, 21.5, "01").sent(3, 22.5, "02").told(3, 22.5, "02");
    expect(observed(seen.events, "server-a", c1, path)?.notifications.map(({ value, lost }) => [value, lost])).toEqual([
      ["21.5", true],
      ["22.5", false],
    ]);
  });

  it("was reset once the device has the reset, or, of a device that is not seen, once it was sent", () => {
    const reset = (seen: Seen): string | undefined => {
      const found = observed(seen.events, "server-a", c1, path);
      return found === undefined ? undefined : resetOf(seen.events, "server-a", c1, found)?.at;
    };
    const lost = new Seen().observes().sent(1, 20.5, "").told(1, 20.5, "").sent(2, 21.5, "01").told(2, 21.5, "01").reset(2, "out", "server-a");
    expect(reset(lost)).toBeUndefined();
    expect(reset(lost.reset(2, "in", "device"))).toBe("7000000");
    expect(reset(new Seen().observes().told(1, 20.5, "").told(2, 21.5, "01").reset(2, "out", "server-a"))).toBe("4000000");
  });
});
