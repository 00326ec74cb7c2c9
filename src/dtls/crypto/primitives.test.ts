import { describe, expect, it } from "vitest";
import { equalSecrets, prf, pskPremaster } from "./primitives.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("the pseudorandom function of TLS 1.2", () => {
  it("gives the bytes of the test vector for SHA-256 that the TLS working group uses", () => {
    const secret = Buffer.from("9bbe436ba940f017b17652849a71db35", "hex");
    const seed = Buffer.from("a0ba9f936cda311827a6f796ffd5198c", "hex");
    const expected =
      "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66";
    expect(hex(prf(secret, "test label", seed, 100))).toBe(expected);
    expect(hex(prf(secret, "test label", seed, 33))).toBe(expected.slice(0, 66));
  });
});

describe("the premaster secret of a pre-shared key", () => {
  it("is as many zero bytes as the key has, then the key, each behind its length", () => {
    expect(hex(pskPremaster(Buffer.from("abc")))).toBe("0003" + "000000" + "0003" + "616263");
    expect(pskPremaster(Buffer.alloc(64))).toHaveLength(132);
  });
});

describe("the comparison of secrets", () => {
  it("holds for the same bytes alone, and for no others of whatever length", () => {
    expect(equalSecrets(Buffer.from("ab"), Buffer.from("ab"))).toBe(true);
    expect(equalSecrets(Buffer.from("ab"), Buffer.from("ac"))).toBe(false);
    expect(equalSecrets(Buffer.from("ab"), Buffer.from("abc"))).toBe(false);
    expect(equalSecrets(Buffer.alloc(0), Buffer.alloc(0))).toBe(true);
  });
});
