import type { FastifyReply } from "fastify";
import type { z } from "zod";
import { findings, keyOf } from "../config/index.js";

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly field?: string;
}

/** Thrown inside a handler; becomes `application/problem+json`. */
export class OperatorProblem extends Error {
  constructor(
    readonly status: number,
    readonly type: "schema" | "unauthenticated" | "not-found" | "full" | "peer-unavailable" | "too-large" | "unsupported" | "internal",
    detail: string,
    readonly field?: string,
  ) {
    super(detail);
    this.name = "OperatorProblem";
  }
}

export const notFound = (what: string): OperatorProblem => new OperatorProblem(404, "not-found", `there is no ${what}`);

/** Checks a body or query, or throws a 400 that names the field. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const first = findings(parsed.error.issues)[0];
  const field = keyOf(first?.path ?? []);
  throw new OperatorProblem(400, "schema", `${field === "" ? "the value" : field} ${first?.message ?? "is wrong"}; ${first?.fix ?? "correct it"}`, field);
}

const titles = { schema: "Wrong request", unauthenticated: "Token missing or wrong", "not-found": "Not found", full: "No room", "peer-unavailable": "The peer did not answer", "too-large": "Body too large", unsupported: "The role cannot be asked for this", internal: "Internal error" };

export function sendProblem(reply: FastifyReply, problem: OperatorProblem): FastifyReply {
  const body: Problem = { type: `urn:muster:operator:${problem.type}`, title: titles[problem.type], status: problem.status, detail: problem.message, ...(problem.field === undefined ? {} : { field: problem.field }) };
  return reply.status(problem.status).type("application/problem+json").send(JSON.stringify(body));
}
