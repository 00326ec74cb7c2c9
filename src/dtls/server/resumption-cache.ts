import type { Clock } from "../../ports/index.js";
import type { ResumableSession } from "../handshake/server-machine.js";

export interface CachedSession<Context> {
  readonly session: ResumableSession;
  readonly context: Context;
  readonly until: number;
}

/** Sessions by their id (RFC 5246 §7.4.1.2), the oldest given up when there are too many. */
export class ResumptionCache<Context> {
  readonly #byId = new Map<string, CachedSession<Context>>();

  constructor(
    readonly clock: Clock,
    readonly maxSessions: number,
    readonly lifetimeMs: number,
  ) {}

  put({ suite, sessionId, master, identity, serverName, extendedMasterSecret, encryptThenMac }: ResumableSession, context: Context): void {
    if (this.maxSessions === 0 || sessionId.length === 0) return;
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size < this.maxSessions) break;
      this.#byId.delete(oldest);
    }
    // Nothing else of the handshake, whose ClientHello would stay in memory with it.
    const session: ResumableSession = { suite, sessionId, master, identity, serverName, extendedMasterSecret, encryptThenMac };
    this.#byId.set(idOf(sessionId), { session, context, until: this.clock.now() + this.lifetimeMs });
  }

  find(sessionId: Uint8Array): CachedSession<Context> | undefined {
    if (sessionId.length === 0) return undefined;
    const cached = this.#byId.get(idOf(sessionId));
    if (cached === undefined || cached.until > this.clock.now()) return cached;
    this.#byId.delete(idOf(sessionId));
    return undefined;
  }

  delete(sessionId: Uint8Array): void {
    this.#byId.delete(idOf(sessionId));
  }

  forget(which: (cached: CachedSession<Context>) => boolean): void {
    for (const [id, cached] of this.#byId) if (which(cached)) this.#byId.delete(id);
  }
}

const idOf = (sessionId: Uint8Array): string => Buffer.from(sessionId).toString("latin1");
