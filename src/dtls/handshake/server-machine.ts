import { Alerts, type AlertDescription } from "../codec/alert.js";
import { readCertificate, readSignature, requestFor, writeCertificate, writeCertificateRequest } from "../codec/certificate-messages.js";
import { CertificateType, ExtensionType } from "../codec/extensions.js";
import { handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { ecdheParameters, readClientShare, readIdentifiedShare, writeHintedKeyExchange, writeSignedKeyExchange } from "../codec/key-exchange.js";
import { readOpaque16, type ClientHello } from "../codec/messages.js";
import { chainKey } from "../crypto/certificates.js";
import type { KeyShare } from "../crypto/groups.js";
import { connectionKeys, extendedMasterSecret, masterSecret, verifyData } from "../crypto/key-schedule.js";
import { ECDSA_P256_SHA256, importPublicKey, isSignedBy, signed, type KeyObject } from "../crypto/keys.js";
import { equalSecrets, kept, pskPremaster } from "../crypto/primitives.js";
import type { Identity, PeerClaim } from "../types.js";
import { Reader } from "../../wire/index.js";
import { choose, idsFor, keysFor, limitsFor, objectionTo, readName, serverHello, type Choice, type Negotiated, type ServerContext, type SigningKeys } from "./server-hello.js";
import { FlightWriter, heard, limitRecords, recordIds, step, type SessionSecrets, type Step, type Transcript } from "./steps.js";

export type { ServerContext, SigningKeys } from "./server-hello.js";

/** A session that may be resumed. */
export type ResumableSession = Pick<SessionSecrets, "suite" | "master" | "identity" | "serverName" | "extendedMasterSecret" | "encryptThenMac" | "sessionId">;

/** Who the client says it is, with the key that has to prove it. */
interface Claimed {
  readonly claim: PeerClaim;
  readonly publicKey: KeyObject | undefined;
}

export type ServerState =
  /** Nothing yet: the cookie was good. */
  | { readonly at: "idle" }
  | { readonly at: "awaiting-certificate"; readonly negotiated: Negotiated; readonly share: KeyShare; readonly transcript: Transcript }
  | { readonly at: "awaiting-client-key-exchange"; readonly negotiated: Negotiated; readonly share: KeyShare | undefined; readonly claimed: Claimed | undefined; readonly transcript: Transcript }
  | { readonly at: "awaiting-certificate-verify"; readonly negotiated: Negotiated; readonly claim: PeerClaim; readonly publicKey: KeyObject; readonly master: Buffer; readonly transcript: Transcript }
  /** With PSK; `agreed` with ECDHE. */
  | { readonly at: "awaiting-key"; readonly negotiated: Negotiated; readonly identity: Buffer; readonly agreed: Buffer | undefined; readonly transcript: Transcript }
  | { readonly at: "awaiting-peer"; readonly negotiated: Negotiated; readonly claim: PeerClaim; readonly master: Buffer; readonly transcript: Transcript }
  | { readonly at: "awaiting-finished"; readonly session: SessionSecrets; readonly transcript: Transcript }
  | { readonly at: "connected" }
  | { readonly at: "given-up" };

export type ServerInput =
  /** A ClientHello with a good cookie; `random`, `sessionId` (empty when sessions are not kept) and `connectionId` (undefined where none are used) are for the answer. */
  | { readonly in: "hello"; readonly message: HandshakeMessage; readonly hello: ClientHello; readonly random: Uint8Array; readonly sessionId: Uint8Array; readonly connectionId: Buffer | undefined; readonly resumable: ResumableSession | undefined }
  | { readonly in: "message"; readonly message: HandshakeMessage }
  | { readonly in: "key-found"; readonly key: Uint8Array }
  | { readonly in: "peer-accepted" }
  /** To `find-key` and `find-peer` alike. */
  | { readonly in: "refused"; readonly alert: AlertDescription | "silence" };

type HelloInput = Extract<ServerInput, { in: "hello" }>;
type AwaitingKeyExchange = Extract<ServerState, { at: "awaiting-client-key-exchange" }>;

const nothing = new Uint8Array();

const givenUp = (alert: AlertDescription | "silence", because: string): Step<ServerState> => step({ at: "given-up" }, { do: "give-up", alert, because });
const unexpected = (message: HandshakeMessage, state: ServerState): Step<ServerState> => givenUp(Alerts.unexpected_message, `${handshakeName(message.type)} while ${state.at}`);

/** RFC 6347 §4.2 with RFC 4279, RFC 5489, RFC 8422 and RFC 7250: the server's side, from the ClientHello with a good cookie on. Throws WireError for a message that does not parse. */
export function nextServer(context: ServerContext, state: ServerState, input: ServerInput): Step<ServerState> {
  switch (input.in) {
    case "hello":
      return state.at === "idle" ? negotiate(context, input) : step(state);
    case "key-found":
      if (state.at !== "awaiting-key") return step(state);
      return deriveKeys(context, state.negotiated, { mode: "psk", bytes: state.identity }, masterOf(state.negotiated, pskPremaster(input.key, state.agreed), state.transcript), state.transcript);
    case "peer-accepted":
      return state.at === "awaiting-peer" ? deriveKeys(context, state.negotiated, identityOf(state.claim), state.master, state.transcript) : step(state);
    case "refused":
      return state.at === "awaiting-key" || state.at === "awaiting-peer" ? givenUp(input.alert, "the client is not known, or not let in") : step(state);
    case "message":
      return hear(context, state, input.message);
  }
}

function hear(context: ServerContext, state: ServerState, message: HandshakeMessage): Step<ServerState> {
  switch (state.at) {
    case "awaiting-certificate":
      if (message.type !== HandshakeType.certificate) return unexpected(message, state);
      return step({ ...state, at: "awaiting-client-key-exchange", claimed: claimIn(message.body, state.negotiated), transcript: heard(state.transcript, message) });
    case "awaiting-client-key-exchange":
      return message.type === HandshakeType.clientKeyExchange ? exchangeKeys(state, message) : unexpected(message, state);
    case "awaiting-certificate-verify": {
      if (message.type !== HandshakeType.certificateVerify) return unexpected(message, state);
      const { algorithm, bytes } = readSignature(new Reader(message.body));
      if (algorithm !== ECDSA_P256_SHA256) return givenUp(Alerts.illegal_parameter, `the client signs with algorithm 0x${algorithm.toString(16)}, which was not asked for`);
      if (!isSignedBy(state.publicKey, Buffer.concat(state.transcript.messages), bytes)) return givenUp(Alerts.decrypt_error, "the client does not hold the private key of what it shows");
      return askForPeer(state.negotiated, state.claim, state.master, heard(state.transcript, message));
    }
    case "awaiting-finished":
      return message.type === HandshakeType.finished ? finish(context, state.session, state.transcript, message) : unexpected(message, state);
    case "awaiting-key":
    case "awaiting-peer":
      return unexpected(message, state);
    case "idle":
    case "connected":
    case "given-up":
      return step(state);
  }
}

function negotiate(context: ServerContext, input: HelloInput): Step<ServerState> {
  const { hello, message, resumable } = input;
  const wrong = objectionTo(context, hello);
  if (wrong !== undefined) return givenUp(wrong.alert, wrong.because);
  const serverName = readName(hello.extensions);
  const choice = choose(context, hello, keysFor(context, serverName));
  if ("alert" in choice) return givenUp(choice.alert, choice.because);
  const limits = limitsFor(context, hello.extensions);
  if ("alert" in limits) return givenUp(limits.alert, limits.because);
  const extended = context.extendedMasterSecret !== "never" && hello.extensions.has(ExtensionType.extendedMasterSecret);
  const transcript: Transcript = { messages: [message.raw], nextSeq: message.messageSeq };
  const common = { randoms: { client: hello.random, server: input.random }, serverName, limits, connectionIds: idsFor(input.connectionId, hello.extensions) };
  // RFC 6066 §3: a session is not resumed under another name.
  const isAlike = resumable !== undefined && hello.suites.includes(resumable.suite.id) && resumable.serverName === common.serverName;
  if (isAlike && (!resumable.encryptThenMac || hello.extensions.has(ExtensionType.encryptThenMac))) {
    // RFC 7627 §5.3: a session with the extension is never resumed without it; one without it gets a full handshake.
    if (resumable.extendedMasterSecret && !extended) return givenUp(Alerts.handshake_failure, "the client resumes without extended master secret");
    if (resumable.extendedMasterSecret) {
      const { suite: former, sessionId, encryptThenMac } = resumable;
      return resume(context, hello, { ...common, suite: former, sessionId, extendedMasterSecret: extended, encryptThenMac, types: undefined }, resumable, transcript);
    }
  }
  // RFC 7366 §3: never for an AEAD suite.
  const encryptThenMac = choice.suite.isBlockCipher && hello.extensions.has(ExtensionType.encryptThenMac);
  return answer(context, hello, choice, { ...common, suite: choice.suite, sessionId: input.sessionId, extendedMasterSecret: extended, encryptThenMac, types: choice.types }, transcript);
}

/** ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone, as the suite has them (RFC 5246 §7.3). */
function answer(context: ServerContext, hello: ClientHello, { group }: Choice, negotiated: Negotiated, transcript: Transcript): Step<ServerState> {
  const writer = new FlightWriter(transcript, context).add(HandshakeType.serverHello, serverHello(context, hello, negotiated));
  const keys = keysFor(context, negotiated.serverName);
  const { types } = negotiated;
  const share = group?.newShare();
  const parameters = group === undefined || share === undefined ? undefined : ecdheParameters(group.id, share.publicKey);
  const asks = types !== undefined && !context.skipCertificateRequest;
  if (parameters !== undefined && types !== undefined && keys !== undefined) {
    writer.add(HandshakeType.certificate, writeCertificate(shownBy(keys, types.server), types.server));
    const signature = signed(keys.privateKey, Buffer.concat([negotiated.randoms.client, negotiated.randoms.server, parameters]));
    writer.add(HandshakeType.serverKeyExchange, writeSignedKeyExchange(parameters, ECDSA_P256_SHA256, signature));
    if (asks) writer.add(HandshakeType.certificateRequest, writeCertificateRequest(requestFor(ECDSA_P256_SHA256)));
  } else if (parameters !== undefined) writer.add(HandshakeType.serverKeyExchange, writeHintedKeyExchange(parameters));
  writer.add(HandshakeType.serverHelloDone, nothing);
  const { transcript: sent, flight } = writer;
  const actions = [...limitRecords(negotiated.limits), { do: "send", flight, awaitsReply: true }] as const;
  if (asks && share !== undefined) return step({ at: "awaiting-certificate", negotiated, share, transcript: sent }, ...actions);
  const claimed: Claimed | undefined = types === undefined ? undefined : { claim: { mode: "x509", chain: [] }, publicKey: undefined };
  return step({ at: "awaiting-client-key-exchange", negotiated, share, claimed, transcript: sent }, ...actions);
}

const shownBy = ({ publicKey, chain = [] }: SigningKeys, type: CertificateType): readonly Uint8Array[] => (type === CertificateType.rawPublicKey ? [publicKey] : chain);

/** Throws DecodeError for an empty Certificate message (handshake_failure, RFC 5246 §7.4.6) and for keys that are none. */
function claimIn(body: Buffer, { types }: Negotiated): Claimed {
  const shown = readCertificate(body, types?.client ?? CertificateType.x509).map(kept);
  const publicKey = types?.client === CertificateType.rawPublicKey && shown[0] !== undefined ? importPublicKey(shown[0]) : chainKey(shown);
  const [first = Buffer.alloc(0)] = shown;
  return { claim: types?.client === CertificateType.rawPublicKey ? { mode: "rpk", publicKey: first } : { mode: "x509", chain: shown }, publicKey };
}

/** The chain, and what was read of it, goes with the handshake. */
const identityOf = (claim: PeerClaim): Identity => (claim.mode === "rpk" ? { mode: "rpk", bytes: claim.publicKey } : { mode: "x509", bytes: kept(claim.chain[0] ?? nothing) });

function exchangeKeys(state: AwaitingKeyExchange, message: HandshakeMessage): Step<ServerState> {
  const { negotiated, share, claimed } = state;
  const transcript = heard(state.transcript, message);
  if (share === undefined) return askForKey(negotiated, kept(readOpaque16(message.body, "PSK identity")), undefined, transcript);
  if (negotiated.suite.keyExchange === "ecdhe_psk") {
    const { identity, publicKey } = readIdentifiedShare(message.body);
    return askForKey(negotiated, kept(identity), share.agree(publicKey), transcript);
  }
  if (claimed === undefined) return unexpected(message, state);
  const master = masterOf(negotiated, share.agree(readClientShare(message.body)), transcript);
  const { claim, publicKey } = claimed;
  return publicKey === undefined ? askForPeer(negotiated, claim, master, transcript) : step({ at: "awaiting-certificate-verify", negotiated, claim, publicKey, master, transcript });
}

const askForKey = (negotiated: Negotiated, identity: Buffer, agreed: Buffer | undefined, transcript: Transcript): Step<ServerState> =>
  step({ at: "awaiting-key", negotiated, identity, agreed, transcript }, { do: "find-key", identity });

const askForPeer = (negotiated: Negotiated, claim: PeerClaim, master: Buffer, transcript: Transcript): Step<ServerState> => step({ at: "awaiting-peer", negotiated, claim, master, transcript }, { do: "find-peer", claim });

/** `transcript` ends in the ClientKeyExchange (RFC 7627 §4). */
const masterOf = (negotiated: Negotiated, premaster: Uint8Array, transcript: Transcript): Buffer =>
  negotiated.extendedMasterSecret ? extendedMasterSecret(premaster, transcript.messages) : masterSecret(premaster, negotiated.randoms);

function installKeys(context: ServerContext, { suite, randoms, encryptThenMac, connectionIds: ids }: Negotiated, master: Uint8Array) {
  const keys = connectionKeys(suite, master, randoms, { encryptThenMac, randomIv: context.randomIv }, recordIds("server", ids));
  return { do: "install-keys", read: keys.client, write: keys.server, ids } as const;
}

function sessionOf(negotiated: Negotiated, identity: Identity, master: Buffer, resumed: boolean): SessionSecrets {
  const { suite, randoms, sessionId, serverName, extendedMasterSecret: extended, encryptThenMac, connectionIds } = negotiated;
  return { suite, sessionId, master, clientRandom: randoms.client, identity, serverName, extendedMasterSecret: extended, encryptThenMac, resumed, connectionIds };
}

function resume(context: ServerContext, hello: ClientHello, negotiated: Negotiated, { master, identity }: ResumableSession, transcript: Transcript): Step<ServerState> {
  const writer = new FlightWriter(transcript, context).add(HandshakeType.serverHello, serverHello(context, hello, negotiated)).changeCipherSpec();
  writer.add(HandshakeType.finished, verifyData(master, "server", writer.transcript.messages), 1);
  const session = sessionOf(negotiated, identity, master, true);
  return step({ at: "awaiting-finished", session, transcript: writer.transcript }, ...limitRecords(negotiated.limits), installKeys(context, negotiated, master), { do: "send", flight: writer.flight, awaitsReply: true });
}

const deriveKeys = (context: ServerContext, negotiated: Negotiated, identity: Identity, master: Buffer, transcript: Transcript): Step<ServerState> =>
  step({ at: "awaiting-finished", session: sessionOf(negotiated, identity, master, false), transcript }, installKeys(context, negotiated, master));

function finish(context: ServerContext, session: SessionSecrets, transcript: Transcript, message: HandshakeMessage): Step<ServerState> {
  if (!equalSecrets(message.body, verifyData(session.master, "client", transcript.messages))) return givenUp(Alerts.decrypt_error, "the client's Finished is wrong");
  if (session.resumed) return step({ at: "connected" }, { do: "connected", session });
  const writer = new FlightWriter(heard(transcript, message), context).changeCipherSpec();
  writer.add(HandshakeType.finished, verifyData(session.master, "server", writer.transcript.messages), 1);
  return step({ at: "connected" }, { do: "send", flight: writer.flight, awaitsReply: false }, { do: "connected", session });
}
