import { describe, expect, it } from "vitest";
import { identityBytes, identityOf } from "./identity.js";
import { validRequest } from "./validation.js";

const stage = (identity: object) => () =>
  validRequest("stageCredential", { path: { ep: "ab-1", credentialId: "cr-1" }, body: { version: 1, ssid: 201, mode: "psk", identity, bits: 128, kcv: "6f1c0a9be2d40c11", secret: "AAECAwQFBgcICQoLDA0ODw" } });

describe("an identity", () => {
  it.each([
    ["one byte", Buffer.from("i")],
    ["128 bytes", Buffer.alloc(128, "x")],
    ["128 bytes of two-byte characters", Buffer.from("é".repeat(64))],
    ["bytes that are no UTF-8", Buffer.from([0xff, 0xfe])],
    ["a zero byte", Buffer.from([0])],
    ["a byte order mark", Buffer.from([0xef, 0xbb, 0xbf, 0x61])],
  ])("of %s travels and comes back", (_what, bytes) => {
    const identity = identityOf(bytes);
    expect(stage(identity)).not.toThrow();
    expect(identityBytes(identity)).toEqual(bytes);
  });

  it("has a text where its bytes are one that may be shown", () => {
    expect(identityOf(Buffer.from("urn:imei:1/v2"))).toEqual({ b64u: "dXJuOmltZWk6MS92Mg", utf8: "urn:imei:1/v2" });
    expect(identityOf(Buffer.from([0xff]))).toEqual({ b64u: "_w" });
    expect(identityOf(Buffer.from("a\n"))).toEqual({ b64u: "YQo" });
  });
});
