import { matchesAny } from "../../../src/config/index.js";

/** Patterns of which most may be plain names: a list of 100,000 names costs one look. */
export class Patterns {
  readonly #names: ReadonlySet<string>;
  readonly #patterns: readonly string[];

  constructor(patterns: readonly string[]) {
    this.#names = new Set(patterns.filter((pattern) => !pattern.includes("*")));
    this.#patterns = patterns.filter((pattern) => pattern.includes("*"));
  }

  fits(text: string): boolean {
    return this.#names.has(text) || matchesAny(this.#patterns, text);
  }
}
