import type { Problem, ProblemTypeUri } from "./types.js";

/** The problem types of the profile, with the status each travels under. */
export const problemTypes = {
  schema: { status: 400, title: "The request does not fit the schema" },
  unauthenticated: { status: 401, title: "No valid credentials" },
  scope: { status: 403, title: "Not within the caller's rights" },
  "not-found": { status: 404, title: "Not found" },
  "identity-conflict": { status: 409, title: "The identity belongs to another client" },
  "ssid-conflict": { status: 409, title: "The Short Server ID is not free to the caller" },
  "version-regression": { status: 409, title: "The version was used before or is older than the present one" },
  "order-overlap": { status: 409, title: "An open order stands in the way" },
  "bootstrap-account-gone": { status: 409, title: "The client has no Bootstrap-Server account any more" },
  "client-unreachable": { status: 409, title: "The client cannot be reached" },
  "not-registered": { status: 409, title: "The client is not registered" },
  "session-displaced": { status: 409, title: "A newer bootstrap session took the place of this one" },
  "precondition-failed": { status: 412, title: "The resource has changed since it was read" },
  "too-large": { status: 413, title: "The body is too large" },
  "unsupported-mode": { status: 422, title: "Not supported here" },
  "uri-not-allowed": { status: 422, title: "The caller may not use this URI" },
  "key-unwrap": { status: 422, title: "The secret cannot be unwrapped" },
  "bad-certificate": { status: 422, title: "The certificate cannot be relied on" },
  "context-mismatch": { status: 422, title: "The body belongs to another resource" },
  "idempotency-mismatch": { status: 422, title: "The Idempotency-Key was used with another request" },
  "precondition-required": { status: 428, title: "If-Match is required" },
  rate: { status: 429, title: "Too many requests" },
  "peer-unavailable": { status: 503, title: "A peer that is needed is not available" },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemType = keyof typeof problemTypes;

const prefix = "urn:smp:problem:";

export const problemTypeUri = (type: ProblemType): ProblemTypeUri => `${prefix}${type}`;

/** The profile's type named by a problem's `type` member; undefined for any other URI. */
export function problemTypeOf(uri: unknown): ProblemType | undefined {
  if (typeof uri !== "string" || !uri.startsWith(prefix)) return undefined;
  const name = uri.slice(prefix.length);
  return isProblemType(name) ? name : undefined;
}

export const isProblemType = (name: string): name is ProblemType => Object.hasOwn(problemTypes, name);

export interface ProblemOptions {
  /** A JSON Pointer into the body, `body`, or the name of a header, query or path parameter. */
  readonly field?: string;
  /** Seconds, for the header Retry-After. */
  readonly retryAfter?: number;
}

/** Thrown by a handler, it becomes an `application/problem+json` answer. `detail` must not repeat a secret. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly type: ProblemType;
  readonly status: number;
  readonly detail: string;
  readonly field?: string;
  readonly retryAfter?: number;

  constructor(type: ProblemType, detail: string, options: ProblemOptions = {}) {
    super(options.field === undefined ? `${type}: ${detail}` : `${type} (${options.field}): ${detail}`);
    this.type = type;
    this.status = problemTypes[type].status;
    this.detail = detail;
    if (options.field !== undefined) this.field = options.field;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }

  /** The body of the answer. */
  toProblem(): Problem {
    return {
      type: problemTypeUri(this.type),
      title: problemTypes[this.type].title,
      status: this.status,
      detail: this.detail,
      ...(this.field === undefined ? {} : { field: this.field }),
    };
  }
}

const httpTitles: Readonly<Record<number, string>> = { 405: "Method not allowed", 406: "Not acceptable", 415: "Unsupported media type", 500: "Internal error" };

/** A problem that HTTP's status alone describes (RFC 9457 §4.2.1). */
export const blankProblem = (status: number, detail?: string): Problem => ({
  type: "about:blank",
  title: httpTitles[status] ?? "Error",
  status,
  ...(detail === undefined ? {} : { detail }),
});
