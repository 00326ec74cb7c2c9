import { certificatesIn, KeyMaterialError, privateKeyIn, publicKeyIn, publicKeyOf, readCertificate, type AuthorityKeys } from "../certificates/index.js";
import { ConfigError, isPsk, type CredentialMode, type DeviceCredential, type ServerTrust } from "../config/index.js";
import { UsageError } from "./exit.js";
import { readBytesGiven } from "./files.js";

interface TrustFlags {
  readonly trust?: string | undefined;
  readonly certificateUsage?: number | undefined;
  readonly serverName?: string | undefined;
  readonly trustStore?: string | undefined;
}

async function fileOf<T>(flag: string, path: string, read: (bytes: Uint8Array) => T): Promise<T> {
  const bytes = await readBytesGiven(path, flag);
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    throw new ConfigError([{ source: flag, key: "", message: `${path} ${error.fault}`, fix: error.fix }]);
  }
}

const firstCertificate = (bytes: Uint8Array): Buffer => {
  const [first] = certificatesIn(bytes);
  if (first === undefined) throw new KeyMaterialError("unreadable", "holds no certificate", "give one in PEM or DER");
  return first;
};

/** What the devices take for their server, by the flags. */
export async function trustGiven({ trust, certificateUsage: usage, serverName }: TrustFlags, mode: CredentialMode): Promise<{ readonly trust?: ServerTrust }> {
  if (trust === undefined || mode === "psk") return {};
  const publicKey = await fileOf("--trust", trust, mode === "rpk" ? publicKeyIn : firstCertificate);
  return { trust: { publicKey, ...(usage === undefined ? {} : { usage }), ...(serverName === undefined ? {} : { serverName }) } };
}

export async function trustStoreGiven({ trustStore }: TrustFlags): Promise<{ readonly trustStore?: readonly Uint8Array[] }> {
  return trustStore === undefined ? {} : { trustStore: await fileOf("--trust-store", trustStore, certificatesIn) };
}

/** The certificate and the private key of an authority, in one file. */
export async function authorityGiven(path: string | undefined): Promise<{ readonly authority?: AuthorityKeys }> {
  if (path === undefined) return {};
  const authority = await fileOf("--authority", path, (bytes) => ({ certificate: firstCertificate(bytes), privateKey: privateKeyIn(bytes) }));
  const { isAuthority, publicKey } = readCertificate(authority.certificate);
  if (!isAuthority) throw new UsageError(`--authority ${path} is a certificate of no authority`, "give one with basicConstraints CA:TRUE, and its private key");
  if (!publicKey.equals(publicKeyOf(authority.privateKey))) throw new UsageError(`--authority ${path} has the private key of somebody else`, "put the key of the certificate into the file");
  return { authority };
}

/** Modes rpk and x509 cannot do without knowing their server. */
export function checkTrusted(credential: DeviceCredential, endpoint: string, given: ServerTrust | undefined): void {
  if (isPsk(credential) || credential.trust !== undefined || given !== undefined) return;
  throw new UsageError(`"${endpoint}" is not told what its server is known by`, "give --trust FILE, or the column trust");
}
