import type { CoapSummary, TraceEvent } from "../../ports/index.js";

/** Builds the logs that oracles read: each call is one event, a millisecond after the one before. */
export class EventLogBuilder {
  readonly events: TraceEvent[] = [];
  #ms = 0;
  #mid = 0;

  wait(ms: number): this {
    this.#ms += ms;
    return this;
  }

  add(role: string, endpoint: string | undefined, event: TraceEvent["event"]): TraceEvent {
    this.#ms += 1;
    const added: TraceEvent = { seq: this.events.length + 1, at: String(this.#ms * 1_000_000), role, ...(endpoint === undefined ? {} : { endpoint }), event };
    this.events.push(added);
    return added;
  }

  /** A datagram at a device: `in` from the peer, `out` to it. */
  coap(endpoint: string, direction: "in" | "out", peer: string, coap: Partial<CoapSummary> & { readonly code: string }, hex?: string): TraceEvent {
    const messageId = coap.messageId ?? ++this.#mid;
    const whole: CoapSummary = { type: "CON", messageId, token: coap.token ?? messageId.toString(16).padStart(4, "0"), payloadLength: 0, ...coap };
    return this.add("device", endpoint, {
      kind: "datagram",
      direction,
      local: "127.0.0.1:40000",
      peer,
      hex: hex ?? Buffer.from(`${direction}${peer}${JSON.stringify(whole)}`).toString("hex"),
      summary: `${whole.type} ${whole.code} ${whole.path ?? ""}`.trim(),
      coap: whole,
    });
  }

  /** A request that reaches the device, and its answer. */
  asked(endpoint: string, peer: string, request: Partial<CoapSummary> & { readonly code: string; readonly path: string }, answer: string | undefined, hex?: string): TraceEvent {
    const event = this.coap(endpoint, "in", peer, request, hex);
    const token = event.event.kind === "datagram" ? (event.event.coap?.token ?? "") : "";
    if (answer !== undefined) this.coap(endpoint, "out", peer, { type: "ACK", code: answer, token });
    return event;
  }

  /** A request of the device, and its answer. */
  asks(endpoint: string, peer: string, request: Partial<CoapSummary> & { readonly code: string; readonly path: string }, answer: string | undefined): TraceEvent {
    const event = this.coap(endpoint, "out", peer, request);
    const token = event.event.kind === "datagram" ? (event.event.coap?.token ?? "") : "";
    if (answer !== undefined) this.coap(endpoint, "in", peer, { type: "ACK", code: answer, token });
    return event;
  }

  http(role: string, endpoint: string | undefined, method: string, url: string, status: number | undefined, direction: "in" | "out" = "in", peer = "bootstrap-server"): TraceEvent {
    return this.add(role, endpoint, { kind: "http", direction, peer, method, url, ...(status === undefined ? {} : { status }) });
  }
}
