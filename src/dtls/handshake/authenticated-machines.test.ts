import { describe, expect, it } from "vitest";
import { handshakeMessage, handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { importPrivateKey } from "../crypto/keys.js";
import { suitesNamed } from "../crypto/suites.js";
import { identities } from "../testing/authority.js";
import { client, clientContext, fullHandshake, outcome, server, serverContext, theMessage, type SentStep } from "../testing/machines.js";
import type { ClientState } from "./client-machine.js";
import type { ServerInput, ServerState } from "./server-machine.js";

const made = await identities();
const suites = suitesNamed(["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"]);
const servers = serverContext({ keys: { privateKey: importPrivateKey(made.server.privateKey), publicKey: made.server.publicKey, chain: [made.server.certificate] } });
const { helloRequest, certificate, serverKeyExchange, certificateRequest, serverHelloDone, clientKeyExchange, certificateVerify, finished } = HandshakeType;
const others = [helloRequest, HandshakeType.clientHello, HandshakeType.serverHello, HandshakeType.newSessionTicket, 99];
const empty = (type: HandshakeType): HandshakeMessage => handshakeMessage(type, 5, Buffer.alloc(0));
const without = (message: HandshakeMessage, at: number): HandshakeMessage => {
  const body = Buffer.from(message.body);
  body.writeUInt8(body.readUInt8(at) ^ 1, at);
  return handshakeMessage(message.type, message.messageSeq, body);
};

describe.each([
  ["raw public keys", made.rpk],
  ["certificates", made.x509()],
])("with %s", (_name, credential) => {
  const clients = clientContext({ suites, credential });
  const full = fullHandshake(clients, servers);
  const order = [certificate, serverKeyExchange, certificateRequest, serverHelloDone];
  const toClient = order.map((type) => theMessage(full.greeted.sent, type));
  const toServer = [certificate, clientKeyExchange, certificateVerify].map((type) => theMessage(full.exchanged.sent, type));

  it("the handshake comes to its end", () => {
    expect(outcome(full.serverDone)).toBe("connected: send, connected");
    expect(full.clientDone === undefined ? undefined : outcome(full.clientDone)).toBe("connected: connected");
    expect(full.greeted.sent.map(({ type }) => type)).toEqual([HandshakeType.serverHello, ...order]);
  });

  it("the client takes the messages of the server's flight in their order alone", () => {
    const states: SentStep<ClientState>[] = [full.negotiated];
    for (const message of toClient.slice(0, 3)) states.push(client(clients, states.at(-1) ?? full.negotiated, message));
    const rightly = ["awaiting-hello-done", "awaiting-hello-done", "awaiting-hello-done", "awaiting-finished: install-keys, send"];
    const messages = [...toClient, theMessage(full.serverDone.sent, finished), ...[...others, clientKeyExchange, certificateVerify].map(empty)];
    states.forEach((state, at) => {
      messages.forEach((message, index) => {
        // Without the request the key exchange is whole, and only then it shows that nobody asks who the client is.
        const unasked = at === 2 && message.type === serverHelloDone;
        const expected = index === at ? rightly[at] : unasked ? "given-up: give-up 40" : "given-up: give-up 10";
        expect(outcome(client(clients, state, message)), `${handshakeName(message.type)} after ${at} messages`).toBe(expected);
      });
    });
  });

  it("the server takes the messages of the client's flight in their order alone, and asks once who that is", () => {
    const states: SentStep<ServerState>[] = [full.greeted];
    for (const message of toServer) states.push(server(servers, states.at(-1) ?? full.greeted, message));
    const rightly = ["awaiting-client-key-exchange", "awaiting-certificate-verify", "awaiting-peer: find-peer"];
    const messages = [...toServer, theMessage(full.exchanged.sent, finished), ...[...others, serverKeyExchange, certificateRequest, serverHelloDone].map(empty)];
    states.forEach((state, at) => {
      // While the client is looked up its flight is over.
      messages.forEach((message, index) => expect(outcome(server(servers, state, message)), `${handshakeName(message.type)} after ${at} messages`).toBe(index === at && at < 3 ? rightly[at] : "given-up: give-up 10"));
    });
    const answers: readonly (readonly [ServerInput, string])[] = [
      [{ in: "peer-accepted" }, "awaiting-finished: install-keys"],
      [{ in: "refused", alert: 42 }, "given-up: give-up 42"],
      [{ in: "refused", alert: "silence" }, "given-up: give-up silence"],
      [{ in: "key-found", key: Buffer.alloc(16) }, "awaiting-peer"],
    ];
    for (const [answer, expected] of answers) expect(outcome(server(servers, states.at(-1) ?? full.greeted, answer))).toBe(expected);
    for (const state of states.slice(0, 3)) expect(outcome(server(servers, state, { in: "peer-accepted" }))).toBe(state.state.at);
  });

  it("a signature that is wrong in one bit ends the handshake with decrypt_error at either end", () => {
    const [shown, exchange] = toClient;
    if (shown === undefined || exchange === undefined) throw new Error("no flight");
    const heard = client(clients, full.negotiated, shown);
    for (const at of [4, 40, exchange.body.length - 1]) expect(outcome(client(clients, heard, without(exchange, at)))).toBe("given-up: give-up 51");
    const [own, share, proof] = toServer;
    if (own === undefined || share === undefined || proof === undefined) throw new Error("no flight");
    const asked = server(servers, server(servers, full.greeted, own), share);
    expect(outcome(server(servers, asked, without(proof, proof.body.length - 1)))).toBe("given-up: give-up 51");
  });
});

it("a client of the one kind refuses a server of the other", () => {
  const asRaw = fullHandshake(clientContext({ suites, credential: made.rpk }), servers);
  const asCertified = fullHandshake(clientContext({ suites, credential: made.x509() }), servers);
  const rawKey = theMessage(asRaw.greeted.sent, certificate);
  const certified = theMessage(asCertified.greeted.sent, certificate);
  expect(outcome(client(clientContext({ suites, credential: made.rpk }), asRaw.negotiated, certified))).toBe("given-up: give-up 42");
  expect(() => outcome(client(clientContext({ suites, credential: made.x509() }), asCertified.negotiated, rawKey))).toThrow("certificate");
});
