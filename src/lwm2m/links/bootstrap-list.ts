import { tryParsePath } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { versionRules } from "../version.js";
import { coreObjectVersion } from "../objects/registry.js";
import { ObjectId } from "../objects/ids.js";
import type { Link, LinkAttribute } from "./link.js";
import { formatLink } from "./link.js";
import { parseLinks } from "./parse.js";

/** One object instance on a device, as Bootstrap-Discover reports it. */
export interface BootstrapInstance {
  readonly instance: number;
  /** `ssid` of a Server account's /0, /1 or /21 instance; absent on the Bootstrap-Server account. */
  readonly shortServerId?: number;
  /** `uri` of a Server account's /0 instance; from 1.1 on. */
  readonly uri?: string;
}

export interface BootstrapObject {
  readonly object: number;
  readonly version?: string;
  readonly instances: readonly BootstrapInstance[];
}

/** The answer to Bootstrap-Discover. */
export interface BootstrapList {
  /** Enabler version the client states; undefined when it states none. Any text: a client may run a version unknown here. */
  readonly version?: string;
  /** Ascending by object id. */
  readonly objects: readonly BootstrapObject[];
}

/**
 * Reads the answer to Bootstrap-Discover leniently: the enabler version as `</>;lwm2m=1.1` or as a bare `lwm2m="1.0"`, trailing slashes, spaces.
 * Throws `ContentError`.
 */
export function parseBootstrapList(payload: string | Uint8Array): BootstrapList {
  let version: string | undefined;
  const objects = new Map<number, { version: string | undefined; readonly instances: BootstrapInstance[] }>();
  for (const link of parseLinks(payload)) {
    const stated = link.attributes["lwm2m"];
    if (stated !== undefined && (link.target === "" || link.target === "/")) {
      if (typeof stated === "string") version = stated;
      continue;
    }
    const at = tryParsePath(link.target);
    if (at?.object === undefined || at.resource !== undefined) continue;
    let entry = objects.get(at.object);
    if (entry === undefined) objects.set(at.object, (entry = { version: undefined, instances: [] }));
    if (at.instance !== undefined) entry.instances.push(instanceOf(at.instance, link));
    else if (typeof link.attributes["ver"] === "string") entry.version = link.attributes["ver"];
  }
  const listed = [...objects]
    .sort(([a], [b]) => a - b)
    .map(([object, entry]): BootstrapObject => {
      const instances = entry.instances.sort((a, b) => a.instance - b.instance);
      return entry.version === undefined ? { object, instances } : { object, version: entry.version, instances };
    });
  return version === undefined ? { objects: listed } : { version, objects: listed };
}

function instanceOf(instance: number, link: Link): BootstrapInstance {
  const { ssid, uri } = link.attributes;
  const shortServerId = typeof ssid === "string" && /^\d{1,5}$/.test(ssid) ? Number(ssid) : undefined;
  return {
    instance,
    ...(shortServerId === undefined ? {} : { shortServerId }),
    ...(typeof uri === "string" ? { uri } : {}),
  };
}

/** The version item that opens the answer: a link from 1.1 on, bare text in 1.0 (LwM2M Core 1.1 §6.1.4). */
const versionItem = (version: LwM2mVersion): string => (version === "1.0" ? 'lwm2m="1.0"' : `</>;lwm2m=${version}`);

/** Writes the answer to Bootstrap-Discover; `object` narrows it to one object, as a request for `/o` does. */
export function formatBootstrapList(objects: Iterable<BootstrapObject>, version: LwM2mVersion, object?: number): string {
  const { bareObjectVersion } = versionRules(version);
  const style = { quotedVersion: !bareObjectVersion };
  const items = [versionItem(version)];
  for (const listed of objects) {
    if (object !== undefined && listed.object !== object) continue;
    const announced = listed.version !== undefined && listed.version !== coreObjectVersion(listed.object, version) ? listed.version : undefined;
    if (announced !== undefined || listed.instances.length === 0) items.push(formatLink({ target: `/${listed.object}`, attributes: announced === undefined ? {} : { ver: announced } }, style));
    for (const instance of listed.instances) items.push(formatLink({ target: `/${listed.object}/${instance.instance}`, attributes: accountAttributes(listed.object, instance, version) }, style));
  }
  return items.join(",");
}

function accountAttributes(object: number, instance: BootstrapInstance, version: LwM2mVersion): Record<string, LinkAttribute> {
  const attributes: Record<string, LinkAttribute> = {};
  if (instance.shortServerId !== undefined) attributes["ssid"] = String(instance.shortServerId);
  if (instance.uri !== undefined && object === ObjectId.Security && versionRules(version).discoversUris) attributes["uri"] = instance.uri;
  return attributes;
}
