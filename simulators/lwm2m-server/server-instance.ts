import { ContentFormat, formatCode, isSuccess, type Request, type Response } from "../../src/coap/index.js";
import {
  decodeContent,
  ObjectId,
  objectDefinition,
  readRequest,
  ServerResource,
  valueOf,
  type Definitions,
  type Path,
} from "../../src/lwm2m/index.js";
import { objectVersionOf, type DeviceModel } from "./json-values.js";

/** Where our account lies on a device, as far as `/1/x/9` goes. */
export type ServerInstance =
  | { readonly found: "instance"; readonly instance: number }
  /** Nothing there to execute: the Server object is of version 1.0, or no instance is ours. */
  | { readonly found: "absent"; readonly detail: string }
  /** The device refused to tell. */
  | { readonly found: "refused"; readonly code: string; readonly detail: string };

/** Instances that are looked at one by one when the object as a whole cannot be read. */
const mostInstances = 16;

type Ask = (operation: "read", request: Request) => Promise<Response>;

/**
 * Finds `x` of `/1/x/9`: the instance of the Server object whose Short Server ID is ours. It is read from the device, never assumed;
 * which instances there are says the registration. Rejects as `ask` does.
 */
export async function findServerInstance(device: DeviceModel, shortServerId: number | undefined, ask: Ask): Promise<ServerInstance> {
  const version = objectVersionOf(device, ObjectId.Server);
  // /1/x/9 came with version 1.1 of the Server object (LwM2M Core 1.1 appendix E.2).
  if (version === "1.0") return { found: "absent", detail: "the Server object is of version 1.0" };
  // Whether the resource is there the Execute itself tells: Leshan's client leaves it out of Discover, and carries it out.
  return locate(device, shortServerId, ask, objectDefinition(ObjectId.Server, version) ?? device.version);
}

async function locate(device: DeviceModel, shortServerId: number | undefined, ask: Ask, definitions: Definitions): Promise<ServerInstance> {
  const listed = device.objects.objects.find((entry) => entry.object === ObjectId.Server)?.instances ?? [];
  let refusal: string | undefined;
  if (listed.length !== 1) {
    const response = await ask("read", readRequest({ object: ObjectId.Server }, ContentFormat.Tlv));
    if (isSuccess(response.code)) {
      const found = instancesIn(response, definitions).find(([, ssid]) => shortServerId === undefined || ssid === shortServerId);
      if (found !== undefined) return { found: "instance", instance: found[0] };
    } else {
      refusal = formatCode(response.code);
    }
  }
  for (const instance of listed.slice(0, mostInstances)) {
    const at = { object: ObjectId.Server, instance, resource: ServerResource.ShortServerId };
    const response = await ask("read", readRequest(at, ContentFormat.Tlv));
    if (!isSuccess(response.code)) {
      refusal = formatCode(response.code);
      continue;
    }
    const ssid = shortServerIdIn(response, at, definitions);
    if (ssid !== undefined && (shortServerId === undefined || ssid === shortServerId)) return { found: "instance", instance };
  }
  if (refusal !== undefined) return { found: "refused", code: refusal, detail: "the device does not let its Server object be read" };
  return { found: "absent", detail: `no instance of the Server object has Short Server ID ${shortServerId ?? "of ours"}` };
}

function instancesIn(response: Response, definitions: Definitions): [instance: number, shortServerId: unknown][] {
  try {
    const node = decodeContent(response.contentFormat ?? ContentFormat.Tlv, { object: ObjectId.Server }, response.payload ?? new Uint8Array(), definitions);
    return node.kind === "object" ? node.instances.map((instance) => [instance.id, valueOf(instance, ServerResource.ShortServerId)]) : [];
  } catch {
    return [];
  }
}

function shortServerIdIn(response: Response, at: Path, definitions: Definitions): number | undefined {
  try {
    const node = decodeContent(response.contentFormat ?? ContentFormat.Text, at, response.payload ?? new Uint8Array(), definitions);
    return node.kind === "resource" && typeof node.value === "number" ? node.value : undefined;
  } catch {
    return undefined;
  }
}
