import type { Core } from "./core.js";
import type { PeerState } from "./peer.js";
import { Transmission } from "./transmission.js";
import { Type } from "./types.js";
import { writeEmpty } from "./write.js";

/** An empty CON; a living peer answers RST (RFC 7252 §4.3). */
export class Ping extends Transmission {
  override readonly confirmable = true;

  constructor(
    core: Core,
    peer: PeerState,
    readonly done: (alive: boolean) => void,
  ) {
    super(core, peer);
  }

  override get timerName(): string {
    return "ping retransmit";
  }

  override write(messageId: number): Buffer {
    return writeEmpty(Type.CON, messageId);
  }

  override acknowledged(): void {
    this.#end(true);
  }

  override rejected(): void {
    this.#end(true);
  }

  override gaveUp(): void {
    this.#end(false);
  }

  override abandoned(): void {
    this.#end(false);
  }

  #end(alive: boolean): void {
    this.core.messages.finish(this);
    this.done(alive);
  }
}
