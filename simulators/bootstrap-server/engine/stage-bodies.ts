import type { Clock, Secrets } from "../../../src/ports/index.js";
import { cleartextSecret, identityOf, keyCheckValue } from "../../../src/smp/index.js";
import type { NewCredential } from "../../../src/smp/index.js";
import type { Plants } from "../plants.js";
import { renews } from "./credentials.js";
import type { CredentialRecord } from "./credentials.js";
import type { AccountRecord, Client, OrderItem } from "./model.js";
import { defaultBits, newPsk } from "./psk.js";
import type { Psk } from "./psk.js";
import { isFailure } from "./server-link.js";
import type { LinkAnswer, ServerLink } from "./server-link.js";
import { ServerTerms } from "./server-terms.js";
import type { Terms } from "./server-terms.js";

/** Makes keys, and the bodies that stage them at their Server (SM-3). */
export class StageBodies {
  readonly #terms = new Map<ServerLink, ServerTerms>();

  constructor(
    private readonly clock: Clock,
    private readonly secrets: Secrets,
    private readonly transport: "jwe" | "cleartext",
    private readonly plants: Plants,
  ) {}

  termsOf(link: ServerLink): ServerTerms {
    let terms = this.#terms.get(link);
    if (terms === undefined) this.#terms.set(link, (terms = new ServerTerms(this.clock, link, this.transport)));
    return terms;
  }

  /** Without a link the body goes nowhere, but the version has its key. */
  async make(link: ServerLink | undefined, client: Client, account: AccountRecord, item: OrderItem | undefined, timeoutMs: number): Promise<NewCredential | LinkAnswer> {
    const own = await item?.ownKey;
    if (item?.ownKey !== undefined && own === undefined) return refused;
    const record = client.credential(account.id);
    if (own !== undefined && record.version === 0) record.credentialId = own.credentialId;
    const version = own?.version ?? this.#nextVersion(record, item);
    const common = { version, ssid: account.ssid, ...supersedes(record, version), ...policyOf(item) };
    if (!account.isPsk) return { ...common, mode: account.revision.body.securityMode };
    const { identity, key } = own === undefined ? this.#keyFor(client, account, item, version) : record.prepare(version, () => own.psk);
    const shown = { mode: "psk" as const, identity: identityOf(identity), bits: key.length * 8, kcv: keyCheckValue(key, record.credentialId) };
    if (own !== undefined) return { ...common, ...shown, keyOrigin: "server" };
    if (link === undefined) return { ...common, ...shown };
    const terms = await this.termsOf(link).get(timeoutMs);
    if (isFailure(terms)) return terms;
    return { ...common, ...shown, secret: await this.#wrap(terms, key, { ep: client.endpoint, ssid: account.ssid, credentialId: record.credentialId, version }) };
  }

  /** Planted fault: a key for a version that nobody was told of. */
  unstagedKey(client: Client, account: AccountRecord): Psk {
    return this.#keyFor(client, account, undefined, client.credential(account.id).version + 1);
  }

  /** The version a PUT would stage: a new one after a version was spent, so that versions only grow. */
  #nextVersion(record: CredentialRecord, item: OrderItem | undefined): number {
    const waiting = record.newest?.state === "staged" && (item === undefined || !renews(item));
    return waiting ? record.version : record.version + 1;
  }

  #keyFor(client: Client, account: AccountRecord, item: OrderItem | undefined, version: number): Psk {
    const record = client.credential(account.id);
    const before = record.psk(record.version);
    const bits = item?.order.policy.credential?.bits ?? (before === undefined ? defaultBits : before.key.length * 8);
    return record.prepare(version, () => {
      const made = newPsk(this.secrets, account.ssid, version, bits);
      const other = this.plants.has("same-key-for-two-servers") ? client.credentials.find((one) => one !== record)?.latestPsk : undefined;
      const same = this.plants.has("rotation-keeps-identity") ? before : undefined;
      return { identity: same?.identity ?? made.identity, key: other?.key ?? made.key };
    });
  }

  #wrap({ tenant, recipient }: Terms, key: Buffer, of: { readonly ep: string; readonly ssid: number; readonly credentialId: string; readonly version: number }): Promise<string> | string {
    if (recipient === undefined || this.plants.has("secret-in-cleartext")) return cleartextSecret(key);
    return recipient.wrap(key, { tenant, ...of, purpose: "sm3-psk" });
  }
}

/** The key that came with the order was refused, and the item with it. */
const refused: LinkAnswer = { status: 422 };

function supersedes(record: CredentialRecord, version: number): { readonly supersedes?: number } {
  const before = record.active?.version ?? record.version;
  return before > 0 && before < version ? { supersedes: before } : {};
}

function policyOf(item: OrderItem | undefined): Pick<NewCredential, "sessionPolicy" | "overlapSeconds" | "orderItem"> {
  if (item === undefined) return {};
  const { sessionPolicy, overlapSeconds } = item.order.policy;
  return { sessionPolicy, ...(overlapSeconds === undefined ? {} : { overlapSeconds }), orderItem: item.reference };
}
