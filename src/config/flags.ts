import type { z } from "zod";
import { ConfigError, findings } from "./error.js";
import { knownKeys } from "./schema-keys.js";

/** `endpointPattern` as it is typed: `--endpoint-pattern`. */
export const flagOf = (key: string): string => `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Checks what a command line gave, by the same schema as the file; a problem is named by its flag. */
export function checkFlags<S extends z.ZodType>(given: Readonly<Record<string, unknown>>, schema: S): z.output<S> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    findings(parsed.error.issues, (path) => knownKeys(schema, path)).map(({ path, message, fix }) => {
      const [first, ...rest] = path;
      return { source: first === undefined ? "command line" : flagOf(String(first)), key: rest.filter((part) => typeof part !== "number").map(String).join("."), message, fix };
    }),
  );
}
