import type { HandshakeMessage } from "../codec/handshake.js";
import type { HandshakeAction, Step } from "./steps.js";

interface Heard {
  readonly in: "message";
  readonly message: HandshakeMessage;
}

/** A role's pure machine with the state it is in. */
export class RunningMachine<State, Input> {
  #state: State;

  constructor(
    readonly step: (state: State, input: Input | Heard) => Step<State>,
    idle: State,
  ) {
    this.#state = idle;
  }

  next(input: Input | Heard): readonly HandshakeAction[] {
    const { state, actions } = this.step(this.#state, input);
    this.#state = state;
    return actions;
  }

  hear(message: HandshakeMessage): readonly HandshakeAction[] {
    return this.next({ in: "message", message });
  }
}
