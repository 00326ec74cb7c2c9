import { Security, SecurityMode, Server } from "./accounts.js";
import { Objects } from "./model.js";
import type { Credential } from "./secured-session.js";
import type { HostedSpec } from "./spec.js";
import { ObjectStore, type Instance, type Resource } from "./store.js";
import type { Value } from "./values.js";

const instance = (values: Readonly<Record<number, Value>>): Map<number, Resource> => new Map(Object.entries(values).map(([id, value]) => [Number(id), { value }]));
const several = (...values: readonly Value[]): Resource => ({ values: new Map(values.map((value, id) => [id, value])) });
const nothing = Buffer.alloc(0);

function deviceInstance(endpoint: string): Instance {
  const content = instance({ 0: "node-coap", 1: "interop device", 2: endpoint, 3: "1.0.0", 9: 100, 10: 64, 13: 0, 14: "+00", 15: "Etc/UTC", 16: "U", 17: "simulator", 18: "1.0", 19: "1.0.0", 20: 0, 21: 128 });
  content.set(6, several(1));
  content.set(7, several(5000));
  content.set(11, several(0));
  return content;
}

const securityInstance = (uri: string, bootstrapServer: boolean, psk: Credential | undefined): Readonly<Record<number, Value>> => ({
  [Security.uri]: uri,
  [Security.bootstrapServer]: bootstrapServer,
  [Security.mode]: psk === undefined ? SecurityMode.noSec : SecurityMode.psk,
  [Security.identity]: psk?.identity ?? nothing,
  4: nothing,
  [Security.secretKey]: psk?.key ?? nothing,
});

/** The objects a device leaves the factory with. */
export function factoryStore(spec: HostedSpec): ObjectStore {
  const store = new ObjectStore();
  store.put(Objects.device, 0, deviceInstance(spec.endpoint));
  for (let id = 0; id < spec.temperatures; id++) store.put(Objects.temperature, id, instance({ 5601: 21.5, 5602: 21.5, 5603: -40, 5604: 85, 5700: 21.5, 5701: "Cel" }));
  if (spec.bootstrap !== undefined) {
    const { uri, holdOff, securityInstance: id, psk } = spec.bootstrap;
    store.put(Objects.security, id, instance({ ...securityInstance(uri, true, psk), [Security.holdOff]: holdOff }));
  }
  for (const account of spec.servers) {
    const { uri, shortServerId, lifetime, binding, psk } = account;
    store.put(Objects.security, account.securityInstance ?? store.freeInstance(Objects.security), instance({ ...securityInstance(uri, false, psk), [Security.shortServerId]: shortServerId }));
    const server = instance({ [Server.shortServerId]: shortServerId, [Server.lifetime]: lifetime, [Server.storing]: true, [Server.binding]: binding });
    for (const [id, value] of account.resources) server.set(id, { value });
    store.put(Objects.server, account.serverInstance ?? store.freeInstance(Objects.server), server);
  }
  for (const entry of spec.accessControl) {
    const content = instance({ 0: entry.object, 1: entry.instance, 3: entry.owner });
    content.set(2, { values: entry.rights });
    store.put(Objects.accessControl, store.freeInstance(Objects.accessControl), content);
  }
  return store;
}
