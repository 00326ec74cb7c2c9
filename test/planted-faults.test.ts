import { afterAll, describe, expect, it } from "vitest";
import { judgePlanted, plantedFaults, type PlantedFault, type RunResult } from "../src/harness/index.js";
import { runWith } from "./muster.js";

/** A run waits for a third of its time; no verdict hangs on the other one beside it. */
const atOnce = 2;

/** The ordering rules, and rules of every interface beside them. The other plants can be chosen in a target file; some break what many scenarios stand on. */
const chosen: ReadonlySet<string> = new Set([
  "finish-before-activation",
  "sm3-budget-ignored",
  "serves-unstaged",
  "displaced-session-activates",
  "wrong-ssid",
  "deletes-other-operators-account",
  "trigger-confirmed-without-bootstrap",
  "wrong-code-of-a-table",
  "expiry-ignored",
  "queue-order-broken",
  "execute-twice",
  "credential-secret-readable-by-get",
]);

const always = plantedFaults.filter(({ name }) => chosen.has(name));
const others = plantedFaults.filter(({ name }) => !chosen.has(name));
/** Of the others some each day, so that all have their turn; `npm run test:mutants` has all of them at once. */
const aDay = 3;
const today = Math.floor(Date.now() / 86_400_000) % Math.ceil(others.length / aDay);
const planted = [...always, ...others.slice(today * aDay, (today + 1) * aDay)];

const run = (plants: object, ...flags: readonly string[]): Promise<RunResult> => runWith({ name: "references", timing: "lab", plants }, ["--functional", "--seed", "1", ...flags]).then(({ result }) => result);

/** Where a rule has nothing to do with DTLS, a run without it finds the same and is shorter. */
async function runPlanted({ role, name, rule }: PlantedFault): Promise<RunResult> {
  const naming = (await sound).scenarios.filter(({ rules }) => rules.includes(rule));
  const security = naming.every(({ tags }) => tags.includes("@needs:psk")) ? "psk" : "nosec";
  return run({ [role]: [name] }, "--security", security);
}

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

const sound = queue.add(() => run({}));
sound.catch(() => undefined);

const notPassed = (result: RunResult): string[] => result.scenarios.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`);

/** On a machine that is busy with something else a check of time may go wrong once: what looks wrong is looked at again, alone. */
async function again(first: readonly string[], look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  return first.length === 0 ? first : look();
}

describe("the scenarios find what a reference is told to break", () => {
  // Begun before the tests; each test judges one.
  const runs = planted.map((plant) => ({ plant, result: queue.add(() => runPlanted(plant)) }));
  for (const { result } of runs) result.catch(() => undefined);

  it("passes every scenario while nothing is broken", async () => {
    expect(await again(notPassed(await sound), async () => notPassed(await queue.add(() => run({}))))).toEqual([]);
  }, 900_000);

  it.each(runs)("$plant.name: scenarios that name $plant.rule fail for that reason, and no other scenario fails", async ({ plant, result }) => {
    const wrong = await again(judgePlanted(await result, plant).wrong, async () => judgePlanted(await queue.add(() => runPlanted(plant)), plant).wrong);
    expect(wrong).toEqual([]);
  }, 1_800_000);
});
