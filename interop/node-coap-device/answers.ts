/** CoAP content formats this device reads or writes. */
export const Format = { text: 0, link: 40, opaque: 42, tlv: 11542 } as const;

/** A response, before it is a message. */
export interface Answer {
  /** `2.05`. */
  readonly code: string;
  readonly payload?: Buffer;
  readonly contentFormat?: number;
  readonly location?: readonly string[];
}

/** A request that is answered with an error code of its operation's table. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    reason: string,
  ) {
    super(reason);
  }
}

export const answerOf = (refused: Refused): Answer => ({ code: refused.code, payload: Buffer.from(refused.message) });
