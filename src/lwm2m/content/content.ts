import { ContentFormat } from "../../coap/index.js";
import { ContentError } from "../errors.js";
import type { Node, ResourceInstanceNode, SingleResourceNode, Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";
import type { ObjectDefinition } from "../objects/registry.js";
import { definitionFor } from "../objects/registry.js";
import type { Path } from "../paths.js";
import { formatPath } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { decodeOpaque, encodeOpaque } from "./opaque.js";
import { decodeText, encodeText } from "./text.js";
import { decodeTlv, encodeTlv } from "./tlv.js";

/**
 * Where the types come from: the enabler version (its own version of each core object, 1.0 of any other), or the definition itself when a client
 * announced another object version.
 */
export type Definitions = LwM2mVersion | ObjectDefinition;

export function definitionIn(definitions: Definitions, object: number): ObjectDefinition | undefined {
  if (typeof definitions === "string") return definitionFor(object, definitions);
  return definitions.id === object ? definitions : undefined;
}

/** Formats that `encodeContent` and `decodeContent` know for object model content. */
export const contentFormats: readonly number[] = [ContentFormat.Text, ContentFormat.Opaque, ContentFormat.Tlv];

const unsupported = (format: number): ContentError => new ContentError(`content format ${format} is not supported`, "unsupported");

const kinds = { object: "object", instance: "instance", resource: "resource", "multiple-resource": "resource", "resource-instance": "resource-instance" } as const;

function idAt(at: Path, node: Node): number | undefined {
  switch (kinds[node.kind]) {
    case "object":
      return at.instance === undefined ? at.object : undefined;
    case "instance":
      return at.resource === undefined ? at.instance : undefined;
    case "resource":
      return at.resourceInstance === undefined ? at.resource : undefined;
    case "resource-instance":
      return at.resourceInstance;
  }
}

function valueAt(at: Path, node: Node): Value {
  if (node.kind === "resource" || node.kind === "resource-instance") return node.value;
  throw new ContentError(`${formatPath(at)} is more than one value`, "unsupported");
}

function typeAt(at: Path, definition: ObjectDefinition | undefined): ValueType | undefined {
  return at.resource === undefined ? undefined : definition?.resources.get(at.resource)?.type;
}

/** Writes the payload for `at`, which must be the place of `node`. Throws `ContentError` (`unsupported`: the format cannot carry it). */
export function encodeContent(format: number, at: Path, node: Node, definitions: Definitions): Buffer {
  if (at.object === undefined || idAt(at, node) !== node.id) throw new ContentError(`the node is not the one of ${formatPath(at)}`);
  const definition = definitionIn(definitions, at.object);
  switch (format) {
    case ContentFormat.Tlv:
      return encodeTlv(node, definition, at.resource);
    case ContentFormat.Text:
      return encodeText(valueAt(at, node), typeAt(at, definition));
    case ContentFormat.Opaque:
      return encodeOpaque(valueAt(at, node), typeAt(at, definition));
    default:
      throw unsupported(format);
  }
}

/** Reads the payload of `at`. Throws `ContentError` and nothing else. */
export function decodeContent(format: number, at: Path, bytes: Uint8Array, definitions: Definitions): Node {
  const definition = at.object === undefined ? undefined : definitionIn(definitions, at.object);
  switch (format) {
    case ContentFormat.Tlv:
      return decodeTlv(at, bytes, definition);
    case ContentFormat.Text:
      wantsOneValue(at);
      return valueNode(at, decodeText(bytes, typeAt(at, definition)));
    case ContentFormat.Opaque:
      wantsOneValue(at);
      return valueNode(at, decodeOpaque(bytes, typeAt(at, definition)));
    default:
      throw unsupported(format);
  }
}

interface ResourcePath extends Path {
  readonly resource: number;
}

function wantsOneValue(at: Path): asserts at is ResourcePath {
  if (at.resource === undefined) throw new ContentError(`${formatPath(at)} is more than one value`, "unsupported");
}

const valueNode = (at: ResourcePath, value: Value): SingleResourceNode | ResourceInstanceNode =>
  at.resourceInstance === undefined ? { kind: "resource", id: at.resource, value } : { kind: "resource-instance", id: at.resourceInstance, value };
