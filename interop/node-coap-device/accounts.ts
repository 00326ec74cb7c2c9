import { Objects } from "./model.js";
import type { Credential } from "./secured-session.js";
import type { ObjectStore } from "./store.js";

/** Resources of /0 and /1 that this device acts on. */
export const Security = { uri: 0, bootstrapServer: 1, mode: 2, identity: 3, secretKey: 5, shortServerId: 10, holdOff: 11 } as const;
/** Values of /0/x/2. */
export const SecurityMode = { psk: 0, noSec: 3 } as const;
export const Server = {
  shortServerId: 0,
  lifetime: 1,
  disable: 4,
  disableTimeout: 5,
  storing: 6,
  binding: 7,
  updateTrigger: 8,
  bootstrapTrigger: 9,
  lastBootstrapped: 12,
  priority: 13,
  failureBlock: 15,
  bootstrapOnFailure: 16,
  retryCount: 17,
  retryTimer: 18,
  sequenceDelay: 19,
  sequenceRetryCount: 20,
} as const;

export interface BootstrapAccount {
  readonly uri: string;
  readonly securityInstance: number;
}

/** A Security and a Server instance with the same Short Server ID. */
export interface ServerAccount {
  readonly shortServerId: number;
  readonly uri: string;
  readonly securityInstance: number;
  readonly serverInstance: number;
}

export const isBootstrapAccount = (store: ObjectStore, security: number): boolean => store.flag(Objects.security, security, Security.bootstrapServer) === true;

/** What an account is secured with; `none` for one without security, undefined for what this device does not speak. */
export function credentialOf(store: ObjectStore, security: number): Credential | "none" | undefined {
  const mode = store.number(Objects.security, security, Security.mode);
  if (mode === SecurityMode.noSec) return "none";
  const identity = store.bytes(Objects.security, security, Security.identity);
  const key = store.bytes(Objects.security, security, Security.secretKey);
  return mode !== SecurityMode.psk || identity === undefined || key === undefined ? undefined : { identity, key };
}

export function bootstrapAccountOf(store: ObjectStore): BootstrapAccount | undefined {
  for (const securityInstance of store.instances(Objects.security)) {
    const uri = store.text(Objects.security, securityInstance, Security.uri);
    if (uri !== undefined && isBootstrapAccount(store, securityInstance)) return { uri, securityInstance };
  }
  return undefined;
}

const securityFor = (store: ObjectStore, shortServerId: number): number | undefined =>
  store.instances(Objects.security).find((id) => !isBootstrapAccount(store, id) && store.number(Objects.security, id, Security.shortServerId) === shortServerId);

/** Complete accounts, in the order of their Server instances. */
export function serverAccountsOf(store: ObjectStore): ServerAccount[] {
  return store.instances(Objects.server).flatMap((serverInstance) => {
    const shortServerId = store.number(Objects.server, serverInstance, Server.shortServerId);
    const securityInstance = shortServerId === undefined ? undefined : securityFor(store, shortServerId);
    const uri = securityInstance === undefined ? undefined : store.text(Objects.security, securityInstance, Security.uri);
    return shortServerId === undefined || securityInstance === undefined || uri === undefined ? [] : [{ shortServerId, uri, securityInstance, serverInstance }];
  });
}

/** Why Finish must not be answered 2.04 (LwM2M Core 1.1 §6.1.7.6); undefined when all is well. */
export function inconsistency(store: ObjectStore): string | undefined {
  const securities = store.instances(Objects.security);
  const bootstrapAccounts = securities.filter((id) => isBootstrapAccount(store, id));
  if (bootstrapAccounts.length !== 1) return `${bootstrapAccounts.length} Bootstrap-Server accounts`;
  const named = new Set<number>();
  for (const id of securities) {
    if ((store.text(Objects.security, id, Security.uri) ?? "") === "") return `/0/${id} has no URI`;
    if (store.number(Objects.security, id, Security.mode) === undefined) return `/0/${id} has no security mode`;
    if (bootstrapAccounts.includes(id)) continue;
    const shortServerId = store.number(Objects.security, id, Security.shortServerId) ?? 0;
    if (shortServerId < 1 || shortServerId > 65534) return `/0/${id} has no Short Server ID`;
    if (named.has(shortServerId)) return `two instances of /0 have Short Server ID ${shortServerId}`;
    named.add(shortServerId);
  }
  const paired = new Set<number>();
  for (const id of store.instances(Objects.server)) {
    const shortServerId = store.number(Objects.server, id, Server.shortServerId);
    if (shortServerId === undefined || !named.has(shortServerId)) return `/1/${id} has no instance of /0`;
    if (paired.has(shortServerId)) return `two instances of /1 have Short Server ID ${shortServerId}`;
    const content = store.get(Objects.server, id);
    for (const needed of [Server.lifetime, Server.storing, Server.binding]) if (content?.has(needed) !== true) return `/1/${id}/${needed} is missing`;
    paired.add(shortServerId);
  }
  if (paired.size !== named.size) return "an instance of /0 has no instance of /1";
  return paired.size === 0 ? "no Server account" : undefined;
}
