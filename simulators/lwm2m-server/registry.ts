import { Timer, type Clock } from "../../src/ports/index.js";
import type { Peer } from "../../src/coap/index.js";
import type { SecurityView } from "../../src/operator/index.js";
import type { Binding, LwM2mVersion, ObjectList } from "../../src/lwm2m/index.js";
import type { CredentialVersion, DeviceSession } from "./credential-record.js";

/** What a Register says, after the rules of `registration.ts`. */
export interface RegistrationFacts {
  readonly endpoint: string;
  /** Seconds; 0 never expires. */
  readonly lifetime: number;
  readonly version: LwM2mVersion;
  readonly binding: Binding;
  readonly objects: ObjectList;
}

/** What an Update changes; absent members stay as they were. */
export interface RegistrationChange {
  readonly lifetime?: number;
  readonly binding?: Binding;
  readonly objects?: ObjectList;
}

/** One registered device. There may be 200,000 of these: a few numbers, shared strings, no closure, no timer of its own. */
export class Registration {
  lifetime: number;
  readonly version: LwM2mVersion;
  binding: Binding;
  objects: ObjectList;
  /** `Clock.now()` of the Register, and of the last message of any kind from the device. */
  lastSeen: number;
  /** `Clock.now()` from which it may be removed; Infinity for lifetime 0. */
  expiresAt = 0;
  /** `Clock.now()` of the latest Register or Update. */
  lastUplink: number;
  /** The instance of object 1 that holds our account on the device, once it was read. */
  serverInstance: { readonly shortServerId: number | undefined; readonly instance: number } | undefined = undefined;
  /** What authenticated the session of the Register. */
  readonly credential: CredentialVersion | undefined;

  /** @internal Place in the expiry wheel. */
  bucket: Bucket | undefined = undefined;
  /** @internal */
  previous: Registration | undefined = undefined;
  /** @internal */
  next: Registration | undefined = undefined;

  constructor(
    readonly endpoint: string,
    /** Last segment of its location, `/rd/{id}`. */
    readonly id: string,
    /** Where the device was heard last, and is reached: of the latest Register or Update; so the session. */
    public peer: Peer,
    public session: DeviceSession | undefined,
    readonly registeredAt: number,
    facts: RegistrationFacts,
  ) {
    this.credential = session?.context;
    this.lifetime = facts.lifetime;
    this.version = facts.version;
    this.binding = facts.binding;
    this.objects = facts.objects;
    this.lastSeen = registeredAt;
    this.lastUplink = registeredAt;
  }

  get queueMode(): boolean {
    return this.binding.queue;
  }

  get location(): string {
    return `/rd/${this.id}`;
  }

  /** How the device came in, as operators see it. */
  get security(): SecurityView {
    const { credential, reachable } = this;
    return credential === undefined ? { mode: "nosec" } : { mode: credential.body.mode === "rpk" || credential.body.mode === "x509" ? credential.body.mode : "psk", credentialId: credential.record.credentialId, version: credential.version, sessionOpen: reachable };
  }

  /** False when its session is over: the device comes back with a new one, or not at all. */
  get reachable(): boolean {
    return this.peer.gone !== true && this.session?.open !== false;
  }
}

/** Registrations whose lifetime ends within the same sweep. */
interface Bucket {
  readonly tick: number;
  first: Registration | undefined;
}

export type RemovalReason = "deregistered" | "expired" | "revoked" | "forgotten";

export interface RegistryListener {
  onRegistered(registration: Registration, replaced: Registration | undefined): void;
  onUpdated(registration: Registration, change: RegistrationChange): void;
  onRemoved(registration: Registration, reason: RemovalReason): void;
}

export interface RegistryOptions {
  readonly sweepMs: number;
  readonly maxRegistrations: number;
  /** Text that makes locations of this run differ from those of another. */
  readonly locationPrefix: string;
  /** How many departed devices are remembered with their last sign of life. */
  readonly maxDeparted?: number;
  readonly expires?: boolean;
  /** Planted faults. */
  readonly keepsReplaced?: boolean;
  readonly renews?: boolean;
}

export class RegistryFullError extends Error {
  constructor() {
    super("the registry is full");
    this.name = "RegistryFullError";
  }
}

/** The registered devices. One timer sweeps all lifetimes: buckets of one sweep period each, so that a sweep touches only what may be over. */
export class Registry extends Timer {
  override readonly timerName = "registration sweep";
  readonly #byEndpoint = new Map<string, Registration>();
  readonly #byId = new Map<string, Registration>();
  readonly #buckets = new Map<number, Bucket>();
  #departed = new Map<string, number>();
  #departedBefore: ReadonlyMap<string, number> = new Map();
  #count = 0;
  #sweptTo: number;

  constructor(
    readonly clock: Clock,
    readonly options: RegistryOptions,
    readonly listener: RegistryListener,
  ) {
    super();
    this.#sweptTo = this.#tickAt(clock.now());
    clock.start(this, options.sweepMs);
  }

  get size(): number {
    return this.#byEndpoint.size;
  }

  all(): IterableIterator<Registration> {
    return this.#byEndpoint.values();
  }

  byEndpoint(endpoint: string): Registration | undefined {
    return this.#byEndpoint.get(endpoint);
  }

  byLocation(id: string): Registration | undefined {
    return this.#byId.get(id);
  }

  /** `Clock.now()` when a device that is no longer registered was last heard of; undefined when it is unknown or long forgotten. */
  departedAt(endpoint: string): number | undefined {
    return this.#departed.get(endpoint) ?? this.#departedBefore.get(endpoint);
  }

  /** A registration of the same endpoint is replaced (LwM2M Core 1.1 §6.2.1). Throws `RegistryFullError`. */
  register(facts: RegistrationFacts, peer: Peer, session?: DeviceSession): Registration {
    const replaced = this.#byEndpoint.get(facts.endpoint);
    if (replaced === undefined && this.#byEndpoint.size >= this.options.maxRegistrations) throw new RegistryFullError();
    if (replaced !== undefined) {
      if (this.options.keepsReplaced !== true) this.#byId.delete(replaced.id);
      unlink(replaced, this.#buckets);
    }
    this.#count += 1;
    const id = this.options.locationPrefix + this.#count.toString(36);
    const registration = new Registration(facts.endpoint, id, peer, session, this.clock.now(), facts);
    this.#byEndpoint.set(facts.endpoint, registration);
    this.#byId.set(id, registration);
    this.#schedule(registration);
    this.listener.onRegistered(registration, replaced);
    return registration;
  }

  update(registration: Registration, change: RegistrationChange, peer: Peer, session?: DeviceSession): void {
    const now = this.clock.now();
    registration.lastUplink = now;
    registration.lastSeen = now;
    registration.peer = peer;
    registration.session = session;
    if (change.lifetime !== undefined) registration.lifetime = change.lifetime;
    if (change.binding !== undefined) registration.binding = change.binding;
    if (change.objects !== undefined) {
      registration.objects = change.objects;
      registration.serverInstance = undefined;
    }
    if (this.options.renews !== false) this.#schedule(registration);
    this.listener.onUpdated(registration, change);
  }

  /** The session that the device registered in goes on as another one; its lifetime does not begin anew. */
  reached(registration: Registration, peer: Peer, session: DeviceSession): void {
    registration.peer = peer;
    registration.session = session;
  }

  remove(registration: Registration, reason: RemovalReason): void {
    this.#byEndpoint.delete(registration.endpoint);
    this.#byId.delete(registration.id);
    unlink(registration, this.#buckets);
    this.#rememberDeparted(registration);
    this.listener.onRemoved(registration, reason);
  }

  /** Whether it is still the registration of its endpoint. */
  holds(registration: Registration): boolean {
    return this.#byId.get(registration.id) === registration;
  }

  stop(): void {
    this.clock.stop(this);
  }

  override fire(): void {
    const now = this.clock.now();
    const tick = Math.floor(now / this.options.sweepMs);
    for (; this.#sweptTo <= tick; this.#sweptTo += 1) this.#sweep(this.#sweptTo, now);
    this.clock.start(this, this.options.sweepMs - (now % this.options.sweepMs));
  }

  #sweep(tick: number, now: number): void {
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) return;
    for (let registration = bucket.first; registration !== undefined; registration = bucket.first) {
      unlink(registration, this.#buckets);
      if (registration.expiresAt <= now) this.remove(registration, "expired");
      else this.#hang(registration);
    }
  }

  /** An extended lifetime only moves the date; the registration changes its bucket when the old one is swept. */
  #schedule(registration: Registration): void {
    const endless = registration.lifetime === 0 || this.options.expires === false;
    // One period more than asked: the device counts from later than we do, and must never see it gone before `lt`.
    registration.expiresAt = endless ? Infinity : this.clock.now() + registration.lifetime * 1000 + this.options.sweepMs;
    if (endless) {
      unlink(registration, this.#buckets);
      return;
    }
    if (registration.bucket !== undefined) {
      if (this.#tickAt(registration.expiresAt) >= registration.bucket.tick) return;
      unlink(registration, this.#buckets);
    }
    this.#hang(registration);
  }

  #hang(registration: Registration): void {
    if (registration.expiresAt === Infinity) return;
    const tick = Math.max(this.#tickAt(registration.expiresAt), this.#sweptTo);
    let bucket = this.#buckets.get(tick);
    if (bucket === undefined) {
      bucket = { tick, first: undefined };
      this.#buckets.set(tick, bucket);
    }
    registration.bucket = bucket;
    registration.next = bucket.first;
    if (bucket.first !== undefined) bucket.first.previous = registration;
    bucket.first = registration;
  }

  #tickAt(time: number): number {
    return Math.ceil(time / this.options.sweepMs);
  }

  /** Two generations: forgetting half of them at once costs nothing per departure. */
  #rememberDeparted(registration: Registration): void {
    if (this.#departed.size >= (this.options.maxDeparted ?? 20_000) / 2) {
      this.#departedBefore = this.#departed;
      this.#departed = new Map();
    }
    this.#departed.set(registration.endpoint, registration.lastSeen);
  }
}

function unlink(registration: Registration, buckets: Map<number, Bucket>): void {
  const bucket = registration.bucket;
  if (bucket === undefined) return;
  if (registration.previous === undefined) bucket.first = registration.next;
  else registration.previous.next = registration.next;
  if (registration.next !== undefined) registration.next.previous = registration.previous;
  registration.bucket = registration.previous = registration.next = undefined;
  if (bucket.first === undefined) buckets.delete(bucket.tick);
}
