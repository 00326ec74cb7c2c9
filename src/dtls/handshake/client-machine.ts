import { Alerts, type AlertDescription } from "../codec/alert.js";
import { asksFor, readCertificate, readCertificateRequest, writeCertificate, writeSignature } from "../codec/certificate-messages.js";
import { handshakeName, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { readHintedKeyExchange, readSignedKeyExchange, writeClientShare, writeIdentifiedShare, type EcdheParameters } from "../codec/key-exchange.js";
import { readHelloVerifyRequest, readOpaque16, readServerHello, readServerHelloDone, writeClientHello, writeOpaque16, type ClientHello } from "../codec/messages.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { verifyServer, type ServerVerdict } from "../crypto/certificates.js";
import { connectionKeys, extendedMasterSecret, masterSecret, verifyData, type Randoms } from "../crypto/key-schedule.js";
import { ECDSA_P256_SHA256, importPublicKey, isSignedBy, signed, type KeyObject } from "../crypto/keys.js";
import { equalSecrets, kept, pskPremaster } from "../crypto/primitives.js";
import { Writer } from "../../wire/index.js";
import type { CertificateCredential, ClientCredential, Identity, PskCredential, RawPublicKeyCredential, Resumption } from "../types.js";
import { agree, certificateTypeOf, offer, type ClientContext, type Negotiated } from "./client-hello.js";
import { FlightWriter, heard, limitRecords, recordIds, step, type SessionSecrets, type Step, type Transcript } from "./steps.js";

export type { ClientContext } from "./client-hello.js";

/** What came of a server's flight so far. */
interface ServerFlight {
  /** The key that the server's certificate or raw public key gives it. */
  readonly publicKey?: KeyObject;
  readonly parameters?: EcdheParameters;
  readonly hinted?: true;
  readonly asksForCertificate?: true;
}

export type ClientState =
  | { readonly at: "idle" }
  /** ClientHello sent, `cookies` times with a cookie. */
  | { readonly at: "awaiting-server-hello"; readonly hello: ClientHello; readonly cookies: number; readonly transcript: Transcript }
  /** Full handshake, up to ServerHelloDone. */
  | { readonly at: "awaiting-hello-done"; readonly negotiated: Negotiated; readonly flight: ServerFlight; readonly transcript: Transcript }
  | { readonly at: "awaiting-finished"; readonly session: SessionSecrets; readonly transcript: Transcript }
  | { readonly at: "connected" }
  | { readonly at: "given-up" };

export type ClientInput = { readonly in: "start"; readonly random: Uint8Array } | { readonly in: "message"; readonly message: HandshakeMessage };

type AwaitingHelloDone = Extract<ClientState, { at: "awaiting-hello-done" }>;

const noTranscript: Transcript = { messages: [], nextSeq: 0 };
/** A server asks again when the cookie has become too old or itself was started anew; one that never is content gets no more. */
const MAX_COOKIES = 8;

const givenUp = (alert: AlertDescription, because: string): Step<ClientState> => step({ at: "given-up" }, { do: "give-up", alert, because });
const unexpected = (message: HandshakeMessage, state: ClientState): Step<ClientState> => givenUp(Alerts.unexpected_message, `${handshakeName(message.type)} while ${state.at}`);

/** RFC 6347 §4.2 with RFC 4279, RFC 5489, RFC 8422 and RFC 7250: the client's side of a handshake. Throws WireError for a message that does not parse. */
export function nextClient(context: ClientContext, state: ClientState, input: ClientInput): Step<ClientState> {
  if (input.in === "start") return state.at === "idle" ? sayHello(context, offer(context, input.random), 0, noTranscript) : step(state);
  const { message } = input;
  switch (state.at) {
    case "awaiting-server-hello":
      if (message.type === HandshakeType.helloVerifyRequest && state.cookies < MAX_COOKIES) return verify(context, state, message);
      if (message.type === HandshakeType.serverHello) return negotiate(context, state.hello, heard(state.transcript, message), message);
      return unexpected(message, state);
    case "awaiting-hello-done":
      return hearFlight(context, state, message);
    case "awaiting-finished":
      if (message.type === HandshakeType.finished) return finish(context, state.session, state.transcript, message);
      return unexpected(message, state);
    case "idle":
    case "connected":
    case "given-up":
      return step(state);
  }
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

function negotiate(context: ClientContext, offered: ClientHello, transcript: Transcript, message: HandshakeMessage): Step<ClientState> {
  const hello = readServerHello(message.body);
  const negotiated = agree(context, offered, hello);
  if ("alert" in negotiated) return givenUp(negotiated.alert, negotiated.because);
  const { resume } = context;
  if (resume !== undefined && offered.sessionId.length > 0 && samePublicBytes(hello.sessionId, offered.sessionId)) return resumeSession(context, resume, negotiated, transcript);
  if (!negotiated.extendedMasterSecret && context.extendedMasterSecret === "require") return givenUp(Alerts.handshake_failure, "the server does not do extended master secret");
  return step({ at: "awaiting-hello-done", negotiated, flight: {}, transcript }, ...limitRecords(negotiated.limits));
}

/** The client's identity, with memory of its own. */
function identityOf(credential: ClientCredential): Identity {
  switch (credential.mode) {
    case "rpk":
      return { mode: "rpk", bytes: kept(credential.publicKey) };
    case "x509":
      return { mode: "x509", bytes: kept(credential.chain[0] ?? new Uint8Array()) };
    default:
      return { mode: "psk", bytes: kept(credential.identity) };
  }
}

function sessionOf(context: ClientContext, negotiated: Negotiated, master: Buffer, resumed: boolean): SessionSecrets {
  const { suite, sessionId, randoms, extendedMasterSecret: extended, encryptThenMac, connectionIds } = negotiated;
  return {
    suite,
    sessionId,
    master,
    clientRandom: randoms.client,
    identity: identityOf(context.credential),
    serverName: context.serverName,
    extendedMasterSecret: extended,
    encryptThenMac,
    resumed,
    connectionIds,
  };
}

function resumeSession(context: ClientContext, resume: Resumption, negotiated: Negotiated, transcript: Transcript): Step<ClientState> {
  const { suite, encryptThenMac } = negotiated;
  if (suite.name !== resume.suite) return givenUp(Alerts.illegal_parameter, "the server resumes with another suite");
  // RFC 7627 §5.3
  if (negotiated.extendedMasterSecret !== resume.extendedMasterSecret) return givenUp(Alerts.handshake_failure, "the server resumes with another kind of master secret");
  if (encryptThenMac !== resume.encryptThenMac) return givenUp(Alerts.illegal_parameter, "the server resumes with another order of encryption and MAC");
  const session = sessionOf(context, negotiated, kept(resume.masterSecret), true);
  return step({ at: "awaiting-finished", session, transcript }, ...limitRecords(negotiated.limits), installKeys(context, negotiated, session.master));
}

function installKeys(context: ClientContext, { suite, randoms, encryptThenMac, connectionIds: ids }: Negotiated, master: Uint8Array) {
  const keys = connectionKeys(suite, master, randoms, { encryptThenMac, randomIv: context.randomIv }, recordIds("client", ids));
  return { do: "install-keys", read: keys.server, write: keys.client, ids } as const;
}

/** RFC 5246 §7.3: Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone, as the suite has them. */
function hearFlight(context: ClientContext, state: AwaitingHelloDone, message: HandshakeMessage): Step<ClientState> {
  const { negotiated, flight } = state;
  const { keyExchange } = negotiated.suite;
  const transcript = heard(state.transcript, message);
  const goOn = (more: ServerFlight): Step<ClientState> => step({ ...state, flight: { ...flight, ...more }, transcript });
  switch (message.type) {
    case HandshakeType.certificate: {
      if (keyExchange !== "ecdhe_ecdsa" || flight.publicKey !== undefined) return unexpected(message, state);
      const verdict = verifyCertificate(context, message.body);
      return "alert" in verdict ? givenUp(verdict.alert, verdict.because) : goOn(verdict);
    }
    case HandshakeType.serverKeyExchange:
      if (flight.parameters !== undefined || flight.hinted === true) return unexpected(message, state);
      if (keyExchange === "psk") {
        readOpaque16(message.body, "identity hint");
        return goOn({ hinted: true });
      }
      if (keyExchange === "ecdhe_psk") return takeParameters(context, goOn, readHintedKeyExchange(message.body));
      return flight.publicKey === undefined ? unexpected(message, state) : takeSigned(context, goOn, negotiated.randoms, flight.publicKey, message.body);
    case HandshakeType.certificateRequest:
      if (keyExchange !== "ecdhe_ecdsa" || flight.parameters === undefined || flight.asksForCertificate === true) return unexpected(message, state);
      if (!asksFor(readCertificateRequest(message.body), ECDSA_P256_SHA256)) return givenUp(Alerts.handshake_failure, "the server asks for a certificate of another kind");
      return goOn({ asksForCertificate: true });
    case HandshakeType.serverHelloDone:
      readServerHelloDone(message.body);
      return exchangeKeys(context, { ...state, transcript }, message);
    default:
      return unexpected(message, state);
  }
}

function verifyCertificate({ credential, now }: ClientContext, body: Buffer): ServerVerdict {
  const shown = readCertificate(body, certificateTypeOf(credential));
  if (credential.mode === "x509") return verifyServer(shown, credential.server, now());
  const [publicKey] = shown;
  if (credential.mode !== "rpk" || publicKey === undefined || !samePublicBytes(publicKey, credential.serverPublicKey)) {
    return { alert: Alerts.bad_certificate, because: "the server's public key is not the one of the account" };
  }
  return { publicKey: importPublicKey(publicKey) };
}

function takeParameters({ groups }: ClientContext, goOn: (more: ServerFlight) => Step<ClientState>, parameters: EcdheParameters): Step<ClientState> {
  if (!groups.some(({ id }) => id === parameters.group)) return givenUp(Alerts.illegal_parameter, `the server chose curve ${parameters.group}, which was not offered`);
  return goOn({ parameters });
}

/** RFC 8422 §5.4: the parameters are signed together with both randoms. */
function takeSigned(context: ClientContext, goOn: (more: ServerFlight) => Step<ClientState>, randoms: Randoms, publicKey: KeyObject, body: Buffer): Step<ClientState> {
  const { parameters, signature } = readSignedKeyExchange(body);
  if (signature.algorithm !== ECDSA_P256_SHA256) return givenUp(Alerts.illegal_parameter, `the server signs with algorithm 0x${signature.algorithm.toString(16)}, which was not offered`);
  if (!isSignedBy(publicKey, Buffer.concat([randoms.client, randoms.server, parameters.raw]), signature.bytes)) return givenUp(Alerts.decrypt_error, "the signature of the server's key exchange is wrong");
  return takeParameters(context, goOn, parameters);
}

function exchangeKeys(context: ClientContext, state: AwaitingHelloDone, done: HandshakeMessage): Step<ClientState> {
  const { credential } = context;
  const { negotiated, flight, transcript } = state;
  const { keyExchange } = negotiated.suite;
  const writer = new FlightWriter(transcript, context);
  if (keyExchange === "psk") {
    if (!isPsk(credential)) return unexpected(done, state);
    writer.add(HandshakeType.clientKeyExchange, writeOpaque16(credential.identity));
    return sendKeys(context, negotiated, writer, pskPremaster(credential.key));
  }
  const share = context.groups.find(({ id }) => id === flight.parameters?.group)?.newShare();
  if (flight.parameters === undefined || share === undefined) return unexpected(done, state);
  const agreed = share.agree(flight.parameters.publicKey);
  if (keyExchange === "ecdhe_psk") {
    if (!isPsk(credential)) return unexpected(done, state);
    writer.add(HandshakeType.clientKeyExchange, writeIdentifiedShare(credential.identity, share.publicKey));
    return sendKeys(context, negotiated, writer, pskPremaster(credential.key, agreed));
  }
  if (isPsk(credential) || context.privateKey === undefined) return unexpected(done, state);
  // LwM2M knows no session whose client nobody has authenticated.
  if (flight.asksForCertificate !== true) return givenUp(Alerts.handshake_failure, "the server does not ask who the client is");
  writer.add(HandshakeType.certificate, writeCertificate(shownBy(credential), certificateTypeOf(credential)));
  writer.add(HandshakeType.clientKeyExchange, writeClientShare(share.publicKey));
  return sendKeys(context, negotiated, writer, agreed, context.privateKey);
}

const isPsk = (credential: ClientCredential): credential is PskCredential => credential.mode === undefined || credential.mode === "psk";
const shownBy = (credential: RawPublicKeyCredential | CertificateCredential): readonly Uint8Array[] => (credential.mode === "rpk" ? [credential.publicKey] : credential.chain);

/** From the ClientKeyExchange, which the flight ends in, to Finished; a private key is proved to be held in between (RFC 5246 §7.4.8). */
function sendKeys(context: ClientContext, negotiated: Negotiated, writer: FlightWriter, premaster: Uint8Array, privateKey?: KeyObject): Step<ClientState> {
  const master = negotiated.extendedMasterSecret ? extendedMasterSecret(premaster, writer.transcript.messages) : masterSecret(premaster, negotiated.randoms);
  if (privateKey !== undefined) {
    const signature = signed(privateKey, Buffer.concat(writer.transcript.messages));
    writer.add(HandshakeType.certificateVerify, writeSignature(new Writer(4 + signature.length), ECDSA_P256_SHA256, signature).finish());
  }
  writer.changeCipherSpec().add(HandshakeType.finished, verifyData(master, "client", writer.transcript.messages), 1);
  const session = sessionOf(context, negotiated, master, false);
  return step({ at: "awaiting-finished", session, transcript: writer.transcript }, installKeys(context, negotiated, master), { do: "send", flight: writer.flight, awaitsReply: true });
}

function finish(context: ClientContext, session: SessionSecrets, transcript: Transcript, message: HandshakeMessage): Step<ClientState> {
  if (!equalSecrets(message.body, verifyData(session.master, "server", transcript.messages))) return givenUp(Alerts.decrypt_error, "the server's Finished is wrong");
  if (!session.resumed) return step({ at: "connected" }, { do: "connected", session });
  const writer = new FlightWriter(heard(transcript, message), context).changeCipherSpec();
  writer.add(HandshakeType.finished, verifyData(session.master, "client", writer.transcript.messages), 1);
  return step({ at: "connected" }, { do: "send", flight: writer.flight, awaitsReply: false }, { do: "connected", session });
}
