import { createPrivateKey } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Alerts, verifyChain, type CertificateCredential, type GroupName, type PeerAnswer, type PeerClaim, type RawPublicKeyCredential, type ServerKeys } from "../../../src/dtls/index.js";
import { TestAuthority, type TestCertificate } from "../../../src/dtls/testing/authority.js";
import { LOOPBACK } from "./ours.js";

const DAY_MS = 24 * 3_600_000;
/** How our server names a peer that it lets in. */
export const CERTIFIED = "certified";
export const KNOWN_KEY = "known key";
/** Of the alerts that say what is wrong with a certificate. */
export const REFUSALS = { unknownAuthority: Alerts.unknown_ca, expired: Alerts.certificate_expired } as const;

const lines = (label: string, der: Uint8Array): string => `-----BEGIN ${label}-----\n${(Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;

/** Somebody with a key pair and a certificate, in memory and in files as the peers read them (PEM, private keys in the form of RFC 5915). */
export class Party {
  readonly certificateFile: string;
  /** The whole chain. */
  readonly chainFile: string;
  /** The chain without its own certificate. */
  readonly issuersFile: string;
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  /** Both keys. */
  readonly keysFile: string;

  constructor(
    folder: string,
    readonly name: string,
    readonly own: TestCertificate,
    /** DER, its own certificate first. */
    readonly chain: readonly Buffer[],
  ) {
    const file = (kind: string, content: string): string => {
      const path = join(folder, `${name}.${kind}.pem`);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    };
    const privateKey = createPrivateKey({ key: own.privateKey, format: "der", type: "pkcs8" }).export({ format: "pem", type: "sec1" }).toString();
    const publicKey = lines("PUBLIC KEY", own.publicKey);
    const certificates = (chained: readonly Buffer[]): string => chained.map((der) => lines("CERTIFICATE", der)).join("");
    this.certificateFile = file("certificate", certificates(chain.slice(0, 1)));
    this.chainFile = file("chain", certificates(chain));
    this.issuersFile = file("issuers", certificates(chain.slice(1)));
    this.privateKeyFile = file("private", privateKey);
    this.publicKeyFile = file("public", publicKey);
    this.keysFile = file("keys", publicKey + privateKey);
  }

  get serverKeys(): ServerKeys {
    return { privateKey: this.own.privateKey, chain: this.chain };
  }
}

/** Everybody who takes part, made anew in each run: servers are called 127.0.0.1. */
export interface Parties {
  readonly authority: Buffer;
  readonly authorityFile: string;
  readonly server: Party;
  readonly device: Party;
  /** Certified by an intermediate authority, whose certificate is in their chains. */
  readonly deepServer: Party;
  readonly deepDevice: Party;
  readonly expiredServer: Party;
  readonly expiredDevice: Party;
  /** Certified by an authority that nobody trusts. */
  readonly strangeServer: Party;
  readonly strangeDevice: Party;
}

/** Writes their files into `folder`. */
export async function makeParties(folder: string): Promise<Parties> {
  mkdirSync(folder, { recursive: true });
  const authority = await TestAuthority.create("test authority");
  const stranger = await TestAuthority.create("somebody");
  const intermediate = await TestAuthority.create("intermediate authority", {}, authority);
  const past = { until: Date.now() - DAY_MS };
  const party = async (name: string, issuer: TestAuthority, wishes: Parameters<TestAuthority["issue"]>[1] = {}): Promise<Party> => {
    const own = await issuer.issue(name, wishes);
    return new Party(folder, name, own, issuer === intermediate ? [own.certificate, intermediate.certificate] : [own.certificate]);
  };
  const serving = { name: LOOPBACK };
  const authorityFile = join(folder, "authority.pem");
  writeFileSync(authorityFile, lines("CERTIFICATE", authority.certificate));
  return {
    authority: authority.certificate,
    authorityFile,
    server: await party("server", authority, serving),
    device: await party("device", authority),
    deepServer: await party("deep-server", intermediate, serving),
    deepDevice: await party("deep-device", intermediate),
    expiredServer: await party("expired-server", authority, { ...serving, ...past }),
    expiredDevice: await party("expired-device", authority, past),
    strangeServer: await party("strange-server", stranger, serving),
    strangeDevice: await party("strange-device", stranger),
  };
}

/** Our server lets in whom the authority has certified, and the device with its raw public key. */
export const admitting =
  ({ authority, device }: Parties) =>
  (claim: PeerClaim): PeerAnswer<string> => {
    if (claim.mode === "rpk") return claim.publicKey.equals(device.own.publicKey) ? { context: KNOWN_KEY } : { refuse: Alerts.bad_certificate };
    const objection = verifyChain(claim.chain, { anchors: [authority], now: Date.now(), purpose: "client" });
    return objection === undefined ? { context: CERTIFIED } : { refuse: objection.alert };
  };

/** What our client offers to agree on keys over this curve; public keys are on secp256r1, which has to be there. */
export const preferring = (group: GroupName): readonly GroupName[] => (group === "secp256r1" ? [group] : [group, "secp256r1"]);

/** Our client as this device, which trusts the authority (certificate usage 2). */
export const certified = ({ authority, device }: Parties, as = device): CertificateCredential => ({
  mode: "x509",
  chain: as.chain,
  privateKey: as.own.privateKey,
  server: { usage: 2, certificate: authority, name: LOOPBACK },
});

/** Our client as the device, which knows its server's public key. */
export const keyed = ({ device, server }: Parties, as = device): RawPublicKeyCredential => ({
  mode: "rpk",
  publicKey: as.own.publicKey,
  privateKey: as.own.privateKey,
  serverPublicKey: server.own.publicKey,
});
