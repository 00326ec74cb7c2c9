import { describe, expect, it } from "vitest";
import { newKeyPair } from "../../src/certificates/index.js";
import { simulatedPorts, VirtualClock } from "../../src/ports/simulated/index.js";
import { cleartextSecret, keyCheckValue, ProblemError, recipientOf, type CredentialBody, type SecretContext } from "../../src/smp/index.js";
import { CredentialIntake } from "./credential-intake.js";
import { OwnKeys } from "./own-keys.js";
import { plantedFaults, type PlantName } from "./plants.js";

const key = Buffer.from("0123456789abcdef");
const place = { ep: "ab-1", credentialId: "c1" };
const context: SecretContext = { tenant: "a", ...place, ssid: 101, version: 1, purpose: "sm3-psk" };

function bench(options: { readonly plants?: PlantName[]; readonly lab?: boolean; readonly secretTransport?: "jwe" | "cleartext" } = {}) {
  let drawn = 0;
  const ownKeys = new OwnKeys({ bytes: (length) => Buffer.alloc(length, (drawn += 1)) }, 3);
  const intake = new CredentialIntake({ config: { lab: options.lab ?? true, secretTransport: options.secretTransport ?? "jwe" }, plants: plantedFaults(options.plants ?? []), ownKeys, clock: new VirtualClock() });
  return { intake, ownKeys, take: (body: CredentialBody, ep = "ab-1") => intake.take("a", { ...place, ep }, body) };
}

/** A body whose secret was encrypted for `context`, in its place or in another. */
async function body(intake: CredentialIntake, extra: Partial<CredentialBody> = {}, wrapped: Partial<SecretContext> = {}): Promise<CredentialBody> {
  const recipient = (await recipientOf(await intake.jwks())) ?? expect.fail("no key to encrypt to");
  const secret = await recipient.wrap(key, { ...context, ...wrapped });
  return { version: 1, ssid: 101, mode: "psk", identity: { b64u: "aWQ" }, bits: 128, kcv: keyCheckValue(key, "c1"), secret, sessionPolicy: "close-on-revoke", ...extra };
}

const problem = (staged: Promise<unknown>): Promise<string> =>
  staged.then(
    () => "none",
    (error: unknown) => (error instanceof ProblemError ? `${error.status} ${error.type} ${error.field ?? ""}` : Promise.reject(error instanceof Error ? error : new Error(String(error)))),
  );

describe("a staged credential", () => {
  it("is taken with its key unwrapped, and kept without its secret", async () => {
    const { intake, take } = bench();
    const given = await body(intake);
    const taken = await take(given);
    expect(taken.key).toEqual(key);
    expect(JSON.stringify(taken.body)).not.toContain(given.secret);
    expect(taken.body).not.toHaveProperty("secret");
  });

  it.each([
    ["tenant", { tenant: "b" }],
    ["endpoint", { ep: "ab-2" }],
    ["Short Server ID", { ssid: 102 }],
    ["credential", { credentialId: "c2" }],
    ["version", { version: 2 }],
    ["purpose", { purpose: "sm1-psk" }],
  ] as const)("is refused when its secret belongs to another %s", async (_what, wrapped) => {
    const { intake, take } = bench();
    expect(await problem(take(await body(intake, {}, wrapped)))).toBe("422 context-mismatch /secret");
  });

  it("is refused when its key has another length or check value, or was encrypted to somebody else", async () => {
    const { intake, take } = bench();
    expect(await problem(take(await body(intake, { bits: 256 })))).toBe("422 key-unwrap /secret");
    expect(await problem(take(await body(intake, { kcv: "0011223344556677" })))).toBe("422 key-unwrap /secret");
    expect(await problem(take(await body(bench().intake)))).toBe("422 key-unwrap /secret");
  });

  it("may come in the clear in a laboratory that says so, and nowhere else", async () => {
    const clear = { version: 1, ssid: 101, mode: "psk", identity: { b64u: "aWQ" }, bits: 128, kcv: keyCheckValue(key, "c1"), secret: cleartextSecret(key), sessionPolicy: "close-on-revoke" } as const;
    const lab = bench({ secretTransport: "cleartext" });
    expect((await lab.take(clear)).key).toEqual(key);
    expect(lab.intake.transports).toEqual(["jwe", "cleartext"]);
    expect(await problem(bench().take(clear))).toBe("422 unsupported-mode /secret");
    expect(bench().intake.transports).toEqual(["jwe"]);
  });

  it("may be of mode NoSec in a laboratory only, and of no mode that there is no security for", async () => {
    const nosec: CredentialBody = { version: 1, ssid: 101, mode: "nosec", sessionPolicy: "close-on-revoke" };
    expect((await bench().take(nosec)).key).toBeUndefined();
    expect(await problem(bench({ lab: false }).take(nosec))).toBe("422 unsupported-mode /mode");
    expect(await problem(bench().take({ ...nosec, mode: "est" }))).toBe("422 unsupported-mode /mode");
    expect(bench({ lab: false }).intake.modes).toEqual(["psk", "rpk", "x509"]);
  });

  it("publishes a public key and nothing of the private one", async () => {
    const { intake } = bench();
    const { keys } = await intake.jwks();
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toHaveProperty("d");
    expect(await intake.jwks()).toEqual({ keys });
  });
});

describe("a key that this server made", () => {
  const own = { tenant: "a", ...place, version: 1 };
  const outgoing = { ssid: 101, tenant: "a at the other side", recipient: "cleartext" } as const;

  it("leaves with its order and is known again when it is staged", async () => {
    const { ownKeys, take } = bench();
    const { identity, bits, kcv, secret } = await ownKeys.make(own, outgoing);
    const staged = { version: 1, ssid: 101, mode: "psk", keyOrigin: "server", identity, bits, kcv, sessionPolicy: "close-on-revoke" } as const;
    expect((await take(staged)).key?.toString("base64url")).toBe(secret);
    expect((await take(staged)).key).toBeDefined();
    expect(await problem(take({ ...staged, kcv: "0011223344556677" }))).toBe("422 key-unwrap /kcv");
    expect(await problem(take({ ...staged, identity: { b64u: "aWQ" } }))).toBe("422 key-unwrap /kcv");
    expect(await problem(take({ ...staged, bits: 256 }))).toBe("422 key-unwrap /kcv");
    expect(await problem(take({ ...staged, version: 2 }))).toBe("422 key-unwrap /kcv");
    expect(await problem(take(staged, "ab-2"))).toBe("422 key-unwrap /kcv");
  });

  it("is encrypted to the Bootstrap Server, bound to what it is for", async () => {
    const { ownKeys } = bench();
    const receiver = bench().intake;
    const recipient = (await recipientOf(await receiver.jwks())) ?? expect.fail("no key");
    const { secret } = await ownKeys.make(own, { ...outgoing, recipient });
    const header: unknown = JSON.parse(Buffer.from(secret.split(".")[0] ?? "", "base64url").toString());
    expect(header).toMatchObject({ tenant: "a at the other side", ep: "ab-1", ssid: 101, credentialId: "c1", version: 1, purpose: "sm1-psk" });
  });

  it("has an identity and a key of its own for each version, of the length that was asked for", async () => {
    const { ownKeys } = bench();
    const first = await ownKeys.make(own, outgoing);
    const second = await ownKeys.make({ ...own, version: 2 }, outgoing, 256);
    expect(second.identity).not.toEqual(first.identity);
    expect([first.bits, second.bits, Buffer.from(second.secret, "base64url").length]).toEqual([128, 256, 32]);
  });

  it("is forgotten when there are too many", async () => {
    const { ownKeys } = bench();
    const made = [];
    for (let version = 1; version <= 5; version += 1) made.push(await ownKeys.make({ ...own, version }, outgoing));
    expect(ownKeys.size).toBe(3);
    const [oldest] = made;
    expect(() => ownKeys.find(own, oldest ?? expect.fail("none"))).toThrow(ProblemError);
  });
});

describe("planted faults of the intake", () => {
  it("secret-context-ignored", async () => {
    const { intake, take } = bench({ plants: ["secret-context-ignored"] });
    expect((await take(await body(intake, {}, { ep: "ab-2" }))).key).toEqual(key);
  });

  it("kcv-ignored", async () => {
    const { intake, take } = bench({ plants: ["kcv-ignored"] });
    expect((await take(await body(intake, { kcv: "0011223344556677" }))).key).toEqual(key);
  });

  it("long-keys-refused", async () => {
    const { intake, take } = bench({ plants: ["long-keys-refused"] });
    expect(await problem(take(await body(intake, { bits: 256 })))).toBe("400 schema /bits");
    expect((await take(await body(intake))).key).toEqual(key);
  });

  const { publicKey } = newKeyPair(simulatedPorts("device").secrets);
  const raw: CredentialBody = { version: 1, ssid: 101, mode: "rpk", publicKey: publicKey.toString("base64url"), thumbprint: "A".repeat(43), sessionPolicy: "close-on-revoke" };
  it("thumbprint-ignored", async () => {
    expect(await problem(bench().take(raw))).toBe("400 schema /thumbprint");
    expect(await problem(bench({ plants: ["thumbprint-ignored"] }).take(raw))).toBe("none");
  });
});
