import { Codes, type IncomingRequest } from "../../src/coap/index.js";
import { classifyManagementOperation, RequestError, type ManagementOperation } from "../../src/lwm2m/index.js";
import type { Account } from "./account.js";
import { AttributeBook } from "./attribute-book.js";
import type { Device } from "./device.js";
import { execute } from "./execute.js";
import { firmwareAfterWrite } from "./firmware.js";
import { contentResponse, discover, readNode, writeAttributes } from "./management.js";
import { create, remove, write, type Written } from "./management-writes.js";
import { Observation } from "./observation.js";

/** A device keeps no more observations than this. */
const mostObservations = 64;

/** Answers a LwM2M Server: device management and reporting. */
export function answerServer(device: Device, account: Account, request: IncomingRequest): void {
  try {
    const operation = classifyManagementOperation(request, device.version);
    if (changesObjects(operation) && inBootstrap(device)) throw new RequestError(Codes.ServiceUnavailable, "a bootstrap is under way");
    answer(device, account, request, operation);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    request.respond({ code: error.code, payload: Buffer.from(error.reason) });
  }
}

const inBootstrap = (device: Device): boolean => device.state.at === "requesting" || device.state.at === "bootstrapping";

const changesObjects = ({ operation }: ManagementOperation): boolean => operation === "write" || operation === "create" || operation === "delete";

function answer(device: Device, account: Account, request: IncomingRequest, operation: ManagementOperation): void {
  const { objects } = device;
  const context = device.contextFor(account);
  switch (operation.operation) {
    case "read":
      request.respond(contentResponse(operation.path, readNode(objects, operation.path, context), operation.accept, device.version));
      return;
    case "discover":
      request.respond(discover(objects, operation.path, device.attributes, context));
      return;
    case "observe":
      observe(device, account, request, operation);
      return;
    case "cancel-observation": {
      const found = device.observations?.find((each) => each.account === account && Buffer.compare(each.observer.token, request.token) === 0);
      if (found !== undefined) device.endObservation(found);
      request.respond(contentResponse(operation.path, readNode(objects, operation.path, context), operation.accept, device.version));
      return;
    }
    case "write": {
      const done = write(objects, operation, context);
      apply(device, request, { ...done, objects: firmwareAfterWrite(done.objects, operation.path) }, operation);
      return;
    }
    case "create":
      apply(device, request, create(objects, operation, context), operation);
      return;
    case "delete":
      apply(device, request, remove(objects, operation.path, context), operation);
      return;
    case "write-attributes": {
      const response = writeAttributes(objects, operation, (device.attributes ??= new AttributeBook()), context);
      request.respond(response);
      for (const observation of device.observations ?? []) if (observation.account === account) observation.review();
      return;
    }
    case "execute":
      execute(device, account, request, operation, context);
      return;
  }
}

/** The answer goes out first: what follows from the change (an Update) comes after it. */
function apply(device: Device, request: IncomingRequest, { response, objects }: Written, { path }: ManagementOperation): void {
  request.respond(response);
  device.change(objects, path);
}

function observe(device: Device, account: Account, request: IncomingRequest, { path, accept }: Extract<ManagementOperation, { operation: "observe" }>): void {
  const node = readNode(device.objects, path, device.contextFor(account));
  const response = contentResponse(path, node, accept, device.version);
  const held = device.observations?.some((each) => each.account === account && Buffer.compare(each.observer.token, request.token) === 0);
  if (held !== true && (device.observations?.length ?? 0) >= mostObservations) {
    // RFC 7641 §4.1: whoever takes no further observer answers as if Observe were not there.
    request.respond(response);
    return;
  }
  let observation: Observation | undefined = undefined;
  const observer = request.observed(response, () => {
    if (observation !== undefined) device.endObservation(observation);
  });
  observation = new Observation(device, account, path, accept ?? response.contentFormat, observer, node);
  device.observe(observation);
}
