import { decode, ContentFormat } from "../../coap/index.js";
import { ContentError, decodeContent, parsePath, type Node } from "../../lwm2m/index.js";
import type { TraceEvent } from "../../ports/index.js";
import { isOperation } from "./operations.js";
import { coapExchanges, firstTransmissions, isCoap, ofDevice, type CoapEvent, type CoapExchange } from "./timeline.js";

/** A notification as the observer saw it; one that was lost on the way to it, as the device sent it. */
export interface Notification {
  readonly event: CoapEvent;
  readonly lost: boolean;
  /** The number or text it carried; `4.04` and the like when it was an error. */
  readonly value: string;
}

/** The newest observation of a path by one server, with all it was told. */
export interface Observed {
  readonly request: CoapExchange;
  readonly notifications: readonly Notification[];
}

/** What one role saw of one endpoint. */
export const ofRole = (events: readonly TraceEvent[], role: string, endpoint: string): TraceEvent[] => events.filter((event) => event.role === role && event.endpoint === endpoint);

/**
 * Responses beyond the first that carry the token of the newest Observe of the path. A notification may be non-confirmable, and is then sent once
 * (RFC 7641 §4.5): whether the device notified is told by what it sent, also where that did not arrive.
 */
export function observed(events: readonly TraceEvent[], role: string, endpoint: string, path: string): Observed | undefined {
  const seen = ofRole(events, role, endpoint);
  const request = coapExchanges(seen).findLast((exchange) => exchange.direction === "out" && isOperation("observe")(exchange) && exchange.request.event.coap.path === path);
  if (request?.response === undefined) return undefined;
  const { token } = request.request.event.coap;
  const { response } = request;
  const told = (log: readonly TraceEvent[], direction: "in" | "out"): CoapEvent[] =>
    firstTransmissions(log)
      .filter(isCoap)
      .filter(({ event }) => event.direction === direction && event.coap.token === token && /^[245]\./.test(event.coap.code) && event.coap.observe !== undefined)
      .filter(({ at, event }) => event.coap.messageId !== response.event.coap.messageId && BigInt(at) > BigInt(request.request.at));
  const arrived = told(seen, "in");
  const ids = new Set(arrived.map(({ event }) => event.coap.messageId));
  const lost = told(ofDevice(events, endpoint), "out").filter(({ event }) => !ids.has(event.coap.messageId));
  const all = [...arrived.map((event) => ({ event, lost: false })), ...lost.map((event) => ({ event, lost: true }))].sort((a, b) => (BigInt(a.event.at) < BigInt(b.event.at) ? -1 : 1));
  return { request, notifications: all.map((one) => ({ ...one, value: valueIn(one.event, path) })) };
}

/** When the first reset of a notification of this observation reached the device; of a device that is not seen, when it was sent. */
export function resetOf(events: readonly TraceEvent[], role: string, endpoint: string, { notifications }: Observed): CoapEvent | undefined {
  const ids = new Set(notifications.map(({ event }) => event.event.coap.messageId));
  const resets = (log: readonly TraceEvent[], direction: "in" | "out"): CoapEvent | undefined => log.filter(isCoap).find(({ event }) => event.direction === direction && event.coap.type === "RST" && ids.has(event.coap.messageId));
  const own = ofDevice(events, endpoint);
  return own.some(isCoap) ? resets(own, "in") : resets(ofRole(events, role, endpoint), "out");
}

/** The content of a response about one resource, as text. */
export function valueIn({ event }: CoapEvent, path: string): string {
  const { coap, hex } = event;
  if (!coap.code.startsWith("2.")) return coap.code;
  try {
    const { payload } = decode(Buffer.from(hex, "hex"));
    return textOf(decodeContent(coap.contentFormat ?? ContentFormat.Text, parsePath(path), payload, "1.1"));
  } catch (error) {
    if (error instanceof ContentError) return `undecodable: ${error.message}`;
    throw error;
  }
}

function textOf(node: Node): string {
  switch (node.kind) {
    case "resource":
    case "resource-instance":
      return node.value instanceof Uint8Array ? Buffer.from(node.value).toString("hex") : typeof node.value === "object" ? `${node.value.object}:${node.value.instance}` : String(node.value);
    case "multiple-resource":
      return node.instances.map(textOf).join(", ");
    case "instance":
      return node.resources.map(textOf).join(", ");
    case "object":
      return node.instances.map(textOf).join("; ");
  }
}
