import { checkPrivateKey, checkPublicKey, KeyMaterialError, readCertificate } from "../../src/certificates/index.js";
import type { CertificateUsage, CipherSuiteName, ClientCredential } from "../../src/dtls/index.js";
import { cipherSuites } from "../../src/dtls/index.js";
import { SecurityMode, SecurityResource, type InstanceNode } from "../../src/lwm2m/index.js";
import type { CoapUri } from "../../src/transport/index.js";
import { bytesOf, findResource, numberOf, textOf } from "./objects.js";

/** How an account is secured, as its Security object instance says. */
export type AccountSecurity = { readonly mode: "nosec" } | SecuredAccount;

export interface SecuredAccount {
  readonly mode: "dtls";
  readonly credential: ClientCredential;
  /** Told to the server: /0/x/14; with certificates the host of the URI where there is none. */
  readonly serverName: string | undefined;
  /** /0/x/16, those that are known here and go with the mode. */
  readonly suites: readonly CipherSuiteName[] | undefined;
}

const noSec: AccountSecurity = { mode: "nosec" };

/** An account whose security cannot be had. */
export class UnusableAccount extends Error {
  override readonly name = "UnusableAccount";
}

export type SecurityName = "nosec" | "psk" | "rpk" | "x509";
const modes: Readonly<Record<number, { readonly name: SecurityName; readonly scheme: CoapUri["scheme"] }>> = {
  [SecurityMode.NoSec]: { name: "nosec", scheme: "coap" },
  [SecurityMode.Psk]: { name: "psk", scheme: "coaps" },
  [SecurityMode.RawPublicKey]: { name: "rpk", scheme: "coaps" },
  [SecurityMode.Certificate]: { name: "x509", scheme: "coaps" },
};

const modeOf = (security: InstanceNode): (typeof modes)[number] | undefined => modes[numberOf(security, SecurityResource.SecurityMode) ?? -1];

/** /0/x/2 by name; undefined for a mode that is not supported. */
export const securityNameOf = (security: InstanceNode): SecurityName | undefined => modeOf(security)?.name;

/** /0/x/2, with what the mode needs; `trustStore` has the authorities that the device knows from elsewhere. Throws `UnusableAccount`. */
export function securityOfAccount(security: InstanceNode, { scheme, host }: CoapUri, trustStore: readonly Uint8Array[] = []): AccountSecurity {
  const number = numberOf(security, SecurityResource.SecurityMode);
  const mode = modeOf(security);
  if (mode === undefined) throw new UnusableAccount(`security mode ${number ?? "(none)"} is not supported`);
  if (scheme !== mode.scheme) throw new UnusableAccount(`security mode ${number ?? ""} does not go with ${scheme}://`);
  const serverName = textOf(security, SecurityResource.ServerName);
  switch (mode.name) {
    case "nosec":
      return noSec;
    case "psk":
      return { mode: "dtls", credential: preSharedKey(security), serverName, suites: suitesOf(security, mode.name) };
    case "rpk":
      return { mode: "dtls", credential: rawPublicKey(security), serverName, suites: suitesOf(security, mode.name) };
    case "x509": {
      const name = serverName ?? host;
      return { mode: "dtls", credential: certificate(security, name, trustStore), serverName: name, suites: suitesOf(security, mode.name) };
    }
  }
}

function preSharedKey(security: InstanceNode): ClientCredential {
  const identity = bytesOf(security, SecurityResource.PublicKeyOrIdentity);
  const key = bytesOf(security, SecurityResource.SecretKey);
  if (identity === undefined || key === undefined || key.length === 0) throw new UnusableAccount("security mode 0 without a key");
  return { mode: "psk", identity, key };
}

function rawPublicKey(security: InstanceNode): ClientCredential {
  return {
    mode: "rpk",
    publicKey: material(security, SecurityResource.PublicKeyOrIdentity, "public key", checkPublicKey),
    serverPublicKey: material(security, SecurityResource.ServerPublicKey, "public key of the server", checkPublicKey),
    privateKey: material(security, SecurityResource.SecretKey, "private key", checkPrivateKey),
  };
}

function certificate(security: InstanceNode, name: string, trustStore: readonly Uint8Array[]): ClientCredential {
  const matching = numberOf(security, SecurityResource.MatchingType) ?? 0;
  if (matching !== 0) throw new UnusableAccount(`${pathOf(security, SecurityResource.MatchingType)} is ${matching}: this device compares whole certificates (0), not their hashes`);
  const usage = usageOf(security);
  trustStore.forEach((authority, at) => named(`authority ${at + 1} of the trust store`, () => checkServerCertificate(authority)));
  return {
    mode: "x509",
    chain: [material(security, SecurityResource.PublicKeyOrIdentity, "certificate", readCertificate)],
    privateKey: material(security, SecurityResource.SecretKey, "private key", checkPrivateKey),
    server: { usage, certificate: material(security, SecurityResource.ServerPublicKey, "certificate of the server", checkServerCertificate), trustStore, name },
  };
}

/** /0/x/15; a certificate that the server itself has to show where it is absent, as in LwM2M 1.0. */
function usageOf(security: InstanceNode): CertificateUsage {
  const usage = numberOf(security, SecurityResource.CertificateUsage) ?? 3;
  if (usage === 0 || usage === 1 || usage === 2 || usage === 3) return usage;
  throw new UnusableAccount(`${pathOf(security, SecurityResource.CertificateUsage)} is ${usage}: certificate usages are 0 to 3`);
}

/** What a device fleet shares is looked at once. */
const checkedCertificates = new WeakSet<Uint8Array>();

/** An authority may have a key on any curve. */
function checkServerCertificate(der: Uint8Array): void {
  if (checkedCertificates.has(der)) return;
  try {
    readCertificate(der);
  } catch (error) {
    if (!(error instanceof KeyMaterialError) || error.kind !== "unsupported") throw error;
  }
  checkedCertificates.add(der);
}

const pathOf = ({ id }: InstanceNode, resource: number): string => `/0/${id}/${resource}`;

function material(security: InstanceNode, resource: number, what: string, check: (der: Uint8Array) => unknown): Uint8Array {
  const bytes = bytesOf(security, resource);
  if (bytes === undefined || bytes.length === 0) throw new UnusableAccount(`${pathOf(security, resource)}, the ${what}, is missing`);
  named(pathOf(security, resource), () => check(bytes));
  return bytes;
}

function named(place: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    throw new UnusableAccount(`${place} ${error.fault}`);
  }
}

const mostSuites = 32;

/** In the order of /0/x/16; those that are not known here are passed over. */
function suitesOf(security: InstanceNode, mode: Exclude<SecurityName, "nosec">): readonly CipherSuiteName[] | undefined {
  const resource = findResource(security, SecurityResource.CipherSuite);
  if (resource === undefined) return undefined;
  const listed = (resource.kind === "resource" ? [resource.value] : resource.instances.map(({ value }) => value)).slice(0, mostSuites).map(Number);
  const usable = listed.flatMap((id) => cipherSuites.find((suite) => suite.id === id && (suite.keyExchange === "ecdhe_ecdsa") === (mode !== "psk"))?.name ?? []);
  if (usable.length > 0) return usable;
  throw new UnusableAccount(`${pathOf(security, SecurityResource.CipherSuite)} names no cipher suite that is known and goes with ${mode}: ${listed.map((id) => `0x${id.toString(16).padStart(4, "0")}`).join(", ")}`);
}

/** What a session rests on: who the device is, and whom it takes for its server. */
const credentialResources = [
  SecurityResource.SecurityMode,
  SecurityResource.PublicKeyOrIdentity,
  SecurityResource.ServerPublicKey,
  SecurityResource.SecretKey,
  SecurityResource.MatchingType,
  SecurityResource.ServerName,
  SecurityResource.CertificateUsage,
];

const none = new Uint8Array(0);

function sameValue(a: InstanceNode, b: InstanceNode, id: number): boolean {
  return numberOf(a, id) === numberOf(b, id) && textOf(a, id) === textOf(b, id) && Buffer.compare(bytesOf(a, id) ?? none, bytesOf(b, id) ?? none) === 0;
}

/** Whether a session made with one is a session made with the other. */
export const sameCredential = (a: InstanceNode, b: InstanceNode): boolean => a === b || credentialResources.every((id) => sameValue(a, b, id));

/** Whether instances like this one are each another: they are not worth a place where copies of equal instances are saved. */
export const holdsKey = (security: InstanceNode): boolean => (bytesOf(security, SecurityResource.SecretKey)?.length ?? 0) > 0;

const keyResources = [
  [SecurityResource.PublicKeyOrIdentity, "public key or certificate"],
  [SecurityResource.ServerPublicKey, "public key or certificate of the server"],
  [SecurityResource.SecretKey, "private key"],
] as const;

/** What a secured account lacks, whatever the rest is worth; undefined when nothing. */
export function lacksOf(security: InstanceNode): string | undefined {
  const name = securityNameOf(security);
  if (name === "psk") return holdsKey(security) ? undefined : `/0/${security.id} has security mode 0 and no key`;
  if (name !== "rpk" && name !== "x509") return undefined;
  const missing = keyResources.find(([id]) => (bytesOf(security, id)?.length ?? 0) === 0);
  return missing === undefined ? undefined : `/0/${security.id} has security mode ${name === "rpk" ? 1 : 2} and no ${missing[1]} (resource ${missing[0]})`;
}
