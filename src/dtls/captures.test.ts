import { describe, expect, it } from "vitest";
import { Reader } from "../wire/index.js";
import { handshakeMessage, HandshakeType, readFragment, type HandshakeMessage } from "./codec/handshake.js";
import { readClientHello, readHelloVerifyRequest, readOpaque16, readServerHello, readServerHelloDone, writeClientHello, writeHelloVerifyRequest, writeOpaque16, writeServerHello } from "./codec/messages.js";
import { readServerName } from "./codec/extensions.js";
import { ContentType, writePlainRecord, type DtlsRecord } from "./codec/record.js";
import { connectionKeys, extendedMasterSecret, verifyData, type ConnectionKeys } from "./crypto/key-schedule.js";
import { pskPremaster } from "./crypto/primitives.js";
import { suitesNamed } from "./crypto/suites.js";
import { summarizeDatagram } from "./summary.js";
import { captures, capturedIdentity, capturedKey, type Capture } from "./testing/captures.js";
import { recordsIn } from "./testing/handmade.js";

interface Sent {
  readonly by: "client" | "server";
  readonly record: DtlsRecord;
  readonly bytes: Buffer;
}

function recordsOf({ datagrams }: Capture): readonly Sent[] {
  return datagrams.flatMap((line) => {
    const datagram = Buffer.from(line.slice(2), "hex");
    let at = 0;
    return recordsIn(datagram).map((record): Sent => ({ by: line.startsWith(">") ? "client" : "server", record, bytes: datagram.subarray(at, (at += 13 + record.fragment.length)) }));
  });
}

const messageOf = (fragment: Buffer): HandshakeMessage => {
  const { type, messageSeq, body } = readFragment(new Reader(fragment));
  return handshakeMessage(type, messageSeq, body);
};

/** What is hashed: every message but the ClientHello without a cookie and the HelloVerifyRequest. */
const messagesOf = (capture: Capture): readonly (HandshakeMessage & { readonly by: "client" | "server" })[] =>
  recordsOf(capture)
    .filter(({ record }) => record.epoch === 0 && record.type === ContentType.handshake)
    .map(({ by, record }) => ({ by, ...messageOf(record.fragment) }))
    .slice(2);

const written: Readonly<Record<number, (body: Buffer) => Buffer>> = {
  [HandshakeType.clientHello]: (body) => writeClientHello(readClientHello(body)),
  [HandshakeType.serverHello]: (body) => writeServerHello(readServerHello(body)),
  [HandshakeType.helloVerifyRequest]: (body) => writeHelloVerifyRequest(body.readUInt16BE(0), readHelloVerifyRequest(body).cookie),
  [HandshakeType.serverKeyExchange]: (body) => writeOpaque16(readOpaque16(body, "identity hint")),
  [HandshakeType.clientKeyExchange]: (body) => writeOpaque16(readOpaque16(body, "identity")),
  [HandshakeType.serverHelloDone]: (body) => {
    readServerHelloDone(body);
    return Buffer.alloc(0);
  },
};

function keysOf(capture: Capture, iv: Uint8Array = Buffer.alloc(16)): ConnectionKeys {
  const [suite] = suitesNamed([capture.suite]);
  const server = messagesOf(capture).find(({ type }) => type === HandshakeType.serverHello);
  if (suite === undefined || server === undefined) throw new Error("no ServerHello");
  const randoms = { client: Buffer.from(capture.clientRandom, "hex"), server: readServerHello(server.body).random };
  return connectionKeys(suite, Buffer.from(capture.master, "hex"), randoms, { encryptThenMac: capture.encryptThenMac, randomIv: () => iv });
}

describe.each(captures.map((capture) => [capture.name, capture] as const))("what OpenSSL sent: %s", (_name, capture) => {
  it("is read, and written again the same", () => {
    for (const { record, bytes } of recordsOf(capture)) {
      expect(writePlainRecord(record.type, record.epoch, record.sequence, record.fragment, record.version)).toEqual(bytes);
      if (record.epoch > 0 || record.type !== ContentType.handshake) continue;
      const { type, messageSeq, body, raw } = messageOf(record.fragment);
      expect(raw).toEqual(record.fragment);
      expect(handshakeMessage(type, messageSeq, written[type]?.(body) ?? Buffer.alloc(0)).raw).toEqual(raw);
    }
  });

  it("has the identity and the extensions that were asked for", () => {
    const hello = readClientHello(messagesOf(capture)[0]?.body ?? Buffer.alloc(0));
    expect([...hello.extensions.keys()].filter((type) => type === 22 || type === 23)).toEqual(capture.suite.includes("CBC") && !capture.encryptThenMac ? [23] : [22, 23]);
    const exchange = messagesOf(capture).find(({ type }) => type === HandshakeType.clientKeyExchange);
    if (exchange !== undefined) expect(readOpaque16(exchange.body, "identity").toString()).toBe(capturedIdentity);
    const name = hello.extensions.get(0);
    expect(name === undefined ? undefined : readServerName(name)).toBe(capture.name.includes("server name") ? "bs.example" : undefined);
  });

  it("has the master secret that we derive from the key and the messages", () => {
    const messages = messagesOf(capture);
    const last = messages.findIndex(({ type }) => type === HandshakeType.clientKeyExchange);
    if (last < 0) return;
    const master = extendedMasterSecret(
      pskPremaster(capturedKey),
      messages.slice(0, last + 1).map(({ raw }) => raw),
    );
    expect(master.toString("hex")).toBe(capture.master);
  });

  it("opens with our keys, Finished and all", () => {
    const keys = keysOf(capture);
    const hashed = messagesOf(capture).map(({ raw }) => raw);
    const opened = recordsOf(capture)
      .filter(({ record }) => record.epoch === 1)
      .map(({ by, record }) => ({ by, type: record.type, content: keys[by].open(record) }));
    for (const { by, content } of opened.slice(0, 2)) {
      const finished = messageOf(content ?? Buffer.alloc(0));
      expect(finished.type).toBe(HandshakeType.finished);
      expect(finished.body).toEqual(verifyData(Buffer.from(capture.master, "hex"), by, hashed));
      hashed.push(finished.raw);
    }
    const rest = opened.slice(2).map(({ by, type, content }) => `${by} ${type} ${type === ContentType.alert ? content?.toString("hex") : content?.toString()}`);
    const closing = ["client 21 0100", "server 21 0100"];
    expect(rest.slice(0, -2)).toEqual(capture.name.includes("resumed") ? [] : ["client 23 hello\n", "server 23 world\n"]);
    expect(rest.slice(-2).sort()).toEqual(closing);
  });

  it("is what we seal of the same content under the same number", () => {
    for (const { by, record, bytes } of recordsOf(capture).filter((one) => one.record.epoch === 1)) {
      const protection = keysOf(capture, record.fragment.subarray(0, 16))[by];
      const plaintext = protection.open(record);
      // In CCM too: OpenSSL's explicit nonce is epoch and sequence number, as ours.
      expect(protection.seal(record.type, record.epoch, record.sequence, plaintext ?? Buffer.alloc(0)).toString("hex")).toBe(bytes.toString("hex"));
    }
  });

  it("is summarized in a line for each datagram", () => {
    const lines = capture.datagrams.map((line) => summarizeDatagram(Buffer.from(line.slice(2), "hex")));
    expect(lines.slice(0, 3)).toEqual(["clientHello", "helloVerifyRequest", "clientHello"]);
    expect(lines[3]).toMatch(/^serverHello; /);
    expect(lines.at(-1)).toMatch(/^alert, epoch 1, \d+ bytes$/);
    expect(lines.join()).not.toContain("malformed");
  });
});
