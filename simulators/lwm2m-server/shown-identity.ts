import { checkDates, KeyMaterialError, readCertificate, type CertificateFacts } from "../../src/certificates/index.js";
import { Alerts, verifyChain, type AlertDescription, type Identity, type PeerClaim } from "../../src/dtls/index.js";
import { identityName, peerName } from "../../src/transport/index.js";
import type { CredentialVersion } from "./credential-record.js";
import { certificateNames, fitsRule, keyName, pskName } from "./identity-names.js";

/** What a client shows of itself in a handshake. */
export interface ShownIdentity {
  readonly mode: Identity["mode"];
  /** As it can be shown. */
  readonly text: string;
  /** Under which its credential may be found; none for what cannot be read. */
  readonly names: readonly string[];
  /** The alert for a certificate that cannot be anybody's. */
  readonly unfit?: AlertDescription;
  /** Why the credential does not take it after all, by the alert that says so. */
  objection(version: CredentialVersion, now: number): AlertDescription | undefined;
}

const none = (): undefined => undefined;

export const shownPsk = (identity: Uint8Array): ShownIdentity => ({ mode: "psk", text: identityName(identity), names: [pskName(identity)], objection: none });

const shownKey = (publicKey: Buffer): ShownIdentity => ({ mode: "rpk", text: peerName({ mode: "rpk", bytes: publicKey }), names: [keyName(publicKey)], objection: none });

function shownCertificate(certificate: Buffer): ShownIdentity {
  const text = peerName({ mode: "x509", bytes: certificate });
  try {
    const facts = readCertificate(certificate);
    return { mode: "x509", text, names: certificateNames(certificate, facts), objection: (version, now) => certificateObjection(version, certificate, facts, now) };
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    return { mode: "x509", text, names: [], unfit: error.kind === "unsupported" ? Alerts.unsupported_certificate : Alerts.bad_certificate, objection: none };
  }
}

export function shownClaim(claim: PeerClaim): ShownIdentity {
  return claim.mode === "rpk" ? shownKey(claim.publicKey) : shownCertificate(claim.chain[0] ?? Buffer.alloc(0));
}

export function shownIn({ mode, bytes }: { readonly mode: string; readonly bytes: Uint8Array }): ShownIdentity {
  if (mode === "psk") return shownPsk(bytes);
  return mode === "rpk" ? shownKey(Buffer.from(bytes)) : shownCertificate(Buffer.from(bytes));
}

/** A certificate that the credential names has to be valid today; one that it has a rule for, also issued by whom it says. */
function certificateObjection({ certificate, issuers, body }: CredentialVersion, own: Buffer, facts: CertificateFacts, now: number): AlertDescription | undefined {
  if (certificate === undefined && (issuers === undefined || body.subject === undefined || !fitsRule(body.subject, facts))) return Alerts.certificate_unknown;
  // The issuers are those of the credential, whatever the client sends: it need send none.
  const [chain, anchors] = certificate === undefined && issuers !== undefined ? [[own, ...issuers.der.slice(0, -1)], issuers.der.slice(-1)] : [[own], [own]];
  return verifyChain(chain, { anchors, now, purpose: "client" })?.alert;
}

/** Whether what a session rests on is still valid by its own dates. */
export function isInDate({ mode, bytes }: Identity, now: number): boolean {
  if (mode !== "x509") return true;
  try {
    checkDates(readCertificate(bytes), now);
    return true;
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    return false;
  }
}
