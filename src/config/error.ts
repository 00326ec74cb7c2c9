import type { z } from "zod";

/** One thing that is wrong with a file or a flag, in words for the person who wrote it. */
export interface ConfigProblem {
  /** File name, or `--flag`. */
  readonly source: string;
  /** From 1; absent for a flag. */
  readonly line?: number;
  readonly column?: number;
  /** Dotted key: `peers.0.token`; empty for the whole document. */
  readonly key: string;
  readonly message: string;
  readonly fix: string;
}

/** Wrong configuration or usage (exit code 2). Its message has one line per problem. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.name = "ConfigError";
  }
}

/** `muster.yaml:3:9: coap: "nowhere" is not HOST:PORT; write it as 127.0.0.1:5683` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === undefined ? problem.source : `${problem.source}:${problem.line}:${problem.column ?? 1}`;
  return `${place}: ${problem.key === "" ? "" : `${problem.key}: `}${problem.message}; ${problem.fix}`;
}

export const keyOf = (path: readonly PropertyKey[]): string => path.map(String).join(".");

export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly fix: string;
}

/** Zod's issues in our words: what is wrong, and what to write in its place. Unions give the branch that came closest. */
export function findings(issues: readonly z.core.$ZodIssue[], known: (path: readonly PropertyKey[]) => readonly string[] = () => []): Finding[] {
  return issues.flatMap((issue) => describe(issue, known));
}

function describe(issue: z.core.$ZodIssue, known: (path: readonly PropertyKey[]) => readonly string[]): Finding[] {
  const path = issue.path;
  // A schema's own words are written "what is wrong; how to put it right".
  const [said = "", put] = issue.message.split("; ");
  if (put !== undefined && issue.code !== "custom") return [{ path, message: said, fix: put }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => {
        const near = nearest(key, known(path));
        return { path: [...path, key], message: "is not a known key", fix: near === undefined ? "remove it, or see docs/command-line.md for the keys" : `did you mean "${near}"?` };
      });
    case "invalid_type":
      return issue.input === undefined && !issue.message.includes("received")
        ? [{ path, message: "is missing", fix: `give it ${article(issue.expected)}` }]
        : [{ path, message: issue.message.includes("received undefined") ? "is missing" : `is not ${article(issue.expected)}`, fix: `give it ${article(issue.expected)}` }];
    case "invalid_value":
      return [{ path, message: `is not one of ${issue.values.map(String).join(", ")}`, fix: `use one of ${issue.values.map(String).join(", ")}` }];
    case "too_small":
      return [{ path, message: "is too small", fix: `use ${String(issue.minimum)} or more${ofWhat(issue.origin)}` }];
    case "too_big":
      return [{ path, message: "is too big", fix: `use ${String(issue.maximum)} or less${ofWhat(issue.origin)}` }];
    case "invalid_union":
      return closest(issue, known);
    case "custom": {
      const fix: unknown = issue.params?.["fix"];
      return [{ path, message: said, fix: typeof fix === "string" ? fix : (put ?? "correct it") }];
    }
    default:
      return [{ path, message: lower(issue.message), fix: "correct it" }];
  }
}

function closest(issue: z.core.$ZodIssueInvalidUnion, known: (path: readonly PropertyKey[]) => readonly string[]): Finding[] {
  const branches = issue.errors.filter((branch) => branch.length > 0);
  // The branch whose issues lie deepest read the most of the value.
  const depth = (branch: readonly z.core.$ZodIssue[]): number => Math.max(...branch.map((one) => one.path.length + (one.code === "invalid_type" || one.code === "invalid_value" ? 0 : 1)));
  const best = [...branches].sort((a, b) => depth(b) - depth(a))[0];
  if (best === undefined) return [{ path: issue.path, message: "fits none of the forms allowed here", fix: "see docs/command-line.md" }];
  if (branches.every((branch) => depth(branch) === 0)) {
    const forms = branches.flatMap((branch) => branch.map((one) => (one.code === "invalid_value" ? one.values.map(String).join(" or ") : one.code === "invalid_type" ? article(one.expected) : one.message)));
    return [{ path: issue.path, message: "fits none of the forms allowed here", fix: `use ${forms.join(", or ")}` }];
  }
  return findings(best.map((one) => ({ ...one, path: [...issue.path, ...one.path] })), known);
}

const article = (expected: string): string => ({ string: "a text", number: "a number", int: "a whole number", boolean: "true or false", array: "a list", object: "a mapping", record: "a mapping", undefined: "nothing" })[expected] ?? expected;

const ofWhat = (origin: string): string => ({ string: " characters", array: " entries" })[origin] ?? "";

const lower = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1);

/** The known word at a small edit distance, for a typing mistake. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const scored = words.map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) })).sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
