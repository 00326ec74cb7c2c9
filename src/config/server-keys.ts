import { certificatesIn, KeyMaterialError, privateKeyIn, publicKeyOf, readCertificate } from "../certificates/index.js";
import { ConfigError } from "./error.js";

/** A role's own key (PKCS #8) and its certificates, its own first, all DER. */
export interface ServerKeyPair {
  readonly privateKey: Uint8Array;
  readonly chain?: readonly Uint8Array[];
}

/** The bytes of key and certificate files, by the names that the configuration gives them. */
export type KeyFiles = ReadonlyMap<string, Uint8Array>;

interface Named {
  readonly serverKey?: string | undefined;
  readonly serverCertificate?: string | undefined;
}

/** Throws `ConfigError` for a file that is not there or wrong, and for a certificate that is not the key's. */
export function serverKeyPair({ serverKey, serverCertificate }: Named, files: KeyFiles = new Map()): ServerKeyPair | undefined {
  if (serverKey === undefined) {
    if (serverCertificate !== undefined) throw wrong("serverKey", "is missing", "give the private key of the certificate");
    return undefined;
  }
  const privateKey = fromFile("serverKey", serverKey, files, privateKeyIn);
  if (serverCertificate === undefined) return { privateKey };
  const chain = fromFile("serverCertificate", serverCertificate, files, certificatesIn);
  const [own] = chain;
  if (own === undefined || !readCertificate(own).publicKey.equals(publicKeyOf(privateKey))) throw wrong("serverCertificate", `${serverCertificate} is not the certificate of ${serverKey}`, "put the server's own certificate first in the file");
  return { privateKey, chain };
}

function fromFile<T>(key: string, name: string, files: KeyFiles, read: (bytes: Uint8Array) => T): T {
  const bytes = files.get(name);
  if (bytes === undefined) throw wrong(key, `${name} was not read`, "leave it out to have keys made");
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    throw wrong(key, `${name} ${error.fault}`, error.fix);
  }
}

const wrong = (key: string, message: string, fix: string): ConfigError => new ConfigError([{ source: "configuration", key, message, fix }]);
