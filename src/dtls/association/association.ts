import { Timer, type Address, type Clock } from "../../ports/index.js";
import { Reader, WireError } from "../../wire/index.js";
import { AlertLevels, Alerts, alertClass, type AlertDescription } from "../codec/alert.js";
import { readAlert, writeAlert } from "../codec/alert-message.js";
import { DecodeError } from "../codec/errors.js";
import { HandshakeType, readFragment, type HandshakeMessage } from "../codec/handshake.js";
import { ContentType, MAX_PLAINTEXT, recordLength, type DtlsRecord } from "../codec/record.js";
import { suiteNamed } from "../crypto/suites.js";
import type { Reassembly } from "../handshake/reassembly.js";
import type { FlightMessage, HandshakeAction, SessionSecrets } from "../handshake/steps.js";
import { RecordLayer, type ConnectionIds, type OpenedRecord } from "../record/record-layer.js";
import type { ResolvedSettings } from "../settings.js";
import type { Alert, CloseReason, DatagramSink, DtlsCounters, PeerClaim, SessionInfo } from "../types.js";
import { datagramsOf } from "./flight.js";
import { Path } from "./path.js";
import { SKIPPED_WHEN_RESTORED, type SavedSession } from "./saved-session.js";

/** Records of epoch 1 that came before its keys: so many, of so many bytes each, wait for them. */
const MAX_EARLY_RECORDS = 4;
const MAX_EARLY_LENGTH = 512;

/** What the associations of one end have in common. */
export interface AssociationHost {
  readonly role: "client" | "server";
  readonly clock: Clock;
  readonly sink: DatagramSink;
  readonly settings: ResolvedSettings;
  readonly counters: DtlsCounters;
  readonly randomIv: () => Uint8Array;
}

/** A role's state machine, with its state. */
export interface HandshakeMachine {
  hear(message: HandshakeMessage): readonly HandshakeAction[];
}

export interface AssociationOwner {
  onKeyWanted(association: Association, identity: Buffer): void;
  onPeerClaimed(association: Association, claim: PeerClaim): void;
  onConnected(association: Association, session: SessionSecrets): void;
  /** The peer has been seen to be at another address. */
  onMoved(association: Association, before: Address): void;
  onData(association: Association, plaintext: Buffer): void;
  onClosed(association: Association, reason: CloseReason): void;
}

/** What is needed until the handshake is over and no longer. */
interface Handshake {
  readonly machine: HandshakeMachine;
  readonly reassembly: Reassembly;
  readonly deadline: number;
  waitMs: number;
  early: DtlsRecord[];
}

/** How an association comes about: by a handshake, or with the keys and numbers of a session that was saved. */
export type AssociationStart = { readonly machine: HandshakeMachine; readonly reassembly: Reassembly; readonly firstSequence?: number } | { readonly saved: SavedSession };

export class DtlsStateError extends Error {
  override readonly name = "DtlsStateError";
}

/** One end of one association: records in and out, flights and their repetition (RFC 6347 §4.2.4). It is its own retransmission timer. */
export class Association extends Timer {
  override readonly timerName = "DTLS flight";
  state: "handshaking" | "connected" | "closed" = "handshaking";
  readonly #records: RecordLayer;
  readonly #origin: Address;
  /** With a connection id of ours the peer may go on from another address. */
  #path: Path | undefined = undefined;
  #handshake: Handshake | undefined = undefined;
  /** The last flight, as long as the peer may want it again. */
  #flight: readonly FlightMessage[] | undefined = undefined;
  #awaitsReply = false;
  #sentAt = 0;
  #writeEpoch: 0 | 1 = 0;
  #sendLimit = MAX_PLAINTEXT;
  #receiveLimit = MAX_PLAINTEXT;
  /** Records that `counters.recordsOut` has. */
  #counted = 0;

  constructor(
    readonly host: AssociationHost,
    peer: Address,
    readonly owner: AssociationOwner,
    start: AssociationStart,
  ) {
    super();
    this.#origin = peer;
    if ("saved" in start) {
      this.#records = this.#restored(start.saved);
      return;
    }
    const { machine, reassembly, firstSequence } = start;
    this.#records = new RecordLayer(firstSequence);
    const { giveUpMs, initialMs } = host.settings.timing;
    this.#handshake = { machine, reassembly, deadline: host.clock.now() + giveUpMs, waitMs: initialMs, early: [] };
    host.counters.handshakesStarted++;
    host.clock.start(this, giveUpMs);
  }

  get peer(): Address {
    return this.#path?.peer ?? this.#origin;
  }

  #restored({ info, read, write, records, limits }: SavedSession): RecordLayer {
    const { encryptThenMac, connectionIds } = info;
    const suite = suiteNamed(info.suite);
    const options = { encryptThenMac, randomIv: this.host.randomIv };
    const layer = RecordLayer.restored({ ...records, sealed: records.sealed + SKIPPED_WHEN_RESTORED });
    layer.install(suite.protect(read, options), suite.protect(write, options), connectionIds);
    this.#counted = layer.sealed;
    this.#writeEpoch = 1;
    this.#sendLimit = limits.send ?? MAX_PLAINTEXT;
    this.#receiveLimit = limits.receive ?? MAX_PLAINTEXT;
    this.state = "connected";
    this.#follow(connectionIds);
    return layer;
  }

  #follow(ids: ConnectionIds | undefined): void {
    if (this.host.role === "server" && ids !== undefined && ids.own.length > 0) this.#path = new Path(this.#origin);
  }

  /** Keys, numbers and limits as they stand now. Throws DtlsStateError unless connected. */
  save(info: SessionInfo): SavedSession {
    const { keys } = this.#records;
    if (this.state !== "connected" || keys === undefined) throw new DtlsStateError(`there is no session to save while the association is ${this.state}`);
    return { role: this.host.role, info, ...keys, records: this.#records.state, limits: { send: this.#sendLimit, receive: this.#receiveLimit } };
  }

  /** False when the record is nothing to this association. It is counted and answered here, unless another may still make something of it. */
  receive(record: DtlsRecord, isLast = true, from?: Address): boolean {
    if (this.state === "closed") return false;
    const opened = this.#records.open(record);
    if (typeof opened !== "string") {
      // RFC 8449 §4 lets DTLS drop what is longer than it asked for; what is in the clear is not limited.
      if (record.epoch > 0 && opened.plaintext.length > this.#receiveLimit) {
        this.host.counters.discarded++;
        return true;
      }
      if (opened.isNewest && from !== undefined) this.#heardFrom(from, recordLength(record));
      this.#dispatch(opened, record.epoch);
      return true;
    }
    const { counters, settings } = this.host;
    if (opened === "no-keys" && this.#keepEarly(record)) return true;
    if (!isLast) return false;
    if (opened === "replayed") counters.replayed++;
    else if (opened === "bad") {
      counters.badRecords++;
      if (settings.alertOnBadRecord) this.#giveUp(Alerts.bad_record_mac, "a record does not authenticate");
    } else counters.discarded++;
    return false;
  }

  #heardFrom(from: Address, bytes: number): void {
    const before = this.peer;
    if (this.#path?.heard(from, bytes) === true) this.owner.onMoved(this, before);
  }

  /** Throws DtlsStateError unless connected, RangeError for more than a record holds. */
  send(plaintext: Uint8Array): void {
    if (this.state !== "connected") throw new DtlsStateError(`nothing can be sent while the association is ${this.state}`);
    if (plaintext.length > this.#sendLimit) throw new RangeError(`${plaintext.length} bytes do not fit in a record`);
    this.#transmit(this.#records.seal(ContentType.applicationData, 1, plaintext));
  }

  /** Gives the machine an input and does what it wants done. What does not parse ends the handshake with an alert. */
  advance(next: () => readonly HandshakeAction[]): void {
    let actions: readonly HandshakeAction[];
    try {
      actions = next();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#giveUp(error instanceof DecodeError ? error.alert : Alerts.decode_error, error.message);
      return;
    }
    for (const action of actions) {
      if (this.state === "closed") return;
      this.#do(action);
    }
    const handshake = this.#handshake;
    if (handshake === undefined || !this.#records.hasKeys || handshake.early.length === 0) return;
    for (const record of handshake.early.splice(0)) this.receive(record);
  }

  /** The peer sends again what was answered already. No more than one repetition in half an initial wait, so that nobody is flooded through us. */
  repeat(): void {
    const { clock, settings, counters } = this.host;
    if (this.#flight === undefined || clock.now() - this.#sentAt < settings.timing.initialMs / 2) return;
    counters.retransmissions++;
    this.#sendFlight(this.#flight);
  }

  /** Its owner ends it, with close_notify or this alert. */
  close(alert: AlertDescription = Alerts.close_notify): void {
    if (this.state === "closed") return;
    if (alert !== Alerts.close_notify) {
      this.#giveUp(alert, "closed by its owner");
      return;
    }
    this.#sendAlert(alert);
    this.end({ why: "closed" });
  }

  /** Ends it without a word to the peer. */
  end(reason: CloseReason): void {
    if (this.state === "closed") return;
    if (this.state === "handshaking") this.host.counters.handshakesFailed++;
    this.state = "closed";
    this.host.clock.stop(this);
    this.#handshake = undefined;
    this.#flight = undefined;
    this.owner.onClosed(this, reason);
  }

  override fire(): void {
    const handshake = this.#handshake;
    if (handshake === undefined) return;
    const { clock, settings, counters } = this.host;
    const left = handshake.deadline - clock.now();
    if (left <= 0) {
      this.end({ why: "timeout" });
      return;
    }
    if (this.#flight === undefined || !this.#awaitsReply) {
      clock.start(this, left);
      return;
    }
    counters.retransmissions++;
    this.#sendFlight(this.#flight);
    handshake.waitMs = Math.min(2 * handshake.waitMs, settings.timing.maximumMs);
    clock.start(this, Math.min(handshake.waitMs, left));
  }

  #dispatch({ type, plaintext }: OpenedRecord, epoch: number): void {
    switch (type) {
      case ContentType.applicationData:
        if (this.state !== "connected" || epoch === 0) this.host.counters.discarded++;
        else {
          this.#flight = undefined;
          this.owner.onData(this, plaintext);
        }
        return;
      case ContentType.handshake:
        this.#hearRecord(plaintext, epoch);
        return;
      case ContentType.alert:
        this.#hearAlert(plaintext, epoch);
        return;
      case ContentType.connectionId:
        // What is inside has been taken out.
        return;
      case ContentType.changeCipherSpec:
        // The epoch of a record says which keys it needs; the message itself adds nothing.
        return;
    }
  }

  #keepEarly(record: DtlsRecord): boolean {
    const early = this.#handshake?.early;
    if (early === undefined || early.length >= MAX_EARLY_RECORDS || record.fragment.length > MAX_EARLY_LENGTH) return false;
    early.push({ ...record, fragment: Buffer.from(record.fragment), connectionId: record.connectionId === undefined ? undefined : Buffer.from(record.connectionId) });
    return true;
  }

  #hearRecord(plaintext: Buffer, epoch: number): void {
    const handshake = this.#handshake;
    if (handshake === undefined) {
      this.#hearAfterwards(plaintext, epoch);
      return;
    }
    try {
      const reader = new Reader(plaintext);
      // Once there are keys messages have to come under them; one in the clear can only tell that the peer repeats its flight.
      const isDue = epoch === (this.#records.hasKeys ? 1 : 0);
      let isOld = false;
      while (reader.remaining > 0) {
        const fragment = readFragment(reader);
        const isNew = fragment.messageSeq >= handshake.reassembly.nextSeq;
        if (isNew && !isDue) this.host.counters.discarded++;
        else if (handshake.reassembly.add(fragment) === "old") isOld = true;
      }
      if (isOld) this.repeat();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.host.counters.discarded++;
      return;
    }
    for (let message = handshake.reassembly.take(); message !== undefined && this.#handshake === handshake; message = handshake.reassembly.take()) {
      const whole = message;
      this.advance(() => handshake.machine.hear(whole));
    }
  }

  /** Once connected: the wish for a new handshake on the old keys, which is refused (RFC 5246 §7.2.2), or the peer's last flight again. */
  #hearAfterwards(plaintext: Buffer, epoch: number): void {
    const type = plaintext.at(0);
    if (epoch === 1 && (type === HandshakeType.helloRequest || type === HandshakeType.clientHello)) this.#sendAlert(Alerts.no_renegotiation, AlertLevels.warning);
    else if (this.#flight !== undefined) this.repeat();
    else this.host.counters.discarded++;
  }

  #hearAlert(plaintext: Buffer, epoch: number): void {
    const { counters } = this.host;
    let alert;
    try {
      alert = readAlert(plaintext);
    } catch {
      counters.discarded++;
      return;
    }
    // Anybody can write an alert of epoch 0, so it counts only while nothing better can be had.
    if (epoch === 0 && this.state === "connected") {
      counters.discarded++;
      return;
    }
    counters.alertsIn++;
    if (alert.description === Alerts.close_notify) {
      if (this.state === "connected") this.#sendAlert(Alerts.close_notify);
      this.end({ why: "peer-closed" });
    } else if (alert.level === AlertLevels.fatal && !this.#ignores(alert)) this.end({ why: "alert-received", alert });
  }

  /** What a LwM2M Client may go on after, as long as it is not the word of an authenticated peer. */
  #ignores({ description }: Alert): boolean {
    return this.host.role === "client" && this.state !== "connected" && alertClass(description) === "ignore";
  }

  #do(action: HandshakeAction): void {
    const { clock, settings, counters } = this.host;
    switch (action.do) {
      case "install-keys":
        this.#records.install(action.read, action.write, action.ids);
        // What came ahead came in the clear.
        this.#handshake?.reassembly.clear();
        return;
      case "send": {
        this.#flight = action.flight;
        this.#awaitsReply = action.awaitsReply;
        this.#sendFlight(action.flight);
        const handshake = this.#handshake;
        if (handshake === undefined) return;
        handshake.waitMs = settings.timing.initialMs;
        clock.start(this, Math.min(handshake.waitMs, Math.max(0, handshake.deadline - clock.now())));
        return;
      }
      case "find-key":
        // The peer has our flight: nothing to repeat until the key is there.
        this.#flight = undefined;
        this.owner.onKeyWanted(this, action.identity);
        return;
      case "find-peer":
        this.#flight = undefined;
        this.owner.onPeerClaimed(this, action.claim);
        return;
      case "limit-records":
        this.#sendLimit = action.send ?? MAX_PLAINTEXT;
        this.#receiveLimit = action.receive ?? MAX_PLAINTEXT;
        return;
      case "connected":
        this.state = "connected";
        // Until here the handshake is one of the address where it began, which is what its owner knows it by.
        this.#follow(action.session.connectionIds);
        this.#handshake = undefined;
        if (this.#awaitsReply) this.#flight = undefined;
        clock.stop(this);
        counters.handshakesFinished++;
        if (action.session.resumed) counters.handshakesResumed++;
        settings.keyLog?.(`CLIENT_RANDOM ${Buffer.from(action.session.clientRandom).toString("hex")} ${action.session.master.toString("hex")}`);
        this.owner.onConnected(this, action.session);
        return;
      case "give-up":
        this.#giveUp(action.alert, action.because);
        return;
    }
  }

  #giveUp(alert: AlertDescription | "silence", because: string): void {
    if (alert === "silence") {
      this.end({ why: "closed" });
      return;
    }
    this.#sendAlert(alert);
    this.end({ why: "alert-sent", alert: { level: AlertLevels.fatal, description: alert }, because });
  }

  #sendAlert(description: AlertDescription, level = description === Alerts.close_notify ? AlertLevels.warning : AlertLevels.fatal): void {
    this.host.counters.alertsOut++;
    this.#transmit(this.#records.seal(ContentType.alert, this.#writeEpoch, writeAlert({ level, description })));
  }

  #sendFlight(flight: readonly FlightMessage[]): void {
    this.#sentAt = this.host.clock.now();
    if (flight.some(({ epoch }) => epoch === 1)) this.#writeEpoch = 1;
    for (const datagram of datagramsOf(flight, this.#records, this.host.settings.maxDatagram, this.#sendLimit)) this.#transmit(datagram);
  }

  #transmit(datagram: Buffer): void {
    const { counters, settings, sink } = this.host;
    counters.recordsOut += this.#records.sealed - this.#counted;
    this.#counted = this.#records.sealed;
    const to = this.#path?.to(datagram.length) ?? this.#origin;
    if (settings.alterDatagram === undefined) {
      sink(datagram, to);
      return;
    }
    const altered = settings.alterDatagram(datagram);
    if (altered === undefined) return;
    if (altered instanceof Uint8Array) sink(altered, to);
    else for (const one of altered) sink(one, to);
  }
}
