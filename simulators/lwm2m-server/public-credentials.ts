import { isMadeOutTo, thumbprint, type CertificateFacts } from "../../src/certificates/index.js";
import { verifyChain } from "../../src/dtls/index.js";
import type { Clock } from "../../src/ports/index.js";
import { certificateIn, ProblemError, publicKeyIn, type CredentialPath } from "../../src/smp/index.js";
import type { IssuerChain, ShownBody, StagedCredential } from "./credential-record.js";
import { defaultOverlapSeconds } from "./credential-record.js";
import type { PlantedFaults } from "./plants.js";

/** Authorities that are kept once for all credentials; of more than these each credential has its own copy. */
const mostShared = 1000;

interface Authority extends CertificateFacts {
  readonly text: string;
  readonly der: Buffer;
}

/** Credentials without a secret (SM-3): what a peer says of a device's public key or certificate, checked. Refusals are `ProblemError`s. */
export class PublicCredentials {
  readonly #authorities = new Map<string, Authority>();

  constructor(
    private readonly clock: Pick<Clock, "epoch">,
    private readonly plants: PlantedFaults,
  ) {}

  rawPublicKey(body: ShownBody): StagedCredential {
    const { publicKey } = body;
    if (publicKey === undefined) throw new ProblemError("schema", "is required in mode rpk", { field: "/publicKey" });
    const der = publicKeyIn(publicKey, "/publicKey");
    if (!this.plants.has("thumbprint-ignored")) checkThumbprint(body, der, "publicKey");
    return { body };
  }

  certificate({ ep }: Pick<CredentialPath, "ep">, body: ShownBody): StagedCredential {
    const issuers = this.#issuers(body.issuerChain ?? []);
    const kept = issuers === undefined ? body : { ...body, issuerChain: issuers.texts };
    if (body.certificate !== undefined) return this.#byCertificate(ep, kept, body.certificate, issuers);
    if (body.subject === undefined || issuers === undefined) throw new ProblemError("schema", "is required in mode x509 where there is no subject with its issuerChain", { field: "/certificate" });
    const { commonName, alternativeName } = body.subject;
    if (commonName !== ep && alternativeName !== ep) throw new ProblemError("context-mismatch", "is not made out to the endpoint name; its commonName or its alternativeName has to be that", { field: "/subject" });
    this.#checkPath(issuers.der, issuers, "/issuerChain");
    this.#checkEnd(body, body.notAfter === undefined ? Infinity : Date.parse(body.notAfter), "/notAfter");
    return { body: kept, issuers };
  }

  #byCertificate(ep: string, body: ShownBody, text: string, issuers: IssuerChain | undefined): StagedCredential {
    const certificate = certificateIn(text, "/certificate", this.clock.epoch());
    checkThumbprint(body, certificate.der, "certificate");
    if (!isMadeOutTo(certificate, ep) && !this.plants.has("certificate-of-another-device-taken")) throw new ProblemError("context-mismatch", "is not made out to the endpoint name; the common name of its subject or a subjectAltName has to be that", { field: "/certificate" });
    if (issuers !== undefined) this.#checkPath([certificate.der, ...issuers.der], issuers, "/certificate");
    this.#checkEnd(body, Math.min(certificate.notAfter, body.notAfter === undefined ? Infinity : Date.parse(body.notAfter)), "/certificate");
    return { body, certificate: { der: certificate.der, publicKey: certificate.publicKey }, ...(issuers === undefined ? {} : { issuers }) };
  }

  #issuers(texts: readonly string[]): IssuerChain | undefined {
    if (texts.length === 0) return undefined;
    const chain = texts.map((text, index) => this.#authority(text, `/issuerChain/${index}`));
    return { texts: chain.map(({ text }) => text), der: chain.map(({ der }) => der) };
  }

  /** The same bytes for every credential that names the authority: reading one takes longer than checking a signature. */
  #authority(given: string, field: string): Authority {
    const known = this.#authorities.get(given);
    const authority = known ?? { text: given, ...certificateIn(given, field, this.clock.epoch()) };
    if (!authority.isAuthority) throw new ProblemError("bad-certificate", "is the certificate of no authority (basicConstraints)", { field });
    if (known === undefined && this.#authorities.size < mostShared) this.#authorities.set(given, authority);
    return authority;
  }

  #checkPath(chain: readonly Buffer[], issuers: IssuerChain, field: string): void {
    const objection = verifyChain(chain, { anchors: issuers.der.slice(-1), now: this.clock.epoch(), purpose: "client" });
    if (objection !== undefined) throw new ProblemError("bad-certificate", `${objection.because}; give the issuers in order, the trust anchor last`, { field });
  }

  #checkEnd({ supersedes, overlapSeconds = defaultOverlapSeconds }: ShownBody, end: number, field: string): void {
    const now = this.clock.epoch();
    const needed = now + (supersedes === undefined ? 0 : overlapSeconds * 1000);
    if (end > needed || this.plants.has("certificate-end-ignored")) return;
    throw new ProblemError("bad-certificate", end <= now ? "is over already; give one that is valid today" : "ends before the overlap with the version that it supersedes; give one that is valid for longer, or a shorter overlapSeconds", { field });
  }
}

function checkThumbprint(body: ShownBody, der: Uint8Array, of: "publicKey" | "certificate"): void {
  if (body.thumbprint !== undefined && body.thumbprint !== thumbprint(der)) throw new ProblemError("schema", `is not the SHA-256 of the ${of}; hash its DER`, { field: "/thumbprint" });
}
