import { formatAddress } from "../../src/ports/index.js";
import { formatPath, isObjectLink, ObjectId, SecurityResource, type ResourceNode, type Value } from "../../src/lwm2m/index.js";
import { alertName } from "../../src/dtls/index.js";
import { peerName, type SessionEnd } from "../../src/transport/index.js";
import type { Account } from "./account.js";
import type { Device } from "./device.js";
import { securityNameOf } from "./security.js";
import { bootstrapAccountOf, lifetimeOf } from "./server-accounts.js";
import type { AccountSnapshot, DeviceSnapshot, SnapshotObjects, SnapshotValue } from "./snapshot.js";

const secret = "(secret)";
/** Keys of /0 and of /21. */
const isSecret = (object: number, resource: number): boolean => (object === ObjectId.Security && resource === SecurityResource.SecretKey) || (object === ObjectId.Oscore && resource === 0);

export function takeSnapshot(device: Device): DeviceSnapshot {
  const bootstrap = bootstrapAccountOf(device.objects);
  return {
    endpoint: device.endpoint,
    lwm2m: device.version,
    personality: device.personality,
    state: device.state.at,
    fleetState: device.fleetState,
    asleep: device.asleep,
    silent: device.silent,
    ...(bootstrap === undefined ? {} : { bootstrap: { uri: bootstrap.uri, securityInstance: bootstrap.security.id } }),
    ...(device.lastBootstrapCause === undefined ? {} : { lastBootstrapCause: device.lastBootstrapCause }),
    accounts: device.accounts.map(accountSnapshot),
    objects: snapshotObjects(device),
    counters: { ...device.counters },
    executed: Object.fromEntries(device.executed ?? []),
    observations: (device.observations ?? []).map(({ account, path, notifications }) => ({ shortServerId: account.shortServerId, path: formatPath(path), notifications })),
  };
}

const accountSnapshot = ({ details, state, location, link: { endpoint, session, lastEnd }, lastFailure }: Account): AccountSnapshot => ({
  shortServerId: details.shortServerId,
  uri: details.uri,
  security: securityNameOf(details.security),
  securityInstance: details.security.id,
  serverInstance: details.server.id,
  lifetime: lifetimeOf(details.server),
  state: state.at,
  ...(location === undefined ? {} : { location: `/${location.join("/")}` }),
  ...(endpoint === undefined ? {} : { local: formatAddress(endpoint.local) }),
  ...(session === undefined ? {} : { session: { mode: session.identity.mode, suite: session.suite, resumed: session.resumed, identity: peerName(session.identity) } }),
  ...(lastEnd === undefined ? {} : alertSnapshot(lastEnd)),
  ...(lastFailure === undefined ? {} : { lastFailure }),
});

function alertSnapshot({ why, alert, because }: SessionEnd): Pick<AccountSnapshot, "alert"> {
  if (alert === undefined) return {};
  return { alert: { direction: why === "alert-sent" ? "sent" : "received", description: alert, name: alertName(alert), ...(because === undefined ? {} : { because }) } };
}

function snapshotObjects({ objects, session }: Device): SnapshotObjects {
  const dump = new Map<string, Record<string, Record<string, SnapshotValue>>>();
  // While a bootstrap runs its draft is what has been written.
  for (const { object, node } of session?.draft ?? objects) {
    const instance: Record<string, SnapshotValue> = {};
    for (const resource of node.resources) instance[resource.id] = isSecret(object, resource.id) && !isEmpty(resource) ? secret : snapshotValue(resource);
    const instances = dump.get(String(object)) ?? {};
    instances[node.id] = instance;
    dump.set(String(object), instances);
  }
  return Object.fromEntries(dump);
}

const isEmpty = (resource: ResourceNode): boolean => resource.kind === "resource" && resource.value instanceof Uint8Array && resource.value.length === 0;

function snapshotValue(resource: ResourceNode): SnapshotValue {
  if (resource.kind === "resource") return plain(resource.value);
  return Object.fromEntries(resource.instances.map(({ id, value }) => [String(id), plain(value)]));
}

function plain(value: Value): string | number | boolean {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object") return value;
  return isObjectLink(value) ? `${value.object}:${value.instance}` : Buffer.from(value).toString("hex");
}
