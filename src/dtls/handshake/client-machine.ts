import { Alerts, type AlertDescription } from "../codec/alert.js";
import { ExtensionType, writeServerName } from "../codec/extensions.js";
import { handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { EMPTY_RENEGOTIATION_INFO_SCSV, nullCompression, readHelloVerifyRequest, readOpaque16, readServerHello, readServerHelloDone, writeClientHello, writeOpaque16, type ClientHello, type ServerHello } from "../codec/messages.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { DTLS_1_2 } from "../codec/record.js";
import { connectionKeys, extendedMasterSecret, masterSecret, verifyData, type ConnectionKeys, type Randoms } from "../crypto/key-schedule.js";
import { equalSecrets, kept, pskPremaster } from "../crypto/primitives.js";
import type { CipherSuite } from "../crypto/suites.js";
import type { PskCredential, Resumption } from "../types.js";
import { FlightWriter, heard, step, type HandshakeContext, type SessionSecrets, type Step, type Transcript } from "./steps.js";

export interface ClientContext extends HandshakeContext {
  readonly suites: readonly CipherSuite[];
  readonly credential: PskCredential;
  readonly serverName?: string | undefined;
  readonly resume?: Resumption | undefined;
  readonly extendedMasterSecret: "offer" | "require" | "never";
}

/** What the hellos settled. */
interface Negotiated {
  readonly suite: CipherSuite;
  readonly randoms: Randoms;
  readonly sessionId: Uint8Array;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
}

export type ClientState =
  | { readonly at: "idle" }
  /** ClientHello sent, `cookies` times with a cookie. */
  | { readonly at: "awaiting-server-hello"; readonly hello: ClientHello; readonly cookies: number; readonly transcript: Transcript }
  /** Full handshake: one ServerKeyExchange may come before ServerHelloDone. */
  | { readonly at: "awaiting-hello-done"; readonly negotiated: Negotiated; readonly hinted: boolean; readonly transcript: Transcript }
  | { readonly at: "awaiting-finished"; readonly session: SessionSecrets; readonly transcript: Transcript }
  | { readonly at: "connected" }
  | { readonly at: "given-up" };

export type ClientInput = { readonly in: "start"; readonly random: Uint8Array } | { readonly in: "message"; readonly message: HandshakeMessage };

const nothing = new Uint8Array();
const noTranscript: Transcript = { messages: [], nextSeq: 0 };
/** A server asks again when the cookie has become too old or itself was started anew; one that never is content gets no more. */
const MAX_COOKIES = 8;
/** RFC 5746 §3.4: no earlier handshake to bind to. */
const emptyRenegotiationInfo = Uint8Array.of(0);

const givenUp = (alert: AlertDescription, because: string): Step<ClientState> => step({ at: "given-up" }, { do: "give-up", alert, because });
const unexpected = (message: HandshakeMessage, state: ClientState): Step<ClientState> => givenUp(Alerts.unexpected_message, `${handshakeName(message.type)} while ${state.at}`);

/** RFC 6347 §4.2 with RFC 4279: the client's side of a handshake. Throws WireError for a message that does not parse. */
export function nextClient(context: ClientContext, state: ClientState, input: ClientInput): Step<ClientState> {
  if (input.in === "start") return state.at === "idle" ? begin(context, input.random) : step(state);
  const { message } = input;
  switch (state.at) {
    case "awaiting-server-hello":
      if (message.type === HandshakeType.helloVerifyRequest && state.cookies < MAX_COOKIES) return verify(context, state, message);
      if (message.type === HandshakeType.serverHello) return negotiate(context, state.hello, heard(state.transcript, message), readServerHello(message.body));
      return unexpected(message, state);
    case "awaiting-hello-done":
      if (message.type === HandshakeType.serverKeyExchange && !state.hinted) {
        readOpaque16(message.body, "identity hint");
        return step({ ...state, hinted: true, transcript: heard(state.transcript, message) });
      }
      if (message.type === HandshakeType.serverHelloDone) {
        readServerHelloDone(message.body);
        return exchangeKeys(context, state.negotiated, heard(state.transcript, message));
      }
      return unexpected(message, state);
    case "awaiting-finished":
      if (message.type === HandshakeType.finished) return finish(context, state.session, state.transcript, message);
      return unexpected(message, state);
    case "idle":
    case "connected":
    case "given-up":
      return step(state);
  }
}

function begin(context: ClientContext, random: Uint8Array): Step<ClientState> {
  const extensions = new Map<number, Uint8Array>();
  if (context.serverName !== undefined) extensions.set(ExtensionType.serverName, writeServerName(context.serverName));
  if (context.extendedMasterSecret !== "never") extensions.set(ExtensionType.extendedMasterSecret, nothing);
  if (context.suites.some((suite) => suite.isBlockCipher)) extensions.set(ExtensionType.encryptThenMac, nothing);
  const hello: ClientHello = {
    version: DTLS_1_2,
    random,
    sessionId: mayOffer(context) ? (context.resume?.sessionId ?? nothing) : nothing,
    cookie: nothing,
    suites: [...context.suites.map((suite) => suite.id), EMPTY_RENEGOTIATION_INFO_SCSV],
    compressions: nullCompression,
    extensions,
  };
  return sayHello(context, hello, 0, noTranscript);
}

/** A session is offered with its suite (RFC 5246 §7.4.1.2) and with its kind of master secret (RFC 7627 §5.3). */
function mayOffer({ resume, suites, extendedMasterSecret }: ClientContext): boolean {
  if (resume === undefined || !suites.some((suite) => suite.name === resume.suite)) return false;
  return extendedMasterSecret !== (resume.extendedMasterSecret ? "never" : "require");
}

function sayHello(context: ClientContext, hello: ClientHello, cookies: number, transcript: Transcript): Step<ClientState> {
  const writer = new FlightWriter(transcript, context).add(HandshakeType.clientHello, writeClientHello(hello));
  return step({ at: "awaiting-server-hello", hello, cookies, transcript: writer.transcript }, { do: "send", flight: writer.flight, awaitsReply: true });
}

/** RFC 6347 §4.2.1: neither a ClientHello that was asked for a cookie nor the HelloVerifyRequest is hashed. */
function verify(context: ClientContext, { hello, cookies, transcript }: Extract<ClientState, { at: "awaiting-server-hello" }>, message: HandshakeMessage): Step<ClientState> {
  const { cookie } = readHelloVerifyRequest(message.body);
  return sayHello(context, { ...hello, cookie }, cookies + 1, { messages: [], nextSeq: transcript.nextSeq });
}

/** Why a ServerHello may not be what it is, or undefined. */
function objection(context: ClientContext, offered: ClientHello, hello: ServerHello): { readonly alert: AlertDescription; readonly because: string } | undefined {
  if (hello.version !== DTLS_1_2) return { alert: Alerts.protocol_version, because: `the server wants version 0x${hello.version.toString(16)}` };
  if (!context.suites.some((suite) => suite.id === hello.suite)) return { alert: Alerts.illegal_parameter, because: `the server chose suite 0x${hello.suite.toString(16)}, which was not offered` };
  if (hello.compression !== 0) return { alert: Alerts.illegal_parameter, because: "the server chose a compression" };
  for (const type of hello.extensions.keys()) {
    // renegotiation_info answers the signalling suite (RFC 5746 §3.6).
    if (type !== ExtensionType.renegotiationInfo && !offered.extensions.has(type)) return { alert: Alerts.unsupported_extension, because: `the server answers extension ${type}, which was not offered` };
  }
  for (const type of [ExtensionType.serverName, ExtensionType.extendedMasterSecret, ExtensionType.encryptThenMac]) {
    if ((hello.extensions.get(type)?.length ?? 0) > 0) return { alert: Alerts.decode_error, because: `extension ${type} has content` };
  }
  const renegotiation = hello.extensions.get(ExtensionType.renegotiationInfo);
  if (renegotiation !== undefined && !samePublicBytes(renegotiation, emptyRenegotiationInfo)) return { alert: Alerts.handshake_failure, because: "renegotiation_info names an earlier handshake" };
  return undefined;
}

function negotiate(context: ClientContext, offered: ClientHello, transcript: Transcript, hello: ServerHello): Step<ClientState> {
  const wrong = objection(context, offered, hello);
  if (wrong !== undefined) return givenUp(wrong.alert, wrong.because);
  const suite = context.suites.find((one) => one.id === hello.suite);
  if (suite === undefined) return givenUp(Alerts.illegal_parameter, "the suite is not offered");
  const extended = hello.extensions.has(ExtensionType.extendedMasterSecret);
  const encryptThenMac = hello.extensions.has(ExtensionType.encryptThenMac);
  if (encryptThenMac && !suite.isBlockCipher) return givenUp(Alerts.illegal_parameter, "encrypt-then-mac for a suite that needs none");
  const negotiated: Negotiated = { suite, randoms: { client: offered.random, server: hello.random }, sessionId: hello.sessionId, extendedMasterSecret: extended, encryptThenMac };
  const { resume } = context;
  if (resume !== undefined && offered.sessionId.length > 0 && samePublicBytes(hello.sessionId, offered.sessionId)) return resumeSession(context, resume, negotiated, transcript);
  if (!extended && context.extendedMasterSecret === "require") return givenUp(Alerts.handshake_failure, "the server does not do extended master secret");
  return step({ at: "awaiting-hello-done", negotiated, hinted: false, transcript });
}

function resumeSession(context: ClientContext, resume: Resumption, negotiated: Negotiated, transcript: Transcript): Step<ClientState> {
  const { suite, randoms, sessionId, encryptThenMac } = negotiated;
  if (suite.name !== resume.suite) return givenUp(Alerts.illegal_parameter, "the server resumes with another suite");
  // RFC 7627 §5.3
  if (negotiated.extendedMasterSecret !== resume.extendedMasterSecret) return givenUp(Alerts.handshake_failure, "the server resumes with another kind of master secret");
  if (encryptThenMac !== resume.encryptThenMac) return givenUp(Alerts.illegal_parameter, "the server resumes with another order of encryption and MAC");
  const session: SessionSecrets = {
    suite,
    sessionId,
    master: kept(resume.masterSecret),
    clientRandom: randoms.client,
    identity: { mode: "psk", bytes: kept(context.credential.identity) },
    serverName: context.serverName,
    extendedMasterSecret: resume.extendedMasterSecret,
    encryptThenMac,
    resumed: true,
  };
  return step({ at: "awaiting-finished", session, transcript }, installKeys(connectionKeys(suite, session.master, randoms, { encryptThenMac, randomIv: context.randomIv })));
}

const installKeys = (keys: ConnectionKeys) => ({ do: "install-keys", read: keys.server, write: keys.client }) as const;

function exchangeKeys(context: ClientContext, negotiated: Negotiated, transcript: Transcript): Step<ClientState> {
  const { suite, randoms, encryptThenMac } = negotiated;
  const { identity, key } = context.credential;
  const writer = new FlightWriter(transcript, context).add(HandshakeType.clientKeyExchange, writeOpaque16(identity));
  const premaster = pskPremaster(key);
  const master = negotiated.extendedMasterSecret ? extendedMasterSecret(premaster, writer.transcript.messages) : masterSecret(premaster, randoms);
  const keys = connectionKeys(suite, master, randoms, { encryptThenMac, randomIv: context.randomIv });
  writer.changeCipherSpec().add(HandshakeType.finished, verifyData(master, "client", writer.transcript.messages), 1);
  const session: SessionSecrets = {
    suite,
    sessionId: negotiated.sessionId,
    master,
    clientRandom: randoms.client,
    identity: { mode: "psk", bytes: kept(identity) },
    serverName: context.serverName,
    extendedMasterSecret: negotiated.extendedMasterSecret,
    encryptThenMac,
    resumed: false,
  };
  return step({ at: "awaiting-finished", session, transcript: writer.transcript }, installKeys(keys), { do: "send", flight: writer.flight, awaitsReply: true });
}

function finish(context: ClientContext, session: SessionSecrets, transcript: Transcript, message: HandshakeMessage): Step<ClientState> {
  if (!equalSecrets(message.body, verifyData(session.master, "server", transcript.messages))) return givenUp(Alerts.decrypt_error, "the server's Finished is wrong");
  if (!session.resumed) return step({ at: "connected" }, { do: "connected", session });
  const writer = new FlightWriter(heard(transcript, message), context).changeCipherSpec();
  writer.add(HandshakeType.finished, verifyData(session.master, "client", writer.transcript.messages), 1);
  return step({ at: "connected" }, { do: "send", flight: writer.flight, awaitsReply: false }, { do: "connected", session });
}
