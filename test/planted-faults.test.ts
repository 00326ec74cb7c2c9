import { afterAll, describe, expect, it } from "vitest";
import { plants as bootstrapServerPlants } from "../simulators/bootstrap-server/index.js";
import { plants as lwm2mServerPlants } from "../simulators/lwm2m-server/index.js";
import type { RunResult } from "../src/harness/index.js";
import { runWith } from "./muster.js";

/** A run keeps two cores busy, and what it judges hangs on time in places: one after the other. */
const atOnce = 1;

/** The ordering rules, and rules of every interface beside them. The other plants can be chosen in a target file; some break what many scenarios stand on. */
const chosen: ReadonlySet<string> = new Set([
  "finish-before-activation",
  "sm3-budget-ignored",
  "serves-unstaged",
  "displaced-session-activates",
  "wrong-ssid",
  "deletes-other-operators-account",
  "trigger-confirmed-without-bootstrap",
  "finish-too-early",
  "wrong-code-of-a-table",
  "expiry-ignored",
  "update-unknown-location-accepted",
  "version-regression-accepted",
  "queue-order-broken",
  "execute-twice",
  "reachability-lies",
  "credential-secret-readable-by-get",
]);

const planted = [
  ...bootstrapServerPlants.map((plant) => ({ ...plant, role: "bootstrapServer", judges: "bootstrap-server" })),
  ...lwm2mServerPlants.map((plant) => ({ ...plant, role: "lwm2mServer", judges: "lwm2m-server" })),
].filter(({ name }) => chosen.has(name));

/** The plants here break rules that have nothing to do with DTLS, and a run without it is shorter. */
const run = (plants: object, ...flags: readonly string[]): Promise<RunResult> => runWith({ name: "references", timing: "lab", plants }, ["--functional", "--seed", "1", ...flags]).then(({ result }) => result);
const runPlanted = ({ role, name }: { readonly role: string; readonly name: string }): Promise<RunResult> => run({ [role]: [name] }, "--security", "nosec");

/** Runs in a row on a few lanes; a test waits for its own. */
class Queue {
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;

  add<T>(job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => job().then(resolve, reject));
      this.#next();
    });
  }

  drop(): void {
    this.#waiting.length = 0;
  }

  #next(): void {
    if (this.#running >= atOnce) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#running++;
    void job().finally(() => {
      this.#running--;
      this.#next();
    });
  }
}

const queue = new Queue();
afterAll(() => queue.drop());

/** What a run with one planted fault gets wrong: empty when only scenarios that name the rule fail, and at least one of them for that very reason. */
function misjudged(result: RunResult, { rule, judges }: { readonly rule: string; readonly judges: string }): string[] {
  const told = ({ id, verdict, reason }: RunResult["scenarios"][number]): string => `${verdict} ${id}: ${reason}`;
  const naming = result.scenarios.filter((scenario) => scenario.judges === judges && scenario.rules.includes(rule));
  const failed = result.scenarios.filter(({ verdict }) => verdict === "fail" || verdict === "error");
  const wrong = failed.filter((scenario) => scenario.verdict === "error" || !naming.includes(scenario)).map((scenario) => `should not fail: ${told(scenario)}`);
  const found = failed.some((scenario) => naming.includes(scenario) && scenario.reason.startsWith(`${rule}:`));
  return found ? wrong : [...wrong, ...naming.map((scenario) => `does not find it: ${told(scenario)}`), ...(naming.length === 0 ? [`no scenario names ${rule}`] : [])];
}

const notPassed = (result: RunResult): string[] => result.scenarios.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`);

/** On a machine that is busy with something else a check of time may go wrong once: what looks wrong is looked at again, alone. */
async function again(first: readonly string[], look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  return first.length === 0 ? first : look();
}

describe("the scenarios find what a reference is told to break", () => {
  // Begun before the tests, one after the other; each test judges one.
  const sound = queue.add(() => run({}));
  const runs = planted.map((plant) => ({ plant, result: queue.add(() => runPlanted(plant)) }));
  for (const { result } of runs) result.catch(() => undefined);

  it("passes every scenario while nothing is broken", async () => {
    expect(await again(notPassed(await sound), async () => notPassed(await queue.add(() => run({}))))).toEqual([]);
  }, 900_000);

  it.each(runs)("$plant.name: scenarios that name $plant.rule fail for that reason, and no other scenario fails", async ({ plant, result }) => {
    const wrong = await again(misjudged(await result, plant), async () => misjudged(await queue.add(() => runPlanted(plant)), plant));
    expect(wrong).toEqual([]);
  }, 1_800_000);
});
