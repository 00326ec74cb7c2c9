import { Alerts, type AlertDescription } from "../codec/alert.js";
import { ExtensionType, readServerName } from "../codec/extensions.js";
import { handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { EMPTY_RENEGOTIATION_INFO_SCSV, offersNullCompression, readOpaque16, writeServerHello, type ClientHello } from "../codec/messages.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { DTLS_1_2 } from "../codec/record.js";
import { connectionKeys, extendedMasterSecret, masterSecret, verifyData, type ConnectionKeys, type Randoms } from "../crypto/key-schedule.js";
import { equalSecrets, kept, pskPremaster } from "../crypto/primitives.js";
import type { CipherSuite } from "../crypto/suites.js";
import { FlightWriter, heard, step, type HandshakeContext, type SessionSecrets, type Step, type Transcript } from "./steps.js";

export interface ServerContext extends HandshakeContext {
  readonly suites: readonly CipherSuite[];
  readonly extendedMasterSecret: "offer" | "require" | "never";
}

/** A session that may be resumed. */
export type ResumableSession = Pick<SessionSecrets, "suite" | "master" | "identity" | "serverName" | "extendedMasterSecret" | "encryptThenMac" | "sessionId">;

interface Negotiated {
  readonly suite: CipherSuite;
  readonly randoms: Randoms;
  readonly sessionId: Uint8Array;
  readonly serverName: string | undefined;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
}

export type ServerState =
  /** Nothing yet: the cookie was good. */
  | { readonly at: "idle" }
  | { readonly at: "awaiting-client-key-exchange"; readonly negotiated: Negotiated; readonly transcript: Transcript }
  | { readonly at: "awaiting-key"; readonly negotiated: Negotiated; readonly identity: Buffer; readonly transcript: Transcript }
  | { readonly at: "awaiting-finished"; readonly session: SessionSecrets; readonly transcript: Transcript }
  | { readonly at: "connected" }
  | { readonly at: "given-up" };

export type ServerInput =
  /** A ClientHello with a good cookie; `random` and `sessionId` are for the answer, the latter empty when sessions are not kept. */
  | { readonly in: "hello"; readonly message: HandshakeMessage; readonly hello: ClientHello; readonly random: Uint8Array; readonly sessionId: Uint8Array; readonly resumable: ResumableSession | undefined }
  | { readonly in: "message"; readonly message: HandshakeMessage }
  | { readonly in: "key-found"; readonly key: Uint8Array }
  | { readonly in: "key-refused"; readonly alert: AlertDescription | "silence" };

/** Below are the versions of TLS. */
const OLDEST_FUTURE = 0xfe00;
const emptyRenegotiationInfo = Uint8Array.of(0);
const nothing = new Uint8Array();

const givenUp = (alert: AlertDescription | "silence", because: string): Step<ServerState> => step({ at: "given-up" }, { do: "give-up", alert, because });
const unexpected = (message: HandshakeMessage, state: ServerState): Step<ServerState> => givenUp(Alerts.unexpected_message, `${handshakeName(message.type)} while ${state.at}`);

/** RFC 6347 §4.2 with RFC 4279: the server's side, from the ClientHello with a good cookie on. Throws WireError for a message that does not parse. */
export function nextServer(context: ServerContext, state: ServerState, input: ServerInput): Step<ServerState> {
  switch (input.in) {
    case "hello":
      return state.at === "idle" ? negotiate(context, input) : step(state);
    case "key-found":
      return state.at === "awaiting-key" ? deriveKeys(context, state.negotiated, state.identity, input.key, state.transcript) : step(state);
    case "key-refused":
      return state.at === "awaiting-key" ? givenUp(input.alert, "the identity has no key") : step(state);
    case "message":
      return hear(context, state, input.message);
  }
}

function hear(context: ServerContext, state: ServerState, message: HandshakeMessage): Step<ServerState> {
  switch (state.at) {
    case "awaiting-client-key-exchange": {
      if (message.type !== HandshakeType.clientKeyExchange) return unexpected(message, state);
      const identity = kept(readOpaque16(message.body, "PSK identity"));
      return step({ at: "awaiting-key", negotiated: state.negotiated, identity, transcript: heard(state.transcript, message) }, { do: "find-key", identity });
    }
    case "awaiting-finished":
      return message.type === HandshakeType.finished ? finish(context, state.session, state.transcript, message) : unexpected(message, state);
    case "awaiting-key":
      return unexpected(message, state);
    case "idle":
    case "connected":
    case "given-up":
      return step(state);
  }
}

/** Why a ClientHello cannot be answered, or undefined. */
function objection(context: ServerContext, hello: ClientHello): { readonly alert: AlertDescription; readonly because: string } | undefined {
  // Versions count downwards: a smaller number is a newer one, and such a client takes 1.2 too.
  if (hello.version > DTLS_1_2 || hello.version < OLDEST_FUTURE) return { alert: Alerts.protocol_version, because: `the client speaks version 0x${hello.version.toString(16)}` };
  if (!offersNullCompression(hello)) return { alert: Alerts.illegal_parameter, because: "the client insists on a compression" };
  const renegotiation = hello.extensions.get(ExtensionType.renegotiationInfo);
  if (renegotiation !== undefined && !samePublicBytes(renegotiation, emptyRenegotiationInfo)) return { alert: Alerts.handshake_failure, because: "renegotiation_info names an earlier handshake" };
  const blockExtensions = [ExtensionType.extendedMasterSecret, ExtensionType.encryptThenMac].find((type) => (hello.extensions.get(type)?.length ?? 0) > 0);
  if (blockExtensions !== undefined) return { alert: Alerts.decode_error, because: `extension ${blockExtensions} has content` };
  if (context.extendedMasterSecret === "require" && !hello.extensions.has(ExtensionType.extendedMasterSecret)) return { alert: Alerts.handshake_failure, because: "the client does not do extended master secret" };
  return undefined;
}

function negotiate(context: ServerContext, input: Extract<ServerInput, { in: "hello" }>): Step<ServerState> {
  const { hello, message, resumable } = input;
  const wrong = objection(context, hello);
  if (wrong !== undefined) return givenUp(wrong.alert, wrong.because);
  const suite = context.suites.find((one) => hello.suites.includes(one.id));
  if (suite === undefined) return givenUp(Alerts.handshake_failure, "no suite in common");
  const extended = context.extendedMasterSecret !== "never" && hello.extensions.has(ExtensionType.extendedMasterSecret);
  const transcript: Transcript = { messages: [message.raw], nextSeq: message.messageSeq };
  const serverName = hello.extensions.get(ExtensionType.serverName);
  const common = { randoms: { client: hello.random, server: input.random }, serverName: serverName === undefined ? undefined : readServerName(serverName) };
  // RFC 6066 §3: a session is not resumed under another name.
  const isAlike = resumable !== undefined && hello.suites.includes(resumable.suite.id) && resumable.serverName === common.serverName;
  if (isAlike && (!resumable.encryptThenMac || hello.extensions.has(ExtensionType.encryptThenMac))) {
    // RFC 7627 §5.3: a session with the extension is never resumed without it; one without it gets a full handshake.
    if (resumable.extendedMasterSecret && !extended) return givenUp(Alerts.handshake_failure, "the client resumes without extended master secret");
    if (resumable.extendedMasterSecret) {
      const { suite: former, sessionId, encryptThenMac } = resumable;
      return resume(context, hello, { ...common, suite: former, sessionId, extendedMasterSecret: extended, encryptThenMac }, resumable, transcript);
    }
  }
  // RFC 7366 §3: never for an AEAD suite.
  const encryptThenMac = suite.isBlockCipher && hello.extensions.has(ExtensionType.encryptThenMac);
  const negotiated: Negotiated = { ...common, suite, sessionId: input.sessionId, extendedMasterSecret: extended, encryptThenMac };
  const writer = new FlightWriter(transcript, context).add(HandshakeType.serverHello, serverHello(hello, negotiated)).add(HandshakeType.serverHelloDone, nothing);
  return step({ at: "awaiting-client-key-exchange", negotiated, transcript: writer.transcript }, { do: "send", flight: writer.flight, awaitsReply: true });
}

function serverHello(hello: ClientHello, negotiated: Negotiated): Buffer {
  const extensions = new Map<number, Uint8Array>();
  if (hello.extensions.has(ExtensionType.renegotiationInfo) || hello.suites.includes(EMPTY_RENEGOTIATION_INFO_SCSV)) extensions.set(ExtensionType.renegotiationInfo, emptyRenegotiationInfo);
  if (negotiated.extendedMasterSecret) extensions.set(ExtensionType.extendedMasterSecret, nothing);
  if (negotiated.encryptThenMac) extensions.set(ExtensionType.encryptThenMac, nothing);
  return writeServerHello({ version: DTLS_1_2, random: negotiated.randoms.server, sessionId: negotiated.sessionId, suite: negotiated.suite.id, compression: 0, extensions });
}

const installKeys = (keys: ConnectionKeys) => ({ do: "install-keys", read: keys.client, write: keys.server }) as const;

function resume(context: ServerContext, hello: ClientHello, negotiated: Negotiated, resumable: ResumableSession, transcript: Transcript): Step<ServerState> {
  const { master, identity } = resumable;
  const { suite, randoms, sessionId, serverName, encryptThenMac } = negotiated;
  const writer = new FlightWriter(transcript, context).add(HandshakeType.serverHello, serverHello(hello, negotiated)).changeCipherSpec();
  writer.add(HandshakeType.finished, verifyData(master, "server", writer.transcript.messages), 1);
  const session: SessionSecrets = { suite, sessionId, master, clientRandom: randoms.client, identity, serverName, extendedMasterSecret: negotiated.extendedMasterSecret, encryptThenMac, resumed: true };
  const keys = connectionKeys(suite, master, randoms, { encryptThenMac, randomIv: context.randomIv });
  return step({ at: "awaiting-finished", session, transcript: writer.transcript }, installKeys(keys), { do: "send", flight: writer.flight, awaitsReply: true });
}

function deriveKeys(context: ServerContext, negotiated: Negotiated, identity: Buffer, key: Uint8Array, transcript: Transcript): Step<ServerState> {
  const { suite, randoms, sessionId, serverName, encryptThenMac } = negotiated;
  const premaster = pskPremaster(key);
  const master = negotiated.extendedMasterSecret ? extendedMasterSecret(premaster, transcript.messages) : masterSecret(premaster, randoms);
  const session: SessionSecrets = { suite, sessionId, master, clientRandom: randoms.client, identity: { mode: "psk", bytes: identity }, serverName, extendedMasterSecret: negotiated.extendedMasterSecret, encryptThenMac, resumed: false };
  return step({ at: "awaiting-finished", session, transcript }, installKeys(connectionKeys(suite, master, randoms, { encryptThenMac, randomIv: context.randomIv })));
}

function finish(context: ServerContext, session: SessionSecrets, transcript: Transcript, message: HandshakeMessage): Step<ServerState> {
  if (!equalSecrets(message.body, verifyData(session.master, "client", transcript.messages))) return givenUp(Alerts.decrypt_error, "the client's Finished is wrong");
  if (session.resumed) return step({ at: "connected" }, { do: "connected", session });
  const writer = new FlightWriter(heard(transcript, message), context).changeCipherSpec();
  writer.add(HandshakeType.finished, verifyData(session.master, "server", writer.transcript.messages), 1);
  return step({ at: "connected" }, { do: "send", flight: writer.flight, awaitsReply: false }, { do: "connected", session });
}
