import type { CoapSummary } from "../../ports/index.js";
import type { CoapExchange } from "./timeline.js";

/** What a CoAP request means in LwM2M, by its code, path and query alone. */
export type Operation =
  | "bootstrap-request"
  | "bootstrap-finish"
  | "bootstrap-discover"
  | "register"
  | "update"
  | "deregister"
  | "read"
  | "discover"
  | "write"
  | "write-attributes"
  | "execute"
  | "create"
  | "delete"
  | "observe"
  | "other";

/** Bootstrap-Read, -Write and -Delete share the codes of the management operations: who sent them tells them apart. */
export function operationOf(coap: CoapSummary): Operation {
  const path = coap.path ?? "/";
  const levels = path === "/" ? 0 : path.split("/").length - 1;
  const objectPath = /^\/\d+(\/\d+){0,3}$/.test(path);
  const query = coap.query ?? [];
  switch (coap.code) {
    case "0.01":
      if (coap.observe === 0) return "observe";
      if (path === "/") return "bootstrap-discover";
      if (objectPath) return "read";
      return "other";
    case "0.02":
      // A Bootstrap-Request without any parameter looks like a Finish: the direction tells them apart.
      if (path === "/bs") return query.length > 0 ? "bootstrap-request" : "bootstrap-finish";
      if (path === "/rd") return "register";
      if (path.startsWith("/rd/")) return "update";
      if (!objectPath) return "other";
      if (levels === 1) return "create";
      // A partial Write to a resource with several instances has a structured format; an Execute has text arguments or none.
      return levels === 3 && (coap.contentFormat ?? 0) === 0 ? "execute" : "write";
    case "0.03":
      if (!objectPath) return "other";
      return coap.contentFormat === undefined && coap.payloadLength === 0 && query.length > 0 ? "write-attributes" : "write";
    case "0.04":
      if (path.startsWith("/rd/")) return "deregister";
      return objectPath || path === "/" ? "delete" : "other";
    default:
      return "other";
  }
}

export const isOperation =
  (...operations: readonly Operation[]) =>
  (exchange: CoapExchange): boolean =>
    operations.includes(operationOf(exchange.request.event.coap));

/** `1` for `/1/0/9`; undefined for `/bs`. */
export function objectOf(exchange: CoapExchange): number | undefined {
  const match = /^\/(\d+)(?:\/|$)/.exec(exchange.request.event.coap.path ?? "");
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
