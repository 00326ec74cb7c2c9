import type { Code } from "../coap/types.js";
import { WireError } from "../wire/index.js";

/**
 * Why a payload could not be read or written. `malformed`: the bytes break the format's rules (a client answers 4.00). `unsupported`: this format
 * does not exist here, or cannot carry what the path names (4.15 for a Content-Format, 4.06 for an Accept).
 */
export type ContentProblem = "malformed" | "unsupported";

/** The only error of the content formats and of the link format. */
export class ContentError extends WireError {
  override readonly name = "ContentError";

  constructor(
    message: string,
    readonly problem: ContentProblem = "malformed",
  ) {
    super(message);
  }
}

/** A request that must be refused: `code` is the answer the operation's table of codes gives. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  constructor(
    readonly code: Code,
    readonly reason: string,
  ) {
    super(reason);
  }
}
