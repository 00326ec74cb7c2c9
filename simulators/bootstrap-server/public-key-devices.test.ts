import { afterEach, describe, expect, it } from "vitest";
import { CertificateAuthority, newKeyPair, type KeyPair, type Subject } from "../../src/certificates/index.js";
import { testCertificateOf, testAuthorityOf, testKeyPair, type BootstrapServerInput } from "../../src/config/index.js";
import type { ClientCredential } from "../../src/dtls/index.js";
import { OperatorClient } from "../../src/operator/index.js";
import { ManagementRig, ports } from "./testing/management-rig.js";
import { pskA } from "./testing/psk-accounts.js";
import type { ScriptedDevice } from "./testing/scripted-device.js";

let rig: ManagementRig | undefined;
afterEach(() => rig?.stop());

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const maker = await CertificateAuthority.create(ports, "Authority of a maker");
const stranger = await CertificateAuthority.create(ports, "Authority of strangers");
const keys = newKeyPair(ports.secrets);
const now = ports.clock.epoch();
const day = 86_400_000;

/** A Bootstrap Server that knows these clients, and the two credentials with which devices come to it. */
async function knowing(...clients: NonNullable<BootstrapServerInput["clients"]>) {
  const started = (rig = await ManagementRig.start({ coaps: "127.0.0.1:0", clients }));
  const operator = new OperatorClient({ baseUrl: `http://127.0.0.1:${started.role.http.port}`, token: "operator-token-of-a-test" });
  const server = (await operator.serverKeys()) ?? expect.fail("no DTLS port");
  await operator.close();
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64url");
  const rpk = ({ publicKey, privateKey }: KeyPair): ClientCredential => ({ mode: "rpk", publicKey, privateKey, serverPublicKey: bytes(server.publicKey) });
  const x509 = (certificate: Uint8Array, { privateKey }: Pick<KeyPair, "privateKey"> | { readonly privateKey: Uint8Array }): ClientCredential => ({
    mode: "x509", chain: [certificate], privateKey, server: { usage: 2, certificate: bytes(server.authority), name: "127.0.0.1" },
  });
  return { rig: started, rpk, x509 };
}

const made = (subject: Subject, by = maker) => by.issue(keys.publicKey, subject);

/** The code of a Bootstrap-Request, or the alert that came of the handshake. */
async function bootstrapped(one: ScriptedDevice): Promise<string> {
  const answer = await one.bootstrap();
  return answer === "handshake" ? (one.lastEnd ?? answer) : answer;
}

describe("a device that the configuration knows by its public key", () => {
  it("bootstraps in its session, and is put accounts on like any other", async () => {
    const { rig, rpk } = await knowing({ endpoint: "ab-1", rpk: { publicKey: base64(keys.publicKey) } });
    const one = await rig.device("ab-1", rpk(keys));
    await rig.provisioned(one, rig.a, pskA);
    expect(one.accounts).toEqual([101]);
    expect(await rig.traceText()).not.toContain(keys.privateKey.subarray(36, 68).toString("hex"));
  });

  it("bootstraps under its own name only, and a stranger under none", async () => {
    const { rig, rpk } = await knowing({ endpoint: "ab-1", rpk: { publicKey: base64(keys.publicKey) } }, "ab-2");
    expect(await (await rig.device("ab-1", rpk(keys))).bootstrap(["ep=ab-2"])).toBe("4.00");
    expect(await bootstrapped(await rig.device("ab-2", rpk(newKeyPair(ports.secrets))))).toBe("alert-received 46");
    // It has a key: without it it is nobody.
    expect(await bootstrapped(await rig.device("ab-1"))).toBe("4.00");
  });

  it("may be a numbered test device of a seed", async () => {
    const { rig, rpk } = await knowing({ testDevices: { seed: 7, pattern: "ab-{index}", devices: 5, mode: "rpk" } });
    expect(await bootstrapped(await rig.device("ab-3", rpk(testKeyPair(7, 3, "bootstrap"))))).toBe("2.04");
    expect(await bootstrapped(await rig.device("ab-6", rpk(testKeyPair(7, 6, "bootstrap"))))).toBe("alert-received 46");
  });
});

describe("a device with a certificate", () => {
  const authority = { names: "ab-*", x509: { authority: base64(maker.certificate) } };

  it("bootstraps under the name that an authority of the configuration vouches for", async () => {
    const { rig, x509 } = await knowing(authority);
    const one = await rig.device("ab-1", x509(await made({ commonName: "ab-1" }), keys));
    await rig.provisioned(one, rig.a, pskA);
    expect(await (await rig.device("ab-1", x509(await made({ commonName: "ab-1" }), keys))).bootstrap(["ep=ab-2"])).toBe("4.00");
  });

  it.each([
    ["a name that the authority may not vouch for", { commonName: "other-1" }, maker, 46],
    ["another issuer", { commonName: "ab-1" }, stranger, 48],
    ["an end that is past", { commonName: "ab-1", notBefore: now - 2 * day, notAfter: now - day }, maker, 45],
    ["a beginning that is to come", { commonName: "ab-1", notBefore: now + day, notAfter: now + 2 * day }, maker, 45],
  ])("is refused by the alert for %s", async (_what, subject, by, alert) => {
    const { rig, x509 } = await knowing(authority);
    expect(await bootstrapped(await rig.device("ab-1", x509(await made(subject, by), keys)))).toBe(`alert-received ${alert}`);
  });

  it("is refused where it sends something else than certificates behind its own", async () => {
    const { rig, x509 } = await knowing(authority);
    const credential = x509(await made({ commonName: "ab-1" }, stranger), keys);
    if (credential.mode !== "x509") expect.fail("another mode");
    expect(await bootstrapped(await rig.device("ab-1", { ...credential, chain: [...credential.chain, Buffer.from("no certificate")] }))).toBe("alert-received 42");
    await rig.provisioned(await rig.device("ab-2", x509(await made({ commonName: "ab-2" }), keys)), rig.a, pskA);
  });

  it("may be known by the certificate itself, whoever issued it", async () => {
    const certificate = await made({ commonName: "any name" }, stranger);
    const { rig, x509 } = await knowing({ endpoint: "ab-1", x509: { certificate: base64(certificate) } });
    await rig.provisioned(await rig.device("ab-1", x509(certificate, keys)), rig.a, pskA);
    expect(await bootstrapped(await rig.device("ab-1", x509(await made({ commonName: "ab-1" }, stranger), keys)))).toBe("alert-received 46");
  });

  it("may be a test device of a seed, whatever its name", async () => {
    const { rig, x509 } = await knowing({ testDevices: { seed: 7, pattern: "ab-*", mode: "x509" } });
    const mine = testCertificateOf(testAuthorityOf(7), 7, "ab-some", "bootstrap", "ab-some");
    await rig.provisioned(await rig.device("ab-some", x509(mine.certificate, mine)), rig.a, pskA);
    const other = testCertificateOf(testAuthorityOf(8), 8, "ab-some", "bootstrap", "ab-some");
    expect(await bootstrapped(await rig.device("ab-some", x509(other.certificate, other)))).toBe("alert-received 48");
  });
});
