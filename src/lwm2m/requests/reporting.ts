import type { Request } from "../../coap/index.js";
import { Codes } from "../../coap/index.js";
import type { Path } from "../paths.js";
import { pathSegments } from "../paths.js";

/** GET with Observe 0 (RFC 7641). */
export function observeRequest(at: Path, accept?: number): Request {
  const request: Request = { code: Codes.GET, path: pathSegments(at), observe: 0 };
  return accept === undefined ? request : { ...request, accept };
}

/** GET with Observe 1: the polite way to end an observation; the other is an RST to a notification. */
export const cancelObservationRequest = (at: Path, accept?: number): Request => ({ ...observeRequest(at, accept), observe: 1 });
