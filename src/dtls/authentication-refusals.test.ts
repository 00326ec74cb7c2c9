import { createHash, createPrivateKey, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CertificateType, ExtensionType, writeNumbers16, writeNumbers8 } from "./codec/extensions.js";
import { HandshakeType } from "./codec/handshake.js";
import { writeCertificate } from "./codec/certificate-messages.js";
import { EPOCH, identities, newKeys, serverName, TestAuthority } from "./testing/authority.js";
import { altering, put } from "./testing/faults.js";
import { alertsIn, helloOf, messagesIn } from "./testing/handmade.js";
import { connected, converse, StagedClient, StagedServer } from "./testing/staged.js";
import type { ClientCredential, ClientSettings, CloseReason, DtlsFaults, ServerSettings } from "./types.js";

const made = await identities();
const { keys, rpk, x509, authority, device } = made;
const elsewhere = await TestAuthority.create("elsewhere");

interface Meeting {
  readonly credential?: ClientCredential;
  readonly client?: ClientSettings;
  readonly server?: ServerSettings;
}

function meet({ credential = x509(), client: settings, server: more }: Meeting): { readonly client: StagedClient; readonly server: StagedServer } {
  const server = new StagedServer({ keys, ...more });
  const client = new StagedClient(settings, server.ports, credential);
  converse(client, server, client.start());
  return { client, server };
}
const sent = (description: number, because: string): unknown => ({ why: "alert-sent", alert: { level: 2, description }, because: expect.stringContaining(because) as unknown });
const received = (description: number): CloseReason => ({ why: "alert-received", alert: { level: 2, description } });

/** One end gives up with this alert, the other hears it, and neither has a session or a timer left. */
function expectRefusal(by: "client" | "server", meeting: Meeting, description: number, because: string): void {
  const { client, server } = meet(meeting);
  const [failed] = server.failed;
  expect(client.closed).toEqual([by === "client" ? sent(description, because) : received(description)]);
  expect(failed?.reason).toEqual(by === "server" ? sent(description, because) : received(description));
  expect(client.connectedAs).toBeUndefined();
  expect(server.sessions).toEqual([]);
  expect(server.ports.clock.pending()).toEqual([]);
}

const showing = (...certificates: readonly Uint8Array[]): DtlsFaults => altering(HandshakeType.certificate, () => writeCertificate(certificates, CertificateType.x509));
const server = (faults: DtlsFaults): Meeting => ({ server: { faults } });
const client = (faults: DtlsFaults): Meeting => ({ client: { faults } });
const isBuffer = (value: unknown): value is { readonly data: number[] } => typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
const another = newKeys();
const p384 = newKeys("secp384r1");

describe("a client refuses a server that", () => {
  const old = authority.issue("old", { name: serverName, until: EPOCH - 1_000, keys: made.server });
  const early = authority.issue("early", { name: serverName, from: EPOCH + 3_600_000, keys: made.server });

  it.each([
    ["has another raw public key than the account", { credential: { ...rpk, serverPublicKey: another.publicKey } }, 42, "not the one of the account"],
    ["shows a raw public key in the form of one where certificates are agreed on", server(altering(HandshakeType.certificate, () => writeCertificate([another.publicKey], CertificateType.rawPublicKey))), 50, "certificate: "],
    ["shows a raw public key as a certificate where certificates are agreed on", server(showing(made.server.publicKey)), 42, "a certificate that is none"],
    ["shows nothing", server(showing()), 42, "the server shows no certificate"],
    ["has a certificate of somebody else's", server(showing(device.certificate)), 42, "not for server.example.com"],
    ["does not ask who the client is", server({ skipCertificateRequest: true }), 40, "does not ask who the client is"],
    ["asks for a certificate of another kind", server(altering(HandshakeType.certificateRequest, put(1, 1))), 40, "a certificate of another kind"],
    ["signs with an algorithm that was not offered", server(altering(HandshakeType.serverKeyExchange, put(69, 0x05, 0x03))), 47, "signs with algorithm 0x503"],
    ["chooses another curve than it has signed", server(altering(HandshakeType.serverKeyExchange, put(1, 0, 24))), 51, "the signature of the server's key exchange is wrong"],
    ["has a curve in numbers", server(altering(HandshakeType.serverKeyExchange, put(0, 1))), 40, "curve type 1"],
  ] as const satisfies readonly (readonly [string, Meeting, number, string])[])("%s", (_name, meeting, alert, because) => expectRefusal("client", meeting, alert, because));

  it("has expired, or is not valid yet, on the day of the clock", async () => {
    expectRefusal("client", server(showing((await old).certificate)), 45, "has expired");
    expectRefusal("client", server(showing((await early).certificate)), 45, "is not valid yet");
  });

  it("is certified by nobody whom it knows", () => {
    const trusting = x509();
    expectRefusal("client", { credential: { ...trusting, server: { ...trusting.server, certificate: elsewhere.certificate } } }, 48, "nobody who is trusted");
  });

  it("has another name than the one that was asked for", () => {
    const trusting = x509();
    expectRefusal("client", { credential: { ...trusting, server: { ...trusting.server, name: "server-fail.example.com" } } }, 42, "not for server-fail.example.com");
  });

  it("shows the certificate of the account without its private key", async () => {
    const own = await elsewhere.issue("impostor", { keys: another });
    const impostor = new StagedServer({ keys: { privateKey: another.privateKey, chain: [own.certificate] }, faults: showing(made.server.certificate) });
    const client = new StagedClient({}, impostor.ports, x509(3));
    converse(client, impostor, client.start());
    expect(client.closed).toEqual([sent(51, "the signature of the server's key exchange is wrong")]);
  });

  it("shows the right key and signs with another", () => {
    const impostor = new StagedServer({ keys: { privateKey: another.privateKey }, faults: altering(HandshakeType.certificate, () => writeCertificate([made.server.publicKey], CertificateType.rawPublicKey)) });
    const client = new StagedClient({}, impostor.ports, rpk);
    converse(client, impostor, client.start());
    expect(client.closed).toEqual([sent(51, "the signature of the server's key exchange is wrong")]);
  });
});

describe("a server refuses a client that", () => {
  const stolen: ClientCredential = { ...x509(), privateKey: another.privateKey };

  it.each([
    ["shows nothing", client(showing()), 40, "no certificate"],
    ["shows what is no certificate", client(showing(Buffer.from("-----BEGIN CERTIFICATE-----"))), 42, "a certificate that is none"],
    ["shows a certificate whose private key it does not hold", { credential: stolen }, 51, "does not hold the private key"],
    ["shows a raw public key whose private key it does not hold", { credential: { ...rpk, privateKey: another.privateKey } }, 51, "does not hold the private key"],
    ["shows a raw public key where certificates are agreed on", client(showing(p384.publicKey)), 42, "a certificate that is none"],
    ["signs with an algorithm that was not asked for", client(altering(HandshakeType.certificateVerify, put(0, 5))), 47, "signs with algorithm 0x503"],
    ["has a share that is no point", client(altering(HandshakeType.clientKeyExchange, put(1, 5))), 47, "no point of its curve"],
  ] as const satisfies readonly (readonly [string, Meeting, number, string])[])("%s", (_name, meeting, alert, because) => expectRefusal("server", meeting, alert, because));

  it("has a raw public key on another curve where raw public keys are agreed on", () => {
    expectRefusal("server", { credential: rpk, ...client(altering(HandshakeType.certificate, () => writeCertificate([p384.publicKey], CertificateType.rawPublicKey))) }, 43, "not on secp256r1");
  });

  it.each([42, 45, 46, 48, 49] as const)("its owner refuses with alert %i", (refuse) => {
    const server = new StagedServer({ keys });
    server.findPeer = () => ({ refuse });
    const client = new StagedClient({}, server.ports, x509());
    converse(client, server, client.start());
    expect(client.closed).toEqual([received(refuse)]);
    expect(server.failed).toMatchObject([{ reason: { why: "alert-sent" } }]);
  });

  it("its owner refuses in silence, or too late, or with an error", async () => {
    for (const [answer, why] of [
      [() => ({ refuse: "silence" as const }), []],
      [() => Promise.reject(new Error("the directory is down")), [received(80)]],
    ] as const) {
      const server = new StagedServer({ keys });
      server.findPeer = answer;
      const client = new StagedClient({}, server.ports, rpk);
      converse(client, server, client.start());
      await server.ports.clock.advance(1);
      client.hear(server.sent.slice(-1));
      expect(client.closed).toEqual(why);
      expect(server.sessions).toEqual([]);
    }
  });
});

describe("a server without a match", () => {
  const ecdsa = [0xc0ae];
  const hello = (extensions: readonly (readonly [number, Uint8Array])[]) => helloOf({ suites: ecdsa, extensions: new Map(extensions) });
  const groups = [ExtensionType.supportedGroups, writeNumbers16([23])] as const;

  it.each([
    ["of suites when it has no keys", undefined, [groups], 40],
    ["of curves", keys, [[ExtensionType.supportedGroups, writeNumbers16([24, 25])]], 40],
    ["of curves for its own key", keys, [[ExtensionType.supportedGroups, writeNumbers16([29])]], 40],
    ["of signature algorithms", keys, [groups, [ExtensionType.signatureAlgorithms, writeNumbers16([0x0401])]], 40],
    ["of certificate types", keys, [groups, [ExtensionType.serverCertificateType, writeNumbers8([1])]], 43],
    ["of certificate types for the client", keys, [groups, [ExtensionType.clientCertificateType, writeNumbers8([1])]], 43],
    ["of certificate types, since it has a raw public key only", { privateKey: keys.privateKey }, [groups], 43],
  ] as const)("%s says so", (_name, own, extensions, alert) => {
    const server = new StagedServer(own === undefined ? {} : { keys: own });
    const answer = server.greet(hello(extensions));
    expect(alertsIn(...answer)).toEqual([`2 ${alert}`]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
  });

  it("takes no client that lists point formats without the uncompressed one (RFC 8422 §5.1.2)", () => {
    for (const [bytes, alert] of [["0101", 47], ["00", 50], ["02", 50]] as const) {
      const server = new StagedServer({ keys });
      expect(alertsIn(...server.greet(hello([groups, [ExtensionType.ecPointFormats, Buffer.from(bytes, "hex")]])))).toEqual([`2 ${alert}`]);
    }
    expect(messagesIn(...new StagedServer({ keys }).greet(hello([groups, [ExtensionType.ecPointFormats, Buffer.from("020100", "hex")]]))).map(({ type }) => type)).toContain(HandshakeType.serverKeyExchange);
  });

  it("answers a client that names neither curve nor algorithm, as small ones do", () => {
    const server = new StagedServer({ keys });
    expect(messagesIn(...server.greet(hello([]))).map(({ type }) => type)).toContain(HandshakeType.serverKeyExchange);
  });
});

describe("what cannot be used is refused before anything is sent:", () => {
  const clientOf = (credential: ClientCredential, settings: ClientSettings = {}) => () => new StagedClient(settings, undefined, credential);

  it.each([
    ["a suite that does not go with the credential", clientOf(rpk, { suites: ["TLS_PSK_WITH_AES_128_CCM_8"] }), "TLS_PSK_WITH_AES_128_CCM_8 does not go with a credential of mode rpk"],
    ["a suite with certificates for a PSK", () => new StagedClient({ suites: ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"] }), "does not go with a credential of mode psk"],
    ["curves without that of public keys", clientOf(rpk, { groups: ["x25519"] }), "groups has to name secp256r1 too"],
    ["an authority that is none", clientOf({ ...x509(), server: { ...x509().server, certificate: Buffer.from("PEM") } }), "a certificate to be trusted is none in DER"],
    ["a client's private key that is none", clientOf({ ...rpk, privateKey: Buffer.from("secret") }), "the private key is no PKCS #8 in DER"],
    ["a server's private key that is none", () => new StagedServer({ keys: { privateKey: Buffer.from("PEM") } }), "no PKCS #8 in DER"],
    ["a server's certificate for another key", () => new StagedServer({ keys: { privateKey: another.privateKey, chain: [made.server.certificate] } }), "is not for its private key"],
    ["a record size limit out of bounds", () => new StagedServer({ recordSizeLimit: 63 }), "recordSizeLimit 63 is not between 64 and 16384"],
  ])("%s", (_name, make, problem) => {
    expect(make).toThrow(problem);
  });

});

describe("a session with certificates", () => {
  it("is resumed without any certificate, as the same client", () => {
    const { client, server } = connected({ server: { keys }, credential: x509() });
    const resume = client.connectedAs?.resumption;
    if (resume === undefined) throw new Error("nothing to resume");
    const again = new StagedClient({ resume }, server.ports, x509());
    converse(again, server, again.start());
    expect(again.connectedAs).toMatchObject({ resumed: true, identity: { mode: "x509", bytes: device.certificate } });
    expect(server.sessions.at(-1)?.info).toMatchObject({ resumed: true, identity: { mode: "x509", bytes: device.certificate } });
    expect(server.claims).toHaveLength(1);
  });

  it("is revoked by whoever it belongs to", () => {
    const { client, server } = connected({ server: { keys }, credential: rpk });
    const thumbprint = createHash("sha256").update(device.publicKey).digest("hex");
    expect(server.server.revoke(({ mode, bytes }) => mode === "rpk" && createHash("sha256").update(bytes).digest("hex") === thumbprint, 49)).toBe(1);
    client.hear(server.sent.slice(-1));
    expect(client.closed).toEqual([received(49)]);
  });

  it("shows no private key in what a handshake keeps or says", () => {
    const { client, server } = connected({ server: { keys }, credential: x509() });
    const wire = Buffer.concat([...client.sent, ...server.sent]);
    const shown = (form: BufferEncoding): string =>
      JSON.stringify([client.connectedAs, server.sessions[0]?.info, client.client, server.server.counters], (_key, value: unknown) => (isBuffer(value) ? Buffer.from(value.data).toString(form) : value));
    expect(shown("hex")).toContain(device.certificate.toString("hex"));
    for (const key of [device.privateKey, made.server.privateKey]) {
      const secret = Buffer.from(createPrivateKey({ key, format: "der", type: "pkcs8" }).export({ format: "jwk" }).d ?? "", "base64url");
      expect(wire.includes(secret)).toBe(false);
for (const form of ["hex", "base64", "latin1"] as const) expect(shown(form).includes(secret.toString(form))).toBe(false);
    }
    expect(sign("sha256", wire, { key: device.privateKey, format: "der", type: "pkcs8" }).length).toBeGreaterThan(64);
  });
});
