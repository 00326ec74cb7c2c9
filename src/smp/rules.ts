import { isNode } from "./contract.js";
import type { OperationId } from "./contract.js";
import { identityFault } from "./identity.js";
import { ProblemError } from "./problem.js";

/**
 * Rules of the profile that a JSON schema cannot say, for bodies that fit theirs. Throws `ProblemError`. Which security modes are carried is not among
 * them: a role says so in its capabilities and refuses the others itself.
 */
export function checkRules(operation: OperationId, path: Readonly<Record<string, unknown>>, body: unknown): void {
  if (!isNode(body)) return;
  if (body["sink"] !== undefined) throw new ProblemError("unsupported-mode", "callbacks are not supported; leave it out and poll /smp/v1/events", { field: "/sink" });
  switch (operation) {
    case "createAccount":
    case "replaceAccount":
      checkPeriods(body);
      checkRights(body["acl"]);
      return;
    case "createOrder":
      checkWindow(body);
      checkKeys(body);
      return;
    case "stageCredential":
      checkCredential(body, path, "");
      return;
    default:
  }
}

/** The rules of one entry of a batch; `path` as the single call would have it. */
export function checkCredential(body: Readonly<Record<string, unknown>>, path: Readonly<Record<string, unknown>>, prefix: string): void {
  for (const name of ["ep", "credentialId"]) {
    if (body[name] !== undefined && body[name] !== path[name]) throw new ProblemError("context-mismatch", "differs from the one that the request is addressed to; leave it out or repeat that", { field: `${prefix}/${name}` });
  }
  checkIdentity(body["identity"], `${prefix}/identity`);
  const { notBefore, notAfter, version, supersedes } = body;
  if (typeof version === "number" && typeof supersedes === "number" && supersedes >= version) throw new ProblemError("schema", "must be less than version", { field: `${prefix}/supersedes` });
  if (typeof notBefore === "string" && typeof notAfter === "string" && Date.parse(notAfter) <= Date.parse(notBefore)) {
    throw new ProblemError("schema", "must be later than notBefore", { field: `${prefix}/notAfter` });
  }
}

/** LwM2M ignores a maximum period below the minimum (Core 1.1 §5.1.2, pmax), which nobody can have meant. */
function checkPeriods(account: Readonly<Record<string, unknown>>): void {
  const { pmin, pmax } = account;
  if (typeof pmin === "number" && typeof pmax === "number" && pmax < pmin) throw new ProblemError("schema", "must not be less than pmin", { field: "/pmax" });
}

/** One object instance can have one set of rights for a Server (LwM2M Core 1.1 appendix E.3). */
function checkRights(acl: unknown): void {
  if (!Array.isArray(acl)) return;
  const seen = new Set<string>();
  (acl as readonly unknown[]).forEach((entry, index) => {
    const right = isNode(entry) ? entry : {};
    const key = `${String(right["object"])}/${String(right["instance"])}`;
    if (seen.has(key)) throw new ProblemError("schema", "names an object and instance that another entry names; give each once", { field: `/acl/${index}` });
    seen.add(key);
  });
}

function checkIdentity(identity: unknown, field: string): void {
  const fault = isNode(identity) ? identityFault(identity) : undefined;
  if (fault !== undefined) throw new ProblemError("schema", fault.text, { field: `${field}/${fault.member}` });
}

/** Keys that the LwM2M Server made come with its order, one for each target; others do not. */
function checkKeys(order: Readonly<Record<string, unknown>>): void {
  const { type, policy, targets, credentials } = order;
  const chosen = isNode(policy) && isNode(policy["credential"]) ? policy["credential"]["origin"] : undefined;
  const wanted = chosen === "server" && (type === "provision" || type === "rotate");
  if (!Array.isArray(credentials)) {
    if (wanted) throw new ProblemError("schema", "is missing; origin server needs one for each of targets.endpoints", { field: "/credentials" });
    return;
  }
  if (!wanted) throw new ProblemError("schema", "goes with policy.credential.origin server and type provision or rotate only; leave it out", { field: "/credentials" });
  const endpoints: readonly unknown[] = isNode(targets) && Array.isArray(targets["endpoints"]) ? targets["endpoints"] : [];
  const open = new Set(endpoints);
  (credentials as readonly unknown[]).forEach((entry, index) => {
    const { ep, identity } = isNode(entry) ? entry : {};
    if (!open.delete(ep)) throw new ProblemError("schema", "names no device of targets.endpoints, or one that an earlier entry names", { field: `/credentials/${index}/ep` });
    checkIdentity(identity, `/credentials/${index}/identity`);
  });
  if (open.size > 0) throw new ProblemError("schema", `lacks a credential for ${open.size} of targets.endpoints`, { field: "/credentials" });
}

function checkWindow(order: Readonly<Record<string, unknown>>): void {
  const { notBefore, deadline } = order;
  if (typeof notBefore === "string" && typeof deadline === "string" && Date.parse(deadline) <= Date.parse(notBefore)) {
    throw new ProblemError("schema", "must be later than notBefore", { field: "/deadline" });
  }
}
