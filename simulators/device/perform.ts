import { Codes, ExchangeError, formatCode, isSuccess, parseCode, type Code, type Endpoint, type Peer, type Response } from "../../src/coap/index.js";
import { multiple, ObjectId, SecurityResource, single, tryParsePath, type InstanceNode, type ResourceNode, type Value } from "../../src/lwm2m/index.js";
import type { Account } from "./account.js";
import type { ActionResult, CustomRequest, Destination, DeviceAction, HeldKey } from "./actions.js";
import type { Device } from "./device.js";
import { addMutation } from "./mutating.js";
import { bytesOf, findInstance, findResource, instancesOf, mergeResource, numberOf, withInstance, withResource } from "./objects.js";
import { bootstrapAccountOf, isBootstrapAccount, serverAccountsOf } from "./server-accounts.js";
import { ServerLink } from "./server-link.js";

const done: ActionResult = { ok: true };
const refused = (failure: NonNullable<ActionResult["failure"]>): ActionResult => ({ ok: false, failure });

/** Makes a device do something; resolves when it is done, for an exchange when it is answered. */
export function perform(device: Device, action: DeviceAction): Promise<ActionResult> {
  switch (action.do) {
    case "request":
      return customRequest(device, action);
    case "send-raw":
      return sendRaw(device, action.to, Buffer.from(action.hex, "hex"));
    case "stop":
      return new Promise((resolve) => device.stop(action.deregister !== false, () => resolve(done)));
    case "bootstrap":
      return bootstrap(device);
    case "register":
    case "update":
    case "deregister":
      return registration(device, action.do, action.shortServerId);
    case "reconnect":
      for (const account of device.accounts) if (action.shortServerId === undefined || account.shortServerId === action.shortServerId) account.link.loseSession(action.full);
      return registration(device, "update", action.shortServerId);
    case "rebind":
      return device.rebind(action.shortServerId).then((moved) => (moved ? done : refused("no-session")));
    default:
      return Promise.resolve(atOnce(device, action));
  }
}

function atOnce(device: Device, action: Exclude<DeviceAction, { do: "request" | "send-raw" | "stop" | "bootstrap" | "register" | "update" | "deregister" | "reconnect" | "rebind" }>): ActionResult {
  switch (action.do) {
    case "start":
      return device.start() ? done : refused("busy");
    case "power-cycle":
      device.powerCycle();
      return done;
    case "sleep":
      device.sleep();
      return done;
    case "wake":
      device.wake();
      return done;
    case "go-silent":
      device.goSilent();
      return done;
    case "speak-again":
      device.speakAgain();
      return done;
    case "behave":
      device.behave(action.personality ?? device.personality, action.deviations);
      return done;
    case "mutate":
      addMutation(device, action.mutation, action.count, action.to);
      return done;
    case "tell-keys":
      return { ok: true, keys: keysOf(action.former === true ? everHeld(device) : instancesOf(device.objects, ObjectId.Security)) };
    case "set-resource":
      return setResource(device, action.path, action.value);
  }
}

const everHeld = ({ objects, bootstraps }: Device): InstanceNode[] => [...new Set([...instancesOf(objects, ObjectId.Security), ...bootstraps.formerKeys])];

function keysOf(instances: readonly InstanceNode[]): HeldKey[] {
  return instances.flatMap((security) => {
    const key = bytesOf(security, SecurityResource.SecretKey);
    if (key === undefined || key.length === 0) return [];
    const identity = bytesOf(security, SecurityResource.PublicKeyOrIdentity) ?? new Uint8Array();
    const of = isBootstrapAccount(security) ? "bootstrap" : (numberOf(security, SecurityResource.ShortServerId) ?? 0);
    return [{ securityInstance: security.id, of, identityHex: Buffer.from(identity).toString("hex"), keyHex: Buffer.from(key).toString("hex") }];
  });
}

function bootstrap(device: Device): Promise<ActionResult> {
  if (device.silent) return Promise.resolve(refused("off"));
  if (bootstrapAccountOf(device.objects) === undefined) return Promise.resolve(refused("no-account"));
  if (!device.step({ in: "bootstrap-again", cause: "manual" })) return Promise.resolve(refused("off"));
  const { session } = device;
  if (session === undefined) return Promise.resolve(done);
  return new Promise((resolve) => (session.waiter = resolve));
}

async function registration(device: Device, what: "register" | "update" | "deregister", shortServerId: number | undefined): Promise<ActionResult> {
  if (device.state.at === "off" || device.silent) return refused("off");
  const accounts = device.accounts.filter((account) => shortServerId === undefined || account.shortServerId === shortServerId);
  let result = refused("no-account");
  for (const account of accounts) result = await exchange(account, what);
  return result;
}

function exchange(account: Account, what: "register" | "update" | "deregister"): Promise<ActionResult> {
  return new Promise((resolve) => {
    if (account.waiter !== undefined) {
      resolve(refused("busy"));
      return;
    }
    account.device.rouse();
    account.waiter = resolve;
    const taken = account.step(what === "deregister" ? { in: "deregister", then: "left" } : { in: what });
    if (taken) return;
    account.waiter = undefined;
    resolve(refused(what === "register" ? "busy" : "not-registered"));
  });
}

function setResource(device: Device, text: string, value: Value): ActionResult {
  const path = tryParsePath(text);
  const { object, instance, resource, resourceInstance } = path ?? {};
  if (path === undefined || object === undefined || instance === undefined || resource === undefined) return refused("unknown-path");
  const node = findInstance(device.objects, object, instance);
  if (node === undefined) return refused("unknown-path");
  const changed: ResourceNode = resourceInstance === undefined ? single(resource, value) : multiple(resource, [[resourceInstance, value]]);
  const next = findResource(node, resource)?.kind === "multiple-resource" ? mergeResource(node, changed) : withResource(node, changed);
  device.change(withInstance(device.objects, object, next), path);
  return done;
}

const methods: Readonly<Record<string, Code>> = { GET: Codes.GET, POST: Codes.POST, PUT: Codes.PUT, DELETE: Codes.DELETE, FETCH: Codes.FETCH, IPATCH: Codes.IPATCH };

async function customRequest(device: Device, request: CustomRequest): Promise<ActionResult> {
  return through(device, request.to, async (endpoint, peer) => {
    const payload = request.payloadHex === undefined ? (request.payload === undefined ? undefined : Buffer.from(request.payload)) : Buffer.from(request.payloadHex, "hex");
    try {
      const response = await endpoint.request(peer, {
        code: methods[request.method.toUpperCase()] ?? parseCode(request.method),
        path: request.path,
        ...(request.query === undefined ? {} : { query: request.query }),
        ...(request.contentFormat === undefined ? {} : { contentFormat: request.contentFormat }),
        ...(request.accept === undefined ? {} : { accept: request.accept }),
        ...(request.confirmable === undefined ? {} : { confirmable: request.confirmable }),
        ...(payload === undefined ? {} : { payload }),
      });
      return resultOf(response);
    } catch (error) {
      if (error instanceof ExchangeError) return refused(error.reason);
      throw error;
    }
  });
}

const resultOf = (response: Response): ActionResult => ({
  ok: isSuccess(response.code),
  code: formatCode(response.code),
  ...(response.locationPath === undefined ? {} : { location: response.locationPath }),
  ...(response.contentFormat === undefined ? {} : { contentFormat: response.contentFormat }),
  ...(response.payload === undefined || response.payload.length === 0 ? {} : { payloadHex: Buffer.from(response.payload).toString("hex") }),
});

const sendRaw = (device: Device, to: Destination, datagram: Buffer): Promise<ActionResult> =>
  through(device, to, (endpoint, peer) => {
    endpoint.sendRaw(peer, datagram);
    return Promise.resolve(done);
  });

/** Uses the socket that the device has towards the destination, or one made for the purpose. */
async function through(device: Device, to: Destination, act: (endpoint: Endpoint, peer: Peer) => Promise<ActionResult>): Promise<ActionResult> {
  const present = to === "bootstrap" ? device.session : device.accounts.find(({ shortServerId }) => shortServerId === to);
  if (present?.endpoint !== undefined && present.peer !== undefined) return act(present.endpoint, present.peer);
  const account = to === "bootstrap" ? bootstrapAccountOf(device.objects) : serverAccountsOf(device.objects).find(({ shortServerId }) => shortServerId === to);
  if (account === undefined) return refused("no-account");
  return withLink(device, to, account.uri, account.security, act);
}

/** A link for one purpose, which hears no request. */
function withLink(device: Device, to: Destination, uri: string, security: InstanceNode, act: (endpoint: Endpoint, peer: Peer) => Promise<ActionResult>): Promise<ActionResult> {
  return new Promise((resolve, reject) => {
    const link: ServerLink = new ServerLink(device, to, uri, security, {
      wantsLink: true,
      onRequest: (request) => request.ignore(),
      onLink: () => {
        const { endpoint, peer } = link;
        if (endpoint !== undefined && peer !== undefined) act(endpoint, peer).then(resolve, reject).finally(() => link.close());
      },
      onNoLink: ({ handshake, reason }) => {
        link.close();
        resolve(refused(handshake && reason !== "unreachable" ? "handshake" : "unreachable"));
      },
      onSessionLost: () => {},
    });
    link.ensure();
  });
}

