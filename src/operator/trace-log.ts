import { summarise } from "../coap/index.js";
import { matchesPattern } from "../config/index.js";
import type { DatagramTap, Peer } from "../coap/index.js";
import { formatAddress } from "../ports/index.js";
import type { Address, Clock, Trace, TraceEvent } from "../ports/index.js";
import { redactSecrets } from "./redact.js";

export interface TracePage {
  readonly events: readonly TraceEvent[];
  /** Give it as `after` to continue. */
  readonly next: number;
  /** Events after `after` that were forgotten before they could be read. */
  readonly dropped: number;
}

export interface TraceQuery {
  readonly after: number;
  readonly limit: number;
  /** Endpoint names or patterns; absent: everything. */
  readonly endpoints?: readonly string[] | undefined;
}

/** A datagram as it passed: its bytes and its peer, decoded only if somebody reads it. */
interface RawDatagram {
  readonly kind: "raw";
  readonly direction: "in" | "out";
  readonly datagram: Uint8Array;
  readonly peer: Peer;
  readonly local: string;
}

type Kept = RawDatagram | TraceEvent["event"];

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/**
 * What a role saw and did, in a ring that forgets the oldest. Under load a datagram costs one slot: no copy, no decoding.
 * A datagram is filed under its peer's label; one that came before the label was known is found by the label of later.
 */
export class TraceLog implements Trace {
  readonly #kept: (Kept | undefined)[];
  readonly #at: BigInt64Array;
  readonly #endpoints: (string | undefined)[];
  /** Events recorded so far; also the `seq` of the newest. */
  #count = 0;

  /** `capacity` 0 keeps nothing. */
  constructor(
    readonly role: string,
    private readonly clock: Clock,
    readonly capacity: number,
  ) {
    this.#kept = [];
    this.#endpoints = [];
    this.#at = new BigInt64Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  record(event: TraceEvent["event"], endpoint?: string): void {
    this.#keep(event, endpoint);
  }

  /** A tap for a CoAP endpoint of the role, bound at `local`. */
  tapFor(local: Address): DatagramTap | undefined {
    if (this.capacity === 0) return undefined;
    const at = formatAddress(local);
    return (direction, datagram, peer) => this.#keep({ kind: "raw", direction, datagram, peer, local: at }, peer.label);
  }

  read(query: TraceQuery): TracePage {
    const oldest = Math.max(1, this.#count - this.capacity + 1);
    const dropped = Math.max(0, Math.min(oldest - 1, this.#count) - query.after);
    const events: TraceEvent[] = [];
    const wanted = query.endpoints === undefined ? undefined : matcherOf(query.endpoints);
    let seq = Math.max(oldest, query.after + 1);
    for (; seq <= this.#count && events.length < query.limit; seq++) {
      const slot = seq % this.capacity;
      const kept = this.#kept[slot];
      if (kept === undefined) continue;
      const endpoint = this.#endpoints[slot] ?? (kept.kind === "raw" ? kept.peer.label : undefined);
      if (wanted !== undefined && !(endpoint !== undefined && wanted(endpoint))) continue;
      events.push({ seq, at: String(this.#at[slot] ?? 0n), role: this.role, ...(endpoint === undefined ? {} : { endpoint }), event: kept.kind === "raw" ? seen(kept) : shown(kept) });
    }
    return { events, next: Math.max(query.after, seq - 1), dropped };
  }

  #keep(event: Kept, endpoint: string | undefined): void {
    this.#count++;
    if (this.capacity === 0) return;
    const slot = this.#count % this.capacity;
    this.#kept[slot] = event;
    this.#at[slot] = this.clock.hrtime();
    this.#endpoints[slot] = endpoint;
  }
}

function seen(raw: RawDatagram): TraceEvent["event"] {
  const { summary, coap } = summarise(raw.datagram);
  return {
    kind: "datagram",
    direction: raw.direction,
    local: raw.local,
    peer: formatAddress(raw.peer.address),
    hex: hexOf(raw.datagram),
    summary,
    ...(coap === undefined ? {} : { coap }),
  };
}

/** A body is kept as it came and leaves without its secrets: nobody ever reads most of them. */
const shown = (event: TraceEvent["event"]): TraceEvent["event"] => (event.kind === "http" && event.body !== undefined ? { ...event, body: redactSecrets(event.body) } : event);

/** Names are looked up, patterns are tried: a reader asks for many names at once, of a long ring. */
function matcherOf(endpoints: readonly string[]): (endpoint: string) => boolean {
  const names = new Set(endpoints.filter((endpoint) => !endpoint.includes("*")));
  const patterns = endpoints.filter((endpoint) => endpoint.includes("*"));
  return (endpoint) => names.has(endpoint) || patterns.some((pattern) => matchesPattern(pattern, endpoint));
}
