import { identityBytes, isItemCause, ProblemError, takeSecret } from "../../../src/smp/index.js";
import type { ItemReason, OrderBody, OrderCredential, SecretKeys, SecretTransport } from "../../../src/smp/index.js";
import type { CredentialRecord } from "./credentials.js";
import type { Items } from "./items.js";
import type { OrderItem, OrderRecord } from "./model.js";
import type { Psk } from "./device-keys.js";

/** A key that a LwM2M Server made for one device, unwrapped. */
export interface OwnKey {
  readonly credentialId: string;
  readonly version: number;
  readonly psk: Psk;
}

/** Unwraps the keys that Servers send with their orders. A bad one ends its item and spoils no other. */
export class OrderKeys {
  constructor(
    private readonly items: Items,
    private readonly keys: SecretKeys | undefined,
    private readonly accepted: readonly SecretTransport[],
  ) {}

  take(order: OrderRecord, credentials: NonNullable<OrderBody["credentials"]>): void {
    const identities = new Set<string>();
    for (const credential of credentials) {
      const item = order.items.get(credential.ep);
      if (item === undefined || item.state !== "accepted") continue;
      const isNew = !identities.has(credential.identity.b64u);
      identities.add(credential.identity.b64u);
      item.ownKey = this.#take(item, credential, isNew).catch((error: unknown) => {
        if (!(error instanceof ProblemError)) throw error;
        this.items.move(item, { in: "rejected", reason: reasonOf(error) });
        return undefined;
      });
    }
  }

  async #take(item: OrderItem, { credentialId, version, identity, bits, kcv, secret }: OrderCredential, isNew: boolean): Promise<OwnKey> {
    const { account } = item.order;
    const record = item.client.credential(account.id);
    if (!isNew) throw new ProblemError("identity-conflict", "another device of the order has this identity");
    checkSuccession(record, credentialId, version);
    const named = identityBytes(identity);
    if (record.key(record.version)?.identity.equals(named) === true) throw new ProblemError("identity-conflict", "the version before has this identity");
    if (this.keys === undefined) throw new ProblemError("key-unwrap", "this server has no key");
    const key = await takeSecret({ secret, bits, kcv }, { tenant: account.tenant, ep: item.client.endpoint, ssid: account.ssid, credentialId, version, purpose: "sm1-psk" }, this.keys, this.accepted);
    return { credentialId, version, psk: { mode: "psk", identity: named, key } };
  }
}

function checkSuccession(record: CredentialRecord, credentialId: string, version: number): void {
  if (record.version === 0) return;
  if (credentialId !== record.credentialId) throw new ProblemError("context-mismatch", `the credential of this device is ${record.credentialId}`);
  if (version <= record.version) throw new ProblemError("version-regression", `version ${record.version} was used`);
}

/** A form of secret that is not taken is a secret that cannot be unwrapped: items have no cause of their own for it. */
const reasonOf = ({ type, detail }: ProblemError): ItemReason => ({ cause: isItemCause(type) ? type : "key-unwrap", detail });
