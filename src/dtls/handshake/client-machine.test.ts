import { describe, expect, it } from "vitest";
import { handshakeMessage, handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { readClientHello, writeOpaque16 } from "../codec/messages.js";
import { abbreviatedHandshake, client, clientContext, fullHandshake, helloVerifyRequest, kept, outcome, serverContext, sessionOf, theMessage } from "../testing/machines.js";
import type { ClientInput, ClientState } from "./client-machine.js";

const full = fullHandshake();
const resumption = kept(sessionOf(full.clientDone));
const resuming = clientContext({ resume: resumption.resume });
const short = abbreviatedHandshake(resuming, serverContext(), resumption.resumable);

const serverHello = theMessage(full.greeted.sent, HandshakeType.serverHello);
const finished = theMessage(full.serverDone.sent, HandshakeType.finished);
const hint = handshakeMessage(HandshakeType.serverKeyExchange, 2, writeOpaque16(Buffer.from("hint")));
const hinted = client(clientContext(), full.negotiated, hint);
const wornOut = Array.from({ length: 7 }, (_, i) => helloVerifyRequest(i + 1)).reduce((step, request) => client(clientContext(), step, request), full.verified);

const states: Readonly<Record<string, { readonly state: ClientState }>> = {
  idle: { state: { at: "idle" } },
  "ClientHello sent": full.started,
  "ClientHello sent with a cookie": full.verified,
  "ClientHello sent with the eighth cookie": wornOut,
  "ServerHello heard": full.negotiated,
  "ServerHello and hint heard": hinted,
  "key exchange sent": full.exchanged,
  "ServerHello of a resumed session heard": short.negotiated,
  connected: { state: { at: "connected" } },
  "given up": { state: { at: "given-up" } },
};

const empty = (type: HandshakeType): HandshakeMessage => handshakeMessage(type, 3, Buffer.alloc(0));
const inputs: Readonly<Record<string, ClientInput | HandshakeMessage>> = {
  start: { in: "start", random: Buffer.alloc(32) },
  helloVerifyRequest: helloVerifyRequest(1),
  serverHello,
  serverKeyExchange: hint,
  serverHelloDone: theMessage(full.greeted.sent, HandshakeType.serverHelloDone),
  "right Finished": finished,
  "wrong Finished": handshakeMessage(HandshakeType.finished, 3, Buffer.alloc(12)),
  "short Finished": handshakeMessage(HandshakeType.finished, 3, finished.body.subarray(0, 11)),
  ...Object.fromEntries(
    [HandshakeType.helloRequest, HandshakeType.clientHello, HandshakeType.newSessionTicket, HandshakeType.certificate, HandshakeType.certificateRequest, HandshakeType.certificateVerify, HandshakeType.clientKeyExchange, 99].map((type) => [handshakeName(type), empty(type)]),
  ),
};

/** What is not in a row is unexpected_message where the handshake is under way, and nothing at all before and after it. */
const taken: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  idle: { start: "awaiting-server-hello: send" },
  "ClientHello sent": { helloVerifyRequest: "awaiting-server-hello: send", serverHello: "awaiting-hello-done" },
  "ClientHello sent with a cookie": { helloVerifyRequest: "awaiting-server-hello: send", serverHello: "awaiting-hello-done" },
  "ClientHello sent with the eighth cookie": { serverHello: "awaiting-hello-done" },
  "ServerHello heard": { serverKeyExchange: "awaiting-hello-done", serverHelloDone: "awaiting-finished: install-keys, send" },
  "ServerHello and hint heard": { serverHelloDone: "awaiting-finished: install-keys, send" },
  "key exchange sent": { "right Finished": "connected: connected", "wrong Finished": "given-up: give-up 51", "short Finished": "given-up: give-up 51" },
  "ServerHello of a resumed session heard": { "right Finished": "given-up: give-up 51", "wrong Finished": "given-up: give-up 51", "short Finished": "given-up: give-up 51" },
};

describe("the client's machine", () => {
  it.each(Object.entries(states))("takes what is due and refuses everything else: %s", (name, from) => {
    const { at } = from.state;
    const isUnderWay = at.startsWith("awaiting");
    for (const [inputName, input] of Object.entries(inputs)) {
      const ignored = input === inputs["start"] || !isUnderWay;
      const expected = taken[name]?.[inputName] ?? (ignored ? at : "given-up: give-up 10");
      expect(outcome(client(clientContext(), from, input)), inputName).toBe(expected);
    }
  });

  it("finishes an abbreviated handshake with a flight of its own", () => {
    expect(outcome(short.negotiated)).toBe("awaiting-finished: install-keys");
    expect(outcome(short.clientDone)).toBe("connected: send, connected");
    expect(short.clientDone.sent.map(({ type, messageSeq }) => [type, messageSeq])).toEqual([[HandshakeType.finished, 2]]);
    expect(sessionOf(short.clientDone)).toMatchObject({ resumed: true, master: sessionOf(full.clientDone).master });
  });

  it("numbers its messages from 0, the ClientHello with the cookie 1", () => {
    const numbers = [...full.started.sent, ...full.verified.sent, ...full.exchanged.sent].map(({ type, messageSeq }) => [type, messageSeq]);
    expect(numbers).toEqual([
      [HandshakeType.clientHello, 0],
      [HandshakeType.clientHello, 1],
      [HandshakeType.clientKeyExchange, 2],
      [HandshakeType.finished, 3],
    ]);
  });

  it("sends the same ClientHello again, with the cookie", () => {
    const [first, second] = [full.started, full.verified].map(({ sent }) => readClientHello(theMessage(sent, HandshakeType.clientHello).body));
    expect(second).toEqual({ ...first, cookie: Buffer.alloc(20, 0) });
  });

  it("does not change its state when a message does not parse", () => {
    const broken = handshakeMessage(HandshakeType.serverHello, 1, Buffer.alloc(10));
    expect(() => client(clientContext(), full.verified, broken)).toThrow("server random: 32 bytes wanted, 8 left");
    expect(() => client(clientContext(), full.negotiated, handshakeMessage(HandshakeType.serverHelloDone, 2, Buffer.from([1])))).toThrow("a ServerHelloDone with content");
    expect(() => client(clientContext(), full.started, handshakeMessage(HandshakeType.helloVerifyRequest, 0, Buffer.from([254, 253, 1])))).toThrow("cookie: 1 bytes wanted, 0 left");
  });
});

describe("what a client offers", () => {
  const offered = (over: Parameters<typeof clientContext>[0]) => {
    const { sent } = client(clientContext(over), { state: { at: "idle" } }, { in: "start", random: Buffer.alloc(32, 1) });
    return readClientHello(theMessage(sent, HandshakeType.clientHello).body);
  };
  const ccm = clientContext().suites.slice(0, 1);

  it("is DTLS 1.2, null compression and its suites with the signalling suite of RFC 5746 last", () => {
    expect(offered({})).toMatchObject({ version: 0xfefd, suites: [0xc0a8, 0x00ae, 0x00ff], compressions: Buffer.from([0]) });
  });

  it("is extended_master_secret always, encrypt_then_mac with CBC suites alone, server_name when there is one", () => {
    expect([...offered({ suites: ccm }).extensions.keys()]).toEqual([23]);
    expect([...offered({}).extensions.keys()]).toEqual([23, 22]);
    expect([...offered({ suites: ccm, serverName: "bs" }).extensions.keys()]).toEqual([0, 23]);
    expect([...offered({ suites: ccm, extendedMasterSecret: "never" }).extensions.keys()]).toEqual([]);
  });

  it("is a session only together with its suite and its kind of master secret", () => {
    const { resume } = resumption;
    const plain = { ...resume, extendedMasterSecret: false };
    expect(offered({ resume }).sessionId).toEqual(resume.sessionId);
    expect(offered({ resume: { ...resume, suite: "TLS_PSK_WITH_AES_128_CBC_SHA256" }, suites: ccm }).sessionId).toHaveLength(0);
    expect(offered({ resume, extendedMasterSecret: "never" }).sessionId).toHaveLength(0);
    expect(offered({ resume: plain, extendedMasterSecret: "never" }).sessionId).toEqual(resume.sessionId);
    expect(offered({ resume: plain }).sessionId).toHaveLength(0);
    expect(offered({ resume: plain, extendedMasterSecret: "require" }).sessionId).toHaveLength(0);
  });
});
