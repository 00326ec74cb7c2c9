import { ContentFormat } from "../../src/coap/index.js";
import type { Response } from "../../src/coap/index.js";
import { ContentError, decodeContent, isLwM2mVersion, valueOf } from "../../src/lwm2m/index.js";
import type { BootstrapInstance, BootstrapList, InstanceNode, ResourceNode } from "../../src/lwm2m/index.js";
import type { AccessRecord } from "./access-control.js";
import type { DeviceView } from "./plan.js";

/** What a plan needs of a Bootstrap-Discover answer (LwM2M Core 1.1 §6.1.7.2). A Short Server ID out of range counts as none. */
export function viewOf(list: BootstrapList): DeviceView {
  const instancesOf = (object: number): readonly BootstrapInstance[] => list.objects.find((listed) => listed.object === object)?.instances ?? [];
  const account = ({ instance, shortServerId }: BootstrapInstance): { instance: number; ssid?: number } =>
    shortServerId === undefined || shortServerId < 1 || shortServerId > 65534 ? { instance } : { instance, ssid: shortServerId };
  return {
    version: list.version,
    security: instancesOf(0).map((listed) => ({ ...account(listed), ...(listed.uri === undefined ? {} : { uri: listed.uri }) })),
    servers: instancesOf(1).map(account),
    accessControls: instancesOf(2).map(({ instance }) => instance),
    objects: new Map(list.objects.map(({ object, instances }) => [object, instances.map(({ instance }) => instance)])),
  };
}

/** The view with the Short Server IDs that a Bootstrap-Read of object 1 shows. */
export function withServers(view: DeviceView, instances: readonly InstanceNode[]): DeviceView {
  const ssids = new Map(instances.map((instance) => [instance.id, valueOf(instance, 0)]));
  return {
    ...view,
    servers: view.servers.map((server) => {
      const ssid = ssids.get(server.instance);
      return server.ssid === undefined && typeof ssid === "number" ? { ...server, ssid } : server;
    }),
  };
}

function entries(resource: ResourceNode | undefined): ReadonlyMap<number, number> {
  if (resource?.kind !== "multiple-resource") return new Map();
  return new Map(resource.instances.flatMap(({ id, value }) => (typeof value === "number" ? [[id, value] as const] : [])));
}

/** Object 2 as a Bootstrap-Read shows it; instances without object or owner are left out. */
export function recordsOf(instances: readonly InstanceNode[]): AccessRecord[] {
  return instances.flatMap((instance) => {
    const [object, target, owner] = [valueOf(instance, 0), valueOf(instance, 1), valueOf(instance, 3)];
    if (typeof object !== "number" || typeof target !== "number" || typeof owner !== "number") return [];
    return [{ instance: instance.id, object, target, acl: entries(instance.resources.find(({ id }) => id === 2)), owner }];
  });
}

/** The instances of a Bootstrap-Read of a whole object; undefined when the payload is not what was asked for. */
export function readObject(object: number, response: Response, version: string | undefined): readonly InstanceNode[] | undefined {
  try {
    const stated = version !== undefined && isLwM2mVersion(version) ? version : "1.1";
    const node = decodeContent(response.contentFormat ?? ContentFormat.Tlv, { object }, response.payload ?? new Uint8Array(), stated);
    return node.kind === "object" ? node.instances : undefined;
  } catch (error) {
    if (error instanceof ContentError) return undefined;
    throw error;
  }
}
