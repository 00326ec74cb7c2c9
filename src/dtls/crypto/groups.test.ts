import { describe, expect, it } from "vitest";
import { groups, groupsNamed } from "./groups.js";

describe.each(groups)("$name", (group) => {
  it("gives both ends one secret of 32 bytes, and another each time", () => {
    const [one, other, third] = [group.newShare(), group.newShare(), group.newShare()];
    const secret = one.agree(other.publicKey);
    expect(secret).toHaveLength(32);
    expect(other.agree(one.publicKey)).toEqual(secret);
    expect(third.agree(other.publicKey)).not.toEqual(secret);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["too few bytes", Buffer.alloc(16, 4)],
    ["too many bytes", Buffer.alloc(66, 4)],
  ])("takes %s for no point", (_name, bytes) => {
    expect(() => group.newShare().agree(bytes)).toThrow("no point of its curve");
  });
});

describe("secp256r1", () => {
  const [group] = groupsNamed(["secp256r1"]);

  it("has points in one form, of 65 bytes with a four in front", () => {
    const share = group?.newShare().publicKey ?? Buffer.alloc(0);
    expect([share.length, share[0]]).toEqual([65, 4]);
    const compressed = Buffer.concat([Buffer.from([2 + ((share[64] ?? 0) & 1)]), share.subarray(1, 33)]);
    expect(() => group?.newShare().agree(compressed)).toThrow("no point of its curve");
  });

  it("has no point off the curve and none at infinity", () => {
    expect(() => group?.newShare().agree(Buffer.alloc(65, 4))).toThrow("no point of its curve");
    expect(() => group?.newShare().agree(Buffer.concat([Buffer.from([4]), Buffer.alloc(64)]))).toThrow("no point of its curve");
  });
});

it("x25519 refuses a share that makes a secret of zeros", () => {
  const [group] = groupsNamed(["x25519"]);
  for (const small of [Buffer.alloc(32), Buffer.from(`01${"00".repeat(31)}`, "hex")]) expect(() => group?.newShare().agree(small)).toThrow("no point of its curve");
});
