import { ObjectId, ServerResource, type LwM2mVersion } from "../../src/lwm2m/index.js";
import { temperatureObject, temperatureResource } from "./factory.js";
import type { Personality } from "./personalities.js";

export const DeviceExecutable = { Reboot: 4, ResetErrorCode: 12 } as const;
export const firmwareUpdate = 2;

const byObject: ReadonlyMap<number, readonly number[]> = new Map([
  [ObjectId.Server, [ServerResource.Disable, ServerResource.RegistrationUpdateTrigger]],
  [ObjectId.Device, [DeviceExecutable.Reboot, DeviceExecutable.ResetErrorCode]],
  [ObjectId.FirmwareUpdate, [firmwareUpdate]],
  [temperatureObject, [temperatureResource.reset]],
]);
const serverWithTrigger = [ServerResource.Disable, ServerResource.RegistrationUpdateTrigger, ServerResource.BootstrapRequestTrigger];
const none: readonly number[] = [];

/** The executable resources that this device has on every instance of an object. /1/x/9 came with LwM2M 1.1. */
export function executablesOf(object: number, version: LwM2mVersion, behaviour: Personality): readonly number[] {
  if (object === ObjectId.Server && version !== "1.0" && behaviour.trigger.present) return serverWithTrigger;
  return byObject.get(object) ?? none;
}
