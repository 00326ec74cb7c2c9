/** What a witness saw or did. Roles keep these in a bounded log; the harness merges the logs of all roles by `at`. */
export interface TraceEvent {
  /** Grows by one within a role; `trace?after=` continues from here. */
  readonly seq: number;
  /** `Clock.hrtime()` as a decimal string of nanoseconds. */
  readonly at: string;
  /** Who saw it: `bootstrap-server`, `server-a`, `device`. */
  readonly role: string;
  /** LwM2M endpoint name the event belongs to, once known. */
  readonly endpoint?: string;
  readonly event: DatagramSeen | RecordsSeen | HttpSeen | StateChanged;
}

export interface DatagramSeen {
  readonly kind: "datagram";
  readonly direction: "in" | "out";
  readonly local: string;
  readonly peer: string;
  /** The message; where it carries a key, its payload is zeros. */
  readonly hex: string;
  /** Decoded CoAP, or why it did not decode. */
  readonly summary: string;
  readonly coap?: CoapSummary;
  /** Present when the message travelled in a security session: it was not on the wire like this, its records were (`dtls`). */
  readonly secured?: true;
}

/** A datagram of DTLS records, as on the wire. */
export interface RecordsSeen {
  readonly kind: "dtls";
  readonly direction: "in" | "out";
  readonly local: string;
  readonly peer: string;
  readonly hex: string;
  /** `Handshake ClientHello`, `ApplicationData epoch 1, 45 bytes`. */
  readonly summary: string;
}

/** What oracles ask of a datagram without decoding it again. */
export interface CoapSummary {
  readonly type: "CON" | "NON" | "ACK" | "RST";
  /** `0.02`, `2.04`; `0.00` is empty. */
  readonly code: string;
  readonly messageId: number;
  /** Hex. */
  readonly token: string;
  /** `/1/0/9`; requests only. */
  readonly path?: string;
  readonly query?: readonly string[];
  readonly observe?: number;
  readonly contentFormat?: number;
  readonly block1?: string;
  readonly block2?: string;
  readonly payloadLength: number;
}

export interface HttpSeen {
  readonly kind: "http";
  readonly direction: "in" | "out";
  readonly peer: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Absent on the event of the request's arrival or departure; present on the answer's. */
  readonly status?: number;
  /** JSON body with every secret member replaced by `"(secret)"`. */
  readonly body?: unknown;
}

export interface StateChanged {
  readonly kind: "state";
  /** `session`, `item`, `trigger`, `credential`, `registration`, `device`. */
  readonly machine: string;
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** The input that caused it. */
  readonly input: string;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

export interface Trace {
  record(event: TraceEvent["event"], endpoint?: string): void;
}
