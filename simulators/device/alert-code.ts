import type { AlertDescription } from "../../src/dtls/index.js";
import { ObjectId, ServerResource, single, versionRules } from "../../src/lwm2m/index.js";
import type { Device } from "./device.js";
import { findInstance, numberOf, withInstance, withResource } from "./objects.js";

/** /1/x/11 holds the last alert that a Server ended a handshake with, where the object has that resource. */
export function noteAlert(device: Device, serverInstance: number, alert: AlertDescription): void {
  const server = findInstance(device.objects, ObjectId.Server, serverInstance);
  if (!versionRules(device.version).tlsAlertCode || server === undefined || numberOf(server, ServerResource.TlsAlertCode) === alert) return;
  const noted = withResource(server, single(ServerResource.TlsAlertCode, alert));
  device.change(withInstance(device.objects, ObjectId.Server, noted), { object: ObjectId.Server, instance: serverInstance, resource: ServerResource.TlsAlertCode });
}
