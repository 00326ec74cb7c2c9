import { describe, expect, it } from "vitest";
import { bootstrapServerConfig, ConfigError, testKey } from "../../src/config/index.js";
import type { BootstrapServerInput } from "../../src/config/index.js";
import { BootstrapCredentials } from "./bootstrap-credentials.js";

const key = "00112233445566778899aabbccddeeff";
const made = (input: BootstrapServerInput, files?: ReadonlyMap<string, string>): BootstrapCredentials => {
  const { clients, nosec } = bootstrapServerConfig({ operatorToken: "operator-token-of-a-test", ...input }, undefined, files);
  return new BootstrapCredentials(clients, nosec);
};
const found = (credentials: BootstrapCredentials, identity: string | Buffer): string | undefined => {
  const holder = credentials.findKey(Buffer.from(identity));
  return holder && `${holder.endpoint} ${Buffer.from(holder.key).toString("hex")}`;
};

describe("the keys of devices at a Bootstrap Server", () => {
  it("are found by identity, which is the endpoint name where it is left out", () => {
    const credentials = made({ clients: ["other-*", { endpoint: "dev-1", psk: { identity: "one", key } }, { endpoint: "dev-2", psk: { key } }, { endpoint: "dev-3", psk: { identity: "0xff00", key } }] });
    expect(found(credentials, "one")).toBe(`dev-1 ${key}`);
    expect(found(credentials, "dev-1")).toBeUndefined();
    expect(found(credentials, "dev-2")).toBe(`dev-2 ${key}`);
    expect(found(credentials, Buffer.from([0xff, 0]))).toBe(`dev-3 ${key}`);
    expect(["dev-1", "one", "other-1"].map((name) => credentials.holds(name))).toEqual([true, false, false]);
  });

  it("come from a file too", () => {
    const file = new Map([["keys.csv", `endpoint,bootstrapIdentity,bootstrapKey\ndev-1,one,${key}\ndev-2,,${key}\n`]]);
    const credentials = made({ clients: [{ credentials: "keys.csv" }] }, file);
    expect([found(credentials, "one"), found(credentials, "dev-2")]).toEqual([`dev-1 ${key}`, `dev-2 ${key}`]);
    expect(() => made({ clients: [{ credentials: "keys.csv" }] })).toThrow(ConfigError);
  });

  it("of a fleet follow from its seed and the number in a device's name", () => {
    const credentials = made({ clients: [{ testDevices: { seed: 7, pattern: "muster-{index:08d}", devices: 50 } }] });
    expect(found(credentials, "muster-00000042")).toBe(`muster-00000042 ${testKey(7, 42, "bootstrap").toString("hex")}`);
    for (const name of ["muster-00000051", "muster-42", "muster-000000042", "muster-", "muster-0000004x", "other-00000042"]) expect(found(credentials, name), name).toBeUndefined();
    expect(found(credentials, Buffer.from([0xff]))).toBeUndefined();
  });

  it("of other test devices follow from the seed and their names", () => {
    const credentials = made({ clients: [{ testDevices: { seed: 7, pattern: "ab-*" } }] });
    expect(found(credentials, "ab-ü")).toBe(`ab-ü ${testKey(7, "ab-ü", "bootstrap").toString("hex")}`);
    expect(credentials.holds("b-1")).toBe(false);
  });

  it("that are given win over those of test devices", () => {
    const credentials = made({ clients: [{ testDevices: { seed: 7, pattern: "*" } }, { endpoint: "dev-1", psk: { identity: "one", key } }] });
    expect(found(credentials, "one")).toBe(`dev-1 ${key}`);
    expect(found(credentials, "dev-1")).toBeUndefined();
  });

  it("decide who may come without DTLS", () => {
    const clients: BootstrapServerInput["clients"] = ["*", { endpoint: "dev-1", psk: { key } }];
    const admitted = (input: BootstrapServerInput): boolean[] => ["dev-1", "dev-2"].map((name) => made(input).admitsUnsecured(name));
    expect(admitted({})).toEqual([true, true]);
    expect(admitted({ clients })).toEqual([false, false]);
    expect(admitted({ clients, nosec: "without-credentials" })).toEqual([false, true]);
    expect(admitted({ clients, nosec: "always", lab: true })).toEqual([true, true]);
    expect(admitted({ nosec: "never" })).toEqual([false, false]);
  });
});
