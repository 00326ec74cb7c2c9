import { ContentError } from "../errors.js";
import type { Node, ResourceNode } from "../nodes.js";
import type { ObjectDefinition } from "../objects/registry.js";
import type { Path } from "../paths.js";
import { formatPath } from "../paths.js";
import { TlvReader } from "./tlv-reader.js";
import { tlvKind } from "./tlv-writer.js";

export { encodeTlv, encodeTlvResources } from "./tlv-writer.js";

/**
 * Reads the TLV payload of a path (LwM2M Core 1.1 §7.4.3). An object wants its instances; an instance its bare resources, or itself wrapped; a
 * resource itself; a resource instance itself, bare or inside its resource. Values of resources that the definition does not know are bytes.
 * Throws `ContentError` and nothing else.
 */
export function decodeTlv(at: Path, bytes: Uint8Array, definition: ObjectDefinition | undefined): Node {
  if (at.object === undefined) throw new ContentError("TLV cannot carry the root", "unsupported");
  const reader = new TlvReader(bytes, definition);
  if (at.instance === undefined) return { kind: "object", id: at.object, instances: reader.instances() };
  if (at.resource === undefined) {
    if (reader.nextKind !== tlvKind.instance) return { kind: "instance", id: at.instance, resources: reader.resources() };
    const instance = reader.instance();
    return expected(at, instance, at.instance, reader);
  }
  if (at.resourceInstance === undefined) return expected(at, reader.resource(), at.resource, reader);
  if (reader.nextKind === tlvKind.resourceInstance) return expected(at, reader.bareResourceInstance(at.resource), at.resourceInstance, reader);
  const resource = expected(at, reader.resource(), at.resource, reader);
  const found = resource.kind === "multiple-resource" && resource.instances.length === 1 ? resource.instances[0] : undefined;
  if (found?.id !== at.resourceInstance) throw new ContentError(`TLV does not hold ${formatPath(at)} alone`);
  return found;
}

function expected<N extends { readonly id: number }>(at: Path, node: N, id: number, reader: TlvReader): N {
  if (node.id !== id) throw new ContentError(`TLV of ${node.id} where ${formatPath(at)} is wanted`);
  if (!reader.atEnd) throw new ContentError(`TLV holds more than ${formatPath(at)}`);
  return node;
}

/** What a Create carries: one instance with its id, or bare resources for the client to number. */
export interface CreateContent {
  readonly instance?: number;
  readonly resources: readonly ResourceNode[];
}

/** Reads the TLV payload of a Create. Throws `ContentError`. */
export function decodeTlvCreate(bytes: Uint8Array, definition: ObjectDefinition | undefined): CreateContent {
  const reader = new TlvReader(bytes, definition);
  if (reader.nextKind !== tlvKind.instance) return { resources: reader.resources() };
  const { id, resources } = reader.instance();
  if (!reader.atEnd) throw new ContentError("Create of more than one instance");
  return { instance: id, resources };
}
