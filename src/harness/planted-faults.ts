import { plants as bootstrapServerPlants } from "../../simulators/bootstrap-server/index.js";
import { plants as devicePlants } from "../../simulators/device/index.js";
import { plants as lwm2mServerPlants } from "../../simulators/lwm2m-server/index.js";
import type { Plant } from "../config/index.js";
import type { RunResult, ScenarioResult } from "./result.js";
import type { JudgedRole } from "./verdict.js";

/** A plant, and whose it is. */
export interface PlantedFault extends Plant {
  /** Its key under `plants` of a target file. */
  readonly role: "bootstrapServer" | "lwm2mServer" | "device";
  readonly judges: JudgedRole;
}

/** All that references and our devices can be told to break. */
export const plantedFaults: readonly PlantedFault[] = [
  ...bootstrapServerPlants.map((plant) => ({ ...plant, role: "bootstrapServer", judges: "bootstrap-server" }) as const),
  ...lwm2mServerPlants.map((plant) => ({ ...plant, role: "lwm2mServer", judges: "lwm2m-server" }) as const),
  ...devicePlants.map(({ name, rule, breaks, ...more }) => ({ name, rule, breaks, ...("field" in more ? { field: more.field } : {}), role: "device", judges: "device" }) as const),
];

const told = ({ id, verdict, reason }: ScenarioResult): string => `${verdict} ${id}: ${reason}`;

/** What a run with one planted fault got right and wrong. */
export interface Judgement {
  /** Scenarios that failed for the rule, each of which names it. */
  readonly found: readonly string[];
  /** Sentences about what else failed, or that nothing did. Empty: the suite finds this fault and blames nothing else. */
  readonly wrong: readonly string[];
}

/** Only scenarios that name the rule may fail, and one of them at least for that very reason; what depends on it may be inconclusive. */
export function judgePlanted(result: RunResult, { rule, judges }: Pick<PlantedFault, "rule" | "judges">): Judgement {
  const naming = result.scenarios.filter((scenario) => scenario.judges === judges && scenario.rules.includes(rule));
  const failed = result.scenarios.filter(({ verdict }) => verdict === "fail" || verdict === "error");
  const wrong = failed.filter((scenario) => scenario.verdict === "error" || !naming.includes(scenario)).map((scenario) => `should not fail: ${told(scenario)}`);
  const found = failed.filter((scenario) => naming.includes(scenario) && scenario.reason.startsWith(`${rule}:`)).map(({ id }) => id);
  if (found.length > 0) return { found, wrong };
  return { found, wrong: [...wrong, ...naming.map((scenario) => `does not find it: ${told(scenario)}`), ...(naming.length === 0 ? [`no scenario names ${rule}`] : [])] };
}
