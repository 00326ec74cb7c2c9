import type { Endpoint, Exchange, Peer, Request, RequestHandler, ResponseHandler } from "../../src/coap/index.js";
import type { Resumption, SessionInfo } from "../../src/dtls/index.js";
import type { InstanceNode } from "../../src/lwm2m/index.js";
import { formatAddress } from "../../src/ports/index.js";
import type { SecureEndpoint, SessionEnd, SessionListener } from "../../src/transport/index.js";
import type { Destination } from "./actions.js";
import type { Device } from "./device.js";
import type { LinkFailure } from "./handshakes.js";
import { UnusableAccount } from "./security.js";
import { Recovery } from "./recovery.js";
import { isSecured, openSocket, takeSocket, tapSocket, type DeviceSocket } from "./sockets.js";
import { traceSession } from "./tracing.js";

/** Whose link it is: an account, or a bootstrap. */
export interface LinkOwner extends RequestHandler {
  /** Whether the link is still wanted when its socket comes open. */
  readonly wantsLink: boolean;
  /** The way is there. `new`, `resumed`: with a session just made; `plain`: without one, or with the one that was there. */
  onLink(made: "new" | "resumed" | "plain"): void;
  onNoLink(failure: LinkFailure): void;
  /** The session ended without our doing; exchanges under way have failed by now. */
  onSessionLost(end: SessionEnd): void;
}

/** A device's way to one server: a socket of its own and, where the account is secured, one session after the other on it. */
export class ServerLink implements SessionListener {
  socket: DeviceSocket | undefined = undefined;
  peer: Peer | undefined = undefined;
  /** A session to take up again; it outlives the socket. */
  resumption: Resumption | undefined = undefined;
  /** How the last handshake or session ended, when an alert ended it. */
  lastEnd: SessionEnd | undefined = undefined;
  /** After a change of address, until something is answered. */
  #recovery: Recovery | undefined = undefined;
  /** When the present session was made (`Clock.now()`). */
  #sessionSince = 0;
  #usedAt = 0;
  #opening = false;
  #full = false;

  constructor(
    readonly device: Device,
    readonly to: Destination,
    readonly uri: string,
    /** The account's instance of /0. */
    public security: InstanceNode,
    readonly owner: LinkOwner,
  ) {}

  get endpoint(): Endpoint | undefined {
    return this.socket;
  }

  get secured(): SecureEndpoint | undefined {
    return this.socket !== undefined && isSecured(this.socket) ? this.socket : undefined;
  }

  get session(): SessionInfo | undefined {
    return this.secured?.session;
  }

  /** True when messages can go now; else the owner hears of it, later. */
  ensure(): boolean {
    const { socket, secured } = this;
    if (socket === undefined) this.#open();
    else if (secured === undefined) return true;
    else if (secured.state === "idle") this.#handshake(secured);
    else if (secured.state === "connected" && !this.#hasGoneStale) return true;
    else if (secured.state === "connected") {
      this.#leaveSession(secured);
      this.#handshake(secured);
    }
    return false;
  }

  send(request: Request, handler: ResponseHandler): Exchange | undefined {
    if (this.socket === undefined || this.peer === undefined) return undefined;
    this.#usedAt = this.device.host.ports.clock.now();
    this.#recovery?.asks(this.#usedAt);
    return this.socket.send(this.peer, request, handler);
  }

  /** The server answered: it knows where the device is. True when it had to find that out first. */
  answered(): boolean {
    const recovery = this.#recovery;
    this.#recovery = undefined;
    recovery?.over(this.device);
    return recovery !== undefined;
  }

  /** An Update came to nothing. */
  updateLost(): void {
    if (this.#recovery !== undefined) this.device.counters.updatesLost++;
  }

  /**
   * A NAT on the way gave the device another address: the session goes on from another port. False without a session, where nothing is there to be kept,
   * or when the system has no port to give. `asking`: an answer is waited for.
   */
  async rebind(asking: boolean): Promise<boolean> {
    const { secured, device } = this;
    if (secured?.state !== "connected") return false;
    try {
      await secured.rebind();
    } catch {
      device.host.refusedSockets++;
      return false;
    }
    if (this.secured !== secured) return false;
    tapSocket(device, secured);
    device.counters.rebinds++;
    this.#recovery ??= new Recovery();
    if (asking) this.#recovery.asks(device.host.ports.clock.now());
    if (device.traced) traceSession(device, this.to, "connected", "connected", "rebind", { local: formatAddress(secured.local) });
    return true;
  }

  /** Whether there is a session, and it was there before `time`: the server may have lost it since. */
  hadSessionBefore(time: number): boolean {
    return this.secured !== undefined && this.#sessionSince < time && this.#sessionSince > 0;
  }

  /** The session is given up without a word: no answer came in it. `full`: the next one does not resume it. */
  loseSession(full = false): void {
    this.#full = full;
    if (this.secured !== undefined) this.#leaveSession(this.secured);
  }

  /** Stops what it does by itself, without a word to anybody. */
  freeze(): void {
    const { secured } = this;
    if (secured?.state === "handshaking") secured.drop();
  }

  /** Takes the socket out of the link, for somebody who closes it. A device that goes without a word ends no session. */
  release(): DeviceSocket | undefined {
    const { socket, secured } = this;
    if (secured !== undefined) {
      this.resumption = this.device.behaviour.sessions.resumes ? secured.resumption : undefined;
      if (this.device.abrupt || (this.device.silent && this.device.deaf)) secured.drop();
    }
    this.socket = undefined;
    this.peer = undefined;
    this.#sessionSince = 0;
    this.#recovery = undefined;
    return socket;
  }

  close(): void {
    const socket = this.release();
    if (socket !== undefined) this.device.host.closeSocket(socket);
  }

  get #hasGoneStale(): boolean {
    const { idleMs } = this.device.behaviour.sessions;
    return idleMs !== undefined && this.device.host.ports.clock.now() - Math.max(this.#usedAt, this.#sessionSince) > idleMs;
  }

  #leaveSession(secured: SecureEndpoint): void {
    this.#sessionSince = 0;
    secured.drop();
  }

  #handshake(secured: SecureEndpoint): void {
    this.device.handshakes.begins(this.to);
    if (this.#recovery !== undefined) {
      this.device.counters.handshakesAfterRebind++;
      this.#recovery.asks(this.device.host.ports.clock.now());
    }
    secured.connect(this.device.behaviour.sessions.resumes && !this.#full ? undefined : "full");
    this.#full = false;
  }

  #open(): void {
    if (this.#opening) return;
    this.#opening = true;
    openSocket(this.device, this).then(
      (socket) => this.#opened(socket),
      (error: unknown) => {
        this.#opening = false;
        this.owner.onNoLink({ reason: error instanceof UnusableAccount ? error.message : "unreachable", class: "retry", handshake: false });
      },
    );
  }

  #opened(socket: DeviceSocket): void {
    this.#opening = false;
    if (!this.owner.wantsLink) {
      void socket.close();
      return;
    }
    this.socket = socket;
    this.peer = takeSocket(this.device, socket, this.uri);
    if (this.device.silent) return;
    if (this.ensure()) this.owner.onLink("plain");
  }

  onSession(session: SessionInfo, handshakeMs: number): void {
    this.#sessionSince = this.device.host.ports.clock.now();
    this.lastEnd = undefined;
    this.device.handshakes.done(this.to, session, handshakeMs);
    this.owner.onLink(session.resumed ? "resumed" : "new");
  }

  onSessionEnd(end: SessionEnd): void {
    this.lastEnd = end.alert === undefined ? undefined : end;
    if (end.during === "handshake") {
      this.owner.onNoLink(this.device.handshakes.failed(this.to, end));
      return;
    }
    this.#sessionSince = 0;
    // What the device ended itself is no news to it.
    if (end.why === "closed") return;
    this.device.handshakes.ended(this.to, end);
    this.owner.onSessionLost(end);
  }
}
