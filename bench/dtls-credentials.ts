import { CertificateAuthority, newKeyPair } from "../src/certificates/index.js";
import type { ClientCredential, ServerKeys } from "../src/dtls/index.js";
import { realPorts } from "../src/ports/real/index.js";

/** What a server of the benchmarks proves itself with, and whose certificates it takes. */
export interface BenchServerKeys extends ServerKeys {
  readonly authority: Uint8Array;
}

export interface BenchIdentities {
  readonly server: BenchServerKeys;
  readonly rpk: ClientCredential;
  readonly x509: ClientCredential;
}

/** One device for every handshake, with a certificate of the server's authority: a chain of two at both ends. */
export async function benchIdentities(): Promise<BenchIdentities> {
  const ports = realPorts("bench");
  const [serverPair, devicePair] = [newKeyPair(ports.secrets), newKeyPair(ports.secrets)];
  const authority = await CertificateAuthority.create(ports, "Benchmark");
  const own = await authority.issue(serverPair.publicKey, { commonName: "server", hosts: ["127.0.0.1"] });
  const certificate = await authority.issue(devicePair.publicKey, { commonName: "device" });
  return {
    server: { privateKey: serverPair.privateKey, chain: [own], authority: authority.certificate },
    rpk: { mode: "rpk", ...devicePair, serverPublicKey: serverPair.publicKey },
    x509: { mode: "x509", chain: [certificate], privateKey: devicePair.privateKey, server: { usage: 2, certificate: authority.certificate, name: "127.0.0.1" } },
  };
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const BYTES = "base64:";

/** For the command line of a process of our own. */
export const written = (value: ClientCredential | BenchServerKeys): string => JSON.stringify(value, (_key, one: unknown) => (isBuffer(one) ? `${BYTES}${Buffer.from(one.data).toString("base64")}` : isBytes(one) ? `${BYTES}${Buffer.from(one).toString("base64")}` : one));

// A Buffer has become this by the time the replacer sees it.
const isBuffer = (value: unknown): value is { readonly type: "Buffer"; readonly data: number[] } => typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";

const read = (text: string): unknown => JSON.parse(text, (_key, one: unknown) => (typeof one === "string" && one.startsWith(BYTES) ? Buffer.from(one.slice(BYTES.length), "base64") : one));

export const readCredential = (text: string): ClientCredential => read(text) as ClientCredential;
export const readServerKeys = (text: string | undefined): BenchServerKeys | undefined => (text === undefined ? undefined : (read(text) as BenchServerKeys));
