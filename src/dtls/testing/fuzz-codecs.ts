import { Reader, WireError, Writer } from "../../wire/index.js";
import type { Random } from "../../ports/index.js";
import { readAlert } from "../codec/alert-message.js";
import { readCertificate, readCertificateRequest, readSignature } from "../codec/certificate-messages.js";
import { CertificateType, readExtensions, readNumber, readNumbers16, readNumbers8, readServerName, writeExtensions, writeNumbers16, writeNumbers8, writeServerName } from "../codec/extensions.js";
import { handshakeMessage, readFragment, type HandshakeMessage } from "../codec/handshake.js";
import { readClientShare, readHintedKeyExchange, readIdentifiedShare, readSignedKeyExchange } from "../codec/key-exchange.js";
import { readClientHello, readHelloVerifyRequest, readOpaque16, readServerHello, readServerHelloDone } from "../codec/messages.js";
import { readRecord, recordLength } from "../codec/record.js";
import { verifyChain, verifyServer } from "../crypto/certificates.js";
import { importPrivateKey, importPublicKey } from "../crypto/keys.js";
import { suitesNamed } from "../crypto/suites.js";
import { Reassembly } from "../handshake/reassembly.js";
import { summarizeDatagram } from "../summary.js";
import { EPOCH, identities, serverName } from "./authority.js";
import { captures, captureWithIds } from "./captures.js";
import { messagesIn } from "./handmade.js";
import { abbreviatedHandshake, client, clientContext, fullHandshake, helloInput, kept, server, serverContext, sessionOf } from "./machines.js";
import { mutated, pick, trying } from "./mutation.js";

/** Draws this many inputs and throws a FuzzFailure for the first that is not taken as it should be. */
export type Fuzz = (random: Random, inputs: number) => void | Promise<void>;

const bytesOf = ({ datagrams: lines }: { readonly datagrams: readonly string[] }): readonly Buffer[] => lines.map((line) => Buffer.from(line.slice(2), "hex"));
export const datagrams: readonly Buffer[] = captures.flatMap(bytesOf);
const withIds = [...datagrams, ...bytesOf(captureWithIds), ...bytesOf(captureWithIds)];
const messages: readonly HandshakeMessage[] = messagesIn(...datagrams).map(({ type, messageSeq, body }) => handshakeMessage(type, messageSeq, body));

const made = await identities();
const signing = serverContext({ keys: { privateKey: importPrivateKey(made.server.privateKey), publicKey: made.server.publicKey, chain: [made.server.certificate] } });
const signingSuites = suitesNamed(["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"]);
const authenticated = [made.rpk, made.x509()].map((credential) => {
  const clients = clientContext({ suites: signingSuites, credential });
  return { clients, handshake: fullHandshake(clients, signing) };
});
const agreedByPsk = fullHandshake(clientContext({ suites: suitesNamed(["TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"]) }));
const sentIn = (handshake: object): readonly HandshakeMessage[] => Object.values(handshake).flatMap((step: unknown) => (typeof step === "object" && step !== null && "sent" in step ? (step.sent as readonly HandshakeMessage[]) : []));
const bodies = [...messages, ...authenticated.flatMap(({ handshake }) => sentIn(handshake)), ...sentIn(agreedByPsk)].map(({ body }) => body);

/** Reads, or throws a WireError. */
function typed(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

export const fuzzRecords: Fuzz = (random, inputs) => {
  for (let i = 0; i < inputs; i++) {
    const datagram = random.next() < 0.2 ? random.bytes(random.below(60)) : mutated(random, withIds);
    const idLength = pick(random, [0, 2, 4, 16]);
    trying("records", datagram, () => {
      for (let offset = 0; offset < datagram.length; ) {
        const record = readRecord(datagram, offset, idLength);
        if (record === undefined) break;
        if ((record.connectionId?.length ?? idLength) !== idLength) throw new Error("an id of another length");
        offset += recordLength(record);
        if (offset > datagram.length) throw new Error("a record reaches beyond its datagram");
      }
      if (summarizeDatagram(datagram).includes("\n")) throw new Error("a summary of two lines");
    });
  }
};

const readers: readonly ((body: Buffer) => unknown)[] = [
  readClientHello,
  readServerHello,
  readHelloVerifyRequest,
  readServerHelloDone,
  readAlert,
  (body) => readOpaque16(body, "value"),
  (body) => readFragment(new Reader(body)),
  (body) => readCertificate(body, CertificateType.x509),
  (body) => readCertificate(body, CertificateType.rawPublicKey),
  readCertificateRequest,
  (body) => readSignature(new Reader(body)),
  readSignedKeyExchange,
  readHintedKeyExchange,
  readClientShare,
  readIdentifiedShare,
];

export const fuzzMessages: Fuzz = (random, inputs) => {
  for (let i = 0; i < inputs; i++) {
    const body = random.next() < 0.1 ? random.bytes(random.below(120)) : mutated(random, bodies);
    trying("messages", body, () => {
      for (const read of readers) typed(() => read(body));
    });
  }
};

function extensionsOf(list: ReadonlyMap<number, Uint8Array>): Buffer {
  const writer = new Writer();
  writeExtensions(writer, list);
  return writer.finish();
}
const extensionLists = [
  extensionsOf(new Map([[0, writeServerName("bs.example.org")]])),
  extensionsOf(
    new Map([
      [22, Buffer.alloc(0)],
      [23, Buffer.alloc(0)],
      [0xff01, Buffer.from([0])],
    ]),
  ),
  extensionsOf(new Map(Array.from({ length: 64 }, (_, type) => [type, Buffer.alloc(type % 3)]))),
  writeServerName("bs.example.org"),
  writeNumbers16([23, 29]),
  writeNumbers8([0, 2]),
];

export const fuzzExtensions: Fuzz = (random, inputs) => {
  for (let i = 0; i < inputs; i++) {
    const list = random.next() < 0.1 ? random.bytes(random.below(60)) : mutated(random, extensionLists);
    trying("extensions", list, () => {
      typed(() => readExtensions(new Reader(list)));
      for (const read of [readServerName, (data: Buffer) => readNumbers16(data, "list"), (data: Buffer) => readNumbers8(data, "list"), (data: Buffer) => readNumber(data, 2, "number")]) typed(() => read(list));
    });
  }
};

export const fuzzReassembly: Fuzz = (random, inputs) => {
  let reassembly = new Reassembly();
  for (let i = 0; i < inputs; i++) {
    if (i % 500 === 0) reassembly = new Reassembly();
    const length = random.next() < 0.1 ? random.below(10_000) : random.below(120);
    const offset = random.below(length + 4);
    const fragment = { type: random.below(3), length, messageSeq: reassembly.nextSeq + random.below(12) - 1, offset, body: random.bytes(Math.min(random.below(60), Math.max(0, length - offset + random.below(2)))) };
    trying("reassembly", fragment.body, () => {
      typed(() => reassembly.add(fragment));
      if (reassembly.bytes > 2 * 8_192) throw new Error(`${reassembly.bytes} bytes reserved`);
      for (let message = reassembly.take(); message !== undefined; message = reassembly.take()) if (message.raw.length > 8_192 + 12) throw new Error("too long a message");
    });
  }
};

/** Certificates and keys, which OpenSSL reads. */
export const fuzzCertificates: Fuzz = (random, inputs) => {
  const { server: own, authority, device } = made;
  const corpus = [own.certificate, authority.certificate, device.certificate, own.publicKey, own.privateKey];
  const anchors = [authority.certificate];
  for (let i = 0; i < inputs; i++) {
    const der = mutated(random, corpus);
    trying("certificates", der, () => {
      typed(() => verifyChain([der, authority.certificate], { anchors, now: EPOCH, purpose: "client" }));
      typed(() => verifyServer([own.certificate, der], { usage: 0, certificate: authority.certificate, trustStore: anchors, name: serverName }, EPOCH));
      typed(() => importPublicKey(der));
      try {
        importPrivateKey(der);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    });
  }
};

export const fuzzMachines: Fuzz = (random, inputs) => {
  const full = fullHandshake();
  const session = kept(sessionOf(full.clientDone));
  const clients = clientContext({ resume: session.resume });
  const short = abbreviatedHandshake(clients, serverContext(), session.resumable);
  const sent = [full, short].flatMap((handshake) => Object.values(handshake).flatMap((step) => (step !== undefined && "sent" in step ? step.sent : [])));
  const flights = authenticated.flatMap(({ handshake }) => sentIn(handshake));
  const sentBodies = sent.map(({ body }) => body);
  const clientStates = [full.started, full.verified, full.negotiated, full.exchanged, short.negotiated];
  const serverStates = [full.greeted, full.asked, full.keyed, short.greeted];
  for (let i = 0; i < inputs; i++) {
    const like = pick(random, [...sent, ...flights, ...messages]);
    const type = random.next() < 0.1 ? random.below(256) : like.type;
    const message = handshakeMessage(type, 2, mutated(random, random.next() < 0.5 ? [like.body] : sentBodies));
    trying("machines", message.raw, () => {
      if (random.next() < 0.2) {
        const { clients: others, handshake } = pick(random, authenticated);
        if (random.next() < 0.5) typed(() => client(others, pick(random, [handshake.negotiated, handshake.exchanged]), message));
        else typed(() => server(signing, pick(random, [handshake.greeted, handshake.asked, handshake.keyed]), message));
      } else if (type === 1 && random.next() < 0.7) typed(() => server(serverContext(), { state: { at: "idle" } }, helloInput(message, random.next() < 0.5 ? {} : { resumable: session.resumable })));
      else if (random.next() < 0.5) typed(() => client(clients, pick(random, clientStates), message));
      else typed(() => server(serverContext(), pick(random, serverStates), message));
    });
  }
};
