import { thumbprint, type CertificateFacts } from "../../src/certificates/index.js";
import { identityBytes, type SubjectRule } from "../../src/smp/index.js";
import type { StagedCredential } from "./credential-record.js";

export const pskName = (identity: Uint8Array): string => `psk ${Buffer.from(identity).toString("base64url")}`;
export const keyName = (publicKey: Uint8Array): string => `key ${thumbprint(publicKey)}`;
const certificateName = (certificate: Uint8Array): string => `certificate ${thumbprint(certificate)}`;
const subjectName = (of: "cn" | "san", name: string, serialNumber: string | undefined): string => JSON.stringify([of, name, serialNumber]);

/** What a credential is found by. */
export interface IdentityNames {
  /** In a handshake; undefined where none is needed. */
  readonly name: string | undefined;
  /** Of a key that no other device may have, where the name is not that. */
  readonly key?: string;
}

export function namesOf({ body, certificate }: Pick<StagedCredential, "body" | "certificate">): IdentityNames {
  const { mode, identity, publicKey, subject } = body;
  switch (mode) {
    case "psk":
      return { name: identity === undefined ? undefined : pskName(identityBytes(identity)) };
    case "rpk":
      return { name: publicKey === undefined ? undefined : keyName(Buffer.from(publicKey, "base64url")) };
    case "x509":
      if (certificate !== undefined) return { name: certificateName(certificate.der), key: keyName(certificate.publicKey) };
      return { name: subject === undefined ? undefined : ruleName(subject) };
    default:
      return { name: undefined };
  }
}

function ruleName({ commonName, alternativeName, serialNumber }: SubjectRule): string | undefined {
  if (commonName !== undefined) return subjectName("cn", commonName, serialNumber);
  return alternativeName === undefined ? undefined : subjectName("san", alternativeName, serialNumber);
}

/** The names that the credential of a client may have which shows this certificate, those that say most first. */
export function certificateNames(certificate: Uint8Array, { commonName, names, serialNumber }: CertificateFacts): string[] {
  const numbers = serialNumber === undefined ? [undefined] : [serialNumber, undefined];
  return [
    certificateName(certificate),
    ...numbers.flatMap((number) => [...(commonName === undefined ? [] : [subjectName("cn", commonName, number)]), ...names.map((name) => subjectName("san", name, number))]),
  ];
}

/** Whether everything that a rule names is in the subject. */
export const fitsRule = (rule: SubjectRule, { commonName, names, serialNumber }: CertificateFacts): boolean =>
  (rule.commonName === undefined || rule.commonName === commonName) &&
  (rule.alternativeName === undefined || names.includes(rule.alternativeName)) &&
  (rule.serialNumber === undefined || rule.serialNumber === serialNumber);
