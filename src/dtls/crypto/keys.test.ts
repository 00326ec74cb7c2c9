import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { newKeys } from "../testing/authority.js";
import { importPrivateKey, importPublicKey, isSignedBy, publicKeyBytes, signed } from "./keys.js";

const keys = newKeys();

describe("a private key", () => {
  it("is taken in both forms that PKCS #8 has for it, with and without the public key", () => {
    const sec1 = createPrivateKey({ key: keys.privateKey, format: "der", type: "pkcs8" }).export({ format: "jwk" });
    // RFC 5915 §3: the public key is optional; Java leaves it out.
    const bare = Buffer.concat([Buffer.from("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", "hex"), Buffer.from(sec1.d ?? "", "base64url")]);
    for (const der of [keys.privateKey, bare]) expect(publicKeyBytes(importPrivateKey(der))).toEqual(keys.publicKey);
  });

  it.each([
    ["nothing", Buffer.alloc(0), "no PKCS #8"],
    ["text", Buffer.from("-----BEGIN PRIVATE KEY-----"), "no PKCS #8"],
    ["a public key", keys.publicKey, "no PKCS #8"],
    ["a key on another curve", newKeys("secp384r1").privateKey, "not on secp256r1"],
    ["a key of another kind", generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" }), "not on secp256r1"],
  ])("is not made of %s", (_name, der, problem) => {
    expect(() => importPrivateKey(der)).toThrow(problem);
  });
});

describe("a public key", () => {
  it("checks what the private key has signed, and nothing else", () => {
    const content = Buffer.from("content");
    const signature = signed(importPrivateKey(keys.privateKey), content);
    const key = importPublicKey(keys.publicKey);
    expect(isSignedBy(key, content, signature)).toBe(true);
    expect(isSignedBy(key, Buffer.from("other"), signature)).toBe(false);
    expect(isSignedBy(importPublicKey(newKeys().publicKey), content, signature)).toBe(false);
    for (const garbage of [Buffer.alloc(0), Buffer.from("garbage"), signature.subarray(0, 20)]) expect(isSignedBy(key, content, garbage)).toBe(false);
  });

  it.each([
    ["nothing", Buffer.alloc(0), "a public key that is none"],
    ["a point off the curve", Buffer.concat([keys.publicKey.subarray(0, 27), Buffer.alloc(64, 1)]), "a public key that is none"],
    ["a key on another curve", newKeys("secp384r1").publicKey, "not on secp256r1"],
  ])("is not made of %s", (_name, der, problem) => {
    expect(() => importPublicKey(der)).toThrow(problem);
  });
});
