import { describe, expect, it } from "vitest";
import { EPOCH, TestAuthority, serverName } from "../testing/authority.js";
import type { CertificateUsage, ServerTrust } from "../types.js";
import { subjectName, verifyChain, verifyServer } from "./certificates.js";

const DAY = 24 * 3_600_000;
const root = await TestAuthority.create("root");
const middle = await TestAuthority.create("middle", {}, root);
const stranger = await TestAuthority.create("stranger");
const pretender = await TestAuthority.create("pretender", { isAuthority: false }, root);
const short = await TestAuthority.create("short", { from: EPOCH - DAY, until: EPOCH + DAY });
const server = await middle.issue("server", { name: serverName });
const chain = [server.certificate, middle.certificate];
const anchors = [root.certificate];
const at = { anchors, now: EPOCH, purpose: "client" } as const;

describe("a chain", () => {
  it.each([
    ["ends in an anchor", [server.certificate, middle.certificate, root.certificate], anchors],
    ["ends in what an anchor has certified", chain, anchors],
    ["needs no more than the anchor in its middle", chain, [middle.certificate]],
    ["is itself the anchor", [server.certificate], [server.certificate]],
  ])("is taken when it %s", (_name, shown, trusted) => {
    expect(verifyChain(shown, { ...at, anchors: trusted })).toBeUndefined();
  });

  it("is taken when it names the use that it is put to, or none", async () => {
    const any = await root.issue("any", { uses: ["2.5.29.37.0"] });
    for (const purpose of ["client", "server"] as const) expect(verifyChain([any.certificate], { ...at, purpose })).toBeUndefined();
    const named = await root.issue("named", { uses: ["1.3.6.1.5.5.7.3.2"] });
    expect(verifyChain([named.certificate], at)).toBeUndefined();
    expect(verifyChain([named.certificate], { ...at, purpose: "server" })).toMatchObject({ alert: 43, because: 'the certificate of "CN=named" is not for a server' });
  });

  it.each([
    ["is empty", async () => [], 42, "no certificate"],
    ["leads to somebody else", async () => [(await stranger.issue("x")).certificate], 48, "nobody who is trusted"],
    ["leaves out who certified it", async () => [server.certificate], 48, 'nobody who is trusted has certified "CN=server"'],
    ["goes on with a certificate that did not sign", async () => [server.certificate, stranger.certificate, root.certificate], 42, "is not signed by the next in the chain"],
    ["goes through somebody who may not certify", async () => [(await pretender.issue("x")).certificate, pretender.certificate], 42, "is not signed by the next in the chain"],
    ["has expired", async () => [(await root.issue("old", { until: EPOCH - 1_000 })).certificate], 45, 'the certificate of "CN=old" has expired'],
    ["is not valid yet", async () => [(await root.issue("new", { from: EPOCH + DAY })).certificate], 45, 'the certificate of "CN=new" is not valid yet'],
  ] as const)("is refused when it %s", async (_name, shown, alert, because) => {
    const objection = verifyChain(await shown(), at);
    expect(objection?.alert).toBe(alert);
    expect(objection?.because).toContain(because);
  });

  it("is refused when its authority has expired, to the second", async () => {
    const leaf = await short.issue("leaf");
    const until = (now: number) => verifyChain([leaf.certificate], { ...at, anchors: [short.certificate], now });
    expect(until(EPOCH + DAY)).toBeUndefined();
    expect(until(EPOCH + DAY + 1)).toMatchObject({ alert: 45, because: 'the certificate of "CN=short" has expired' });
    expect(until(EPOCH - DAY - 1)).toMatchObject({ alert: 45 });
  });

  it("is refused when one signature in it is wrong", () => {
    const forged = Buffer.from(server.certificate);
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
    expect(verifyChain([forged, middle.certificate], at)).toMatchObject({ alert: 42 });
  });

  it("that holds what is no certificate, wherever it stands, is refused with bad_certificate", () => {
    const garbage = Buffer.from("-----BEGIN CERTIFICATE-----");
    for (const shown of [[garbage], [server.certificate, garbage], [server.certificate, middle.certificate, garbage]]) {
      expect(verifyChain(shown, at)).toEqual({ alert: 42, because: "a certificate that is none" });
    }
  });
});

describe("a server under certificate usage", () => {
  const trust = (usage: CertificateUsage, over: Partial<ServerTrust> = {}): ServerTrust => ({ usage, certificate: middle.certificate, trustStore: anchors, name: serverName, ...over });
  const verdict = (over: ServerTrust, shown: readonly Uint8Array[] = chain) => verifyServer(shown, over, EPOCH);
  const own = { certificate: server.certificate };
  const accepted = { publicKey: expect.objectContaining({ type: "public" }) as unknown };

  it.each([0, 2] as const)("%i is taken when the authority of the account is in its path", (usage) => {
    expect(verdict(trust(usage))).toEqual(accepted);
    expect(verdict(trust(usage, { certificate: stranger.certificate }))).toMatchObject({ alert: 48 });
  });

  it("0 has to lead to the trust store as well, and 2 does not", () => {
    expect(verdict(trust(0, { trustStore: [stranger.certificate] }))).toMatchObject({ alert: 48 });
    expect(verdict(trust(0, { trustStore: [] }))).toMatchObject({ alert: 48 });
    expect(verdict(trust(2, { trustStore: [] }))).toEqual(accepted);
  });

  it("0 is taken when the authority of the account has certified an anchor below it, and when it is the server's own certificate", () => {
    expect(verdict(trust(0, { certificate: root.certificate, trustStore: [middle.certificate, root.certificate] }))).toEqual(accepted);
    expect(verdict(trust(0, { ...own, name: "other.example.com" }))).toEqual(accepted);
    expect(verdict(trust(0, { certificate: stranger.certificate, trustStore: [middle.certificate] }))).toMatchObject({ alert: 48 });
  });

  it.each([0, 2] as const)("%i has to have the name that was asked for", async (usage) => {
    expect(verdict(trust(usage, { name: "server-fail.example.com" }))).toMatchObject({ alert: 42, because: "the server's certificate is not for server-fail.example.com" });
    expect(verdict(trust(usage, { name: "127.0.0.1" }))).toMatchObject({ alert: 42 });
    const numbered = await middle.issue("server", { name: "127.0.0.1" });
    expect(verdict(trust(usage, { name: "127.0.0.1" }), [numbered.certificate, middle.certificate])).toEqual(accepted);
    const nameless = await middle.issue(serverName);
    expect(verdict(trust(usage), [nameless.certificate, middle.certificate])).toEqual(accepted);
  });

  it.each([1, 3] as const)("%i has to be the very certificate of the account, under whatever name", (usage) => {
    expect(verdict(trust(usage, { ...own, name: "other.example.com" }))).toEqual(accepted);
    expect(verdict(trust(usage))).toMatchObject({ alert: 42, because: "the server's certificate is not the one of the account" });
  });

  it("1 has to lead to the trust store, and 3 does not, even when it has expired", async () => {
    const old = await stranger.issue("old", { until: EPOCH - 1_000 });
    expect(verdict(trust(1, { certificate: old.certificate }), [old.certificate])).toMatchObject({ alert: 45 });
    expect(verdict(trust(1, { ...own, trustStore: [stranger.certificate] }))).toMatchObject({ alert: 48 });
    expect(verdict(trust(3, { certificate: old.certificate }), [old.certificate])).toEqual(accepted);
  });

  it("2 is taken without a name when the certificate of the account is its own", () => {
    expect(verdict(trust(2, { ...own, name: "other.example.com" }), [server.certificate])).toEqual(accepted);
  });

  it("shows no certificate, or one on another curve: both are refused", async () => {
    expect(verdict(trust(3, own), [])).toMatchObject({ alert: 42, because: "the server shows no certificate" });
    const other = await root.issue("other", { curve: "P-384" });
    expect(() => verdict(trust(3, { certificate: other.certificate }), [other.certificate])).toThrow("not on secp256r1");
  });
});

describe("the name of a certificate", () => {
  it.each(["device-1", "urn:dev:os:1,2", "a+b", "back\\\\slash"])("is the common name of its subject as it was given: %s", async (name) => {
    const { certificate } = await root.issue(name.replaceAll(/([,+\\])/g, "\\$1"));
    expect(subjectName(certificate)).toBe(name);
  });
});
