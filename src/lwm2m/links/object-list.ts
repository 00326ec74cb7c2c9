import { ContentError } from "../errors.js";
import { parseId } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { versionRules } from "../version.js";
import { coreObjectVersion } from "../objects/registry.js";
import type { Link } from "./link.js";
import { linkText, parseLinks } from "./parse.js";

export interface ListedObject {
  readonly object: number;
  /** Object version announced with `ver`; undefined: the one the enabler version implies. */
  readonly version?: string;
  readonly instances: readonly number[];
}

/** What a client announces in Register and Update. */
export interface ObjectList {
  /** Prefix of all device management paths (root link with `rt="oma.lwm2m"`); empty for none. */
  readonly rootPath: readonly string[];
  /** Formats named by `ct` of the root link. */
  readonly contentFormats: readonly number[];
  /** Ascending by object id. */
  readonly objects: readonly ListedObject[];
}

const rootType = "oma.lwm2m";

interface Gathered {
  version: string | undefined;
  readonly instances: number[];
}

/** Reads the object list out of links. Links that name no object or instance, and unknown attributes, are passed over (LwM2M Core 1.1 §6.2.1). */
export function objectListOf(links: readonly Link[]): ObjectList {
  let root = "";
  let contentFormats: readonly number[] = [];
  for (const link of links) {
    const type = link.attributes["rt"];
    if (typeof type !== "string" || !type.split(" ").includes(rootType)) continue;
    root = link.target === "/" ? "" : link.target.endsWith("/") ? link.target.slice(0, -1) : link.target;
    contentFormats = formatsOf(link.attributes["ct"]);
  }
  const gathered = new Map<number, Gathered>();
  for (const link of links) gather(link, root, gathered);
  const objects = [...gathered]
    .sort(([a], [b]) => a - b)
    .map(([object, { version, instances }]): ListedObject => {
      const sorted = [...new Set(instances)].sort((a, b) => a - b);
      return version === undefined ? { object, instances: sorted } : { object, version, instances: sorted };
    });
  return { rootPath: root === "" ? [] : root.slice(1).split("/"), contentFormats, objects };
}

function formatsOf(ct: string | true | undefined): readonly number[] {
  if (typeof ct !== "string") return [];
  const formats: number[] = [];
  for (const word of ct.split(" ")) {
    const format = parseId(word);
    if (format !== undefined) formats.push(format);
  }
  return formats;
}

function gather(link: Link, root: string, into: Map<number, Gathered>): void {
  let { target } = link;
  if (root !== "" && target.startsWith(root) && target.charCodeAt(root.length) === 0x2f) target = target.slice(root.length);
  if (target.charCodeAt(0) !== 0x2f) return;
  const slash = target.indexOf("/", 1);
  const object = parseId(slash < 0 ? target.slice(1) : target.slice(1, slash));
  if (object === undefined) return;
  const rest = slash < 0 ? "" : target.slice(slash + 1);
  const instance = rest === "" ? undefined : parseId(rest);
  if (rest !== "" && instance === undefined) return;
  let entry = into.get(object);
  if (entry === undefined) into.set(object, (entry = { version: undefined, instances: [] }));
  if (instance !== undefined) {
    entry.instances.push(instance);
    return;
  }
  const version = link.attributes["ver"];
  if (typeof version === "string") entry.version = version;
}

/** Fleets of one product send the same list thousands of times: equal payloads share one parsed, immutable list. */
const known = new Map<string, ObjectList>();
const knownLists = 512;
const knownLength = 4096;

/** Parses a Register or Update payload. Throws `ContentError`. */
export function parseObjectList(payload: string | Uint8Array): ObjectList {
  const text = linkText(payload);
  const seen = known.get(text);
  if (seen !== undefined) return seen;
  const links = parseLinks(text);
  for (const link of links) if (link.target === "") throw new ContentError("an item of the object list is not a link");
  const list = objectListOf(links);
  if (text.length <= knownLength) {
    if (known.size === knownLists) known.clear();
    known.set(text, list);
  }
  return list;
}

export interface ObjectListOptions {
  readonly version: LwM2mVersion;
  /** Default none: objects at the root. */
  readonly rootPath?: readonly string[];
  /** Optional content formats to announce on the root link. */
  readonly contentFormats?: readonly number[];
}

/**
 * Writes a Register payload. The root link is written when a root path or content formats are announced; objects that no LwM2M Server may see are
 * left out; `ver` is written where the object version differs from the one the enabler version implies (LwM2M Core 1.1 §6.2.1, §7.2.2).
 */
export function formatObjectList(objects: Iterable<ListedObject>, options: ObjectListOptions): string {
  const { version, rootPath = [], contentFormats = [] } = options;
  const { bootstrapOnlyObjects, bareObjectVersion } = versionRules(version);
  const root = rootPath.length === 0 ? "" : `/${rootPath.join("/")}`;
  let text = root === "" && contentFormats.length === 0 ? "" : `<${root === "" ? "/" : root}>;rt="${rootType}"${formatsAttribute(contentFormats)}`;
  for (const { object, version: objectVersion, instances } of objects) {
    if (bootstrapOnlyObjects.includes(object)) continue;
    const announced = objectVersion === undefined || objectVersion === coreObjectVersion(object, version) ? "" : `;ver=${bareObjectVersion ? objectVersion : `"${objectVersion}"`}`;
    if (announced !== "" || instances.length === 0) text += `${text === "" ? "" : ","}<${root}/${object}>${announced}`;
    for (const instance of instances) text += `${text === "" ? "" : ","}<${root}/${object}/${instance}>`;
  }
  return text;
}

const formatsAttribute = (formats: readonly number[]): string => (formats.length === 0 ? "" : formats.length === 1 ? `;ct=${formats[0] ?? ""}` : `;ct="${formats.join(" ")}"`);
