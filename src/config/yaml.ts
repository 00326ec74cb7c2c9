import { LineCounter, isMap, isNode, isPair, isScalar, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { z } from "zod";
import { ConfigError, findings, keyOf } from "./error.js";
import { knownKeys } from "./schema-keys.js";

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface LoadedYaml<T> {
  readonly value: T;
  /** Where a key stands, from 1; the nearest key above it when it is absent. */
  readonly locate: (path: readonly (string | number)[]) => Place | undefined;
}

/** More than any real configuration; YAML's aliases are bounded by the parser. */
const largest = 8 * 1024 * 1024;

/** Parses and checks a YAML (or JSON) text. Throws `ConfigError` with file, line, column, key and the fix of every problem. */
export function loadYaml<S extends z.ZodType>(text: string, file: string, schema: S, extra: Readonly<Record<string, unknown>> = {}): LoadedYaml<z.output<S>> {
  if (text.length > largest) throw new ConfigError([{ source: file, key: "", message: "is larger than 8 MiB", fix: "split it" }]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    throw new ConfigError([{ source: file, line, column: col, key: "", message: `is not valid YAML: ${firstLine(syntax.message)}`, fix: "correct the line" }]);
  }
  const content: unknown = document.toJS({ maxAliasCount: 1000 });
  const empty = content === null || content === undefined;
  if (!empty && (typeof content !== "object" || Array.isArray(content))) {
    throw new ConfigError([{ source: file, line: 1, column: 1, key: "", message: "is not a mapping of keys", fix: "write it as key: value lines" }]);
  }
  const locate = (path: readonly (string | number)[]): Place | undefined => place(document, lines, path);
  const parsed = schema.safeParse({ ...(empty ? {} : content), ...extra });
  if (parsed.success) return { value: parsed.data, locate };
  throw new ConfigError(
    findings(parsed.error.issues, (path) => knownKeys(schema, path)).map(({ path, message, fix }) => ({
      source: file,
      ...place(document, lines, path.map((step) => (typeof step === "symbol" ? String(step) : step))),
      key: keyOf(path),
      message,
      fix,
    })),
  );
}

function place(document: Document, lines: LineCounter, path: readonly (string | number)[]): Place {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    const pair = isMap(parent) ? parent.items.find((item) => isPair(item) && (isScalar(item.key) ? String(item.key.value) : String(item.key)) === String(name)) : undefined;
    const value: unknown = document.getIn(path.slice(0, length), true);
    const node = isNode(pair?.key) ? pair.key : isNode(value) ? value : undefined;
    if (node?.range) {
      const { line, col } = lines.linePos(node.range[0]);
      return { line, column: col };
    }
  }
  return { line: 1, column: 1 };
}

const firstLine = (message: string): string => message.split("\n")[0] ?? message;
