import { createCipheriv, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ContentType, RECORD_HEADER_LENGTH, writePlainRecord } from "./codec/record.js";
import { CbcProtection, EncryptThenMacProtection } from "./crypto/cbc.js";
import { AeadProtection } from "./crypto/aead.js";
import { additionalData } from "./crypto/protection.js";
import { summarizeDatagram } from "./summary.js";
import { connected, converse, StagedClient, StagedServer } from "./testing/staged.js";
import { Tap } from "./testing/tap.js";
import { withoutEncryptThenMac } from "./testing/faults.js";
import type { ClientSettings } from "./types.js";

/** Ahead of what the client has sent, by less than the replay window. */
const SEQUENCE = 40;
const iv = Buffer.alloc(16, 3);

/** A record of this content in whole blocks, the MAC behind it when it is encrypt-then-MAC, else the caller's business. */
function blockRecord(tap: Tap, content: Buffer): Buffer {
  const protection = tap.keys.client;
  if (!(protection instanceof CbcProtection || protection instanceof EncryptThenMacProtection)) throw new Error("no CBC");
  const cipher = createCipheriv("aes-128-cbc", protection.keys.key, iv);
  cipher.setAutoPadding(false);
  const fragment = Buffer.concat([iv, cipher.update(content)]);
  if (protection instanceof CbcProtection) return writePlainRecord(ContentType.applicationData, 1, SEQUENCE, fragment);
  const mac = createHmac("sha256", protection.keys.macKey).update(additionalData(ContentType.applicationData, 1, SEQUENCE, 0xfefd, fragment.length)).update(fragment).digest();
  return writePlainRecord(ContentType.applicationData, 1, SEQUENCE, Buffer.concat([fragment, mac]));
}

/** `plaintext` and its MAC under MAC-then-encrypt, the plaintext alone under encrypt-then-MAC; without padding. */
function authenticated(tap: Tap, plaintext: Buffer): Buffer {
  const protection = tap.keys.client;
  if (!(protection instanceof CbcProtection)) return plaintext;
  const mac = createHmac("sha256", protection.keys.macKey).update(additionalData(ContentType.applicationData, 1, SEQUENCE, 0xfefd, plaintext.length)).update(plaintext).digest();
  return Buffer.concat([plaintext, mac]);
}

const flipped = (record: Buffer, at: number): Buffer => {
  const copy = Buffer.from(record);
  const index = at < 0 ? copy.length + at : at;
  copy.writeUInt8(copy.readUInt8(index) ^ 1, index);
  return copy;
};
const good = (tap: Tap): Buffer => tap.seal("client", ContentType.applicationData, Buffer.alloc(40, 0x61), SEQUENCE);
const cut = (record: Buffer, by: number): Buffer => writePlainRecord(ContentType.applicationData, 1, SEQUENCE, record.subarray(RECORD_HEADER_LENGTH, record.length - by));

type Bad = readonly [name: string, make: (tap: Tap) => Buffer];
const everywhere: readonly Bad[] = [
  ["last byte of the MAC or tag wrong", (tap) => flipped(good(tap), -1)],
  ["first byte of the content wrong", (tap) => flipped(good(tap), RECORD_HEADER_LENGTH + 16)],
  ["nonce or IV wrong", (tap) => flipped(good(tap), RECORD_HEADER_LENGTH)],
  ["one byte short", (tap) => cut(good(tap), 1)],
  ["one block short", (tap) => cut(good(tap), 16)],
  ["nothing in it", () => writePlainRecord(ContentType.applicationData, 1, SEQUENCE, Buffer.alloc(0))],
  ["too short for a MAC", () => writePlainRecord(ContentType.applicationData, 1, SEQUENCE, Buffer.alloc(15))],
  ["noise", () => writePlainRecord(ContentType.applicationData, 1, SEQUENCE, Buffer.alloc(96, 0x5a))],
  ["sealed by the wrong end", (tap) => tap.seal("server", ContentType.applicationData, Buffer.alloc(40), SEQUENCE)],
  ["sealed as another type", (tap) => flipped(tap.seal("client", ContentType.handshake, Buffer.alloc(40), SEQUENCE), 0)],
  ["sealed under another number", (tap) => flipped(good(tap), 10)],
];
const blocks: readonly Bad[] = [
  ["padding wrong in its first byte", (tap) => blockRecord(tap, Buffer.concat([authenticated(tap, Buffer.alloc(24)), Buffer.from("0607070707070707", "hex")]))],
  ["padding wrong in its last byte", (tap) => blockRecord(tap, Buffer.concat([authenticated(tap, Buffer.alloc(24)), Buffer.from("0707070707070708", "hex")]))],
  ["padding longer than the record", (tap) => blockRecord(tap, Buffer.alloc(64, 255))],
  ["padding wrong and MAC wrong", (tap) => flipped(blockRecord(tap, Buffer.concat([authenticated(tap, Buffer.alloc(24)), Buffer.alloc(8, 9)])), RECORD_HEADER_LENGTH + 20)],
];
const ciphers: readonly (readonly [string, ClientSettings, readonly Bad[]])[] = [
  ["CCM_8", {}, everywhere],
  ["CBC, MAC then encrypt", { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"], faults: withoutEncryptThenMac }, [...everywhere, ...blocks]],
  ["CBC, encrypt then MAC", { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] }, [...everywhere, ...blocks]],
];

function stillWorks(client: StagedClient, server: StagedServer): void {
  client.client.send(Buffer.from("still here"));
  server.hear(client.sent.slice(-1));
  expect(server.received.at(-1)).toBe("still here");
}

describe.each(ciphers)("a record that does not authenticate, under %s,", (_cipher, settings, bad) => {
  it("is dropped without a word, counted once, and nothing tells one kind from another", () => {
    const { client, server } = connected({ client: settings });
    const tap = new Tap(server);
    for (const [name, make] of bad) {
      const before = { ...server.server.counters };
      const record = make(tap);
      expect(server.hear(record), name).toEqual([]);
      expect(server.server.counters, name).toEqual({ ...before, recordsIn: before.recordsIn + 1, badRecords: before.badRecords + 1 });
      expect(server.received, name).toEqual([]);
      expect(summarizeDatagram(record), name).toBe(`application data, epoch 1, ${record.length - RECORD_HEADER_LENGTH} bytes`);
    }
    expect(server.sessions[0]?.open).toBe(true);
    // None of them has moved the replay window.
    server.hear(good(tap));
    expect(server.received).toEqual(["a".repeat(40)]);
    stillWorks(client, server);
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("is dropped by the client as well", () => {
    const { client, server } = connected({ client: settings });
    server.sessions[0]?.send(Buffer.from("hello"));
    const [record = Buffer.alloc(0)] = server.sent.slice(-1);
    for (let at = RECORD_HEADER_LENGTH; at < record.length; at++) expect(client.hear(flipped(record, at))).toEqual([]);
    expect(client.client.counters).toMatchObject({ badRecords: record.length - RECORD_HEADER_LENGTH, alertsOut: 0 });
    client.hear(record);
    expect(client.received).toEqual(["hello"]);
  });

  it("is answered with bad_record_mac by an end that is told to, and ends the session", () => {
    const { client, server } = connected({ client: settings, server: { faults: { alertOnBadRecord: true } } });
    const tap = new Tap(server);
    const answer = server.hear(flipped(good(tap), -1));
    expect(tap.read("server", ...answer)).toEqual(["21 0214"]);
    expect(server.closed).toMatchObject([{ why: "alert-sent", alert: { level: 2, description: 20 } }]);
    client.hear(answer);
    expect(client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description: 20 } }]);
  });

  it("is not seen in padding of another length than ours", () => {
    const { server } = connected({ client: settings });
    const tap = new Tap(server);
    if (tap.keys.client instanceof AeadProtection) return;
    server.hear(blockRecord(tap, Buffer.concat([authenticated(tap, Buffer.alloc(24, 0x62)), Buffer.alloc(232, 231)])));
    expect(server.received).toEqual(["b".repeat(24)]);
  });
});

describe("alertOnBadRecord", () => {
  it("makes a wrong key an alert, as with servers that tell", () => {
    const server = new StagedServer({ faults: { alertOnBadRecord: true } });
    server.findKey = () => ({ key: Buffer.from("another key"), context: "" });
    const client = new StagedClient({}, server.ports);
    converse(client, server, client.start());
    expect(client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description: 20 } }]);
    expect(server.failed).toMatchObject([{ reason: { why: "alert-sent" }, identity: "device-1" }]);
  });

  it("does not end a live session for a record that was meant for a handshake on its address", () => {
    const { client, server } = connected({ server: { faults: { alertOnBadRecord: true } } });
    const next = new StagedClient({}, server.ports);
    converse(next, server, next.start());
    expect(next.connectedAs).toBeDefined();
    expect(server.closed).toEqual([{ why: "replaced" }]);
    expect(client.closed).toEqual([]);
  });
});
