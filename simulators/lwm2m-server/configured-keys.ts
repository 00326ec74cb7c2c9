import { readCertificate, thumbprint } from "../../src/certificates/index.js";
import { testDeviceKey, type DeviceKeys } from "../../src/config/index.js";
import type { AlertDescription, PeerClaim } from "../../src/dtls/index.js";
import { KnownPeers } from "../../src/operator/index.js";
import type { IssuerChain, ShownBody, StagedCredential } from "./credential-record.js";
import type { CredentialStore } from "./credential-store.js";

/** No peer has this tenant: what was configured is nobody's to read or to revoke. */
export const configuredTenant = "";

const b64u = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/**
 * Devices whose keys and certificates the server's own configuration holds: their credentials are active from the start, or from when a device that the
 * configuration knows by a pattern first names itself.
 */
export class ConfiguredKeys {
  readonly #peers: KnownPeers;
  /** By the certificate in the configuration: shared by all whom it vouches for. */
  readonly #issuers: ReadonlyMap<Uint8Array, IssuerChain>;
  #staged = 0;

  constructor(
    readonly clients: DeviceKeys,
    readonly credentials: CredentialStore,
    readonly shortServerId: number,
  ) {
    const { keys, publicKeys, certificates, authorities } = clients;
    for (const { endpoint, identity, key } of keys) this.#admitPsk(endpoint, identity, key);
    for (const { endpoint, publicKey } of publicKeys) this.#admit(endpoint, { body: { ...this.#common, mode: "rpk", publicKey: b64u(publicKey), thumbprint: thumbprint(publicKey) } });
    for (const { endpoint, certificate } of certificates) {
      this.#admit(endpoint, { body: { ...this.#common, mode: "x509", certificate: b64u(certificate) }, certificate: { der: Buffer.from(certificate), publicKey: readCertificate(certificate).publicKey } });
    }
    this.#issuers = new Map(authorities.map(({ certificate }) => [certificate, { texts: [b64u(certificate)], der: [Buffer.from(certificate)] }]));
    this.#peers = new KnownPeers({ publicKeys: [], certificates: [], authorities });
  }

  /** An identity that no credential has: that of a test device is its endpoint name. */
  meet(identity: Buffer): void {
    const endpoint = identity.toString("utf8");
    for (const fleet of this.clients.testDevices) {
      const psk = testDeviceKey(fleet, endpoint, "server");
      if (psk === undefined) continue;
      this.#admitPsk(endpoint, psk.identity, psk.key);
      return;
    }
  }

  /** A certificate that no credential has: an authority of the configuration may vouch for it, or there is an alert for it. */
  meetCertificate(claim: PeerClaim, now: number): AlertDescription | undefined {
    if (claim.mode !== "x509" || this.#issuers.size === 0) return undefined;
    const known = this.#peers.find(claim, now);
    if (known === undefined || "refuse" in known) return known?.refuse;
    const issuers = known.authority && this.#issuers.get(known.authority);
    const [own] = claim.chain;
    if (issuers === undefined || own === undefined) return undefined;
    const { endpoint } = known;
    const subject = readCertificate(own).commonName === endpoint ? { commonName: endpoint } : { alternativeName: endpoint };
    this.#admit(endpoint, { body: { ...this.#common, mode: "x509", subject, issuerChain: issuers.texts }, issuers });
    return undefined;
  }

  get #common(): Pick<ShownBody, "version" | "ssid" | "sessionPolicy"> {
    return { version: 1, ssid: this.shortServerId, sessionPolicy: "close-on-revoke" };
  }

  #admitPsk(endpoint: string, identity: Uint8Array, key: Uint8Array): void {
    this.#admit(endpoint, { body: { ...this.#common, mode: "psk", identity: { b64u: b64u(identity) } }, key: Buffer.from(key) });
  }

  #admit(endpoint: string, staged: StagedCredential): void {
    this.#staged += 1;
    const credentialId = `configured-${this.#staged}`;
    this.credentials.stage(configuredTenant, "", endpoint, credentialId, staged);
    this.credentials.activate(configuredTenant, endpoint, credentialId, { version: 1, sessionId: this.#staged });
  }
}
