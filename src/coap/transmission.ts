import { Timer } from "../ports/index.js";
import type { Core } from "./core.js";
import type { PeerState } from "./peer.js";
import type { AbandonReason } from "./types.js";

/** Where a transmission is. `slot`: it holds one of the peer's NSTART slots until it is acknowledged, answered or given up. */
export const Phase = { Idle: 0, Queued: 1, Slot: 2, Waiting: 3 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** A message of ours that the peer shall acknowledge or answer. It is its own timer, and its own place in the lists of the peer. */
export abstract class Transmission extends Timer {
  messageId = -1;
  phase: Phase = Phase.Idle;
  retransmits = 0;
  timeoutMs = 0;
  /** How often the peer's machine said that nobody listens there. */
  refusals = 0;
  datagram: Buffer | undefined = undefined;
  linked = false;
  linkNext: Transmission | undefined = undefined;
  linkPrevious: Transmission | undefined = undefined;
  queueNext: Transmission | undefined = undefined;

  constructor(
    readonly core: Core,
    readonly peer: PeerState,
  ) {
    super();
  }

  /** CON, and so sent again until acknowledged. */
  abstract readonly confirmable: boolean;
  /** Writes the message, when its turn has come. */
  abstract write(messageId: number): Buffer;
  /** An empty ACK came. */
  abstract acknowledged(): void;
  /** An RST came. */
  abstract rejected(): void;
  abstract gaveUp(reason: "timeout" | "unreachable"): void;
  /** The endpoint closes or forgets the peer, or the peer's session is over. */
  abstract abandoned(reason: AbandonReason): void;

  /** The message has to go out once more. */
  retransmit(): void {
    if (this.datagram !== undefined) this.core.transmit(this.peer, this.datagram);
  }

  override fire(): void {
    this.core.messages.expire(this);
  }
}
