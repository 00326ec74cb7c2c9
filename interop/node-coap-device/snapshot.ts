import type { AccountSnapshot, DeviceSnapshot, FleetState, SnapshotObjects, SnapshotValue } from "../../simulators/device/index.js";
import { Security } from "./accounts.js";
import { Objects } from "./model.js";
import { addressOf, type CoapPort } from "./port.js";
import type { Registration } from "./registration.js";
import type { ObjectStore, Resource } from "./store.js";
import type { Value } from "./values.js";

/** One word for where the device is. */
export function fleetStateOf(state: DeviceSnapshot["state"], registrations: readonly Registration[]): FleetState {
  if (state === "off") return "off";
  if (state === "hold-off") return "holding-off";
  if (state === "stranded") return "failed";
  if (state !== "serving") return "bootstrapping";
  const registered = registrations.filter((registration) => registration.registered).length;
  if (registered > 0) return registered === registrations.length ? "registered" : "partly-registered";
  if (registrations.length === 0 || registrations.some(({ state: at }) => !["failed", "left", "disabled"].includes(at))) return "registering";
  return registrations.some(({ state: at }) => at === "failed") ? "failed" : "deregistered";
}

function sessionOf(uri: string, port: CoapPort | undefined): AccountSnapshot["session"] {
  const address = uri.startsWith("coaps:") ? addressOf(uri) : undefined;
  const identity = address === undefined ? undefined : port?.securedAs(address);
  return identity === undefined ? undefined : { mode: "psk", suite: "TLS_PSK_WITH_AES_128_CCM_8", resumed: false, identity: identity.toString("utf8") };
}

const withSession = (session: AccountSnapshot["session"]): Pick<AccountSnapshot, "session"> => (session === undefined ? {} : { session });

export const accountSnapshot = ({ account, state, location, lastFailure, lifetime }: Registration, port: CoapPort | undefined): AccountSnapshot => ({
  shortServerId: account.shortServerId,
  uri: account.uri,
  security: account.uri.startsWith("coaps:") ? "psk" : "nosec",
  securityInstance: account.securityInstance,
  serverInstance: account.serverInstance,
  lifetime,
  state,
  ...(location === undefined ? {} : { location: `/${location.join("/")}` }),
  ...(port === undefined ? {} : { local: port.local }),
  ...withSession(sessionOf(account.uri, port)),
  ...(lastFailure === undefined ? {} : { lastFailure }),
});

/** Everything in the store; keys are never shown. */
export function snapshotObjects(store: ObjectStore): SnapshotObjects {
  const instances = (object: number): [string, Record<string, SnapshotValue>][] =>
    store.instances(object).map((id) => [String(id), Object.fromEntries([...(store.get(object, id) ?? [])].map(([resource, content]) => [String(resource), shown(object, resource, content)]))]);
  return Object.fromEntries(store.objects().map((object) => [String(object), Object.fromEntries(instances(object))]));
}

function shown(object: number, id: number, resource: Resource): SnapshotValue {
  if ("values" in resource) return Object.fromEntries([...resource.values].map(([each, value]) => [String(each), plain(value)]));
  const secret = object === Objects.security && id === Security.secretKey;
  return secret && Buffer.isBuffer(resource.value) && resource.value.length > 0 ? "(secret)" : plain(resource.value);
}

const plain = (value: Value): string | number | boolean => (Buffer.isBuffer(value) ? value.toString("hex") : value);
