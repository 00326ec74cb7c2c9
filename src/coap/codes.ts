import type { Code } from "./types.js";

const code = (major: number, detail: number): Code => (major << 5) | detail;

/** Method and response codes (RFC 7252 §12.1, RFC 7959 §2.9, RFC 8132 §7). */
export const Codes = {
  Empty: code(0, 0),
  GET: code(0, 1),
  POST: code(0, 2),
  PUT: code(0, 3),
  DELETE: code(0, 4),
  FETCH: code(0, 5),
  PATCH: code(0, 6),
  IPATCH: code(0, 7),
  Created: code(2, 1),
  Deleted: code(2, 2),
  Valid: code(2, 3),
  Changed: code(2, 4),
  Content: code(2, 5),
  Continue: code(2, 31),
  BadRequest: code(4, 0),
  Unauthorized: code(4, 1),
  BadOption: code(4, 2),
  Forbidden: code(4, 3),
  NotFound: code(4, 4),
  MethodNotAllowed: code(4, 5),
  NotAcceptable: code(4, 6),
  RequestEntityIncomplete: code(4, 8),
  Conflict: code(4, 9),
  PreconditionFailed: code(4, 12),
  RequestEntityTooLarge: code(4, 13),
  UnsupportedContentFormat: code(4, 15),
  UnprocessableEntity: code(4, 22),
  TooManyRequests: code(4, 29),
  InternalServerError: code(5, 0),
  NotImplemented: code(5, 1),
  BadGateway: code(5, 2),
  ServiceUnavailable: code(5, 3),
  GatewayTimeout: code(5, 4),
  ProxyingNotSupported: code(5, 5),
} as const satisfies Record<string, Code>;

/** `2.04` for 0x44. */
export const formatCode = (value: Code): string => `${value >> 5}.${String(value & 31).padStart(2, "0")}`;

/** 0x44 for `2.04`; throws RangeError on anything else than class, dot and two digits within a code's range. */
export function parseCode(text: string): Code {
  const match = /^([0-7])\.(\d\d)$/.exec(text);
  const detail = Number(match?.[2]);
  if (match === null || detail > 31) throw new RangeError(`"${text}" is not a CoAP code: one digit 0-7, a dot, two digits 00-31`);
  return code(Number(match[1]), detail);
}

export const isRequest = (value: Code): boolean => value >= 1 && value < 32;
export const isResponse = (value: Code): boolean => {
  const major = value >> 5;
  return major === 2 || major === 4 || major === 5;
};
/** 2.xx */
export const isSuccess = (value: Code): boolean => value >> 5 === 2;
