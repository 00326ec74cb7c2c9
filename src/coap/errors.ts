import { WireError } from "../wire/index.js";
import type { FailureReason, Type } from "./types.js";

/** Bytes that are no CoAP message. `type` and `messageId` are there when the header could be read (RFC 7252 §4.2: a CON like that is answered by RST). */
export class CoapFormatError extends WireError {
  override readonly name = "CoapFormatError";

  constructor(
    message: string,
    readonly type?: Type,
    readonly messageId?: number,
  ) {
    super(message);
  }
}

/** A request that got no response. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";

  constructor(
    readonly reason: FailureReason,
    readonly peer: string,
  ) {
    super(`no response from ${peer}: ${reason}`);
  }
}
