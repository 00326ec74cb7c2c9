import type { DeviceTiming } from "../../src/config/index.js";
import { ObjectId, SecurityResource, ServerResource, valueOf, type InstanceNode, type ResourceNode } from "../../src/lwm2m/index.js";
import type { RetryPolicy } from "./lifecycle.js";
import { lacksOf } from "./security.js";
import { findResource, flagOf, instancesOf, numberOf, textOf, without, withStored, type Objects } from "./objects.js";

/** Security and Server object instance of one LwM2M Server, paired by Short Server ID (LwM2M Core 1.1 §6.1.2). */
export interface ServerAccount {
  readonly shortServerId: number;
  readonly uri: string;
  readonly security: InstanceNode;
  readonly server: InstanceNode;
}

export interface BootstrapAccount {
  readonly uri: string;
  readonly security: InstanceNode;
}

export const isBootstrapAccount = (security: InstanceNode): boolean => flagOf(security, SecurityResource.BootstrapServer) === true;

export function bootstrapAccountOf(objects: Objects): BootstrapAccount | undefined {
  for (const stored of objects) {
    if (stored.object !== ObjectId.Security || !isBootstrapAccount(stored.node)) continue;
    const uri = textOf(stored.node, SecurityResource.ServerUri);
    if (uri !== undefined) return { uri, security: stored.node };
  }
  return undefined;
}

/** The draft with the Bootstrap-Server account of `objects`: a failed bootstrap leaves it as it was (LwM2M Core 1.1 §6.1.7). */
export function withBootstrapAccountOf(objects: Objects, draft: Objects): Objects {
  const others = without(draft, (object, node) => object === ObjectId.Security && isBootstrapAccount(node));
  return objects.filter(({ object, node }) => object === ObjectId.Security && isBootstrapAccount(node)).reduce(withStored, others);
}

/** Every complete Server account, by instance of /1. */
export function serverAccountsOf(objects: Objects): ServerAccount[] {
  const accounts: ServerAccount[] = [];
  for (const stored of objects) {
    if (stored.object !== ObjectId.Server) continue;
    const shortServerId = numberOf(stored.node, ServerResource.ShortServerId);
    if (shortServerId === undefined) continue;
    const security = securityOf(objects, shortServerId);
    const uri = security === undefined ? undefined : textOf(security, SecurityResource.ServerUri);
    if (security !== undefined && uri !== undefined) accounts.push({ shortServerId, uri, security, server: stored.node });
  }
  return accounts;
}

export function securityOf(objects: Objects, shortServerId: number): InstanceNode | undefined {
  for (const stored of objects) {
    if (stored.object !== ObjectId.Security || isBootstrapAccount(stored.node)) continue;
    if (numberOf(stored.node, SecurityResource.ShortServerId) === shortServerId) return stored.node;
  }
  return undefined;
}

export const serverInstanceOf = (objects: Objects, shortServerId: number): InstanceNode | undefined =>
  instancesOf(objects, ObjectId.Server).find((node) => numberOf(node, ServerResource.ShortServerId) === shortServerId);

/** Whether the device is in the multi-server situation, where access control applies (LwM2M Core 1.1 §8.2). */
export function hasOneServer(objects: Objects): boolean {
  let servers = 0;
  for (const stored of objects) if (stored.object === ObjectId.Server) servers++;
  return servers <= 1;
}

/** Why a configuration must not be finished with (Bootstrap-Finish answered 4.06); undefined when it is sound. */
export function inconsistency(objects: Objects): string | undefined {
  const securities = instancesOf(objects, ObjectId.Security);
  if (securities.filter(isBootstrapAccount).length > 1) return "more than one Bootstrap-Server account";
  const seen = new Set<number>();
  for (const security of securities) {
    const uri = textOf(security, SecurityResource.ServerUri);
    if (uri === undefined || uri === "") return `/0/${security.id} has no Server URI`;
    if (valueOf(security, SecurityResource.SecurityMode) === undefined) return `/0/${security.id} has no Security Mode`;
    const lacks = lacksOf(security);
    if (lacks !== undefined) return lacks;
    if (isBootstrapAccount(security)) continue;
    const shortServerId = numberOf(security, SecurityResource.ShortServerId);
    if (shortServerId === undefined || shortServerId < 1 || shortServerId > 65534) return `/0/${security.id} has no valid Short Server ID`;
    if (seen.has(shortServerId)) return `Short Server ID ${shortServerId} is used twice in /0`;
    seen.add(shortServerId);
    if (serverInstanceOf(objects, shortServerId) === undefined) return `/0/${security.id} has no Server object instance`;
  }
  const paired = new Set<number>();
  for (const server of instancesOf(objects, ObjectId.Server)) {
    const shortServerId = numberOf(server, ServerResource.ShortServerId);
    if (shortServerId === undefined || !seen.has(shortServerId)) return `/1/${server.id} has no Security object instance`;
    if (paired.has(shortServerId)) return `Short Server ID ${shortServerId} is used twice in /1`;
    paired.add(shortServerId);
    const missing = requiredOfServer.find((id) => findResource(server, id) === undefined);
    if (missing !== undefined) return `/1/${server.id} lacks resource ${missing}`;
  }
  return paired.size === 0 ? "no Server account" : undefined;
}

const requiredOfServer = [ServerResource.Lifetime, ServerResource.NotificationStoring, ServerResource.Binding];

/** /1/x/17 to /1/x/20 of the account, and the configured defaults where it leaves them out. */
export function retryPolicyOf(server: InstanceNode, timing: DeviceTiming): RetryPolicy {
  const seconds = (id: number): number | undefined => {
    const value = numberOf(server, id);
    return value === undefined ? undefined : value * 1000;
  };
  return {
    count: numberOf(server, ServerResource.CommunicationRetryCount) ?? timing.retryCount,
    timerMs: seconds(ServerResource.CommunicationRetryTimer) ?? timing.retryTimerMs,
    sequenceDelayMs: seconds(ServerResource.CommunicationSequenceDelayTimer) ?? timing.sequenceDelayMs,
    sequences: numberOf(server, ServerResource.CommunicationSequenceRetryCount) ?? timing.sequenceCount,
  };
}

export const lifetimeOf = (server: InstanceNode): number => numberOf(server, ServerResource.Lifetime) ?? 86_400;

/** Same place, same name, same credential: a registration made with one is a registration made with the other. `whateverKey`: the place and the name alone decide. */
export const sameServer = (a: ServerAccount, b: ServerAccount, whateverKey = false): boolean =>
  a.uri === b.uri && a.shortServerId === b.shortServerId && a.security.id === b.security.id && (whateverKey || sameResources(a.security, b.security));

function sameResources(a: InstanceNode, b: InstanceNode): boolean {
  return a === b || (a.resources.length === b.resources.length && a.resources.every((resource, index) => sameText(resource, b.resources[index])));
}

const sameText = (a: ResourceNode, b: ResourceNode | undefined): boolean => b !== undefined && a.kind === b.kind && a.id === b.id && JSON.stringify(a, bigintText) === JSON.stringify(b, bigintText);
const bigintText = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);
