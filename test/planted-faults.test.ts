import { afterAll, describe, expect, it } from "vitest";
import { plants as bootstrapServerPlants } from "../simulators/bootstrap-server/index.js";
import { plants as lwm2mServerPlants } from "../simulators/lwm2m-server/index.js";
import type { RunResult } from "../src/harness/index.js";
import { runWith } from "./muster.js";

/** Two runs at a time: one for each core this suite may count on. */
const atOnce = 2;

const planted = [
  ...bootstrapServerPlants.map((plant) => ({ ...plant, role: "bootstrapServer", judges: "bootstrap-server" })),
  ...lwm2mServerPlants.map((plant) => ({ ...plant, role: "lwm2mServer", judges: "lwm2m-server" })),
] as const;

const run = (plants: object): Promise<RunResult> => runWith({ name: "references", timing: "lab", plants }, ["--functional", "--seed", "1"]).then(({ result }) => result);

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

describe("the scenarios find what a reference is told to break", () => {
  // Started together, so that the runs share the cores; each test judges one.
  const sound = queue.add(() => run({}));
  const runs = new Map(planted.map((plant) => [plant.name, queue.add(() => run({ [plant.role]: [plant.name] }))]));
  for (const result of runs.values()) result.catch(() => undefined);

  it("passes every scenario while nothing is broken", async () => {
    const { scenarios } = await sound;
    expect(scenarios.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`)).toEqual([]);
  }, 600_000);

  it.each(planted)("$name: the scenarios that name $rule fail for that reason, and no other scenario fails", async ({ name, rule, judges }) => {
    const result = await runs.get(name);
    const scenarios = result?.scenarios ?? [];
    const naming = scenarios.filter((scenario) => scenario.judges === judges && scenario.rules.includes(rule));
    const failed = scenarios.filter(({ verdict }) => verdict === "fail");
    expect(failed.filter((scenario) => !naming.includes(scenario)).map(({ id, reason }) => `${id}: ${reason}`)).toEqual([]);
    expect(failed.length, `no scenario naming ${rule} failed: ${naming.map(({ id, verdict, reason }) => `${id} ${verdict} ${reason}`).join("; ")}`).toBeGreaterThan(0);
    for (const scenario of failed) expect(scenario.reason, scenario.id).toMatch(new RegExp(`^${rule}:`));
    expect(result?.exitCode).toBe(1);
  }, 1_200_000);
});
