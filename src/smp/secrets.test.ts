import { createHmac } from "node:crypto";
import { CompactEncrypt, compactDecrypt, generateKeyPair, importJWK } from "jose";
import { describe, expect, it } from "vitest";
import { redact } from "./redact.js";
import { keyCheckValue } from "./key-check-value.js";
import { cleartextSecret, isEncrypted, recipientOf, type SecretContext, SecretKeys, takeSecret } from "./secrets.js";

const context: SecretContext = { tenant: "b", ep: "urn:imei:1/ä?", ssid: 201, credentialId: "cr-9", version: 2, purpose: "sm3-psk" };
const secret = Buffer.from("canary-key-16-by");

async function wrapped(of = context, key: Uint8Array = secret, keys?: SecretKeys): Promise<{ keys: SecretKeys; jwe: string }> {
  const own = keys ?? (await SecretKeys.create("k1"));
  const recipient = await recipientOf(own.set);
  return { keys: own, jwe: await recipient!.wrap(key, of) };
}

const header = (jwe: string): Record<string, unknown> => JSON.parse(Buffer.from(jwe.split(".")[0]!, "base64url").toString()) as Record<string, unknown>;

describe("a secret on its way", () => {
  it("is a compact JWE whose protected header says what it belongs to, and to whose key it is", async () => {
    const { jwe } = await wrapped();
    expect(jwe.split(".")).toHaveLength(5);
    expect(header(jwe)).toMatchObject({ alg: "ECDH-ES+A256KW", enc: "A256GCM", kid: "k1", ...context });
    expect(jwe).not.toContain(secret.toString("base64url"));
  });

  it("comes out as it went in, for keys of 16 to 64 bytes", async () => {
    const keys = await SecretKeys.create();
    for (const length of [16, 17, 32, 64]) {
      const key = Buffer.alloc(length, length);
      const { jwe } = await wrapped(context, key, keys);
      expect(await keys.unwrap(jwe, context)).toEqual(key);
    }
  });

  it("looks different each time it is wrapped", async () => {
    const { keys, jwe } = await wrapped();
    expect((await wrapped(context, secret, keys)).jwe).not.toBe(jwe);
  });

  it.each([
    ["tenant", { tenant: "a" }],
    ["ep", { ep: "urn:imei:2" }],
    ["ssid", { ssid: 202 }],
    ["credentialId", { credentialId: "cr-8" }],
    ["version", { version: 3 }],
    ["purpose", { purpose: "sm1-psk" }],
  ] as const)("is refused with context-mismatch where its %s is another", async (name, other) => {
    const { keys, jwe } = await wrapped({ ...context, ...other });
    await expect(keys.unwrap(jwe, context)).rejects.toMatchObject({ type: "context-mismatch", status: 422, field: "/secret", detail: expect.stringContaining(name) as string });
  });

  it("is refused with context-mismatch where the header lacks a member, or has a number as text", async () => {
    const keys = await SecretKeys.create();
    const key = await importJWK(keys.set.keys[0]!, "ECDH-ES+A256KW");
    const sealed = (members: object): Promise<string> => new CompactEncrypt(secret).setProtectedHeader({ alg: "ECDH-ES+A256KW", enc: "A256GCM", kid: "1", ...members }).encrypt(key);
    await expect(keys.unwrap(await sealed({ ...context, version: "2" }), context)).rejects.toMatchObject({ type: "context-mismatch" });
    await expect(keys.unwrap(await sealed({}), context)).rejects.toMatchObject({ type: "context-mismatch", detail: "the protected header of the secret has no tenant" });
  });

  it("is refused with key-unwrap when it was changed on the way, in each of its parts", async () => {
    const { keys, jwe } = await wrapped();
    const parts = jwe.split(".");
    for (let at = 0; at < parts.length; at += 1) {
      const changed = parts.map((part, index) => (index === at ? `${part.startsWith("A") ? "B" : "A"}${part.slice(1)}` : part)).join(".");
      await expect(keys.unwrap(changed, context), `part ${at}`).rejects.toMatchObject({ type: "key-unwrap", status: 422 });
    }
  });

  it("is refused with key-unwrap for no JWE at all, for another receiver's key, and for other algorithms", async () => {
    const { keys, jwe } = await wrapped();
    const stranger = await SecretKeys.create("k1");
    for (const text of ["", "a.b.c.d.e", "....", "eyJ9....", jwe.slice(0, -4)]) await expect(keys.unwrap(text, context), text.slice(0, 9)).rejects.toMatchObject({ type: "key-unwrap" });
    await expect(stranger.unwrap(jwe, context)).rejects.toMatchObject({ type: "key-unwrap" });
    const key = await importJWK(keys.set.keys[0]!, "ECDH-ES");
    for (const [alg, enc] of [["ECDH-ES", "A256GCM"], ["ECDH-ES+A256KW", "A128GCM"], ["ECDH-ES+A128KW", "A256GCM"]] as const) {
      const other = await new CompactEncrypt(secret).setProtectedHeader({ alg, enc, kid: "k1", ...context }).encrypt(key);
      await expect(keys.unwrap(other, context), alg).rejects.toMatchObject({ type: "key-unwrap", detail: "alg must be ECDH-ES+A256KW and enc A256GCM" });
    }
  });

  it("never tells the key in a refusal", async () => {
    const { keys, jwe } = await wrapped();
    const refused = await takeSecret({ secret: jwe, bits: 128, kcv: "0000000000000000" }, context, keys, ["jwe"]).catch((error: unknown) => error);
    expect(JSON.stringify(refused)).not.toContain(secret.toString("base64url"));
    expect(String(refused)).toBe("ProblemError: key-unwrap (/secret): the key does not come to the kcv");
  });
});

describe("the keys of a receiver", () => {
  it("are published without their private members", async () => {
    const { set } = await SecretKeys.create("2026-11");
    expect(set.keys).toHaveLength(1);
    expect(Object.keys(set.keys[0]!).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
    expect(set.keys[0]).toMatchObject({ kty: "EC", crv: "P-256", kid: "2026-11", use: "enc", alg: "ECDH-ES+A256KW" });
  });

  it("roll: the new one comes first and is used, the old one still decrypts, until it is forgotten", async () => {
    const { keys, jwe } = await wrapped();
    await keys.roll("k2");
    expect(keys.set.keys.map(({ kid }) => kid)).toEqual(["k2", "k1"]);
    expect(header((await wrapped(context, secret, keys)).jwe)["kid"]).toBe("k2");
    expect(await keys.unwrap(jwe, context)).toEqual(secret);
    for (const kid of ["k3", "k4", "k5"]) await keys.roll(kid);
    await expect(keys.unwrap(jwe, context)).rejects.toMatchObject({ type: "key-unwrap", detail: "kid names no key of this server; read its jwks again" });
  });

  it("are passed over by a sender where they are none of its curve", async () => {
    const { set } = await SecretKeys.create("good");
    const bad = { ...set.keys[0]!, kid: "bad", x: "AAAA" };
    expect((await recipientOf({ keys: [bad, ...set.keys] }))?.kid).toBe("good");
    expect(await recipientOf({ keys: [bad] })).toBeUndefined();
    expect(await recipientOf({ keys: [] })).toBeUndefined();
  });

  it("decrypt what another JOSE would, and what they encrypt is decrypted by it", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ECDH-ES+A256KW", { extractable: true });
    const recipient = await recipientOf({ keys: [{ ...(await import("jose").then(({ exportJWK }) => exportJWK(publicKey))), kty: "EC", crv: "P-256", kid: "x", alg: "ECDH-ES+A256KW" } as never] });
    expect(Buffer.from((await compactDecrypt(await recipient!.wrap(secret, context), privateKey)).plaintext)).toEqual(secret);
  });
});

describe("a key check value", () => {
  it("is the first 8 bytes of HMAC-SHA-256 under the key over SMP-KCV and the credential id", async () => {
    const expected = createHmac("sha256", secret).update("SMP-KCVcr-9").digest("hex").slice(0, 16);
    expect(keyCheckValue(secret, "cr-9")).toBe(expected);
    expect(keyCheckValue(secret, "cr-8")).not.toBe(expected);
  });
});

describe("a receiver that takes a secret", () => {
  const given = async (jwe: string): Promise<{ secret: string; bits: number; kcv: string }> => ({ secret: jwe, bits: 128, kcv: keyCheckValue(secret, "cr-9") });

  it("gives the key when all of it fits", async () => {
    const { keys, jwe } = await wrapped();
    expect(await takeSecret(await given(jwe), context, keys, ["jwe"])).toEqual(secret);
  });

  it("refuses a length that bits does not say, and a key that does not come to the kcv", async () => {
    const { keys, jwe } = await wrapped();
    await expect(takeSecret({ ...(await given(jwe)), bits: 256 }, context, keys, ["jwe"])).rejects.toMatchObject({ type: "key-unwrap", detail: "the key has 128 bits and not 256" });
    await expect(takeSecret({ ...(await given(jwe)), kcv: "6f1c0a9be2d40c11" }, context, keys, ["jwe"])).rejects.toMatchObject({ type: "key-unwrap", detail: "the key does not come to the kcv" });
  });

  it("takes the key in the clear where its configuration says so, and nowhere else", async () => {
    const keys = await SecretKeys.create();
    const clear = await given(cleartextSecret(secret));
    expect(isEncrypted(clear.secret)).toBe(false);
    expect(await takeSecret(clear, context, keys, ["cleartext"])).toEqual(secret);
    await expect(takeSecret(clear, context, keys, ["jwe"], "/items/3/credential/secret")).rejects.toMatchObject({ type: "unsupported-mode", field: "/items/3/credential/secret" });
    await expect(takeSecret(await given((await wrapped()).jwe), context, keys, ["cleartext"])).rejects.toMatchObject({ type: "unsupported-mode" });
  });
});

describe("a body in a trace", () => {
  it("shows whether a secret was encrypted, and neither the secret nor the JWE", async () => {
    const { jwe } = await wrapped();
    expect(redact({ secret: jwe, version: 2 })).toEqual({ secret: "(jwe)", version: 2 });
    expect(redact({ secret: cleartextSecret(secret) })).toEqual({ secret: "(secret)" });
    expect(redact({ items: [{ credential: { secret: jwe } }] })).toEqual({ items: [{ credential: { secret: "(jwe)" } }] });
  });

  it("shows no JWE under any other name, nor inside a text", async () => {
    const { jwe } = await wrapped();
    expect(redact({ note: jwe })).toEqual({ note: "(jwe)" });
    expect(redact(`not json: ${jwe}!`)).toBe("not json: (jwe)!");
  });

  it("hides keys under the names that people give them, and the private members of a JWK only", () => {
    expect(redact({ key: "x", psk: 1, SecretKey: [1], token: null })).toEqual({ key: "(secret)", psk: "(secret)", SecretKey: "(secret)", token: "(secret)" });
    expect(redact({ keys: [{ kty: "EC", x: "1", d: "2" }], d: 3, k: 4 })).toEqual({ keys: [{ kty: "EC", x: "1", d: "(secret)" }], d: 3, k: 4 });
  });
});
