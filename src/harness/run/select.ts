import type { Files } from "../../ports/index.js";
import { FeatureError } from "./cucumber.js";

export interface Selection {
  /** Paths below which the features are, absolute; `path:line` is one scenario. */
  readonly paths: readonly string[];
  /** Cucumber's tag expression; empty: all. */
  readonly tagExpression: string;
}

const isTagExpression = (word: string): boolean => /(^|[\s(])@/.test(word) || /^not\s/.test(word);

export interface SelectionLimits {
  /** No load scenarios. */
  readonly functional: boolean;
  /** A run without DTLS was asked for: what needs pre-shared keys has no place in it. */
  readonly withoutPsk: boolean;
}

/**
 * Reads what somebody asked for: words with a `@` are tag expressions (joined by `or`), all others are paths: as given, below `features/`, or a folder's
 * name there. Throws `FeatureError` for a path that leads nowhere.
 */
export async function readSelection(words: readonly string[], where: { readonly files: Files; readonly cwd: string; readonly features: string }, { functional, withoutPsk }: SelectionLimits): Promise<Selection> {
  const expressions = words.filter(isTagExpression).map((word) => `(${word})`);
  const paths: string[] = [];
  for (const word of words.filter((candidate) => !isTagExpression(candidate))) {
    const [path = "", ...lines] = word.split(":");
    const suffix = lines.length === 0 ? "" : `:${lines.join(":")}`;
    const candidates = path.startsWith("/") ? [path] : [`${where.cwd}/${path}`, `${where.features}/../${path}`, `${where.features}/${path}`, `${where.features}/${path}.feature`];
    let found: string | undefined;
    for (const candidate of candidates) {
      if (await where.files.exists(candidate)) {
        found = candidate;
        break;
      }
    }
    if (found === undefined) throw new FeatureError(`"${word}" is neither a feature file nor a folder of features; give a path, a folder below features/ such as "registration", or a tag such as @SM-1`);
    paths.push(`${found}${suffix}`);
  }
  const asked = expressions.length === 0 ? [] : [`(${expressions.join(" or ")})`];
  const limits = [...(functional ? ["(not @load)"] : []), ...(withoutPsk ? ["(not @needs:psk)"] : [])];
  return { paths: paths.length === 0 ? [where.features] : paths, tagExpression: [...asked, ...limits].join(" and ") };
}
