import type { Client as ClientView } from "../../../src/smp/index.js";
import { timeOf } from "./items.js";
import type { Client, Holding } from "./model.js";

/** Two equal lists of written accounts have equal hashes: FNV-1a over their ids and versions, 64 bits in hex. It guards nothing. */
function hashOf(holdings: readonly Holding[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const text of holdings.map(({ revision }) => `${revision.account.id}@${revision.version};`).sort()) {
    for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

/** What this server believes is on the device: the tenant's own accounts only. */
export function clientView(endpoint: string, client: Client | undefined, tenant: string): ClientView {
  const own = (client?.holdings ?? []).filter(({ revision }) => revision.account.tenant === tenant);
  const last = client?.lastBootstrap;
  return {
    ep: endpoint,
    accounts: own.map(({ revision, orderId, writtenAt }) => ({
      accountId: revision.account.id,
      ssid: revision.account.ssid,
      uri: revision.values.uri,
      ...(orderId === undefined ? {} : { orderId }),
      version: revision.version,
      writtenAt: timeOf(writtenAt),
    })),
    ...(last === undefined ? {} : { lastBootstrap: { at: timeOf(last.at), outcome: last.outcome, sessionId: last.sessionId } }),
    ...(own.length === 0 ? {} : { configHash: hashOf(own) }),
  };
}
