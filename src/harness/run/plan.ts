import type { Envelope, GherkinDocument, Pickle } from "@cucumber/messages";
import { scenarioId } from "../scenario/names.js";
import type { ScenarioIdentity } from "../scenario/recorder.js";
import { readTags, TagError, type ScenarioTags } from "../scenario/tags.js";
import type { StepRecord } from "../verdict.js";

export interface PlannedStep {
  readonly keyword: StepRecord["keyword"];
  readonly text: string;
}

/** A scenario that will run, as its feature file has it. */
export interface PlannedScenario extends ScenarioIdentity {
  readonly declared: ScenarioTags;
  readonly steps: readonly PlannedStep[];
}

export interface Plan {
  readonly scenarios: readonly PlannedScenario[];
  /** `features/x.feature:12: ...`: steps nobody defined, tags that do not add up, names used twice. */
  readonly problems: readonly string[];
}

const keywords: Readonly<Record<string, StepRecord["keyword"] | undefined>> = { Context: "given", Action: "when", Outcome: "then" };

export const stepKeyword = (type: string | undefined): StepRecord["keyword"] => keywords[type ?? ""] ?? "given";

/** Line of a scenario: of its row for one of an outline. */
function lineOf(pickle: Pickle, lines: ReadonlyMap<string, number>): number {
  return lines.get(pickle.astNodeIds[pickle.astNodeIds.length - 1] ?? "") ?? 0;
}

function linesOf(document: GherkinDocument): Map<string, number> {
  const lines = new Map<string, number>();
  for (const child of document.feature?.children ?? []) {
    for (const scenario of [child.scenario, ...(child.rule?.children ?? []).map((nested) => nested.scenario)]) {
      if (scenario === undefined) continue;
      lines.set(scenario.id, scenario.location.line);
      for (const row of scenario.examples.flatMap((examples) => examples.tableBody)) lines.set(row.id, row.location.line);
    }
  }
  return lines;
}

/** Reads the plan out of the messages of a dry run. */
export function planOf(envelopes: readonly Envelope[]): Plan {
  const problems: string[] = [];
  const features = new Map<string, { readonly name: string; readonly lines: ReadonlyMap<string, number> }>();
  const pickles = new Map<string, Pickle>();
  const cases = new Map<string, { readonly pickle: Pickle; readonly stepTexts: ReadonlyMap<string, string> }>();
  const started = new Map<string, string>();
  const planned: Pickle[] = [];
  for (const envelope of envelopes) {
    const { gherkinDocument, parseError, pickle, testCase, testCaseStarted, testStepFinished } = envelope;
    if (parseError !== undefined) problems.push(`${parseError.source.uri ?? ""}:${parseError.source.location?.line ?? 0}: ${parseError.message}`);
    if (gherkinDocument?.uri !== undefined) features.set(gherkinDocument.uri, { name: gherkinDocument.feature?.name ?? "", lines: linesOf(gherkinDocument) });
    if (pickle !== undefined) pickles.set(pickle.id, pickle);
    if (testCase !== undefined) {
      const found = pickles.get(testCase.pickleId);
      if (found === undefined) continue;
      planned.push(found);
      const texts = new Map(found.steps.map((step) => [step.id, step.text]));
      cases.set(testCase.id, { pickle: found, stepTexts: new Map(testCase.testSteps.map((step) => [step.id, texts.get(step.pickleStepId ?? "") ?? ""])) });
    }
    if (testCaseStarted !== undefined) started.set(testCaseStarted.id, testCaseStarted.testCaseId);
    if (testStepFinished !== undefined) {
      const running = cases.get(started.get(testStepFinished.testCaseStartedId) ?? "");
      const text = running?.stepTexts.get(testStepFinished.testStepId) ?? "";
      const { status }: { readonly status: string } = testStepFinished.testStepResult;
      if (running === undefined || (status !== "UNDEFINED" && status !== "AMBIGUOUS")) continue;
      const line = lineOf(running.pickle, features.get(running.pickle.uri)?.lines ?? new Map());
      problems.push(`${running.pickle.uri}:${line}: ${status === "UNDEFINED" ? "no step definition says" : "several step definitions say"} "${text}"`);
    }
  }

  const scenarios: PlannedScenario[] = [];
  const ids = new Map<string, number>();
  for (const pickle of planned) {
    const feature = features.get(pickle.uri);
    const line = lineOf(pickle, feature?.lines ?? new Map());
    const id = scenarioId(pickle.uri, pickle.name);
    const tags = pickle.tags.map((tag) => tag.name);
    const twin = ids.get(id);
    if (twin !== undefined) problems.push(`${pickle.uri}:${line}: is named as the scenario of line ${twin}; give it another name (an outline: put a <column> into its name)`);
    ids.set(id, line);
    try {
      const steps = pickle.steps.map((step) => ({ keyword: stepKeyword(step.type), text: step.text }));
      scenarios.push({ id, name: pickle.name, feature: feature?.name ?? "", uri: pickle.uri, line, tags, declared: readTags(tags), steps });
    } catch (error) {
      if (!(error instanceof TagError)) throw error;
      problems.push(`${pickle.uri}:${line}: "${pickle.name}" ${error.message}`);
    }
  }
  return { scenarios, problems: [...new Set(problems)] };
}

/** In which order and company the scenarios run. */
export interface Schedule {
  /** One after the other, before everything else, and again at the very end. */
  readonly sanity: readonly PlannedScenario[];
  /** Side by side. */
  readonly together: readonly PlannedScenario[];
  /** One after the other, alone. */
  readonly alone: readonly PlannedScenario[];
  /** With the run's fleet, after all others: one after the other. */
  readonly load: readonly PlannedScenario[];
  /** Once the first of those is over, beside the others, with fleets of their own: one after the other. */
  readonly beside: readonly PlannedScenario[];
}

export function scheduleOf(scenarios: readonly PlannedScenario[]): Schedule {
  const sanity = scenarios.filter(({ declared }) => declared.sanity);
  const fleets = scenarios.filter(({ declared }) => declared.load && !declared.sanity);
  const alone = scenarios.filter(({ declared }) => declared.alone && !declared.load && !declared.sanity);
  const together = scenarios.filter(({ declared }) => !declared.alone && !declared.load && !declared.sanity);
  // Those that wait longest begin first, so that none of them is left over at the end.
  const slow = (scenario: PlannedScenario): number => (scenario.tags.includes("@slow") ? 0 : 1);
  return { sanity, together: [...together].sort((a, b) => slow(a) - slow(b)), alone, load: fleets.filter(({ declared }) => !declared.beside), beside: fleets.filter(({ declared }) => declared.beside) };
}
