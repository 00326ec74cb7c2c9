import { parse } from "coap-packet";
import type { CoapSummary, DatagramSeen, StateChanged, TraceEvent } from "../../src/ports/index.js";

/** A datagram as it passed; decoded only when somebody reads it. */
interface RawDatagram {
  readonly kind: "raw";
  readonly direction: "in" | "out";
  readonly local: string;
  readonly peer: string;
  readonly bytes: Buffer;
}

interface Kept {
  readonly seq: number;
  readonly at: bigint;
  readonly endpoint: string;
  readonly event: RawDatagram | StateChanged;
}

export interface TracePage {
  readonly events: readonly TraceEvent[];
  /** For the next `after`. */
  readonly next: number;
  /** Events after `after` that were forgotten before they could be read. */
  readonly dropped: number;
}

/** What the devices of a process saw and did; forgets the oldest beyond its capacity. */
export class TraceLog {
  readonly #kept: Kept[] = [];
  #count = 0;

  constructor(private readonly capacity = 50_000) {}

  state(endpoint: string, event: StateChanged): void {
    this.#keep(endpoint, event);
  }

  datagram(endpoint: string, direction: "in" | "out", local: string, peer: string, bytes: Buffer): void {
    this.#keep(endpoint, { kind: "raw", direction, local, peer, bytes });
  }

  read(endpoint: string | undefined, after: number, limit: number): TracePage {
    const events: TraceEvent[] = [];
    const oldest = Math.max(1, this.#count - this.capacity + 1);
    let seq = Math.max(oldest, after + 1);
    for (; seq <= this.#count && events.length < limit; seq++) {
      const kept = this.#kept[seq % this.capacity];
      if (kept === undefined || (endpoint !== undefined && kept.endpoint !== endpoint)) continue;
      const { event } = kept;
      events.push({ seq, at: kept.at.toString(), role: "device", endpoint: kept.endpoint, event: event.kind === "raw" ? seen(event) : event });
    }
    return { events, next: Math.max(after, seq - 1), dropped: Math.max(0, oldest - 1 - after) };
  }

  #keep(endpoint: string, event: Kept["event"]): void {
    this.#count++;
    this.#kept[this.#count % this.capacity] = { seq: this.#count, at: process.hrtime.bigint(), endpoint, event };
  }
}

function seen({ direction, local, peer, bytes }: RawDatagram): DatagramSeen {
  const hex = bytes.toString("hex");
  try {
    const coap = summaryOf(bytes);
    return { kind: "datagram", direction, local, peer, hex, summary: lineOf(coap), coap };
  } catch (error) {
    return { kind: "datagram", direction, local, peer, hex, summary: `malformed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function summaryOf(bytes: Buffer): CoapSummary {
  const packet = parse(bytes);
  const values = (name: string): Buffer[] => packet.options.filter((option) => option.name === name).map((option) => option.value);
  const [observe, contentFormat, block1, block2] = ["Observe", "Content-Format", "Block1", "Block2"].map((name) => values(name).map(unsigned)[0]);
  const query = values("Uri-Query").map(String);
  return {
    type: packet.confirmable ? "CON" : packet.ack ? "ACK" : packet.reset ? "RST" : "NON",
    code: packet.code,
    messageId: packet.messageId,
    token: packet.token.toString("hex"),
    ...(packet.code.startsWith("0.") && packet.code !== "0.00" ? { path: `/${values("Uri-Path").map(String).join("/")}` } : {}),
    ...(query.length === 0 ? {} : { query }),
    ...(observe === undefined ? {} : { observe }),
    ...(contentFormat === undefined ? {} : { contentFormat }),
    ...(block1 === undefined ? {} : { block1: blockOf(block1) }),
    ...(block2 === undefined ? {} : { block2: blockOf(block2) }),
    payloadLength: packet.payload.length,
  };
}

const unsigned = (bytes: Buffer): number => bytes.reduce((value, byte) => value * 256 + byte, 0);
/** `2/1/64`: number, more, size. */
const blockOf = (value: number): string => `${value >>> 4}/${(value >>> 3) & 1}/${2 ** ((value & 7) + 4)}`;

const methods: Readonly<Record<string, string>> = { "0.00": "empty", "0.01": "GET", "0.02": "POST", "0.03": "PUT", "0.04": "DELETE", "0.05": "FETCH", "0.06": "PATCH", "0.07": "iPATCH" };

function lineOf(coap: CoapSummary): string {
  const where = coap.path === undefined ? [] : [coap.query === undefined ? coap.path : `${coap.path}?${coap.query.join("&")}`];
  const options = [
    ...(coap.token === "" ? [] : [`token=${coap.token}`]),
    ...(coap.observe === undefined ? [] : [`observe=${coap.observe}`]),
    ...(coap.contentFormat === undefined ? [] : [`ct=${coap.contentFormat}`]),
    ...(coap.block1 === undefined ? [] : [`block1=${coap.block1}`]),
    ...(coap.block2 === undefined ? [] : [`block2=${coap.block2}`]),
    ...(coap.payloadLength === 0 ? [] : [`${coap.payloadLength} bytes`]),
  ];
  return [coap.type, methods[coap.code] ?? coap.code, ...where, `mid=${coap.messageId}`, ...options].join(" ");
}
