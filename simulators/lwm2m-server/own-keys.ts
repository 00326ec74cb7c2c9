import { ProblemError, cleartextSecret, identityOf, keyCheckValue, type Identity, type OrderCredential, type Recipient } from "../../src/smp/index.js";
import type { Secrets } from "../../src/ports/index.js";

/** A credential that this server makes keys for. */
export interface OwnCredential {
  readonly tenant: string;
  readonly ep: string;
  readonly credentialId: string;
  readonly version: number;
}

interface OwnKey {
  readonly identity: Identity;
  readonly key: Buffer;
  readonly kcv: string;
}

/** How a key leaves for the Bootstrap Server: encrypted to its key, or in the clear in a laboratory. */
export interface Outgoing {
  readonly ssid: number;
  /** What the receiver calls the tenant. */
  readonly tenant: string;
  readonly recipient: Recipient | "cleartext";
}

const defaultBits = 128;

/** Keys of origin `server`: this server makes them, sends them with its order, and knows them again when the Bootstrap Server stages them. */
export class OwnKeys {
  readonly #keys = new Map<string, OwnKey>();

  constructor(
    readonly secrets: Pick<Secrets, "bytes">,
    /** The oldest gives way. */
    readonly maxKeys: number,
  ) {}

  get size(): number {
    return this.#keys.size;
  }

  /** A new identity and key, kept and put into what an order carries. */
  async make(credential: OwnCredential, outgoing: Outgoing, bits = defaultBits): Promise<OrderCredential> {
    const { ep, credentialId, version } = credential;
    const key = this.secrets.bytes(bits / 8);
    const identity = identityOf(Buffer.from(`own-${this.secrets.bytes(12).toString("base64url")}`));
    const kcv = keyCheckValue(key, credentialId);
    if (this.#keys.size >= this.maxKeys) this.#forgetOldest();
    this.#keys.set(nameOf(credential), { identity, key, kcv });
    const { recipient, ssid, tenant } = outgoing;
    const secret = recipient === "cleartext" ? cleartextSecret(key) : await recipient.wrap(key, { tenant, ep, ssid, credentialId, version, purpose: "sm1-psk" });
    return { ep, credentialId, version, identity, bits, kcv, secret };
  }

  /** The key that a staged credential names without carrying it. Throws `key-unwrap` when it is none of these. */
  find(credential: OwnCredential, staged: { readonly identity: Identity; readonly bits: number; readonly kcv: string }): Buffer {
    const own = this.#keys.get(nameOf(credential));
    if (own === undefined || own.identity.b64u !== staged.identity.b64u || own.kcv !== staged.kcv || own.key.length * 8 !== staged.bits) {
      throw new ProblemError("key-unwrap", "this server made no such key for this credential and version", { field: "/kcv" });
    }
    return own.key;
  }

  #forgetOldest(): void {
    for (const name of this.#keys.keys()) {
      this.#keys.delete(name);
      return;
    }
  }
}

const nameOf = ({ tenant, ep, credentialId, version }: OwnCredential): string => JSON.stringify([tenant, ep, credentialId, version]);
