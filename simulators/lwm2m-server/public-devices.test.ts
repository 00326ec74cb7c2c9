import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CertificateAuthority, newKeyPair, readCertificate, thumbprint } from "../../src/certificates/index.js";
import { testAuthorityOf, testCertificateOf, testKeyPair } from "../../src/config/index.js";
import type { NewCredential } from "../../src/smp/index.js";
import { authority, b64u, byRule, bytesIn, certified, outcome, ports, problemOf, rpk, servedPublicly, until, x509 } from "./testing/public-bench.js";

const day = 86_400_000;
const now = ports.clock.epoch();
const stranger = await CertificateAuthority.create(ports, "Authority of strangers");
const keys = newKeyPair(ports.secrets);

describe("a device with a raw public key", () => {
  it("registers on its session, and is confirmed and shown with the credential that it proved to have", async () => {
    const { provide, rpkDevice, operator, bootstrapServer } = await servedPublicly();
    await provide("ab-1", rpk(keys));
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("2.01");
    expect(await operator.registration("ab-1")).toMatchObject({ security: { mode: "rpk", credentialId: "c1", version: 1, sessionOpen: true } });
    expect(await operator.handshakes({ endpoint: "ab-1" })).toMatchObject({ devices: [{ identity: `sha256:${Buffer.from(thumbprint(keys.publicKey), "base64url").toString("hex")}`, attempts: 1, finished: 1 }] });
    await until(() => bootstrapServer.confirmations.length === 1);
    expect(bootstrapServer.confirmations[0]).toMatchObject({ ep: "ab-1", event: "registered", credentialId: "c1", version: 1 });
  });

  it("is refused by the alert that is configured for keys that nobody has", async () => {
    const { rpkDevice, operator } = await servedPublicly({ unknownCertificate: 49 });
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("handshake alert-received 49");
    expect((await operator.handshakes()).total).toMatchObject({ attempts: 1, refused: 1 });
  });

  it("may not register under another name than that of its credential", async () => {
    const { provide, rpkDevice } = await servedPublicly();
    await provide("ab-1", rpk(keys));
    expect(await outcome(await rpkDevice("ab-2", keys))).toBe("4.00");
  });

  it("meets the configured answer while its credential is staged only", async () => {
    const { a, rpkDevice } = await servedPublicly({ stagedIdentity: 40 });
    await a.stageCredential("ab-1", "c1", rpk(keys));
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("handshake alert-received 40");
  });

  it("loses its session and its registration when the credential is revoked, and gets no other", async () => {
    const { a, provide, rpkDevice, operator } = await servedPublicly();
    await provide("ab-1", rpk(keys));
    const one = await rpkDevice("ab-1", keys);
    expect(await outcome(one)).toBe("2.01");
    await a.revokeCredential("ab-1", "c1", 1);
    await until(() => one.heard.includes("session peer-closed"));
    expect((await operator.registrations()).total).toBe(0);
    one.secure?.connect("full");
    await until(() => one.heard.includes("handshake alert-received 46"));
  });
});

describe("a device with a certificate", () => {
  it("registers with the one that its credential names, and with no other of the same name", async () => {
    const { provide, x509Device, operator } = await servedPublicly();
    const [mine, other] = [await certified({ commonName: "ab-1" }), await certified({ commonName: "ab-1" })];
    await provide("ab-1", x509(mine, { issuerChain: [b64u(authority.certificate)] }));
    expect(await outcome(await x509Device("ab-1", mine))).toBe("2.01");
    expect(await operator.registration("ab-1")).toMatchObject({ security: { mode: "x509", version: 1 } });
    expect(await operator.handshakes({ endpoint: "ab-1" })).toMatchObject({ devices: [{ identity: "ab-1" }] });
    expect(await outcome(await x509Device("ab-1", other))).toBe("handshake alert-received 46");
  });

  it("may have issued it itself, where its credential names no issuer", async () => {
    const { provide, x509Device } = await servedPublicly();
    const mine = await certified({ commonName: "ab-1" }, stranger);
    await provide("ab-1", x509(mine));
    expect(await outcome(await x509Device("ab-1", mine))).toBe("2.01");
  });

  it("registers with any that the issuer of its rule has made out to its name", async () => {
    const { provide, x509Device } = await servedPublicly();
    await provide("ab-1", byRule("ab-1"));
    expect(await outcome(await x509Device("ab-1", await certified({ commonName: "ab-1" })))).toBe("2.01");
    expect(await outcome(await x509Device("ab-1", await certified({ commonName: "ab-1", serialNumber: "any" })))).toBe("2.01");
    expect(await outcome(await x509Device("ab-2", await certified({ commonName: "ab-2" })))).toBe("handshake alert-received 46");
  });

  it.each([
    ["is over", { notBefore: now - 2 * day, notAfter: now - day }, authority, 45],
    ["is not valid yet", { notBefore: now + day, notAfter: now + 2 * day }, authority, 45],
    ["was issued by somebody else", {}, stranger, 48],
  ])("is refused by its own alert where it %s", async (_what, dates, by, alert) => {
    const { provide, x509Device, operator, bootstrapServer } = await servedPublicly();
    await provide("ab-1", byRule("ab-1"));
    expect(await outcome(await x509Device("ab-1", await certified({ commonName: "ab-1", ...dates }, by)))).toBe(`handshake alert-received ${alert}`);
    expect(await operator.handshakes({ endpoint: "ab-1" })).toMatchObject({ devices: [{ attempts: 1, refused: 1 }] });
    await until(() => bootstrapServer.confirmations.some(({ event }) => event === "authentication-failed"));
  });

  it("is refused once the rule has ended, and no session is resumed after that", async () => {
    const { provide, x509Device } = await servedPublicly();
    await provide("ab-1", byRule("ab-1", { notAfter: new Date(ports.clock.epoch() + 1500).toISOString() }));
    const one = await x509Device("ab-1", await certified({ commonName: "ab-1" }));
    expect(await outcome(one)).toBe("2.01");
    await until(async () => {
      one.secure?.reconnect();
      await until(() => one.secure?.state !== "handshaking");
      return one.heard.at(-1) === "handshake alert-received 46";
    });
  });

  it("is told apart from the version before by the serial number of its subject", async () => {
    const { provide, x509Device, bootstrapServer } = await servedPublicly();
    const rule = (version: number): NewCredential => byRule("ab-1", { version, subject: { commonName: "ab-1", serialNumber: `c1.${version}` }, ...(version > 1 ? { supersedes: version - 1, overlapSeconds: 60 } : {}) });
    const [first, second] = [await certified({ commonName: "ab-1", serialNumber: "c1.1" }), await certified({ commonName: "ab-1", serialNumber: "c1.2" })];
    await provide("ab-1", rule(1));
    const old = await x509Device("ab-1", first);
    expect(await outcome(old)).toBe("2.01");
    await provide("ab-1", rule(2));
    expect(await outcome(old)).toBe("2.01");
    expect(await outcome(await x509Device("ab-1", second))).toBe("2.01");
    await until(() => bootstrapServer.confirmations.some(({ version }) => version === 2));
    await until(() => old.heard.includes("session peer-closed"));
    expect(await outcome(await x509Device("ab-1", first))).toBe("handshake alert-received 46");
  });
});

describe("a rotation between modes", () => {
  it("lets both versions in until the new one is confirmed, whatever their modes", async () => {
    const { provide, rpkDevice, x509Device, operator, a } = await servedPublicly();
    const mine = await certified({ commonName: "ab-1" });
    await provide("ab-1", rpk(keys));
    const old = await rpkDevice("ab-1", keys);
    expect(await outcome(old)).toBe("2.01");
    await provide("ab-1", x509(mine, { version: 2, supersedes: 1, overlapSeconds: 60 }));
    expect((await a.getCredential("ab-1", "c1")).value.versions).toMatchObject([{ version: 2, state: "active", mode: "x509" }, { version: 1, state: "retiring", mode: "rpk", thumbprint: thumbprint(keys.publicKey) }]);
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("2.01");
    expect(await outcome(await x509Device("ab-1", mine))).toBe("2.01");
    await until(() => old.heard.includes("session peer-closed"));
    expect(await operator.registration("ab-1")).toMatchObject({ security: { mode: "x509", version: 2 } });
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("handshake alert-received 46");
  });

  it("is taken back by a roll-back: the version of the mode before admits again", async () => {
    const { a, provide, rpkDevice, x509Device } = await servedPublicly({ credentialSlots: 1 });
    const mine = await certified({ commonName: "ab-1" });
    await provide("ab-1", rpk(keys));
    await provide("ab-1", x509(mine, { version: 2, supersedes: 1, overlapSeconds: 60 }));
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("handshake alert-received 46");
    await a.rollBackActivation("ab-1", "c1", 2);
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("2.01");
    expect(await outcome(await x509Device("ab-1", mine))).toBe("handshake alert-received 46");
  });
});

describe("the server's own keys", () => {
  it("are told to the operator as accounts name them", async () => {
    const { server } = await servedPublicly();
    const certificate = new X509Certificate(bytesIn(server.certificate));
    expect(readCertificate(certificate.raw).publicKey).toEqual(bytesIn(server.publicKey));
    expect(certificate.verify(new X509Certificate(bytesIn(server.authority)).publicKey)).toBe(true);
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.checkHost("localhost")).toBe("localhost");
  });

  it("satisfy a device that knows the certificate itself, and none that knows another", async () => {
    const { provide, x509Device, server } = await servedPublicly();
    const mine = await certified({ commonName: "ab-1" });
    await provide("ab-1", x509(mine));
    expect(await outcome(await x509Device("ab-1", mine, { usage: 3, certificate: bytesIn(server.certificate), name: "elsewhere" }))).toBe("2.01");
    expect(await outcome(await x509Device("ab-1", mine, { usage: 3, certificate: authority.certificate }))).toBe("handshake alert-sent 42");
    expect(await outcome(await x509Device("ab-1", mine, { usage: 2, certificate: stranger.certificate }))).toBe("handshake alert-sent 48");
  });

  it("are others under the names of misfits, in a laboratory: each is to be refused for one reason", async () => {
    const { provide, x509Device, server } = await servedPublicly();
    const { misfits = expect.fail("no misfits") } = server;
    const mine = await certified({ commonName: "ab-1" });
    await provide("ab-1", x509(mine));
    const under = async (name: string) => outcome(await x509Device("ab-1", mine, {}, name));
    expect(await Promise.all([misfits.expired, misfits.notYetValid, misfits.otherName, misfits.unknownAuthority].map(under))).toEqual([45, 45, 42, 48].map((alert) => `handshake alert-sent ${alert}`));
    expect((await servedPublicly({ lab: false })).server.misfits).toBeUndefined();
  });
});

describe("what a peer stages of a device", () => {
  const otherCurve = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).publicKey.export({ format: "der", type: "spki" });
  const pem = (certificate: Buffer): string => b64u(Buffer.from(new X509Certificate(certificate).toString()));
  const short = { notAfter: now + 3_600_000 };

  it("is answered by the problem of the profile, with the field", async () => {
    const { a } = await servedPublicly();
    const mine = await certified({ commonName: "ab-1" });
    const issuerChain = [b64u(authority.certificate)];
    const stage = (body: NewCredential) => problemOf(a.stageCredential("ab-1", "c1", body));
    const cases: [NewCredential, string][] = [
      [rpk(keys, { publicKey: b64u(otherCurve) }), "422 unsupported-mode /publicKey"],
      [rpk(keys, { publicKey: b64u(Buffer.from("nothing")) }), "400 schema /publicKey"],
      [rpk(keys, { publicKey: b64u(Buffer.from("-----BEGIN PUBLIC KEY-----\n")) }), "400 schema /publicKey"],
      [rpk(keys, { publicKey: b64u(mine.certificate) }), "400 schema /publicKey"],
      [rpk(keys, { thumbprint: "A".repeat(43) }), "400 schema /thumbprint"],
      [x509(mine, { certificate: pem(mine.certificate) }), "400 schema /certificate"],
      [x509(mine, { certificate: b64u(keys.publicKey) }), "400 schema /certificate"],
      [x509(mine, { thumbprint: "A".repeat(43) }), "400 schema /thumbprint"],
      [x509(mine, { issuerChain: [b64u(stranger.certificate)] }), "422 bad-certificate /certificate"],
      [x509(mine, { issuerChain: [b64u(mine.certificate)] }), "422 bad-certificate /issuerChain/0"],
      [x509(mine, { issuerChain: [pem(authority.certificate)] }), "400 schema /issuerChain/0"],
      [x509(await certified({ commonName: "ab-2" })), "422 context-mismatch /certificate"],
      [x509(await certified({ commonName: "ab-1", notBefore: now - 2 * day, notAfter: now - day })), "422 bad-certificate /certificate"],
      [x509(await certified({ commonName: "ab-1", notBefore: now + day, notAfter: now + 2 * day })), "422 bad-certificate /certificate"],
      [x509(await certified({ commonName: "ab-1", ...short }), { version: 2, supersedes: 1 }), "422 bad-certificate /certificate"],
      [byRule("ab-1", { version: 2, supersedes: 1, notAfter: new Date(now + 3_600_000).toISOString() }), "422 bad-certificate /notAfter"],
      [byRule("ab-1", { notAfter: new Date(now - 1000).toISOString() }), "422 bad-certificate /notAfter"],
      [byRule("ab-2"), "422 context-mismatch /subject"],
      [byRule("ab-1", { issuerChain: [b64u(stranger.certificate), ...issuerChain] }), "422 bad-certificate /issuerChain"],
      [byRule("ab-1", { subject: { alternativeName: "ab-1" } }), "none"],
    ];
    for (const [body, expected] of cases) expect(await stage(body)).toBe(expected);
  });

  it("is no other device's: neither the key, nor the certificate, nor the key of the certificate", async () => {
    const { a, provide } = await servedPublicly();
    const mine = await certified({ commonName: "ab-1" });
    await provide("ab-1", rpk(mine));
    expect(await problemOf(a.stageCredential("ab-2", "c1", rpk(mine)))).toBe("409 identity-conflict /publicKey");
    const sameKey = { certificate: await authority.issue(mine.publicKey, { commonName: "ab-2" }) };
    expect(await problemOf(a.stageCredential("ab-2", "c1", x509(sameKey)))).toBe("409 identity-conflict /certificate");
    expect(await problemOf(a.stageCredential("ab-1", "c1", rpk(mine, { version: 2, supersedes: 1 })))).toBe("409 identity-conflict /publicKey");
    await a.revokeCredential("ab-1", "c1", 1);
    expect(await problemOf(a.stageCredential("ab-2", "c1", rpk(mine)))).toBe("none");
  });

  it("has one subject for each version that may be in use at the same time", async () => {
    const { a, provide } = await servedPublicly();
    await provide("ab-1", byRule("ab-1"));
    expect(await problemOf(a.stageCredential("ab-1", "c1", byRule("ab-1", { version: 2, supersedes: 1 })))).toBe("409 identity-conflict /subject");
    expect(await problemOf(a.stageCredential("ab-1", "c1", byRule("ab-1", { version: 2, supersedes: 1, subject: { commonName: "ab-1", serialNumber: "2" } })))).toBe("none");
  });

  it("is a part of a batch like any other, and is read again as it was given", async () => {
    const { a } = await servedPublicly();
    const mine = await certified({ commonName: "ab-1" });
    const rule = byRule("ab-2");
    const { results } = (await a.batchCredentials({ items: [
      { operation: "stage", ep: "ab-1", credentialId: "c1", credential: x509(mine) },
      { operation: "stage", ep: "ab-2", credentialId: "c1", credential: rule },
      { operation: "stage", ep: "ab-3", credentialId: "c1", credential: x509(mine) },
    ] })).value;
    expect(results.map(({ status, problem }) => [status, problem?.field])).toEqual([[201, undefined], [201, undefined], [422, "/items/2/credential/certificate"]]);
    expect((await a.getCredential("ab-2", "c1")).value).toMatchObject(rule);
    // The same again, and the same version of another mode.
    expect(await problemOf(a.stageCredential("ab-2", "c1", rule))).toBe("none");
    expect(await problemOf(a.stageCredential("ab-2", "c1", rpk(keys)))).toBe("409 version-regression /version");
    expect((await a.capabilities()).value.securityModes).toEqual(["psk", "rpk", "x509", "nosec"]);
  });
});

describe("devices that the server's own configuration knows", () => {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

  it("come in by public key, by certificate, and by who vouches for their names", async () => {
    const listed = await certified({ commonName: "any" }, stranger);
    const { rpkDevice, x509Device, operator } = await servedPublicly({
      clients: [
        { endpoint: "ab-1", rpk: { publicKey: base64(keys.publicKey) } },
        { endpoint: "ab-2", x509: { certificate: base64(listed.certificate) } },
        { names: "ab-*", x509: { authority: base64(authority.certificate) } },
        { testDevices: { seed: 7, pattern: "test-*", mode: "x509" } },
      ],
    });
    expect(await outcome(await rpkDevice("ab-1", keys))).toBe("2.01");
    expect(await outcome(await x509Device("ab-2", listed))).toBe("2.01");
    // The second finds the credential that the first was given.
    for (const serialNumber of ["1", "2"]) expect(await outcome(await x509Device("ab-3", await certified({ commonName: "ab-3", serialNumber })))).toBe("2.01");
    const test = testCertificateOf(testAuthorityOf(7), 7, "test-1", "server", "test-1");
    const pair = testKeyPair(7, "test-1", "server");
    expect(await outcome(await x509Device("test-1", { ...pair, certificate: Buffer.from(test.certificate) }))).toBe("2.01");
    expect(await operator.registration("ab-3")).toMatchObject({ security: { mode: "x509" } });
    expect(await outcome(await x509Device("ab-4", await certified({ commonName: "ab-4" }, stranger)))).toBe("handshake alert-received 48");
    expect(await outcome(await x509Device("other", await certified({ commonName: "other" })))).toBe("handshake alert-received 46");
  });
});
