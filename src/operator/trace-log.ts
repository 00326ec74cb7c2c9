import { summarise } from "../coap/index.js";
import { matchesPattern } from "../config/index.js";
import type { DatagramTap, Peer } from "../coap/index.js";
import { summarizeDatagram } from "../dtls/index.js";
import { withoutKey } from "../lwm2m/index.js";
import { formatAddress } from "../ports/index.js";
import type { Address, Clock, Trace, TraceEvent } from "../ports/index.js";
import type { RecordTap } from "../transport/index.js";
import { PeersByAddress } from "./peers-by-address.js";
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

/** A datagram of records; whose it was is found by its address when somebody reads it. */
interface RawRecords {
  readonly kind: "raw-records";
  readonly direction: "in" | "out";
  readonly datagram: Uint8Array;
  readonly address: Address;
  readonly local: string;
}

type Kept = RawDatagram | RawRecords | TraceEvent["event"];

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/**
 * What a role saw and did, in a ring that forgets the oldest. Under load a datagram costs one slot: no copy, no decoding.
 * A datagram is filed under its peer's label; one that came before the label was known is found by the label of later.
 */
export class TraceLog implements Trace {
  readonly #kept: (Kept | undefined)[];
  readonly #at: BigInt64Array;
  readonly #endpoints: (string | undefined)[];
  readonly #sessions = new PeersByAddress();
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

  /** A tap for a CoAP endpoint of the role, bound at `local` and for its sessions at `secureLocal`. */
  tapFor(local: Address, secureLocal: Address = local): DatagramTap | undefined {
    if (this.capacity === 0) return undefined;
    const at = formatAddress(local);
    const secureAt = formatAddress(secureLocal);
    return (direction, datagram, peer) => this.#keep({ kind: "raw", direction, datagram, peer, local: peer.secured === true ? secureAt : at }, peer.label);
  }

  /** A tap for a DTLS port bound at `local`. Records are filed under `endpoint`, else under the label of the peer that the session of their address was last. */
  recordTapFor(local: Address, endpoint?: string): RecordTap | undefined {
    if (this.capacity === 0) return undefined;
    const at = formatAddress(local);
    return {
      onRecords: (direction, datagram, address) => this.#keep({ kind: "raw-records", direction, datagram, address, local: at }, endpoint),
      onSession: (peer) => endpoint === undefined && this.#sessions.put(peer),
    };
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
      const endpoint = this.#endpoints[slot] ?? this.#labelNow(kept);
      if (wanted !== undefined && !(endpoint !== undefined && wanted(endpoint))) continue;
      events.push({ seq, at: String(this.#at[slot] ?? 0n), role: this.role, ...(endpoint === undefined ? {} : { endpoint }), event: shown(kept) });
    }
    return { events, next: Math.max(query.after, seq - 1), dropped };
  }

  #labelNow(kept: Kept): string | undefined {
    if (kept.kind === "raw") return kept.peer.label;
    return kept.kind === "raw-records" ? this.#sessions.get(kept.address)?.label : undefined;
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

function shown(kept: Kept): TraceEvent["event"] {
  switch (kept.kind) {
    case "raw":
      return datagramSeen(kept);
    case "raw-records": {
      const { direction, local, address, datagram } = kept;
      return { kind: "dtls", direction, local, peer: formatAddress(address), hex: hexOf(datagram), summary: summarizeDatagram(datagram) };
    }
    case "http":
      // A body is kept as it came and leaves without its secrets: nobody ever reads most of them.
      return kept.body === undefined ? kept : { ...kept, body: redactSecrets(kept.body) };
    default:
      return kept;
  }
}

function datagramSeen(raw: RawDatagram): TraceEvent["event"] {
  const { summary, coap } = summarise(raw.datagram);
  return {
    kind: "datagram",
    direction: raw.direction,
    local: raw.local,
    peer: formatAddress(raw.peer.address),
    hex: hexOf(withoutKey(raw.datagram, coap)),
    summary,
    ...(coap === undefined ? {} : { coap }),
    ...(raw.peer.secured === true ? { secured: true } : {}),
  };
}

/** Names are looked up, patterns are tried: a reader asks for many names at once, of a long ring. */
function matcherOf(endpoints: readonly string[]): (endpoint: string) => boolean {
  const names = new Set(endpoints.filter((endpoint) => !endpoint.includes("*")));
  const patterns = endpoints.filter((endpoint) => endpoint.includes("*"));
  return (endpoint) => names.has(endpoint) || patterns.some((pattern) => matchesPattern(pattern, endpoint));
}
