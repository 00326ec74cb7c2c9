import type { Attributes } from "../attributes.js";
import { attributeNames, formatAttributes, mergeAttributes, parseAttributeValue } from "../attributes.js";
import { coreObjectVersion } from "../objects/registry.js";
import type { Path } from "../paths.js";
import { formatPath, path, tryParsePath } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { versionRules } from "../version.js";
import type { Link } from "./link.js";
import { parseLinks } from "./parse.js";

/** A resource as Discover reports it; the attributes are those of the server that asks. */
export interface DiscoveredResource {
  readonly resource: number;
  /** Number of instances of a multiple resource. */
  readonly dimension?: number;
  readonly attributes?: Attributes;
  /** Resource instances with attributes of their own; from 1.1 on, listed when the resource itself is asked for. */
  readonly instances?: readonly { readonly resourceInstance: number; readonly attributes?: Attributes }[];
}

export interface DiscoveredInstance {
  readonly instance: number;
  readonly attributes?: Attributes;
  readonly resources: readonly DiscoveredResource[];
}

export interface DiscoveredObject {
  readonly object: number;
  readonly version?: string;
  readonly attributes?: Attributes;
  readonly instances: readonly DiscoveredInstance[];
}

const text = (at: Path, attributes: Attributes | undefined, before = ""): string => {
  const written = attributes === undefined ? [] : formatAttributes(attributes);
  return `<${formatPath(at)}>${before}${written.length === 0 ? "" : `;${written.join(";")}`}`;
};

const dimension = (resource: DiscoveredResource): string => (resource.dimension === undefined ? "" : `;dim=${resource.dimension}`);

/**
 * Writes the answer to Discover (LwM2M Core 1.1 §6.3.2). An object: its version and attributes, its instances, their resources; LwM2M 1.0 also shows
 * the attributes of the lower levels there. An instance: its attributes, its resources with theirs. A resource: its attributes, inherited ones
 * included. Undefined when the instance or resource does not exist.
 */
export function formatDiscover(at: Path, of: DiscoveredObject, version: LwM2mVersion): string | undefined {
  const { object } = of;
  if (at.instance === undefined) return formatObject(of, version);
  const instance = of.instances.find((candidate) => candidate.instance === at.instance);
  if (instance === undefined) return undefined;
  if (at.resource === undefined) {
    const items = instance.resources.map((resource) => text(path(object, instance.instance, resource.resource), resource.attributes, dimension(resource)));
    return [text(path(object, instance.instance), instance.attributes), ...items].join(",");
  }
  const resource = instance.resources.find((candidate) => candidate.resource === at.resource);
  if (resource === undefined) return undefined;
  const attached = attachedAttributes([of.attributes, instance.attributes, resource.attributes]);
  const items = [text(path(object, instance.instance, resource.resource), attached, dimension(resource))];
  if (versionRules(version).resourceInstancePaths) {
    for (const { resourceInstance, attributes } of resource.instances ?? []) items.push(text(path(object, instance.instance, resource.resource, resourceInstance), attributes));
  }
  return items.join(",");
}

/** Merged without the defaults of /1, which are not attached to anything. */
function attachedAttributes(levels: readonly (Attributes | undefined)[]): Attributes {
  const { pmin, ...others } = mergeAttributes(levels);
  return levels.some((level) => level?.pmin !== undefined) && pmin !== undefined ? { pmin, ...others } : others;
}

function formatObject(of: DiscoveredObject, version: LwM2mVersion): string {
  const { bareObjectVersion } = versionRules(version);
  const announced = of.version === undefined || of.version === coreObjectVersion(of.object, version) ? "" : `;ver=${bareObjectVersion ? of.version : `"${of.version}"`}`;
  const lower = version === "1.0";
  const items = [text({ object: of.object }, of.attributes, announced)];
  for (const { instance, attributes, resources } of of.instances) {
    items.push(text(path(of.object, instance), lower ? attributes : undefined));
    for (const resource of resources) {
      items.push(text(path(of.object, instance, resource.resource), lower ? resource.attributes : undefined, lower ? dimension(resource) : ""));
    }
  }
  return items.join(",");
}

/** One link of an answer to Discover, as a server reads it. */
export interface Discovered {
  readonly path: Path;
  readonly attributes: Attributes;
  /** Object version, `ver`. */
  readonly version?: string;
  /** `dim`. */
  readonly dimension?: number;
}

/** Reads the answer to Discover leniently: links that name no place in the object model, and attributes that cannot be read, are passed over. Throws `ContentError`. */
export function parseDiscover(payload: string | Uint8Array): Discovered[] {
  const found: Discovered[] = [];
  for (const link of parseLinks(payload)) {
    const at = tryParsePath(link.target);
    if (at?.object !== undefined) found.push(discovered(at, link));
  }
  return found;
}

function discovered(at: Path, link: Link): Discovered {
  const attributes: { -readonly [name in keyof Attributes]: Attributes[name] } = {};
  for (const name of attributeNames) {
    const stated = link.attributes[name];
    const value = typeof stated === "string" ? parseAttributeValue(name, stated) : undefined;
    if (value !== undefined) attributes[name] = value;
  }
  const { ver, dim } = link.attributes;
  return {
    path: at,
    attributes,
    ...(typeof ver === "string" ? { version: ver } : {}),
    ...(typeof dim === "string" && /^\d{1,5}$/.test(dim) ? { dimension: Number(dim) } : {}),
  };
}
