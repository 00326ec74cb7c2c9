import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CertificateAuthority, newKeyPair } from "../../src/certificates/index.js";
import { testPsk } from "../../src/config/index.js";
import type { PskCredential } from "../../src/dtls/index.js";
import { valueOf } from "../../src/lwm2m/index.js";
import { OperatorClient, OperatorError } from "../../src/operator/index.js";
import { itemIn, ManagementRig, order, ports, until } from "./testing/management-rig.js";

const credentialOf = (name: string): PskCredential => testPsk(5, name, "bootstrap", name);

let rig: ManagementRig;
beforeEach(async () => {
  rig = await ManagementRig.start({ coaps: "127.0.0.1:0", clients: [{ testDevices: { seed: 5, pattern: "ab-*" } }, "a-*"], nosec: "without-credentials" });
});
afterEach(() => rig.stop());

describe("a plain configuration with a key", () => {
  it("is written as it is, and shown without the key", async () => {
    const key = "00112233445566778899aabbccddeeff";
    const plain = { accounts: [{ shortServerId: 150, uri: "coaps://127.0.0.2:5684", securityMode: "psk", psk: { identity: "of-a-1", key } }] };
    const at = `http://127.0.0.1:${rig.role.http.port}/operator/v1/bootstrap/a-1`;
    const headers = { authorization: "Bearer operator-token-of-a-test", "content-type": "application/json" };
    expect((await fetch(at, { method: "PUT", headers, body: JSON.stringify(plain) })).status).toBe(204);
    const one = await rig.device("a-1");
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 1);
    const security = one.security(150)!;
    expect([2, 3, 5].map((id) => valueOf(security, id)).map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value))).toEqual([0, Buffer.from("of-a-1").toString("hex"), key]);
    const shown = await (await fetch(at, { headers })).text();
    expect(shown).toContain("of-a-1");
    expect(shown).not.toContain(key);
    const operator = new OperatorClient({ baseUrl: `http://127.0.0.1:${rig.role.http.port}`, token: "operator-token-of-a-test", timeoutMs: 2000, connections: 1 });
    expect((await operator.bootstrap("a-1"))?.accounts[0]?.psk).toEqual({ identity: "of-a-1", key: "(secret)" });
    expect((await operator.health()).secretTransport).toBe("jwe");
    await operator.close();
  });
});

describe("a plain configuration with a public key or a certificate", () => {
  const operatorAt = () => new OperatorClient({ baseUrl: `http://127.0.0.1:${rig.role.http.port}`, token: "operator-token-of-a-test", timeoutMs: 2000, connections: 1 });
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

  it("is written with what the device takes for its Server, and shown without the private key", async () => {
    const authority = await CertificateAuthority.create(ports, "Authority");
    const { publicKey, privateKey } = newKeyPair(ports.secrets);
    const certificate = await authority.issue(publicKey, { commonName: "a-1" });
    const server = newKeyPair(ports.secrets);
    const uri = "coaps://127.0.0.2:5684";
    const operator = operatorAt();
    await operator.setBootstrap("a-1", {
      accounts: [
        { shortServerId: 150, uri, securityMode: "rpk", rpk: { privateKey: base64(privateKey), serverPublicKey: base64(server.publicKey) } },
        { shortServerId: 151, uri, securityMode: "x509", x509: { certificate: base64(certificate), privateKey: base64(privateKey), serverCertificate: base64(authority.certificate), certificateUsage: 2, serverName: "server.example" } },
      ],
    });
    const one = await rig.device("a-1");
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 1);
    const held = (ssid: number) => [2, 3, 4, 5, 14, 15].map((id) => valueOf(one.security(ssid)!, id)).map((value) => (value instanceof Uint8Array ? base64(value) : value));
    expect(held(150)).toEqual([1, base64(publicKey), base64(server.publicKey), base64(privateKey), undefined, undefined]);
    expect(held(151)).toEqual([2, base64(certificate), base64(authority.certificate), base64(privateKey), "server.example", 2]);
    const shown = await operator.bootstrap("a-1");
    expect(shown?.accounts.map(({ rpk, x509 }) => rpk?.privateKey ?? x509?.privateKey)).toEqual(["(secret)", "(secret)"]);
    expect(await rig.traceText()).not.toContain(privateKey.subarray(36, 68).toString("hex"));
    await operator.close();
  });

  it("is refused where keys do not go with the mode, or with each other", async () => {
    const authority = await CertificateAuthority.create(ports, "Authority");
    const [mine, other] = [newKeyPair(ports.secrets), newKeyPair(ports.secrets)];
    const certificate = base64(await authority.issue(mine.publicKey, { commonName: "a-1" }));
    const account = { shortServerId: 150, uri: "coaps://127.0.0.2:5684" };
    const operator = operatorAt();
    const field = (over: object) => operator.setBootstrap("a-1", { accounts: [{ ...account, ...over }] }).then(() => "none", (error: unknown) => (error instanceof OperatorError ? error.field : error));
    const x509 = { certificate, privateKey: base64(other.privateKey), serverCertificate: certificate };
    expect(await field({ securityMode: "rpk" })).toBe("accounts.0.rpk");
    expect(await field({ securityMode: "x509", x509 })).toBe("accounts.0.x509");
    expect(await field({ securityMode: "psk", x509 })).toBe("accounts.0.psk");
    expect(await field({ securityMode: "rpk", rpk: { privateKey: base64(mine.publicKey), serverPublicKey: base64(mine.publicKey) } })).toBe("accounts.0.rpk.privateKey");
    await operator.close();
  });
});

describe("a device with a key at the Bootstrap Server", () => {
  it("bootstraps in its DTLS session, from the Bootstrap-Request to Finish", async () => {
    const one = await rig.device("ab-1", credentialOf("ab-1"));
    await rig.provisioned(one, rig.a, { uri: "coaps://127.0.0.2:5684", securityMode: "psk", ssid: 101 });
    expect(one.accounts).toEqual([101]);
  });

  it("need not name itself: its identity does", async () => {
    const one = await rig.device("ab-1", credentialOf("ab-1"));
    const { accountId } = (await rig.a.createAccount({ uri: "coaps://127.0.0.2:5684", securityMode: "psk", ssid: 101 })).value;
    const placed = await order(rig.a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(rig.a, placed, "ab-1", "awaiting-client");
    expect(await one.bootstrap([])).toBe("2.04");
    await itemIn(rig.a, placed, "ab-1", "applied");
  });

  it("is answered 4.00 under another name than its own", async () => {
    const one = await rig.device("ab-1", credentialOf("ab-1"));
    expect(await one.bootstrap(["ep=ab-2"])).toBe("4.00");
    expect(await one.bootstrap(["ep=a-1"])).toBe("4.00");
  });

  it("does not get in with another key, nor under an identity that nobody has", async () => {
    const wrong = await rig.device("ab-1", { identity: Buffer.from("ab-1"), key: Buffer.alloc(16) });
    const nobody = await rig.device("x-1", credentialOf("x-1"));
    for (const one of [wrong, nobody]) expect(await one.bootstrap()).not.toMatch(/^\d/);
    const trace = await until(() => rig.traceText(), (text) => text.includes("unknown_psk_identity"));
    expect(trace).not.toContain(Buffer.from(credentialOf("ab-1").key).toString("hex"));
  });

  it("may not come without DTLS, where only devices without a key may", async () => {
    expect(await (await rig.device("ab-1")).bootstrap()).toBe("4.00");
    expect(await (await rig.device("a-1")).bootstrap()).toBe("2.04");
  });
});
