import { describe, expect, it } from "vitest";
import { ConfigError, formatCredentials, isTestKey, readCredentials, testCredentials, testKey, testKeyNotice, type DeviceCredentials } from "./index.js";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const plain = (devices: readonly DeviceCredentials[]) =>
  devices.map(({ endpoint, bootstrap, server }) => [endpoint, Buffer.from(bootstrap?.identity ?? []).toString(), hex(bootstrap?.key), Buffer.from(server?.identity ?? []).toString(), hex(server?.key)]);
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
    expect(Buffer.from(testCredentials(1, 1, "dev-1").bootstrap?.identity ?? []).toString()).toBe("dev-1");
  });
});

describe("a file of credentials", () => {
  const devices = [testCredentials(1, 1, "dev-1"), testCredentials(1, 2, 'odd, "name"'), { endpoint: "dev-3", server: { identity: Buffer.from("ff00", "hex"), key: Buffer.from("aabb", "hex") } }];

  it.each(["csv", "json"] as const)("as %s is read back as it was written", (format) => {
    const text = formatCredentials(devices, format);
    expect(plain(readCredentials(text, "keys"))).toEqual(plain(devices));
    expect(readCredentials(text, "keys")[2]?.server?.identity).toEqual(Buffer.from("ff00", "hex"));
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
