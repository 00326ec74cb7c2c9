import { thumbprint } from "../../../src/certificates/index.js";
import type { Clock, Secrets } from "../../../src/ports/index.js";
import { cleartextSecret, identityOf, keyCheckValue } from "../../../src/smp/index.js";
import type { NewCredential } from "../../../src/smp/index.js";
import type { Plants } from "../plants.js";
import { renews } from "./credentials.js";
import type { CredentialRecord } from "./credentials.js";
import { defaultBits, newPsk } from "./device-keys.js";
import type { Certified, DeviceKey, KeyMaker, Psk } from "./device-keys.js";
import type { AccountRecord, Client, OrderItem } from "./model.js";
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
    private readonly maker: KeyMaker,
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
    if (!account.isKeyed) return { ...common, mode: account.mode };
    const made = record.prepare(version, own?.psk ?? record.key(version) ?? (await this.#newKey(client, account, item, version)));
    if (made.mode === "rpk") return { ...common, mode: "rpk", publicKey: made.identity.toString("base64url"), thumbprint: thumbprint(made.identity) };
    if (made.mode === "x509") return { ...common, ...certificateFields(made, item?.order.policy.credential?.certificateForm) };
    const { identity, key } = made;
    const shown = { mode: "psk" as const, identity: identityOf(identity), bits: key.length * 8, kcv: keyCheckValue(key, record.credentialId) };
    if (own !== undefined && !this.plants.has("own-key-sent-back")) return { ...common, ...shown, keyOrigin: "server" };
    if (link === undefined) return { ...common, ...shown };
    const terms = await this.termsOf(link).get(timeoutMs);
    if (isFailure(terms)) return terms;
    return { ...common, ...shown, secret: await this.#wrap(terms, key, { ep: client.endpoint, ssid: account.ssid, credentialId: record.credentialId, version }) };
  }

  /** Planted fault: a key for a version that nobody was told of. */
  unstagedKey(client: Client, account: AccountRecord): DeviceKey | undefined {
    const record = client.credential(account.id);
    const version = record.version + 1;
    return account.mode === "psk" ? record.prepare(version, record.key(version) ?? this.#newPsk(client, account, undefined, version)) : undefined;
  }

  /** The version a PUT would stage: a new one after a version was spent, so that versions only grow. */
  #nextVersion(record: CredentialRecord, item: OrderItem | undefined): number {
    const waiting = record.newest?.state === "staged" && (item === undefined || !renews(item));
    return waiting ? record.version : record.version + 1;
  }

  async #newKey(client: Client, account: AccountRecord, item: OrderItem | undefined, version: number): Promise<DeviceKey> {
    switch (this.plants.has("always-psk") ? "psk" : account.mode) {
      case "rpk":
        return this.maker.rawPublicKey();
      case "x509":
        return this.maker.certified({ endpoint: client.endpoint, credentialId: client.credential(account.id).credentialId, version, validitySeconds: item?.order.policy.credential?.validitySeconds });
      default:
        return this.#newPsk(client, account, item, version);
    }
  }

  #newPsk(client: Client, account: AccountRecord, item: OrderItem | undefined, version: number): Psk {
    const record = client.credential(account.id);
    const before = onlyPsk(record.key(record.version));
    const bits = item?.order.policy.credential?.bits ?? (before === undefined ? defaultBits : before.key.length * 8);
    const made = newPsk(this.secrets, account.ssid, version, bits);
    const other = this.plants.has("same-key-for-two-servers") ? onlyPsk(client.credentials.find((one) => one !== record)?.latestKey) : undefined;
    const same = this.plants.has("rotation-keeps-identity") ? before : undefined;
    return { mode: "psk", identity: same?.identity ?? made.identity, key: other?.key ?? made.key };
  }

  #wrap({ tenant, recipient }: Terms, key: Buffer, of: { readonly ep: string; readonly ssid: number; readonly credentialId: string; readonly version: number }): Promise<string> | string {
    if (recipient === undefined || this.plants.has("secret-in-cleartext")) return cleartextSecret(key);
    return recipient.wrap(key, { tenant, ...of, purpose: "sm3-psk" });
  }
}

const onlyPsk = (key: DeviceKey | undefined): Psk | undefined => (key?.mode === "psk" ? key : undefined);

/** What tells a Server the certificate of a device: itself, or its issuer and its subject. */
function certificateFields({ identity, issuer, subject, notAfter }: Certified, form: "certificate" | "subject" = "certificate"): Pick<NewCredential, "mode" | "certificate" | "thumbprint" | "issuerChain" | "subject" | "notAfter"> {
  const issuerChain = [issuer.toString("base64url")];
  if (form === "subject") return { mode: "x509", issuerChain, subject, notAfter: new Date(notAfter).toISOString() };
  return { mode: "x509", certificate: identity.toString("base64url"), thumbprint: thumbprint(identity), issuerChain };
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
