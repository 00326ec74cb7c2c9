import type { CoapSummary } from "../ports/index.js";
import { decodeContent } from "./content/content.js";
import { ContentError } from "./errors.js";
import type { Node, ResourceNode, Value } from "./nodes.js";
import { ObjectId, SecurityResource } from "./objects/ids.js";
import { tryParsePath } from "./paths.js";

/** Objects that hold keys, and the resources that are keys; undefined: any of them may be one. */
const secrets: ReadonlyMap<number, ReadonlySet<number> | undefined> = new Map([
  // 8: SMS binding secret keys.
  [ObjectId.Security, new Set([SecurityResource.SecretKey, 8])],
  [ObjectId.Oscore, undefined],
  // MQTT and COSE of 1.2.
  [23, undefined],
  [24, undefined],
]);

/**
 * A message as it may be shown: where it brings keys to a device, by a (Bootstrap-)Write to one of the objects that hold them, they are zeros.
 * The rest of the body stays where it can be told from the keys; else all of it is zeros.
 */
export function withoutKey(datagram: Uint8Array, coap: CoapSummary | undefined): Uint8Array {
  const first = coap === undefined || coap.payloadLength === 0 ? undefined : /^\/(\d+)(\/|$)/.exec(coap.path ?? "")?.[1];
  if (coap === undefined || first === undefined) return datagram;
  const object = Number(first);
  if (!secrets.has(object)) return datagram;
  const shown = Buffer.from(datagram);
  const payload = shown.subarray(shown.length - coap.payloadLength);
  if (!maskKeys(payload, coap, secrets.get(object))) payload.fill(0);
  return shown;
}

/** False when it cannot be told which bytes are keys: in blocks, in another format, or not what the path says. */
function maskKeys(payload: Buffer, { path = "", contentFormat = 0, block1 }: CoapSummary, keys: ReadonlySet<number> | undefined): boolean {
  const at = tryParsePath(path);
  if (keys === undefined || at === undefined || block1 !== undefined) return false;
  try {
    return maskNode(decodeContent(contentFormat, at, payload, "1.1"), payload, keys);
  } catch (error) {
    if (error instanceof ContentError) return false;
    throw error;
  }
}

function maskNode(node: Node, payload: Buffer, keys: ReadonlySet<number>): boolean {
  switch (node.kind) {
    case "object":
      return node.instances.every(({ resources }) => maskResources(resources, payload, keys));
    case "instance":
      return maskResources(node.resources, payload, keys);
    case "resource":
    case "multiple-resource":
      return maskResources([node], payload, keys);
    case "resource-instance":
      return false;
  }
}

const maskResources = (resources: readonly ResourceNode[], payload: Buffer, keys: ReadonlySet<number>): boolean =>
  resources.every((resource) => !keys.has(resource.id) || (resource.kind === "resource" ? [resource] : resource.instances).every(({ value }) => maskValue(value, payload)));

/** A key that is shorter could stand anywhere in a body by chance. */
const shortestSought = 4;

/** Wherever the key stands in the body. */
function maskValue(value: Value, payload: Buffer): boolean {
  if (!(value instanceof Uint8Array)) return false;
  if (value.every((byte) => byte === 0)) return true;
  if (value.length < shortestSought) return false;
  for (let at = payload.indexOf(value); at >= 0; at = payload.indexOf(value, at)) payload.fill(0, at, at + value.length);
  return true;
}
