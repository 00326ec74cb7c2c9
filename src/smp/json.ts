import { ProblemError } from "./problem.js";

/** Arrays and objects inside each other in a request's body, at most. */
export const maxDepth = 16;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * A request's body as JSON; undefined when there is none. Throws `ProblemError` of type `schema` for bytes that are no UTF-8,
 * text that is no JSON and nesting beyond `maxDepth`. No part of the body is repeated in the problem.
 */
export function parseBody(body: string | Uint8Array | undefined): unknown {
  if (body === undefined || body.length === 0) return undefined;
  const text = typeof body === "string" ? body : decode(body);
  const depth = depthOf(text);
  if (depth > maxDepth) throw new ProblemError("schema", `nests arrays and objects deeper than ${maxDepth}; make it flatter`, { field: "body" });
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError("schema", "is not JSON; send one JSON value in UTF-8", { field: "body" });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ProblemError("schema", "is not UTF-8; send JSON in UTF-8", { field: "body" });
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Deepest nesting, counted on the text so that a hostile body is refused before it becomes objects. Stops once it is too deep. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length && deepest <= maxDepth; at += 1) {
    const character = text.charCodeAt(at);
    if (inString) {
      if (character === backslash) at += 1;
      else if (character === quote) inString = false;
    } else if (character === quote) inString = true;
    else if (character === 0x5b || character === 0x7b) deepest = Math.max(deepest, (depth += 1));
    else if (character === 0x5d || character === 0x7d) depth -= 1;
  }
  return deepest;
}
