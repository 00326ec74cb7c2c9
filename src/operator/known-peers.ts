import { checkDates, isCertificate, KeyMaterialError, readCertificate, thumbprint, type CertificateFacts } from "../certificates/index.js";
import { fitsNames, type DeviceKeys } from "../config/index.js";
import { Alerts, verifyChain, type AlertDescription, type PeerClaim } from "../dtls/index.js";

/** Whose public key or certificate it is. */
export interface KnownPeer {
  readonly endpoint: string;
  /** The authority that vouches for the certificate; absent where the configuration has the certificate itself, or a key. */
  readonly authority?: Uint8Array;
}

interface Identified {
  readonly mode: string;
  readonly bytes: Uint8Array;
}

/** The devices that a configuration knows by public keys, by certificates, or by who issued these. */
export class KnownPeers {
  readonly #byKey: ReadonlyMap<string, string>;
  readonly #byCertificate: ReadonlyMap<string, string>;
  readonly #endpoints: ReadonlySet<string>;

  constructor(private readonly keys: Pick<DeviceKeys, "publicKeys" | "certificates" | "authorities">) {
    this.#byKey = new Map(keys.publicKeys.map(({ publicKey, endpoint }) => [thumbprint(publicKey), endpoint]));
    this.#byCertificate = new Map(keys.certificates.map(({ certificate, endpoint }) => [thumbprint(certificate), endpoint]));
    this.#endpoints = new Set([...this.#byKey.values(), ...this.#byCertificate.values()]);
  }

  /** Whether the endpoint has a key or a certificate here. */
  holds(endpoint: string): boolean {
    return this.#endpoints.has(endpoint) || this.keys.authorities.some(({ names }) => fitsNames(names, endpoint));
  }

  /** Who it is, the alert for a certificate that is not to be taken, or undefined for a stranger. */
  find(claim: PeerClaim, now: number): KnownPeer | { readonly refuse: AlertDescription } | undefined {
    if (claim.mode === "rpk") return this.#named(this.#byKey.get(thumbprint(claim.publicKey)));
    const [own] = claim.chain;
    const facts = own && read(own);
    // Whoever connects may send any bytes for the certificates behind its own.
    if (own === undefined || facts === undefined || !claim.chain.every(isCertificate)) return { refuse: Alerts.bad_certificate };
    const listed = this.#named(this.#byCertificate.get(thumbprint(own)));
    if (listed !== undefined) return isInDate(facts, now) ? listed : { refuse: Alerts.certificate_expired };
    let refuse: AlertDescription | undefined;
    for (const { endpoint, authority } of this.#vouched(facts)) {
      const objection = verifyChain(claim.chain, { anchors: [authority], now, purpose: "client" });
      if (objection === undefined) return { endpoint, authority };
      refuse ??= objection.alert;
    }
    return refuse === undefined ? undefined : { refuse };
  }

  /** Whose identity of a session it is, which was found before. */
  endpointOf({ mode, bytes }: Identified): string | undefined {
    if (mode === "rpk") return this.#byKey.get(thumbprint(bytes));
    if (mode !== "x509") return undefined;
    const facts = read(bytes);
    return this.#byCertificate.get(thumbprint(bytes)) ?? (facts && this.#vouched(facts)[0]?.endpoint);
  }

  #named(endpoint: string | undefined): KnownPeer | undefined {
    return endpoint === undefined ? undefined : { endpoint };
  }

  /** The names on a certificate that an authority may vouch for. */
  #vouched({ commonName, names }: CertificateFacts): { readonly endpoint: string; readonly authority: Uint8Array }[] {
    const all = commonName === undefined ? names : [commonName, ...names];
    return this.keys.authorities.flatMap(({ names: fitting, certificate }) => all.filter((name) => fitsNames(fitting, name)).map((endpoint) => ({ endpoint, authority: certificate })));
  }
}

function read(certificate: Uint8Array): CertificateFacts | undefined {
  try {
    return readCertificate(certificate);
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    return undefined;
  }
}

function isInDate(facts: CertificateFacts, now: number): boolean {
  try {
    checkDates(facts, now);
    return true;
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    return false;
  }
}
