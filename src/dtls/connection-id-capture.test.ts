import { describe, expect, it } from "vitest";
import { Reader } from "../wire/index.js";
import { ExtensionType, readConnectionId } from "./codec/extensions.js";
import { handshakeMessage, HandshakeType, readFragment, type HandshakeMessage } from "./codec/handshake.js";
import { readClientHello, readServerHello } from "./codec/messages.js";
import { ContentType, RECORD_HEADER_LENGTH, writeRecordHeader, type DtlsRecord } from "./codec/record.js";
import { connectionKeys, extendedMasterSecret, verifyData } from "./crypto/key-schedule.js";
import { pskPremaster } from "./crypto/primitives.js";
import { suitesNamed } from "./crypto/suites.js";
import { recordIds } from "./handshake/steps.js";
import { RecordLayer, type OpenedRecord } from "./record/record-layer.js";
import { captureWithIds, capturedKey } from "./testing/captures.js";
import { recordsIn } from "./testing/handmade.js";
import { summarizeDatagram } from "./summary.js";

type End = "client" | "server";
const ids = { client: Buffer.from(captureWithIds.ids.client, "hex"), server: Buffer.from(captureWithIds.ids.server, "hex") };
const other = (by: End): End => (by === "client" ? "server" : "client");
const datagrams = captureWithIds.datagrams.map((line) => ({ by: line.startsWith(">") ? ("client" as const) : ("server" as const), bytes: Buffer.from(line.slice(2), "hex") }));
const records = datagrams.flatMap(({ by, bytes }) => recordsIn(bytes, ids[other(by)].length).map((record) => ({ by, record })));
const messageOf = (fragment: Buffer): HandshakeMessage => {
  const { type, messageSeq, body } = readFragment(new Reader(fragment));
  return handshakeMessage(type, messageSeq, body);
};
/** What is hashed: all but the ClientHello without a cookie and the answer to it. */
const messages = records
  .filter(({ record }) => record.epoch === 0 && record.type === ContentType.handshake)
  .map(({ record }) => messageOf(record.fragment))
  .slice(2);
const bodyOf = (type: HandshakeType): Buffer => messages.find((message) => message.type === type)?.body ?? Buffer.alloc(0);
const master = Buffer.from(captureWithIds.master, "hex");

const [suite] = suitesNamed([captureWithIds.suite]);
if (suite === undefined) throw new Error("no suite");
const randoms = { client: Buffer.from(captureWithIds.clientRandom, "hex"), server: readServerHello(bodyOf(HandshakeType.serverHello)).random };
const keys = connectionKeys(suite, master, randoms, { encryptThenMac: false, randomIv: () => Buffer.alloc(16) }, recordIds("client", { own: ids.client, peer: ids.server }));

/** How each end opens what the other one sent. */
function opened(): readonly { readonly by: End; readonly record: DtlsRecord; readonly content: OpenedRecord }[] {
  const layers = { client: new RecordLayer(), server: new RecordLayer() };
  for (const end of ["client", "server"] as const) layers[end].install(keys[other(end)], keys[end], { own: ids[end], peer: ids[other(end)] });
  return records
    .filter(({ record }) => record.epoch === 1)
    .map(({ by, record }) => {
      const content = layers[other(by)].open(record);
      if (typeof content === "string") throw new Error(content);
      return { by, record, content };
    });
}

describe("what pion sent under connection ids", () => {
  it("is read whole, and its record headers are written again the same", () => {
    for (const { by, bytes } of datagrams) {
      const read = recordsIn(bytes, ids[other(by)].length);
      const written = read.flatMap(({ type, epoch, sequence, fragment, version, connectionId }) => {
        const header = Buffer.alloc(RECORD_HEADER_LENGTH + (connectionId?.length ?? 0));
        writeRecordHeader(header, type, epoch, sequence, fragment.length, version, connectionId);
        return [header, fragment];
      });
      expect(Buffer.concat(written)).toEqual(bytes);
      for (const { epoch, connectionId } of read) expect(connectionId).toEqual(epoch === 0 ? undefined : ids[other(by)]);
    }
  });

  it("offers and answers the ids that the records then carry", () => {
    const offered = readClientHello(bodyOf(HandshakeType.clientHello)).extensions.get(ExtensionType.connectionId);
    const answered = readServerHello(bodyOf(HandshakeType.serverHello)).extensions.get(ExtensionType.connectionId);
    expect([offered, answered].map((data) => readConnectionId(data ?? Buffer.alloc(0)))).toEqual([ids.client, ids.server]);
  });

  it("opens with the keys that we derive: Finished without its padding, data, close_notify", () => {
    const hashed = messages.map(({ raw }) => raw);
    expect(extendedMasterSecret(pskPremaster(capturedKey), hashed)).toEqual(master);
    const [first, second, ...rest] = opened();
    for (const one of [first, second]) {
      if (one === undefined) throw new Error("no Finished");
      expect(one.content.type).toBe(ContentType.handshake);
      const finished = messageOf(one.content.plaintext);
      expect(finished.raw).toEqual(one.content.plaintext);
      expect(finished.body).toEqual(verifyData(master, one.by, hashed));
      hashed.push(finished.raw);
    }
    expect(rest.map(({ by, content }) => `${by} ${content.type} ${content.plaintext.toString("latin1")}`)).toEqual(["client 23 hello", "server 23 hello", "client 21 \x01\x00", "server 21 \x01\x00"]);
  });

  it("is what we seal of the same content under the same number", () => {
    for (const { by, record } of opened()) {
      const inner = keys[by].open(record);
      const sealed = keys[by].seal(ContentType.connectionId, 1, record.sequence, inner ?? Buffer.alloc(0));
      expect(sealed.subarray(RECORD_HEADER_LENGTH + ids[other(by)].length)).toEqual(record.fragment);
    }
  });

  it("is summarized in a line for each datagram", () => {
    const lines = datagrams.map(({ bytes }) => summarizeDatagram(bytes));
    expect(lines[4]).toMatch(/^clientKeyExchange; ChangeCipherSpec; records under a connection id, \d+ bytes$/);
    expect(lines.slice(6)).toEqual(datagrams.slice(6).map(({ bytes }) => `records under a connection id, ${bytes.length} bytes`));
  });
});
