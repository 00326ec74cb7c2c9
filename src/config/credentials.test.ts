import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  ConfigError,
  derText,
  formatCredentials,
  isPsk,
  isTestCredential,
  isTestKey,
  isTestPrivateKey,
  readCredentials,
  testAuthorityOf,
  testCredential,
  testCredentials,
  testKey,
  testKeyNotice,
  testKeyPair,
  type DeviceCredential,
  type DeviceCredentials,
  type Psk,
} from "./index.js";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const pskOf = (credential: DeviceCredential | undefined): Psk | undefined => (credential !== undefined && isPsk(credential) ? credential : undefined);
const plain = (devices: readonly DeviceCredentials[]) =>
  devices.map(({ endpoint, ...uses }) => [endpoint, ...[pskOf(uses.bootstrap), pskOf(uses.server)].flatMap((psk) => [Buffer.from(psk?.identity ?? []).toString(), hex(psk?.key)])]);
const problemsOf = (text: string) => {
  try {
    readCredentials(text, "keys");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ line, key, message }) => `${line ?? "?"} ${key}: ${message}`);
    throw error;
  }
  return [];
};

describe("the keys of test devices", () => {
  it("follow from the seed, the device and what they are for, and say that they are test keys", () => {
    const keys = [testKey(1, 1, "bootstrap"), testKey(1, 1, "server"), testKey(1, 2, "server"), testKey(2, 1, "server"), testKey(1, "dev-1", "server")];
    expect(new Set(keys.map(hex)).size).toBe(keys.length);
    for (const key of keys) expect([key.length, key.toString("latin1", 0, 4), isTestKey(key)]).toEqual([16, "TEST", true]);
    expect(testKey(7, 42, "server")).toEqual(testKey(7, 42, "server"));
    expect(isTestKey(Buffer.alloc(16))).toBe(false);
  });

  it("differ in a large fleet, and go by the endpoint name", () => {
    const keys = new Set(Array.from({ length: 50_000 }, (_, index) => hex(testKey(1, index, "server"))));
    expect(keys.size).toBe(50_000);
    expect(Buffer.from(testCredentials(1, 1, "dev-1").bootstrap.identity).toString()).toBe("dev-1");
  });
});

describe("the key pairs and certificates of test devices", () => {
  it("follow from the seed, the device and what they are for, and say that they are test keys", () => {
    const pairs = [testKeyPair(1, 1, "bootstrap"), testKeyPair(1, 1, "server"), testKeyPair(1, 2, "server"), testKeyPair(2, 1, "server"), testKeyPair(1, "dev-1", "server")];
    expect(new Set(pairs.map(({ publicKey }) => hex(publicKey))).size).toBe(pairs.length);
    for (const { privateKey } of pairs) {
      const { d = "" } = createPrivateKey({ key: privateKey, format: "der", type: "pkcs8" }).export({ format: "jwk" });
      expect(Buffer.from(d, "base64url").toString("latin1", 0, 4)).toBe("TEST");
      expect(isTestPrivateKey(privateKey)).toBe(true);
    }
    expect(testKeyPair(7, 42, "server")).toEqual(testKeyPair(7, 42, "server"));
    expect(isTestPrivateKey(Buffer.alloc(138))).toBe(false);
  });

  it("are certified by the test authority of the seed where there is no other, under the endpoint name", () => {
    const credential = testCredential({ mode: "x509" }, 7, 42, "server", "dev-42");
    if (credential.mode !== "x509") throw new Error("another mode");
    const certificate = new X509Certificate(credential.certificate);
    expect(certificate.subject).toBe("CN=dev-42");
    expect(certificate.checkIssued(new X509Certificate(testAuthorityOf(7).certificate))).toBe(true);
    expect(testCredential({ mode: "x509" }, 7, 42, "server", "dev-42")).toEqual(credential);
    expect(isTestCredential(credential)).toBe(true);
  });
});

describe("a file of public keys and certificates", () => {
  const trust = { publicKey: testAuthorityOf(2).certificate, usage: 2, serverName: "server.example" };
  const device = (mode: "rpk" | "x509", index: number, more: object = {}): DeviceCredential => ({ ...testCredential({ mode }, 1, index, "server", `dev-${index}`), ...more });
  const devices: DeviceCredentials[] = [
    { endpoint: "dev-1", server: device("rpk", 1) },
    { endpoint: "dev-2", server: device("x509", 2, { trust }), bootstrap: device("x509", 2, { trust: { ...trust } }) },
    { endpoint: "dev-3", server: device("x509", 3, { trust: { ...trust } }), bootstrap: testCredential({ mode: "psk" }, 1, 3, "bootstrap", "dev-3") },
  ];
  const asBytes = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array || (typeof each === "object" && each !== null && "data" in each) ? hex(Buffer.from(each as Uint8Array)) : each)));

  it.each(["csv", "json"] as const)("as %s is read back as it was written", (format) => {
    const read = readCredentials(formatCredentials(devices, format, testAuthorityOf(1).certificate), "keys");
    expect(asBytes(read.map(({ endpoint, server }) => ({ endpoint, server })))).toEqual(asBytes(devices.map(({ endpoint, server }) => ({ endpoint, server }))));
    expect(pskOf(read[2]?.bootstrap)?.key).toEqual(testKey(1, 3, "bootstrap"));
  });

  it("keeps one copy of what devices take for their servers", () => {
    const [, second, third] = readCredentials(formatCredentials(devices, "json"), "keys");
    const trustOf = (credential: DeviceCredential | undefined) => (credential === undefined || isPsk(credential) ? undefined : credential.trust);
    expect(trustOf(second?.server)).toBe(trustOf(third?.server));
    expect(trustOf(second?.server)).toBe(trustOf(second?.bootstrap));
  });

  it("takes keys and certificates in PEM, and finds the public key by the private one", () => {
    const pair = testKeyPair(1, 1, "server");
    const key = createPrivateKey({ key: pair.privateKey, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" });
    const [read] = readCredentials(JSON.stringify({ devices: [{ endpoint: "dev-1", mode: "rpk", key, trust: derText(testKeyPair(1, 0, "server").publicKey) }] }), "keys");
    expect(read?.server).toMatchObject({ mode: "rpk", publicKey: pair.publicKey, privateKey: Uint8Array.from(pair.privateKey) });
    expect(read?.bootstrap).toEqual(read?.server);
    const credential = testCredential({ mode: "x509" }, 1, 1, "server", "dev-1");
    if (credential.mode !== "x509") throw new Error("another mode");
    const identity = new X509Certificate(credential.certificate).toString();
    const [certified] = readCredentials(JSON.stringify({ devices: [{ endpoint: "dev-1", serverMode: "x509", serverIdentity: identity, serverKey: key, usage: 1, trust: identity }] }), "keys");
    expect(certified?.server).toMatchObject({ mode: "x509", trust: { usage: 1 } });
    expect(certified?.bootstrap).toBeUndefined();
  });

  it("is refused with the column of what is wrong, and without the key", () => {
    const { privateKey } = testKeyPair(1, 1, "server");
    const key = derText(privateKey);
    expect(problemsOf(`endpoint,mode,key\ndev-1,rpk,00ff\ndev-2,rpk,???\ndev-3,certificate,${key}`)).toEqual(["2 key: is no private key", "3 key: is neither PEM nor base64", "4 mode: is not one of psk, rpk, x509"]);
    expect(problemsOf(`endpoint,mode,key,identity,usage\ndev-1,x509,${key},,3\ndev-2,x509,${key},${key},3\ndev-3,rpk,${key},,4`)).toEqual(["2 identity: is missing", "3 identity: is no certificate", "4 usage: is no certificate usage"]);
    expect(problemsOf(`endpoint,mode,identity\ndev-1,x509,`)).toEqual(["2 key: is missing"]);
  });
});

describe("a file of credentials", () => {
  const devices = [testCredentials(1, 1, "dev-1"), testCredentials(1, 2, 'odd, "name"'), { endpoint: "dev-3", server: { identity: Buffer.from("ff00", "hex"), key: Buffer.from("aabb", "hex") } }];

  it.each(["csv", "json"] as const)("as %s is read back as it was written", (format) => {
    const text = formatCredentials(devices, format);
    expect(plain(readCredentials(text, "keys"))).toEqual(plain(devices));
    expect(pskOf(readCredentials(text, "keys")[2]?.server)?.identity).toEqual(Buffer.from("ff00", "hex"));
  });

  it("marks test keys as such", () => {
    expect(formatCredentials(devices, "csv").split("\n").map((line) => line.split(",").at(-1))).toEqual(["kind", "test", "test", "", ""]);
    expect(formatCredentials(devices, "json")).toContain(testKeyNotice);
  });

  it("of somebody else may have one key for each device, in the columns it has", () => {
    const text = '\ufeffidentity,key,endpoint\r\nalice , 00FF,dev-1\r\n\r\n,01,"dev,2"\r\n';
    expect(plain(readCredentials(text, "keys"))).toEqual([
      ["dev-1", "alice", "00ff", "alice", "00ff"],
      ["dev,2", "dev,2", "01", "dev,2", "01"],
    ]);
  });

  it("is refused with the line and the field of what is wrong, and without the key", () => {
    expect(problemsOf("endpoint,key\ndev-1,xyz\ndev-2,\n,00")).toEqual(["2 key: is not a key in hex", "3 key: is missing", "4 endpoint: is missing"]);
    expect(problemsOf(`endpoint,key\ndev-1,${"00".repeat(65)}`)).toEqual(["2 key: is not a key in hex"]);
    expect(problemsOf(`endpoint,identity,key\ndev-1,${"i".repeat(129)},00`)).toEqual(["2 identity: has 129 bytes"]);
    expect(problemsOf("endpoint,secret\ndev-1,00")).toEqual(["1 secret: is not a known column"]);
    expect(problemsOf("endpoint,key\ndev-1,00,more")).toEqual(["2 : is not a line of as many fields as there are columns"]);
    expect(problemsOf('endpoint,key\n"dev-1,00')).toEqual(["2 : is not a line of as many fields as there are columns"]);
    expect(problemsOf("endpoint,key\ndev-1,00\ndev-1,01")).toEqual(['3 endpoint: "dev-1" is there twice']);
    expect(problemsOf("")).toEqual(["1 : has no device"]);
    const json = '{"devices": [\n {"endpoint": "dev-1", "key": "00"},\n {"endpoint": "dev-2", "key": "secret canary"}\n]}';
    expect(problemsOf(json)).toEqual(["3 devices.1.key: is not a key in hex"]);
    expect(problemsOf(json.replace("dev-2", "dev-1").replace("secret canary", "01"))).toEqual(['3 endpoint: "dev-1" is there twice']);
    expect(problemsOf('{"devices": []')).toHaveLength(1);
  });
});
