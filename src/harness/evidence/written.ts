import { CoapFormatError, decode } from "../../coap/index.js";
import { ContentError, decodeContent, parsePath, type InstanceNode } from "../../lwm2m/index.js";
import type { CoapExchange } from "./timeline.js";

/** /0/x/10 */
const shortServerIdResource = 10;

function instancesWritten(exchange: CoapExchange): readonly InstanceNode[] {
  const { hex, coap } = exchange.request.event;
  try {
    const node = decodeContent(coap.contentFormat ?? 0, parsePath(coap.path ?? "/"), decode(Buffer.from(hex, "hex")).payload, "1.1");
    return node.kind === "object" ? node.instances : node.kind === "instance" ? [node] : [];
  } catch (error) {
    if (error instanceof CoapFormatError || error instanceof ContentError) return [];
    throw error;
  }
}

/** The Short Server IDs that a Bootstrap-Write to /0 gives to the accounts it writes; none for any other request, and for a body in blocks. */
export function writtenShortServerIds(exchange: CoapExchange): number[] {
  const { coap } = exchange.request.event;
  if (coap.code !== "0.03" || !/^\/0(\/|$)/.test(coap.path ?? "") || coap.block1 !== undefined) return [];
  return instancesWritten(exchange).flatMap(({ resources }) => {
    const found = resources.find((resource) => resource.id === shortServerIdResource);
    return found?.kind === "resource" ? [Number(found.value)] : [];
  });
}

