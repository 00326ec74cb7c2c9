import { newKeyPair } from "../../../src/certificates/index.js";
import type { CertificateAuthority, KeyPair } from "../../../src/certificates/index.js";
import type { Clock, Secrets } from "../../../src/ports/index.js";
import type { SecurityMode, SubjectRule } from "../../../src/smp/index.js";

/** Modes in which both ends authenticate. */
export type KeyedMode = Extract<SecurityMode, "psk" | "rpk" | "x509">;

export const isKeyed = (mode: SecurityMode): mode is KeyedMode => mode === "psk" || mode === "rpk" || mode === "x509";

/** What a device authenticates with at one Server. `key` is secret in each of them. */
export interface Psk {
  readonly mode: "psk";
  readonly identity: Buffer;
  readonly key: Buffer;
}

interface RawPublicKey {
  readonly mode: "rpk";
  /** SubjectPublicKeyInfo, DER. */
  readonly identity: Buffer;
  /** PKCS #8, DER. */
  readonly key: Buffer;
}

export interface Certified {
  readonly mode: "x509";
  /** The certificate, DER. */
  readonly identity: Buffer;
  /** PKCS #8, DER. */
  readonly key: Buffer;
  readonly issuer: Buffer;
  readonly subject: SubjectRule;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** Resources 3 and 5 of a Security instance, by mode: each device, account and version has its own. */
export type DeviceKey = Psk | RawPublicKey | Certified;

/** Of keys whose order does not say: what TLS_PSK_WITH_AES_128_CCM_8 makes use of. */
export const defaultBits = 128;
const defaultValiditySeconds = 365 * 86_400;

/** The identity tells people which Server and version it is for, and is used once only. */
export const newPsk = (secrets: Secrets, ssid: number, version: number, bits: number): Psk => ({
  mode: "psk",
  identity: Buffer.from(`s${ssid}-v${version}-${secrets.bytes(12).toString("base64url")}`),
  key: secrets.bytes(bits / 8),
});

const rawPublicKey = ({ publicKey, privateKey }: KeyPair): RawPublicKey => ({ mode: "rpk", identity: publicKey, key: privateKey });

export interface WantedCertificate {
  readonly endpoint: string;
  readonly credentialId: string;
  readonly version: number;
  readonly validitySeconds?: number | undefined;
}

/** Makes the key pairs of devices, and their certificates. The private keys go into Security instances and nowhere else. */
export class KeyMaker {
  constructor(
    private readonly clock: Clock,
    private readonly secrets: Secrets,
    private readonly authority: () => Promise<CertificateAuthority>,
  ) {}

  rawPublicKey(): DeviceKey {
    return rawPublicKey(newKeyPair(this.secrets));
  }

  /** Made out to the endpoint name; its serial number attribute tells the versions of a credential apart. */
  async certified({ endpoint, credentialId, version, validitySeconds = defaultValiditySeconds }: WantedCertificate): Promise<DeviceKey> {
    const authority = await this.authority();
    const { publicKey, privateKey } = newKeyPair(this.secrets);
    const subject = { commonName: endpoint, serialNumber: `${credentialId}.${version}` };
    // Certificates count whole seconds.
    const notAfter = Math.floor(this.clock.epoch() / 1000 + validitySeconds) * 1000;
    return { mode: "x509", identity: await authority.issue(publicKey, { ...subject, notAfter }), key: privateKey, issuer: authority.certificate, subject, notAfter };
  }
}
