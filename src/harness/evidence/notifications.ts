import { decode, ContentFormat } from "../../coap/index.js";
import { ContentError, decodeContent, parsePath, type Node } from "../../lwm2m/index.js";
import type { TraceEvent } from "../../ports/index.js";
import { isOperation } from "./operations.js";
import { coapExchanges, firstTransmissions, isCoap, type CoapEvent, type CoapExchange } from "./timeline.js";

/** A notification as the observer saw it. */
export interface Notification {
  readonly event: CoapEvent;
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

/** Responses beyond the first that carry the token of the newest Observe of the path. */
export function observed(events: readonly TraceEvent[], role: string, endpoint: string, path: string): Observed | undefined {
  const seen = ofRole(events, role, endpoint);
  const request = coapExchanges(seen).findLast((exchange) => exchange.direction === "out" && isOperation("observe")(exchange) && exchange.request.event.coap.path === path);
  if (request?.response === undefined) return undefined;
  const { token } = request.request.event.coap;
  const { response } = request;
  const notifications = firstTransmissions(seen)
    .filter(isCoap)
    .filter(({ event }) => event.direction === "in" && event.coap.token === token && /^[245]\./.test(event.coap.code) && event.coap.observe !== undefined)
    .filter((event) => event !== response && BigInt(event.at) > BigInt(response.at))
    .map((event) => ({ event, value: valueIn(event, path) }));
  return { request, notifications };
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
