import { Reader } from "../../wire/index.js";
import { handshakeMessage, HandshakeType, readFragment, type HandshakeMessage } from "../codec/handshake.js";
import { readClientHello, readServerHello, writeHelloVerifyRequest } from "../codec/messages.js";
import { ContentType } from "../codec/record.js";
import { importPrivateKey } from "../crypto/keys.js";
import { groups } from "../crypto/groups.js";
import { cipherSuites } from "../crypto/suites.js";
import { nextClient, type ClientContext, type ClientInput, type ClientState } from "../handshake/client-machine.js";
import { nextServer, type ResumableSession, type ServerContext, type ServerInput, type ServerState } from "../handshake/server-machine.js";
import type { HandshakeAction, SessionSecrets, Step } from "../handshake/steps.js";
import type { Resumption } from "../types.js";
import { EPOCH } from "./authority.js";
import { credential } from "./pair.js";

const randomIv = (): Uint8Array => Buffer.alloc(16, 9);
export const clientContext = (over: Partial<ClientContext> = {}): ClientContext => ({
  suites: cipherSuites.filter(({ keyExchange }) => keyExchange === "psk"),
  groups,
  credential,
  privateKey: over.credential?.mode === "rpk" || over.credential?.mode === "x509" ? importPrivateKey(over.credential.privateKey) : undefined,
  extendedMasterSecret: "offer",
  now: () => EPOCH,
  randomIv,
  ...over,
});
export const serverContext = (over: Partial<ServerContext> = {}): ServerContext => ({
  suites: cipherSuites,
  groups,
  keys: undefined,
  keysByName: new Map(),
  recordSizeLimit: undefined,
  skipCertificateRequest: false,
  extendedMasterSecret: "offer",
  randomIv,
  ...over,
});

/** The handshake messages of the flight that a step sends. */
export function sentBy({ actions }: Step<unknown>): readonly HandshakeMessage[] {
  const flight = actions.flatMap((action) => (action.do === "send" ? action.flight : []));
  return flight
    .filter(({ type }) => type === ContentType.handshake)
    .map(({ bytes }) => {
      const { type, messageSeq, body } = readFragment(new Reader(bytes));
      return handshakeMessage(type, messageSeq, body);
    });
}

export function theMessage(messages: readonly HandshakeMessage[], type: HandshakeType): HandshakeMessage {
  const message = messages.find((one) => one.type === type);
  if (message === undefined) throw new Error(`no message of type ${type}`);
  return message;
}

const described = (action: HandshakeAction): string => (action.do === "give-up" ? `give-up ${action.alert}` : action.do);
/** `connected: send, connected`. */
export const outcome = ({ state, actions }: Step<{ readonly at: string }>): string => [state.at, ...(actions.length === 0 ? [] : [actions.map(described).join(", ")])].join(": ");

export interface SentStep<State> extends Step<State> {
  readonly sent: readonly HandshakeMessage[];
}
const withSent = <State>(step: Step<State>): SentStep<State> => ({ ...step, sent: sentBy(step) });
export const client = (context: ClientContext, { state }: { readonly state: ClientState }, input: ClientInput | HandshakeMessage): SentStep<ClientState> =>
  withSent(nextClient(context, state, "in" in input ? input : { in: "message", message: input }));
export const server = (context: ServerContext, { state }: { readonly state: ServerState }, input: ServerInput | HandshakeMessage): SentStep<ServerState> =>
  withSent(nextServer(context, state, "in" in input ? input : { in: "message", message: input }));

export const helloVerifyRequest = (messageSeq: number): HandshakeMessage => handshakeMessage(HandshakeType.helloVerifyRequest, messageSeq, writeHelloVerifyRequest(0xfeff, Buffer.alloc(20, messageSeq)));
export const serverSessionId = Buffer.alloc(32, 5);

export const helloInput = (message: HandshakeMessage, over: Partial<Extract<ServerInput, { in: "hello" }>> = {}): ServerInput => ({
  in: "hello",
  message,
  hello: readClientHello(message.body),
  random: Buffer.alloc(32, 2),
  sessionId: serverSessionId,
  connectionId: undefined,
  resumable: undefined,
  ...over,
});

const idle = { state: { at: "idle" } } as const;

/** The client up to the ClientHello with its cookie. */
export function greeting(context: ClientContext) {
  const started = client(context, idle, { in: "start", random: Buffer.alloc(32, 1) });
  const verified = client(context, started, helloVerifyRequest(0));
  return { started, verified, hello: theMessage(verified.sent, HandshakeType.clientHello) };
}

/** A full handshake between the two machines, every step of it; a key that is asked for is `key`, and whoever proves to be somebody is let in. */
export function fullHandshake(clients = clientContext(), servers = serverContext(), key: Uint8Array = credential.key) {
  const { started, verified, hello } = greeting(clients);
  const greeted = server(servers, idle, helloInput(hello));
  const negotiated = client(clients, verified, theMessage(greeted.sent, HandshakeType.serverHello));
  const flight = greeted.sent.filter(({ type }) => type !== HandshakeType.serverHello);
  const exchanged = flight.reduce((before: SentStep<ClientState>, message) => client(clients, before, message), negotiated);
  const upToFinished = exchanged.sent.filter(({ type }) => type !== HandshakeType.finished);
  const asked = upToFinished.reduce((before: SentStep<ServerState>, message) => server(servers, before, message), greeted);
  const keyed = server(servers, asked, asked.actions.some((action) => action.do === "find-peer") ? { in: "peer-accepted" } : { in: "key-found", key });
  const serverDone = server(servers, keyed, theMessage(exchanged.sent, HandshakeType.finished));
  const finished = serverDone.sent.find(({ type }) => type === HandshakeType.finished);
  const clientDone = finished === undefined ? undefined : client(clients, exchanged, finished);
  return { started, verified, hello, greeted, negotiated, exchanged, asked, keyed, serverDone, clientDone };
}

export function sessionOf(done: Step<unknown> | undefined): SessionSecrets {
  const session = done?.actions.flatMap((action) => (action.do === "connected" ? [action.session] : []))[0];
  if (session === undefined) throw new Error("not connected");
  return session;
}

/** What both ends keep of a session to resume it. */
export function kept(session: SessionSecrets): { readonly resume: Resumption; readonly resumable: ResumableSession } {
  const { suite, sessionId, master, extendedMasterSecret, encryptThenMac } = session;
  return { resume: { sessionId, masterSecret: master, suite: suite.name, extendedMasterSecret, encryptThenMac }, resumable: session };
}

/** An abbreviated handshake, every step of it. */
export function abbreviatedHandshake(clients: ClientContext, servers: ServerContext, resumable: ResumableSession) {
  const { verified, hello } = greeting(clients);
  const greeted = server(servers, idle, helloInput(hello, { resumable, sessionId: Buffer.alloc(32, 6) }));
  const negotiated = client(clients, verified, theMessage(greeted.sent, HandshakeType.serverHello));
  const clientDone = client(clients, negotiated, theMessage(greeted.sent, HandshakeType.finished));
  const serverDone = server(servers, greeted, theMessage(clientDone.sent, HandshakeType.finished));
  return { verified, hello, greeted, negotiated, clientDone, serverDone, serverHello: readServerHello(theMessage(greeted.sent, HandshakeType.serverHello).body) };
}
