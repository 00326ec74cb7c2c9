import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { Alerts } from "../codec/alert.js";
import { DecodeError } from "../codec/errors.js";

/** The curves that ECDHE is done on, by their names in the TLS Supported Groups registry. */
export type GroupName = "secp256r1" | "x25519";

/** One end's share of a key agreement; used once. */
export interface KeyShare {
  /** As it stands in a ServerKeyExchange or ClientKeyExchange. */
  readonly publicKey: Buffer;
  /** Throws DecodeError for a point that is none. */
  agree(peerPublicKey: Uint8Array): Buffer;
}

export interface Group {
  readonly id: number;
  readonly name: GroupName;
  newShare(): KeyShare;
}

/** The number of the curve that every key for signatures is on. */
export const SECP256R1 = 23;

const badPoint = (): DecodeError => new DecodeError("a public key that is no point of its curve", Alerts.illegal_parameter);

class Secp256r1Share implements KeyShare {
  readonly #ecdh = createECDH("prime256v1");
  readonly publicKey = this.#ecdh.generateKeys();

  agree(peerPublicKey: Uint8Array): Buffer {
    // RFC 8422 §5.4.1: uncompressed points only; the library would take others too.
    if (peerPublicKey.length !== 65 || peerPublicKey[0] !== 4) throw badPoint();
    try {
      return this.#ecdh.computeSecret(peerPublicKey);
    } catch {
      throw badPoint();
    }
  }
}

const X25519_LENGTH = 32;
/** SubjectPublicKeyInfo of an X25519 key (RFC 8410), up to the key itself. */
const x25519Prefix = Buffer.from("302a300506032b656e032100", "hex");

class X25519Share implements KeyShare {
  readonly #pair = generateKeyPairSync("x25519");
  readonly publicKey = this.#pair.publicKey.export({ format: "der", type: "spki" }).subarray(x25519Prefix.length);

  agree(peerPublicKey: Uint8Array): Buffer {
    if (peerPublicKey.length !== X25519_LENGTH) throw badPoint();
    try {
      const publicKey = createPublicKey({ key: Buffer.concat([x25519Prefix, peerPublicKey]), format: "der", type: "spki" });
      // RFC 7748 §6.1: points of small order make a secret of zeros, which OpenSSL refuses.
      return diffieHellman({ privateKey: this.#pair.privateKey, publicKey });
    } catch {
      throw badPoint();
    }
  }
}

/** Every curve there is, in order of preference: secp256r1 is the one that every LwM2M end has. */
export const groups: readonly Group[] = [
  { id: SECP256R1, name: "secp256r1", newShare: () => new Secp256r1Share() },
  { id: 29, name: "x25519", newShare: () => new X25519Share() },
];

/** Throws RangeError for a name that is not in the table. */
export function groupsNamed(names: readonly GroupName[]): readonly Group[] {
  return names.map((name) => {
    const group = groups.find((one) => one.name === name);
    if (group === undefined) throw new RangeError(`there is no curve ${name}; there are ${groups.map((one) => one.name).join(", ")}`);
    return group;
  });
}
