import { z } from "zod";
import { loadYaml } from "../../config/index.js";
import { verdicts, type Verdict } from "../verdict.js";

/** Stacks of devices that can be told from ours (`--devices-on`). */
const otherStacks = ["node-coap", "node-dtls-client", "leshan"] as const;

const reproduction = z.union([z.enum(otherStacks), z.strictObject({ none: z.string().min(1) })], {
  error: ({ input }) => `${input === undefined ? "is missing" : "is no other client stack"}; name the one that came to the same with --second-opinion (${otherStacks.join(", ")}), or write { none: "why none can tell" }`,
});

const deviationSchema = z.strictObject({
  /** Id of the scenario: `registration/update/a-registration-expires-with-its-lifetime-not-before`. */
  scenario: z.string().min(1),
  verdict: z.enum(verdicts),
  /** Each of these occurs in the reason of the verdict: another reason is another matter. */
  reason: z.array(z.string().min(1)).min(1),
  /** What it departs from, as the specification has it. */
  clause: z.string().min(1),
  /** The client stack whose devices came to the same, so that it is not our tool that departs; or `none`, and why no other stack can tell. */
  reproducedOn: reproduction,
  /** A folder with the trace that shows it. */
  trace: z.string().min(1).optional(),
});
const fileSchema = z
  .strictObject({ deviations: z.array(deviationSchema) })
  .superRefine(({ deviations }, context) => {
    const seen = new Set<string>();
    deviations.forEach(({ scenario }, index) => {
      if (seen.has(scenario)) context.addIssue({ code: "custom", message: `"${scenario}" is there twice`, path: ["deviations", index, "scenario"], params: { fix: "keep one entry for each scenario" } });
      seen.add(scenario);
    });
  });

export type KnownDeviation = z.output<typeof deviationSchema>;

/** Reads a file of known deviations. Throws `ConfigError` naming file, line, key and the fix. */
export const readDeviations = (text: string, file: string): readonly KnownDeviation[] => loadYaml(text, file, fileSchema).value.deviations;

/** What a list of known deviations makes of a verdict. */
export interface DeviationView {
  /** `known`: as the list says. `surprise`: the list says otherwise, an unexpected pass among it. */
  readonly as: "known" | "surprise";
  readonly clause: string;
  /** Of a surprise: what was expected. */
  readonly expected?: string;
  /** In words: which client stack reproduced the entry, or why none did. */
  readonly reproduced: string;
}

export function deviationOf(result: { readonly id: string; readonly verdict: Verdict; readonly reason: string }, known: readonly KnownDeviation[]): DeviationView | undefined {
  // What did not run says nothing about the entry.
  if (result.verdict === "incomplete" || result.verdict === "unsupported" || result.verdict === "not-applicable") return undefined;
  // The sanity scenarios run again at the end, under a number.
  const entry = known.find(({ scenario }) => scenario === result.id || result.id === `${scenario}-2`);
  if (entry === undefined) return undefined;
  const { clause, reproducedOn } = entry;
  const told = { clause, reproduced: typeof reproducedOn === "string" ? `reproduced with devices on ${reproducedOn}` : `not reproduced on another client stack: ${reproducedOn.none}` };
  const matches = entry.verdict === result.verdict && entry.reason.every((word) => result.reason.includes(word));
  return matches ? { as: "known", ...told } : { as: "surprise", ...told, expected: `${entry.verdict} with ${entry.reason.map((word) => `"${word}"`).join(" and ")}` };
}
