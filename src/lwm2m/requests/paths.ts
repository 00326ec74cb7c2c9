import type { Request } from "../../coap/index.js";
import { Codes } from "../../coap/index.js";
import type { ContentError } from "../errors.js";
import { RequestError } from "../errors.js";
import type { Path } from "../paths.js";
import { parseId, tryParsePath } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { versionRules } from "../version.js";

export const methodNotAllowed = (reason: string): RequestError => new RequestError(Codes.MethodNotAllowed, reason);

/**
 * The place in the object model that Uri-Path segments name. Throws 4.04 for a path that does not begin with an object id, 4.05 for one that begins
 * so and goes on otherwise (LwM2M Transport 1.1 §6.4.4), also for a resource instance in LwM2M 1.0.
 */
export function requestedPath(segments: readonly string[], version: LwM2mVersion): Path {
  const first = segments[0];
  if (first !== undefined && parseId(first) === undefined) throw new RequestError(Codes.NotFound, "no such path");
  const parsed = tryParsePath(segments);
  if (parsed === undefined) throw methodNotAllowed("not a path of the object model");
  if (parsed.resourceInstance !== undefined && !versionRules(version).resourceInstancePaths) throw methodNotAllowed("LwM2M 1.0 has no paths to resource instances");
  return parsed;
}

/** Puts a device management request under a client's root path (`rt="oma.lwm2m"`); never do that with bootstrap requests. */
export const underRoot = (request: Request, rootPath: readonly string[]): Request => (rootPath.length === 0 ? request : { ...request, path: [...rootPath, ...request.path] });

/** The refusal of content that could not be read: 4.00, or 4.15 when the format is not supported there. */
export const contentRefusal = (error: ContentError): RequestError =>
  new RequestError(error.problem === "unsupported" ? Codes.UnsupportedContentFormat : Codes.BadRequest, error.message);
