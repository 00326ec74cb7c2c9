import { base64url, CompactEncrypt, type CompactJWEHeaderParameters, compactDecrypt, type CryptoKey, errors, exportJWK, generateKeyPair, importJWK } from "jose";
import { keyCheckValue } from "./key-check-value.js";
import { ProblemError } from "./problem.js";
import type { Jwk, JwkSet, SecretTransport } from "./types.js";

const algorithm = "ECDH-ES+A256KW";
const encryption = "A256GCM";
const curve = "P-256";
/** Keys that still decrypt; more than that are forgotten, the oldest first. */
const keptKeys = 4;

/** What a secret belongs to: repeated in its protected header, so that it cannot be moved to another client, credential or version. */
export interface SecretContext {
  /** The receiver's name for the tenant of the sender's token. */
  readonly tenant: string;
  readonly ep: string;
  readonly ssid: number;
  readonly credentialId: string;
  readonly version: number;
  /** SM-3 to a LwM2M Server, or with an order (SM-1) to the Bootstrap Server. */
  readonly purpose: "sm3-psk" | "sm1-psk";
}

const contextMembers = ["tenant", "ep", "ssid", "credentialId", "version", "purpose"] as const satisfies readonly (keyof SecretContext)[];

/** The receiver's key that a sender encrypts to. */
export interface Recipient {
  readonly kid: string;
  /** The secret as a compact JWE. */
  wrap(secret: Uint8Array, context: SecretContext): Promise<string>;
}

/** The first key of a receiver's set that this profile can use; undefined where there is none. */
export async function recipientOf({ keys }: JwkSet): Promise<Recipient | undefined> {
  for (const jwk of keys) {
    // The set comes from the other side: a point that is not on its curve is no key.
    const key = await importJWK(jwk, algorithm).catch(() => undefined);
    if (key === undefined) continue;
    const { kid } = jwk;
    return {
      kid,
      wrap: (secret, context) => {
        const members = Object.fromEntries(contextMembers.map((name) => [name, context[name]]));
        return new CompactEncrypt(secret).setProtectedHeader({ alg: algorithm, enc: encryption, kid, ...members }).encrypt(key);
      },
    };
  }
  return undefined;
}

interface OwnKey {
  readonly jwk: Jwk;
  readonly privateKey: CryptoKey;
}

/** The keys of a receiver. jose makes them, and everything random in a JWE, with the operating system's generator. */
export class SecretKeys {
  readonly #keys: OwnKey[];

  private constructor(first: OwnKey) {
    this.#keys = [first];
  }

  static async create(kid = "1"): Promise<SecretKeys> {
    return new SecretKeys(await newKey(kid));
  }

  /** What `GET /smp/v1/jwks` answers: public members only, the newest key first. */
  get set(): JwkSet {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** From now on the set begins with a new key; the older ones still decrypt. */
  async roll(kid: string): Promise<void> {
    this.#keys.unshift(await newKey(kid));
    this.#keys.length = Math.min(this.#keys.length, keptKeys);
  }

  /** The bytes in a compact JWE. Throws `ProblemError`: `key-unwrap`, or `context-mismatch` where it belongs to something else. */
  async unwrap(jwe: string, context: SecretContext, field = "/secret"): Promise<Buffer> {
    const { plaintext, header } = await this.#decrypt(jwe, field);
    const differs = contextMembers.find((name) => header[name] !== context[name]);
    if (differs !== undefined) throw new ProblemError("context-mismatch", `the protected header of the secret has ${header[differs] === undefined ? "no" : "another"} ${differs}`, { field });
    return plaintext;
  }

  async #decrypt(jwe: string, field: string): Promise<{ readonly plaintext: Buffer; readonly header: Readonly<Record<string, unknown>> }> {
    try {
      const { plaintext, protectedHeader } = await compactDecrypt(jwe, (header: CompactJWEHeaderParameters) => this.#keyFor(header.kid), { keyManagementAlgorithms: [algorithm], contentEncryptionAlgorithms: [encryption] });
      return { plaintext: Buffer.from(plaintext), header: protectedHeader };
    } catch (error) {
      // jose says what a caller may know; whatever else goes wrong inside it is a JWE that does not decrypt too.
      const why = error instanceof errors.JOSEAlgNotAllowed ? `alg must be ${algorithm} and enc ${encryption}` : error instanceof UnknownKey ? "kid names no key of this server; read its jwks again" : "it does not decrypt with this server's key";
      throw new ProblemError("key-unwrap", why, { field });
    }
  }

  #keyFor(kid: string | undefined): CryptoKey {
    const found = this.#keys.find(({ jwk }) => jwk.kid === kid);
    if (found === undefined) throw new UnknownKey();
    return found.privateKey;
  }
}

class UnknownKey extends Error {}

async function newKey(kid: string): Promise<OwnKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: curve });
  const { x = "", y = "" } = await exportJWK(publicKey);
  return { jwk: { kty: "EC", crv: curve, x, y, kid, use: "enc", alg: algorithm }, privateKey };
}

/** Whether a `secret` member is a compact JWE; else it is the key itself, in base64url. */
export const isEncrypted = (secret: string): boolean => secret.includes(".");

/** The key as the member `secret` carries it in the clear; for laboratories only. */
export const cleartextSecret = (secret: Uint8Array): string => base64url.encode(secret);

export interface GivenSecret {
  readonly secret: string;
  readonly bits: number;
  readonly kcv: string;
}

/**
 * The receiver's checks of a secret, all of them: form, decryption, what it is bound to, length, key check value. Throws `ProblemError`: `unsupported-mode`,
 * `key-unwrap`, `context-mismatch`; `field` is where the secret stands in the body.
 */
export async function takeSecret(given: GivenSecret, context: SecretContext, keys: SecretKeys, accepted: readonly SecretTransport[], field = "/secret"): Promise<Buffer> {
  const form: SecretTransport = isEncrypted(given.secret) ? "jwe" : "cleartext";
  if (!accepted.includes(form)) throw new ProblemError("unsupported-mode", `secrets are not taken as ${form}; capabilities lists ${accepted.join(", ")}`, { field });
  const secret = form === "jwe" ? await keys.unwrap(given.secret, context, field) : Buffer.from(given.secret, "base64url");
  if (secret.length * 8 !== given.bits) throw new ProblemError("key-unwrap", `the key has ${secret.length * 8} bits and not ${given.bits}`, { field });
  if (keyCheckValue(secret, context.credentialId) !== given.kcv) throw new ProblemError("key-unwrap", "the key does not come to the kcv", { field });
  return secret;
}
