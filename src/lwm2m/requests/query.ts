import { Codes } from "../../coap/index.js";
import { RequestError } from "../errors.js";

/** Answers 4.00, the code every table of codes has for a parameter that is missing, doubled, unknown or no value. */
export const badRequest = (reason: string): RequestError => new RequestError(Codes.BadRequest, reason);

/** `ep` of `ep=x`, `Q` of `Q`. */
export function parameterName(parameter: string): string {
  const at = parameter.indexOf("=");
  return at < 0 ? parameter : parameter.slice(0, at);
}

/** What stands after `=`. Throws 4.00 when there is no `=` or nothing after it, or when the parameter was given before. */
export function parameterValue(parameter: string, name: string, before: unknown): string {
  if (before !== undefined) throw badRequest(`parameter given twice: ${name}`);
  if (parameter.length <= name.length + 1) throw badRequest(`parameter without a value: ${name}`);
  return parameter.slice(name.length + 1);
}

export const unknownParameter = (parameter: string): RequestError => badRequest(`unknown parameter: ${parameterName(parameter).slice(0, 40)}`);

/** A decimal number of at most ten digits; undefined for anything else. */
export function parseWhole(text: string): number | undefined {
  const { length } = text;
  if (length === 0 || length > 10) return undefined;
  let value = 0;
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * The endpoint name that counts: the one given, or the one the security layer states. Throws 4.00 when there is none, or when they differ
 * (LwM2M Core 1.1 §6.2.1).
 */
export function endpointName(given: string | undefined, identity: string | undefined, optional: boolean): string {
  if (given !== undefined && identity !== undefined && given !== identity) throw badRequest("ep is not the authenticated identity");
  if (given !== undefined) return given;
  if (!optional || identity === undefined) throw badRequest("ep is missing");
  return identity;
}
