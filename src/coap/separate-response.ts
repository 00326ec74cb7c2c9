import type { Core } from "./core.js";
import type { PeerState } from "./peer.js";
import { Transmission } from "./transmission.js";
import { Type } from "./types.js";

/** A CON response on its own, after an empty ACK (RFC 7252 §5.2.2). */
export class SeparateResponse extends Transmission {
  override readonly confirmable = true;

  constructor(
    core: Core,
    peer: PeerState,
    readonly encode: (type: Type, messageId: number) => Buffer,
    readonly onReset: (() => void) | undefined,
  ) {
    super(core, peer);
  }

  override get timerName(): string {
    return "separate response retransmit";
  }

  override write(messageId: number): Buffer {
    return this.encode(Type.CON, messageId);
  }

  override acknowledged(): void {
    this.core.messages.finish(this);
  }

  override rejected(): void {
    this.core.messages.finish(this);
    this.onReset?.();
  }

  override gaveUp(): void {}

  override abandoned(): void {
    this.core.messages.finish(this);
  }
}
