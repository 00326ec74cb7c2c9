import { ConfigError, keyOf } from "./error.js";
import type { ConfigProblem } from "./error.js";

/** Where a token may come from when the file does not hold it. */
export interface TokenSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Makes a token for a key that names none; without it such a key is an error. */
  readonly generate?: (key: string) => string;
  /** The file's name, and where a key stands in it, for errors. */
  readonly source?: string;
  readonly locate?: (path: readonly (string | number)[]) => { line: number; column: number } | undefined;
}

/** Shortest bearer token accepted: 128 bits in base64url are 22 characters, a hand-made one may be a little shorter. */
const shortest = 16;

/** The token given in the file, in the environment variable it names, or a generated one. */
export function resolveToken(given: { readonly token?: string | undefined; readonly tokenEnv?: string | undefined }, path: readonly (string | number)[], sources: TokenSources): string {
  const key = keyOf(path);
  if (given.token !== undefined && given.tokenEnv !== undefined) throw problem(sources, path, `and ${key}Env are both given`, "keep one of the two");
  if (given.token !== undefined) return given.token;
  if (given.tokenEnv !== undefined) {
    const value = sources.env[given.tokenEnv];
    if (value === undefined || value === "") throw problem(sources, path, `the environment variable ${given.tokenEnv} is not set`, `set it: export ${given.tokenEnv}=...`);
    if (value.length < shortest) throw problem(sources, path, `the token in ${given.tokenEnv} has fewer than ${shortest} characters`, "use a longer one");
    return value;
  }
  if (sources.generate !== undefined) return sources.generate(key);
  throw problem(sources, path, "is missing", `give ${key}, or ${key}Env with the name of an environment variable`);
}

function problem(sources: TokenSources, path: readonly (string | number)[], message: string, fix: string): ConfigError {
  const found = sources.locate?.(path);
  const one: ConfigProblem = { source: sources.source ?? "configuration", ...found, key: keyOf(path), message, fix };
  return new ConfigError([one]);
}
