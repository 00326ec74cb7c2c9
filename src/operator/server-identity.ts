import { CertificateAuthority, newKeyPair, publicKeyOf } from "../certificates/index.js";
import type { RoleConfig } from "../config/index.js";
import type { ServerKeys } from "../dtls/index.js";
import type { Ports } from "../ports/index.js";
import type { ServerKeysView } from "./types.js";

/** What a role proves itself with on its DTLS port, and what its operator is told of it. */
export interface ServerIdentity {
  readonly keys: ServerKeys;
  readonly keysByName?: Readonly<Record<string, ServerKeys>>;
  readonly view: ServerKeysView;
}

const b64u = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

const day = 86_400_000;

/** In a laboratory: what a client gets that indicates one of these names, so that it can be seen to refuse it. */
export const misfits = {
  expired: "expired.muster.test",
  notYetValid: "not-yet-valid.muster.test",
  otherName: "other-name.muster.test",
  unknownAuthority: "unknown-authority.muster.test",
} as const;

type Makes = Pick<Ports, "clock" | "secrets">;

/** The keys that the configuration gives, else new ones with a certificate of the role's own authority. */
export async function serverIdentity(config: Pick<RoleConfig, "name" | "lab" | "serverKeys"> & { readonly host: string }, ports: Makes, authority: () => Promise<CertificateAuthority>): Promise<ServerIdentity> {
  const { serverKeys: given, name, host, lab } = config;
  if (given !== undefined) {
    const [certificate] = given.chain ?? [];
    return { keys: given, view: { publicKey: b64u(publicKeyOf(given.privateKey)), ...(certificate === undefined ? {} : { certificate: b64u(certificate) }) } };
  }
  const own = await authority();
  const { publicKey, privateKey } = newKeyPair(ports.secrets);
  const hosts = hostsOf(host);
  const certificate = await own.issue(publicKey, { commonName: name, hosts });
  const others = lab ? await misfitKeys(ports, own, hosts) : {};
  return {
    keys: { privateKey, chain: [certificate] },
    keysByName: others,
    view: { publicKey: b64u(publicKey), certificate: b64u(certificate), authority: b64u(own.certificate), ...(lab ? { misfits } : {}) },
  };
}

/** A role that listens everywhere is met on this machine; for other hosts it is given keys of its own. */
const hostsOf = (host: string): string[] => [...new Set([...(["0.0.0.0", "::"].includes(host) ? ["127.0.0.1", "::1"] : [host]), "localhost"])];

async function misfitKeys(ports: Makes, own: CertificateAuthority, hosts: readonly string[]): Promise<Readonly<Record<string, ServerKeys>>> {
  const now = ports.clock.epoch();
  const stranger = await CertificateAuthority.create(ports, "Test authority that nobody knows");
  const made = async (authority: CertificateAuthority, name: string, of: { readonly hosts?: readonly string[]; readonly notBefore?: number; readonly notAfter?: number }): Promise<[string, ServerKeys]> => {
    const { publicKey, privateKey } = newKeyPair(ports.secrets);
    return [name, { privateKey, chain: [await authority.issue(publicKey, { commonName: name, hosts: [name, ...hosts], ...of })] }];
  };
  return Object.fromEntries(
    await Promise.all([
      made(own, misfits.expired, { notBefore: now - 2 * day, notAfter: now - day }),
      made(own, misfits.notYetValid, { notBefore: now + day, notAfter: now + 2 * day }),
      made(own, misfits.otherName, { hosts: ["somebody-else.muster.test"] }),
      made(stranger, misfits.unknownAuthority, {}),
    ]),
  );
}
