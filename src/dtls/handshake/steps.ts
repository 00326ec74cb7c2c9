import { ContentType } from "../codec/record.js";
import { handshakeMessage, type HandshakeMessage, type HandshakeType } from "../codec/handshake.js";
import type { AlertDescription } from "../codec/alert.js";
import type { CipherSuite } from "../crypto/suites.js";
import type { RecordIds } from "../crypto/key-schedule.js";
import type { Protection } from "../crypto/protection.js";
import type { Identity, PeerClaim } from "../types.js";
import type { ConnectionIds } from "../record/record-layer.js";
import type { RecordLimits } from "./record-limits.js";

/** One message of a flight, before it is put into records. */
export interface FlightMessage {
  readonly type: ContentType;
  readonly epoch: 0 | 1;
  readonly bytes: Uint8Array;
}

/** What both ends know once a handshake is over. */
export interface SessionSecrets {
  readonly suite: CipherSuite;
  readonly sessionId: Uint8Array;
  readonly master: Buffer;
  readonly clientRandom: Uint8Array;
  readonly identity: Identity;
  readonly serverName: string | undefined;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  readonly resumed: boolean;
  readonly connectionIds: ConnectionIds | undefined;
}

/** What a handshake wants done, in this order. */
export type HandshakeAction =
  /** Replaces the flight before; `awaitsReply` flights are repeated by timer, the last one when the peer repeats its own. */
  | { readonly do: "send"; readonly flight: readonly FlightMessage[]; readonly awaitsReply: boolean }
  | { readonly do: "install-keys"; readonly read: Protection; readonly write: Protection; readonly ids: ConnectionIds | undefined }
  /** The plaintext of records from here on. */
  | ({ readonly do: "limit-records" } & RecordLimits)
  | { readonly do: "find-key"; readonly identity: Buffer }
  | { readonly do: "find-peer"; readonly claim: PeerClaim }
  | { readonly do: "connected"; readonly session: SessionSecrets }
  /** A fatal alert, unless `alert` is `silence`; the handshake is over. */
  | { readonly do: "give-up"; readonly alert: AlertDescription | "silence"; readonly because: string };

export interface Step<State> {
  readonly state: State;
  readonly actions: readonly HandshakeAction[];
}

export const step = <State>(state: State, ...actions: readonly HandshakeAction[]): Step<State> => ({ state, actions });

/** No action when there is no limit, as nearly always. */
export const limitRecords = (limits: RecordLimits): readonly HandshakeAction[] => (limits.send === undefined && limits.receive === undefined ? [] : [{ do: "limit-records", ...limits }]);

export const changeCipherSpec: FlightMessage = { type: ContentType.changeCipherSpec, epoch: 0, bytes: Uint8Array.of(1) };

/** What both machines are given beside their inputs. */
export interface HandshakeContext {
  readonly randomIv: () => Uint8Array;
  readonly alterHandshake?: ((message: Uint8Array) => Uint8Array | undefined) | undefined;
}

const idOf = (id: Buffer | undefined): Buffer | undefined => (id === undefined || id.length === 0 ? undefined : id);

/** The ids of the records each way, for one end's view of them. */
export const recordIds = (role: "client" | "server", ids: ConnectionIds | undefined): RecordIds =>
  role === "client" ? { toServer: idOf(ids?.peer), toClient: idOf(ids?.own) } : { toServer: idOf(ids?.own), toClient: idOf(ids?.peer) };

/** Messages of ours and of the peer as they are hashed, and the number that our next message gets. */
export interface Transcript {
  readonly messages: readonly Uint8Array[];
  readonly nextSeq: number;
}

export const heard = (transcript: Transcript, message: HandshakeMessage): Transcript => ({ messages: [...transcript.messages, message.raw], nextSeq: transcript.nextSeq });

/** Writes messages of ours into the transcript and into a flight. */
export class FlightWriter {
  readonly flight: FlightMessage[] = [];
  #messages: readonly Uint8Array[];
  #nextSeq: number;

  constructor(
    transcript: Transcript,
    readonly context: HandshakeContext,
  ) {
    this.#messages = transcript.messages;
    this.#nextSeq = transcript.nextSeq;
  }

  get transcript(): Transcript {
    return { messages: this.#messages, nextSeq: this.#nextSeq };
  }

  add(type: HandshakeType, body: Uint8Array, epoch: 0 | 1 = 0): this {
    const { raw } = handshakeMessage(type, this.#nextSeq++, body);
    const { alterHandshake } = this.context;
    const sent = alterHandshake === undefined ? raw : alterHandshake(raw);
    if (sent === undefined) return this;
    this.#messages = [...this.#messages, sent];
    this.flight.push({ type: ContentType.handshake, epoch, bytes: sent });
    return this;
  }

  changeCipherSpec(): this {
    this.flight.push(changeCipherSpec);
    return this;
  }
}
