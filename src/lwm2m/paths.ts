import { ContentError } from "./errors.js";

/** 65535 is reserved (LwM2M Core 1.1 §7.1). */
export const maximumId = 65534;

/** A place in the object model. A level is present only when the one above it is; `{}` is the root. */
export interface Path {
  readonly object?: number;
  readonly instance?: number;
  readonly resource?: number;
  readonly resourceInstance?: number;
}

export type PathLevel = "root" | "object" | "instance" | "resource" | "resource-instance";

/** The id a path segment or link names: 0 to 65534 in decimal without sign or leading zero; undefined for anything else. */
export function parseId(segment: string): number | undefined {
  const { length } = segment;
  if (length === 0 || length > 5) return undefined;
  let id = 0;
  for (let at = 0; at < length; at++) {
    const digit = segment.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9 || (id === 0 && at > 0)) return undefined;
    id = id * 10 + digit;
  }
  return id <= maximumId ? id : undefined;
}

const rootPath: Path = {};

/** Builds a path from one to four ids. */
export function path(object?: number, instance?: number, resource?: number, resourceInstance?: number): Path {
  if (object === undefined) return rootPath;
  if (instance === undefined) return { object };
  if (resource === undefined) return { object, instance };
  if (resourceInstance === undefined) return { object, instance, resource };
  return { object, instance, resource, resourceInstance };
}

/** Reads `/3/0/1`, or Uri-Path segments; undefined when it is no path of the object model. A trailing slash is tolerated in text. */
export function tryParsePath(from: string | readonly string[]): Path | undefined {
  const segments = typeof from === "string" ? splitPath(from) : from;
  if (segments === undefined || segments.length > 4) return undefined;
  if (segments.length === 0) return rootPath;
  const ids: [number?, number?, number?, number?] = [];
  for (const segment of segments) {
    const id = parseId(segment);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return path(...ids);
}

function splitPath(text: string): readonly string[] | undefined {
  if (text === "" || text === "/") return [];
  if (!text.startsWith("/")) return undefined;
  return text.slice(1, text.endsWith("/") ? -1 : undefined).split("/");
}

/** As `tryParsePath`, throwing `ContentError`. */
export function parsePath(from: string | readonly string[]): Path {
  const parsed = tryParsePath(from);
  if (parsed === undefined) throw new ContentError(`not a path of the object model: ${(typeof from === "string" ? from : `/${from.join("/")}`).slice(0, 80)}`);
  return parsed;
}

/** Uri-Path segments. */
export function pathSegments(of: Path): readonly string[] {
  if (of.object === undefined) return [];
  if (of.instance === undefined) return [String(of.object)];
  if (of.resource === undefined) return [String(of.object), String(of.instance)];
  if (of.resourceInstance === undefined) return [String(of.object), String(of.instance), String(of.resource)];
  return [String(of.object), String(of.instance), String(of.resource), String(of.resourceInstance)];
}

/** `/3/0/1`; the root is `/`. */
export function formatPath(of: Path): string {
  if (of.object === undefined) return "/";
  if (of.instance === undefined) return `/${of.object}`;
  if (of.resource === undefined) return `/${of.object}/${of.instance}`;
  if (of.resourceInstance === undefined) return `/${of.object}/${of.instance}/${of.resource}`;
  return `/${of.object}/${of.instance}/${of.resource}/${of.resourceInstance}`;
}

export function pathLevel(of: Path): PathLevel {
  if (of.object === undefined) return "root";
  if (of.instance === undefined) return "object";
  if (of.resource === undefined) return "instance";
  return of.resourceInstance === undefined ? "resource" : "resource-instance";
}

/** True when `inner` is `outer` or lies below it. */
export function pathCovers(outer: Path, inner: Path): boolean {
  return (
    (outer.object === undefined || outer.object === inner.object) &&
    (outer.instance === undefined || outer.instance === inner.instance) &&
    (outer.resource === undefined || outer.resource === inner.resource) &&
    (outer.resourceInstance === undefined || outer.resourceInstance === inner.resourceInstance)
  );
}
