import { describe, expect, it } from "vitest";
import { handshakeMessage, handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { readServerHello, writeOpaque16 } from "../codec/messages.js";
import { credential } from "../testing/pair.js";
import { abbreviatedHandshake, clientContext, fullHandshake, helloInput, helloVerifyRequest, kept, outcome, server, serverContext, serverSessionId, sessionOf, theMessage } from "../testing/machines.js";
import type { ServerInput, ServerState } from "./server-machine.js";

const full = fullHandshake();
const { resume, resumable } = kept(sessionOf(full.clientDone));
const short = abbreviatedHandshake(clientContext({ resume }), serverContext(), resumable);
const context = serverContext();

const states: Readonly<Record<string, { readonly state: ServerState }>> = {
  idle: { state: { at: "idle" } },
  "ServerHello sent": full.greeted,
  "identity heard": full.asked,
  "key found": full.keyed,
  "resumption agreed": short.greeted,
  connected: { state: { at: "connected" } },
  "given up": { state: { at: "given-up" } },
};

const rightFinished = theMessage(full.exchanged.sent, HandshakeType.finished);
const empty = (type: HandshakeType): HandshakeMessage => handshakeMessage(type, 2, Buffer.alloc(0));
const messages: Readonly<Record<string, HandshakeMessage>> = {
  clientKeyExchange: theMessage(full.exchanged.sent, HandshakeType.clientKeyExchange),
  "right Finished": rightFinished,
  "Finished of another handshake": theMessage(short.clientDone.sent, HandshakeType.finished),
  "short Finished": handshakeMessage(HandshakeType.finished, 3, rightFinished.body.subarray(0, 11)),
  helloVerifyRequest: helloVerifyRequest(2),
  ...Object.fromEntries(
    [HandshakeType.helloRequest, HandshakeType.clientHello, HandshakeType.serverHello, HandshakeType.newSessionTicket, HandshakeType.certificate, HandshakeType.serverKeyExchange, HandshakeType.certificateRequest, HandshakeType.serverHelloDone, HandshakeType.certificateVerify, 99].map((type) => [
      handshakeName(type),
      empty(type),
    ]),
  ),
};
const others: Readonly<Record<string, ServerInput>> = {
  "hello with a good cookie": helloInput(full.hello),
  "key found": { in: "key-found", key: credential.key },
  "key refused with an alert": { in: "refused", alert: 115 },
  "key refused in silence": { in: "refused", alert: "silence" },
};

/** What is not in a row: messages are unexpected_message where the handshake is under way; everything else does nothing. */
const taken: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  idle: { "hello with a good cookie": "awaiting-client-key-exchange: send" },
  "ServerHello sent": { clientKeyExchange: "awaiting-key: find-key" },
  "identity heard": { "key found": "awaiting-finished: install-keys", "key refused with an alert": "given-up: give-up 115", "key refused in silence": "given-up: give-up silence" },
  "key found": { "right Finished": "connected: send, connected", "Finished of another handshake": "given-up: give-up 51", "short Finished": "given-up: give-up 51" },
  "resumption agreed": { "right Finished": "given-up: give-up 51", "Finished of another handshake": "connected: connected", "short Finished": "given-up: give-up 51" },
};

describe("the server's machine", () => {
  it.each(Object.entries(states))("takes what is due and refuses everything else: %s", (name, from) => {
    const { at } = from.state;
    for (const [inputName, input] of Object.entries(messages)) {
      expect(outcome(server(context, from, input)), inputName).toBe(taken[name]?.[inputName] ?? (at.startsWith("awaiting") ? "given-up: give-up 10" : at));
    }
    for (const [inputName, input] of Object.entries(others)) expect(outcome(server(context, from, input)), inputName).toBe(taken[name]?.[inputName] ?? at);
  });

  it("asks for the key of the identity as it came", () => {
    expect(full.asked.actions).toEqual([{ do: "find-key", identity: Buffer.from("device-1") }]);
    const odd = Buffer.from([0, 255, 10, 0]);
    expect(server(context, full.greeted, handshakeMessage(HandshakeType.clientKeyExchange, 2, writeOpaque16(odd))).actions).toEqual([{ do: "find-key", identity: odd }]);
  });

  it("comes to the same secrets as the client, and to others with another key", () => {
    expect(sessionOf(full.serverDone).master).toEqual(sessionOf(full.clientDone).master);
    const wrong = fullHandshake(clientContext(), context, Buffer.from("another key"));
    expect(outcome(wrong.serverDone)).toBe("given-up: give-up 51");
  });

  it("answers an abbreviated handshake with its Finished at once, under the id and the master secret of the session", () => {
    expect(outcome(short.greeted)).toBe("awaiting-finished: install-keys, send");
    expect(short.greeted.sent.map(({ type }) => type)).toEqual([HandshakeType.serverHello, HandshakeType.finished]);
    expect(short.serverHello.sessionId).toEqual(serverSessionId);
    expect(outcome(short.serverDone)).toBe("connected: connected");
    expect(sessionOf(short.serverDone)).toMatchObject({ resumed: true, identity: { mode: "psk", bytes: Buffer.from("device-1") } });
  });

  it("answers with version 1.2, null compression and the session id that it was given, and numbers its messages on", () => {
    const finished = theMessage(full.serverDone.sent, HandshakeType.finished);
    expect(finished.messageSeq).toBe(3);
    expect(readServerHello(theMessage(full.greeted.sent, HandshakeType.serverHello).body)).toMatchObject({ version: 0xfefd, suite: 0xc0a8, compression: 0, sessionId: serverSessionId });
  });

  it("throws a typed error for a key exchange that does not parse, and keeps its state", () => {
    expect(() => server(context, full.greeted, handshakeMessage(HandshakeType.clientKeyExchange, 2, Buffer.from([0, 9, 1])))).toThrow("PSK identity: 9 bytes wanted, 1 left");
    expect(() => server(context, full.greeted, handshakeMessage(HandshakeType.clientKeyExchange, 2, Buffer.from([0, 1, 1, 1])))).toThrow("bytes behind the PSK identity");
  });

  it("chooses the first of its own suites that the client offers", () => {
    const suites = clientContext().suites;
    const chosen = (over: Parameters<typeof clientContext>[0], servers = context): number => readServerHello(theMessage(fullHandshake(clientContext(over), servers).greeted.sent, HandshakeType.serverHello).body).suite;
    expect(chosen({ suites: [...suites].reverse() })).toBe(0xc0a8);
    expect(chosen({}, serverContext({ suites: [...suites].reverse() }))).toBe(0x00ae);
  });
});
