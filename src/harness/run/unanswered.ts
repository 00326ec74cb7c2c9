import { OperatorError } from "../../operator/index.js";
import { SmpUnreachableError } from "../../smp/index.js";
import type { Target } from "../targets/index.js";

/** What a LwM2M Server answers its operator when the Bootstrap Server does not answer it. */
const badGateway = 502;

/**
 * What an error says when a role that the target brought along gave no answer; undefined for every other error. A reference that does not answer is our
 * own fault.
 */
export function unansweredBy(error: unknown, target: Target): string | undefined {
  const { bootstrapServer, servers } = target;
  if (![bootstrapServer, servers.A, servers.B].some(({ kind }) => kind !== "reference")) return undefined;
  if (error instanceof SmpUnreachableError) return error.message;
  return error instanceof OperatorError && (error.status === undefined || error.status === badGateway) ? error.message : undefined;
}
