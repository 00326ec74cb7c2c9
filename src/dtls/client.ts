import type { Address } from "../ports/index.js";
import { Association, DtlsStateError, type AssociationHost, type AssociationOwner } from "./association/association.js";
import { recordsOf } from "./association/incoming.js";
import { readSavedSession, writeSavedSession } from "./association/saved-session.js";
import { sessionInfo } from "./association/session-info.js";
import type { AlertDescription } from "./codec/alert.js";
import { RANDOM_LENGTH } from "./codec/messages.js";
import { randomIvs } from "./crypto/cbc.js";
import { checkTrust } from "./crypto/certificates.js";
import { SECP256R1, type Group } from "./crypto/groups.js";
import { importPrivateKey, type KeyObject } from "./crypto/keys.js";
import { kept } from "./crypto/primitives.js";
import { defaultSuites, suitesNamed, type CipherSuite, type CipherSuiteName } from "./crypto/suites.js";
import { nextClient, type ClientContext, type ClientInput, type ClientState } from "./handshake/client-machine.js";
import { Reassembly } from "./handshake/reassembly.js";
import { RunningMachine } from "./handshake/running-machine.js";
import type { SessionSecrets } from "./handshake/steps.js";
import { isAddress } from "./names.js";
import { newCounters, resolveSettings, type ResolvedSettings } from "./settings.js";
import type { ClientCredential, ClientHandler, ClientSettings, CloseReason, DatagramSink, DtlsCounters, DtlsPorts, PskCredential, SessionInfo } from "./types.js";

/** RFC 4279 §2. */
const MAX_CREDENTIAL_LENGTH = 65_535;

/** A session that is restored proves nothing anew. */
const nobody: PskCredential = { identity: new Uint8Array(), key: new Uint8Array() };

/** The private key of a credential that has one. Throws RangeError for what cannot be used in a handshake. */
function privateKeyOf(credential: ClientCredential): KeyObject | undefined {
  if (credential.mode === "rpk" || credential.mode === "x509") {
    if (credential.mode === "x509") checkTrust(credential.server);
    return importPrivateKey(credential.privateKey);
  }
  for (const field of ["identity", "key"] as const) if (credential[field].length > MAX_CREDENTIAL_LENGTH) throw new RangeError(`a PSK ${field} of ${credential[field].length} bytes`);
  // Whoever knows the identity would know such a key. A session that is restored has none, and proves nothing anew.
  if (credential !== nobody && credential.key.length === 0) throw new RangeError("a PSK key without a byte");
  return undefined;
}

/** A suite goes with a kind of credential. */
function suitesFor({ mode = "psk" }: ClientCredential, names: readonly CipherSuiteName[] | undefined): readonly CipherSuite[] {
  const isPsk = mode === "psk";
  const suites = suitesNamed(names ?? defaultSuites[isPsk ? "psk" : "ecdhe_ecdsa"]);
  const stranger = suites.find(({ keyExchange }) => (keyExchange === "ecdhe_ecdsa") === isPsk);
  if (stranger !== undefined) throw new RangeError(`${stranger.name} does not go with a credential of mode ${mode}`);
  return suites;
}

/** RFC 8422 §5.3: a list of curves without the one of the server's public key is a refusal of that key. */
function checkCurves(suites: readonly CipherSuite[], groups: readonly Group[]): void {
  if (suites.some(({ keyExchange }) => keyExchange === "ecdhe_ecdsa") && !groups.some(({ id }) => id === SECP256R1)) throw new RangeError("groups has to name secp256r1 too, which public keys are on");
}

/** One DTLS association from its client's side: made, connected, used and closed once. */
export class DtlsClient implements AssociationOwner {
  readonly counters: DtlsCounters = newCounters();
  readonly #settings: ResolvedSettings;
  readonly #randomIv: () => Uint8Array;
  #connectionIdLength: number;
  #context: ClientContext | undefined;
  #association: Association | undefined = undefined;
  #session: SessionInfo | undefined = undefined;

  /** Throws RangeError for a setting or a credential out of bounds. */
  constructor(
    readonly ports: DtlsPorts,
    readonly sink: DatagramSink,
    readonly server: Address,
    credential: ClientCredential,
    readonly handler: ClientHandler,
    settings: ClientSettings = {},
  ) {
    this.#settings = resolveSettings(settings);
    const { serverName, resume, maxFragmentLength } = settings;
    const { connectionIdLength } = this.#settings;
    this.#connectionIdLength = connectionIdLength ?? 0;
    this.#randomIv = randomIvs(ports.secrets);
    const suites = suitesFor(credential, settings.suites);
    checkCurves(suites, this.#settings.groups);
    this.#context = {
      suites,
      groups: this.#settings.groups,
      credential,
      privateKey: privateKeyOf(credential),
      serverName: serverName === undefined || isAddress(serverName) ? undefined : serverName,
      resume,
      extendedMasterSecret: this.#settings.extendedMasterSecret,
      recordSizeLimit: this.#settings.recordSizeLimit,
      maxFragmentLength,
      connectionId: connectionIdLength === undefined ? undefined : kept(ports.secrets.bytes(connectionIdLength)),
      now: () => ports.clock.epoch(),
      randomIv: this.#randomIv,
      alterHandshake: this.#settings.alterHandshake,
    };
  }

  get state(): "idle" | Association["state"] {
    return this.#association?.state ?? "idle";
  }

  get session(): SessionInfo | undefined {
    return this.#session;
  }

  /** Sends the first ClientHello. Throws DtlsStateError when that happened before. */
  connect(): void {
    const context = this.#context;
    if (context === undefined) throw new DtlsStateError("a client connects once");
    this.#context = undefined;
    const machine = new RunningMachine<ClientState, ClientInput>((state, input) => nextClient(context, state, input), { at: "idle" });
    this.#association = new Association(this.#host, this.server, this, { machine, reassembly: new Reassembly() });
    this.#association.advance(() => machine.next({ in: "start", random: this.ports.secrets.bytes(RANDOM_LENGTH) }));
  }

  /**
   * A client that goes on with a session that another one has saved, on whatever socket; nothing is sent for it, and `onConnected` is not called. Throws
   * WireError for bytes that are no saved session of a client. A session is restored once: two clients of one would use the same numbers for different records.
   */
  static restore(ports: DtlsPorts, sink: DatagramSink, server: Address, saved: Uint8Array, handler: ClientHandler, { faults }: Pick<ClientSettings, "faults"> = {}): DtlsClient {
    const client = new DtlsClient(ports, sink, server, nobody, handler, faults === undefined ? {} : { faults });
    const found = readSavedSession(saved, "client");
    client.#context = undefined;
    client.#connectionIdLength = found.info.connectionIds?.own.length ?? 0;
    client.#association = new Association(client.#host, server, client, { saved: found });
    client.#session = found.info;
    return client;
  }

  /** The session as it stands: at most 300 bytes with PSK and CCM_8, and as secret as a key. Throws DtlsStateError unless connected. */
  save(): Buffer {
    if (this.#association === undefined || this.#session === undefined) throw new DtlsStateError("there is no session to save before the handshake");
    return writeSavedSession(this.#association.save(this.#session));
  }

  get #host(): AssociationHost {
    return { role: "client", clock: this.ports.clock, sink: this.sink, settings: this.#settings, counters: this.counters, randomIv: this.#randomIv };
  }

  /** A datagram from the server; it is the client's to keep. Whatever it holds, nothing is thrown. */
  receive(datagram: Buffer): void {
    const association = this.#association;
    if (association === undefined) return;
    for (const record of recordsOf(datagram, this.counters, this.#connectionIdLength)) association.receive(record);
  }

  /** Throws DtlsStateError unless connected, RangeError for more than 16,384 bytes. */
  send(plaintext: Uint8Array): void {
    if (this.#association === undefined) throw new DtlsStateError("nothing can be sent before the handshake");
    this.#association.send(plaintext);
  }

  /** close_notify, or this alert; a handshake under way is abandoned. */
  close(alert?: AlertDescription): void {
    this.#context = undefined;
    this.#association?.close(alert);
  }

  onKeyWanted(): void {
    throw new Error("a client has its key");
  }

  onPeerClaimed(): void {
    throw new Error("a client is not shown who a client is");
  }

  onConnected(_association: Association, session: SessionSecrets): void {
    this.#session = sessionInfo(session);
    this.handler.onConnected(this.#session);
  }

  onMoved(): void {
    throw new Error("the server of a client does not move");
  }

  onData(_association: Association, plaintext: Buffer): void {
    this.handler.onData(plaintext);
  }

  onClosed(_association: Association, reason: CloseReason): void {
    this.handler.onClosed(reason);
  }
}
