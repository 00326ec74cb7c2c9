import type { CoapSummary, TraceEvent } from "../ports/index.js";
import { deviationOf, type KnownDeviation } from "./targets/index.js";
import { tally, type RunResult, type ScenarioResult } from "./result.js";

/** Where two traces of the same scenario part: the first message of a device that is not the same in both. */
export interface TraceDifference {
  /** The device, by its name in the scenario. */
  readonly device: string;
  /** How many of its messages were the same before. */
  readonly after: number;
  readonly first: string;
  readonly second: string;
}

const ended = "nothing more";

/** `ab-k3x9fq-c1` is `c1`: the rest differs from run to run. */
const aliasOf = (endpoint: string): string => endpoint.split("-").slice(2).join("-") || endpoint;

/** What a message is, without what stacks choose for themselves: message ids, tokens, the order of parameters, names and places of this run. */
function inWords(direction: "in" | "out", { type, code, path, query, observe }: CoapSummary): string {
  const place = path?.replace(/^\/rd\/.*$/, "/rd/<location>");
  const parameters = (query ?? []).map((parameter) => parameter.replace(/^ep=.*/, "ep")).sort();
  const request = code.startsWith("0.");
  return [direction === "out" ? "device sends" : "device gets", ...(request ? [{ "0.01": "GET", "0.02": "POST", "0.03": "PUT", "0.04": "DELETE" }[code] ?? (code === "0.00" ? type : code)] : [code]), ...(place === undefined ? [] : [`${place}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`]), ...(observe === undefined ? [] : ["with Observe"])].join(" ");
}

/** The messages of each device, in order. One that came or went again is there once, and empty messages are the message layer's affair. */
function conversations(events: readonly TraceEvent[]): Map<string, string[]> {
  const said = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const { role, endpoint, event } of events) {
    if (role !== "device" || endpoint === undefined || event.kind !== "datagram" || event.coap === undefined || event.coap.code === "0.00") continue;
    const once = `${endpoint} ${event.direction} ${event.peer} ${event.coap.type} ${event.coap.messageId} ${event.coap.code}`;
    if (seen.has(once)) continue;
    seen.add(once);
    const alias = aliasOf(endpoint);
    said.set(alias, [...(said.get(alias) ?? []), inWords(event.direction, event.coap)]);
  }
  return said;
}

/** Undefined where every device said and heard the same. */
export function firstDifference(first: readonly TraceEvent[], second: readonly TraceEvent[]): TraceDifference | undefined {
  const [here, there] = [conversations(first), conversations(second)];
  for (const device of [...new Set([...here.keys(), ...there.keys()])].sort()) {
    const [mine, theirs] = [here.get(device) ?? [], there.get(device) ?? []];
    for (let index = 0; index < Math.max(mine.length, theirs.length); index++) {
      if (mine[index] !== theirs[index]) return { device, after: index, first: mine[index] ?? ended, second: theirs[index] ?? ended };
    }
  }
  return undefined;
}

/** Verdicts that another client stack is asked about. */
export const asksForSecondOpinion = ({ verdict }: ScenarioResult): boolean => verdict === "fail" || verdict === "inconclusive";

const ruleIn = ({ decisive, reason }: ScenarioResult): string => decisive?.rule ?? reason;

export interface SecondRun {
  readonly devicesOn: string;
  readonly scenarios: readonly ScenarioResult[];
  /** Its folder, relative to that of the first run. */
  readonly folder: string;
  /** By scenario id. */
  readonly differences: ReadonlyMap<string, TraceDifference>;
}

const declined = (scenario: ScenarioResult): boolean => scenario.verdict === "unsupported" || scenario.verdict === "not-applicable" || scenario.verdict === "incomplete" || scenario.verdict === "error";

function withOpinion(first: ScenarioResult, run: SecondRun): ScenarioResult {
  // The sanity scenarios run once more at the end, under a number.
  const second = run.scenarios.find(({ id }) => id === first.id || first.id === `${id}-2`);
  if (!asksForSecondOpinion(first)) return first;
  const common = { devicesOn: run.devicesOn, folder: run.folder };
  if (second === undefined || declined(second)) {
    const reason = second?.reason ?? "the scenario did not run";
    return { ...first, reason: `${first.reason} (no second opinion: ${reason})`, secondOpinion: { ...common, as: "none", reason } };
  }
  const difference = run.differences.get(first.id);
  const told = { ...common, verdict: second.verdict, reason: second.reason, scenario: second.id, ...(second.evidence === undefined ? {} : { evidence: second.evidence }), ...(difference === undefined ? {} : { difference }) };
  if (second.verdict === first.verdict && ruleIn(second) === ruleIn(first)) return { ...first, reason: `${first.reason} (devices on ${run.devicesOn} agree)`, secondOpinion: { ...told, as: "agrees" } };
  const parts = difference === undefined ? "their messages do not differ" : `first difference of "${difference.device}" after ${difference.after} messages: ${difference.first}, there ${difference.second}`;
  return {
    ...first,
    verdict: "inconclusive",
    reason: `tool suspected: ${first.verdict} (${first.reason}), and with devices on ${run.devicesOn} ${second.verdict} (${second.reason}); ${parts}`,
    secondOpinion: { ...told, as: "disagrees" },
  };
}

/** The result with what another client stack came to about each scenario that failed or came to no verdict. Where they disagree the tool is suspected, not the target. */
export function withSecondOpinions(result: RunResult, second: SecondRun, known: readonly KnownDeviation[] = []): RunResult {
  const scenarios = result.scenarios.map((scenario) => {
    const judged = withOpinion(scenario, second);
    const deviation = deviationOf(judged, known);
    return { ...judged, ...(deviation === undefined ? {} : { deviation: { ...deviation } }) };
  });
  return { ...result, scenarios, ...tally(scenarios, result) };
}
