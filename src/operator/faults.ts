import { matchesPattern } from "../config/index.js";
import { after } from "../ports/index.js";
import type { Clock, Trace } from "../ports/index.js";

/** What a role does wrong on purpose, once the operation of a fault comes by. */
export type FaultAction =
  /** Answers with an error: a CoAP code (`5.00`), an HTTP status, or a TLS alert where the operation is a handshake. */
  | { readonly kind: "refuse"; readonly code?: string | undefined; readonly status?: number | undefined; readonly alert?: number | undefined }
  /** Does it, `ms` later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Neither does nor answers it. */
  | { readonly kind: "silence" }
  /** Does it and answers with this code or status instead of the right one. */
  | { readonly kind: "wrong-code"; readonly code: string }
  /** Does it when released, not before. */
  | { readonly kind: "hold" }
  /** Closes the HTTP connection without doing it. */
  | { readonly kind: "reset-connection" }
  /** Does it, and the answer never leaves. */
  | { readonly kind: "lose-answer" };

/** The actions that are left to the caller once delay and hold are over. */
export type FaultOutcome = Exclude<FaultAction, { kind: "delay" | "hold" }>;

export interface FaultSpec {
  /** `register`, `smp.activation.put`; `*` stands for any text. */
  readonly operation: string;
  /** Endpoint name or pattern; absent: any. */
  readonly endpoint?: string | undefined;
  /** PSK identity or pattern, for operations that know one; absent: any. */
  readonly identity?: string | undefined;
  readonly action: FaultAction;
  /** Fires so many times; absent: always. */
  readonly times?: number | undefined;
}

export interface FaultStatus extends FaultSpec {
  readonly id: string;
  /** How often it fired: a fault that was not seen to fire supports no verdict. */
  readonly fired: number;
  /** How many operations it holds at this moment. */
  readonly waiting: number;
}

interface Armed {
  readonly id: string;
  readonly spec: FaultSpec;
  fired: number;
  /** Resolvers of what it holds. */
  readonly held: Set<() => void>;
  /** Set by `release` and by removal: what comes later passes at once. */
  released: boolean;
}

/** A fault that fired for one operation; hand it to `carryOut`. */
export interface FiredFault {
  readonly id: string;
  readonly action: FaultAction;
}

class Fired implements FiredFault {
  constructor(readonly armed: Armed) {}
  get id(): string {
    return this.armed.id;
  }
  get action(): FaultAction {
    return this.armed.spec.action;
  }
}

const maxFaults = 1000;

/** The faults a role has been told to commit. An empty board costs the hot path one comparison. */
export class FaultBoard {
  readonly #armed = new Map<string, Armed>();
  /** Ends of the delays under way. */
  readonly #delays = new Set<() => void>();

  constructor(
    private readonly clock: Clock,
    private readonly trace?: Trace,
  ) {}

  get empty(): boolean {
    return this.#armed.size === 0;
  }

  /** Arms a fault; one of the same id is replaced and lets go what it held. Returns undefined when the board is full. */
  set(id: string, spec: FaultSpec): FaultStatus | undefined {
    this.clear(id);
    if (this.#armed.size >= maxFaults) return undefined;
    const armed: Armed = { id, spec, fired: 0, held: new Set(), released: false };
    this.#armed.set(id, armed);
    return statusOf(armed);
  }

  /** Removes a fault; what it holds goes on. */
  clear(id: string): boolean {
    const armed = this.#armed.get(id);
    if (armed === undefined) return false;
    this.#armed.delete(id);
    letGo(armed);
    return true;
  }

  clearAll(): void {
    for (const id of [...this.#armed.keys()]) this.clear(id);
  }

  /** For a role that stops: nothing is held or delayed any longer. */
  stop(): void {
    this.clearAll();
    for (const over of [...this.#delays]) over();
  }

  /** Lets go what a `hold` has, and everything that comes after; the fault stays listed with its count. */
  release(id: string): FaultStatus | undefined {
    const armed = this.#armed.get(id);
    if (armed === undefined) return undefined;
    letGo(armed);
    return statusOf(armed);
  }

  get(id: string): FaultStatus | undefined {
    const armed = this.#armed.get(id);
    return armed === undefined ? undefined : statusOf(armed);
  }

  list(): FaultStatus[] {
    return [...this.#armed.values()].map(statusOf);
  }

  /** The first fault, in the order they were set, that this operation falls to; counted as fired. */
  match(operation: string, endpoint: string | undefined, identity?: string): FiredFault | undefined {
    const armed = this.#find(operation, endpoint, identity);
    if (armed === undefined) return undefined;
    armed.fired++;
    this.trace?.record({ kind: "state", machine: "fault", id: armed.id, from: "armed", to: "fired", input: operation, detail: { action: armed.spec.action.kind } }, endpoint);
    return new Fired(armed);
  }

  /** Whether `match` would find one; nothing fires. */
  waitsFor(operation: string, endpoint: string | undefined, identity?: string): boolean {
    return this.#find(operation, endpoint, identity) !== undefined;
  }

  #find(operation: string, endpoint: string | undefined, identity: string | undefined): Armed | undefined {
    if (this.#armed.size === 0) return undefined;
    for (const armed of this.#armed.values()) {
      const { spec } = armed;
      if (armed.fired >= (spec.times ?? Number.POSITIVE_INFINITY) || (armed.released && spec.action.kind === "hold")) continue;
      if (matchesPattern(spec.operation, operation) && fits(spec.endpoint, endpoint) && fits(spec.identity, identity)) return armed;
    }
    return undefined;
  }

  /** Waits out a delay or a hold; resolves with what is then left to do wrong, undefined for nothing. */
  async carryOut(fault: FiredFault, endpoint?: string): Promise<FaultOutcome | undefined> {
    const { action } = fault;
    if (action.kind === "delay") {
      await new Promise<void>((resolve) => {
        const over = (): void => {
          this.clock.stop(timer);
          this.#delays.delete(over);
          resolve();
        };
        const timer = after(this.clock, action.ms, `fault ${fault.id}`, over);
        this.#delays.add(over);
      });
      return undefined;
    }
    if (action.kind !== "hold") return action;
    if (fault instanceof Fired && !fault.armed.released) {
      await new Promise<void>((resolve) => fault.armed.held.add(resolve));
      this.trace?.record({ kind: "state", machine: "fault", id: fault.id, from: "holding", to: "released", input: "release" }, endpoint);
    }
    return undefined;
  }

  /** `match` and `carryOut` in one, for places that are not hot. */
  async apply(operation: string, endpoint: string | undefined, identity?: string): Promise<FaultOutcome | undefined> {
    const fired = this.match(operation, endpoint, identity);
    return fired === undefined ? undefined : this.carryOut(fired, endpoint);
  }
}

const fits = (pattern: string | undefined, name: string | undefined): boolean => pattern === undefined || (name !== undefined && matchesPattern(pattern, name));

function letGo(armed: Armed): void {
  armed.released = true;
  const held = [...armed.held];
  armed.held.clear();
  for (const resolve of held) resolve();
}

const statusOf = (armed: Armed): FaultStatus => ({ ...armed.spec, id: armed.id, fired: armed.fired, waiting: armed.held.size });
