import { Codes, parseCode, type IncomingRequest } from "../../src/coap/index.js";
import { AccessRight, formatPath, multiple, ObjectId, ServerResource, single, type ManagementOperation, type Path } from "../../src/lwm2m/index.js";
import { after } from "../../src/ports/index.js";
import type { Account } from "./account.js";
import type { Device } from "./device.js";
import { DeviceExecutable, executablesOf, firmwareUpdate } from "./executables.js";
import { temperatureObject, temperatureResource } from "./factory.js";
import { firmwareAfterUpdate } from "./firmware.js";
import { definitionOf, instanceAt, notAllowed, notFound, type ManagementContext } from "./management.js";
import { findInstance, findResource, withInstance, withResource } from "./objects.js";
import type { TriggerReaction } from "./personalities.js";
import { bootstrapAccountOf } from "./server-accounts.js";

type Execute = Extract<ManagementOperation, { operation: "execute" }>;

/** Carries out an Execute. Throws `RequestError` 4.01, 4.04, 4.05. */
export function execute(device: Device, account: Account, request: IncomingRequest, { path }: Execute, context: ManagementContext): void {
  const definition = definitionOf(device.objects, path, device.version);
  instanceAt(device.objects, path, AccessRight.Execute, context);
  const resource = path.resource ?? 0;
  if (!executablesOf(definition.id, device.version, device.behaviour).includes(resource)) {
    const known = definition.resources.get(resource);
    throw known === undefined || known.executable ? notFound(path) : notAllowed(path, "cannot be executed");
  }
  if (definition.id === ObjectId.Server) executeOnServer(device, account, request, path);
  else if (definition.id === ObjectId.Device) executeOnDevice(device, request, path);
  else executeOnOther(device, request, path);
}

function done(device: Device, request: IncomingRequest, path: Path): void {
  device.executes(formatPath(path));
  request.respond({ code: Codes.Changed });
}

function executeOnServer(device: Device, account: Account, request: IncomingRequest, path: Path): void {
  // Rights may let one Server act on the account of another: the account that is meant is the instance's.
  const meant = device.accounts.find(({ details }) => details.server.id === path.instance) ?? account;
  switch (path.resource) {
    case ServerResource.BootstrapRequestTrigger:
      trigger(device, account, request, path);
      return;
    case ServerResource.RegistrationUpdateTrigger:
      done(device, request, path);
      if (!device.behaviour.flaws.includes("update-trigger-ignored")) meant.step({ in: "update" });
      return;
    default:
      done(device, request, path);
      device.endObservations(meant);
      meant.step({ in: "deregister", then: "disabled" });
  }
}

/** Execute of /1/x/9: what the personality answers in this situation, and does. */
function trigger(device: Device, account: Account, request: IncomingRequest, path: Path): void {
  const reaction = reactionOf(device);
  const react = (): void => {
    const accepted = reaction.answer.startsWith("2.");
    if (accepted || reaction.then !== "nothing") device.executes(formatPath(path));
    if (reaction.answer === "reset") request.reset();
    else if (reaction.answer === "silence") request.ignore();
    else request.respond({ code: parseCode(reaction.answer) });
    if (reaction.then === "bootstrap" || reaction.then === "restart-bootstrap") device.bootstraps.triggered(request, account.shortServerId, reaction.then === "restart-bootstrap");
  };
  if (reaction.lateMs === undefined) react();
  else after(device.host.ports.clock, reaction.lateMs, "late answer to a trigger", react);
}

function reactionOf(device: Device): TriggerReaction {
  const { trigger: reactions } = device.behaviour;
  if (bootstrapAccountOf(device.objects) === undefined) return reactions.withoutBootstrapAccount;
  const { state } = device;
  // A pause after a failed bootstrap is no bootstrap: a trigger ends it.
  const busy = state.at === "requesting" || state.at === "bootstrapping" || (state.at === "hold-off" && state.attempt === 0);
  return busy ? reactions.whileBootstrapping : reactions.withBootstrapAccount;
}

function executeOnDevice(device: Device, request: IncomingRequest, path: Path): void {
  done(device, request, path);
  if (path.resource === DeviceExecutable.Reboot) {
    // The answer leaves before the power goes.
    after(device.host.ports.clock, 0, "reboot", () => device.powerCycle());
    return;
  }
  const node = findInstance(device.objects, ObjectId.Device, 0);
  if (node !== undefined && path.resource === DeviceExecutable.ResetErrorCode) {
    device.change(withInstance(device.objects, ObjectId.Device, withResource(node, multiple(11, [[0, 0]]))), { object: ObjectId.Device, instance: 0, resource: 11 });
  }
}

function executeOnOther(device: Device, request: IncomingRequest, path: Path): void {
  if (path.object === ObjectId.FirmwareUpdate && path.resource === firmwareUpdate) {
    const updated = firmwareAfterUpdate(device.objects);
    if (updated === undefined) throw notAllowed(path, "has no package to install");
    done(device, request, path);
    device.change(updated, { object: ObjectId.FirmwareUpdate, instance: 0 });
    return;
  }
  done(device, request, path);
  const node = findInstance(device.objects, temperatureObject, path.instance ?? 0);
  const value = node === undefined ? undefined : findResource(node, temperatureResource.value);
  if (node === undefined || value?.kind !== "resource") return;
  const reset = withResource(withResource(node, single(temperatureResource.minimum, value.value)), single(temperatureResource.maximum, value.value));
  device.change(withInstance(device.objects, temperatureObject, reset), { object: temperatureObject, instance: node.id });
}
