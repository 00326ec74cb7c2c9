import { describe, expect, it } from "vitest";
import { seededRandom } from "../ports/simulated/index.js";
import { fuzzCertificates, fuzzExtensions, fuzzMachines, fuzzMessages, fuzzReassembly, fuzzRecords, type Fuzz } from "./testing/fuzz-codecs.js";
import { fuzzSaved } from "./testing/fuzz-saved.js";
import { fuzzClientHandshakes, fuzzServerHandshakes, fuzzSessions, fuzzStrangers } from "./testing/fuzz-endpoints.js";

/** What each gets of a run of 200,000 inputs: more where an input costs less. */
const targets: readonly (readonly [name: string, inputs: number, fuzz: Fuzz])[] = [
  ["records", 40_000, fuzzRecords],
  ["messages", 25_000, fuzzMessages],
  ["extensions", 20_000, fuzzExtensions],
  ["certificates", 3_000, fuzzCertificates],
  ["reassembly", 15_000, fuzzReassembly],
  ["machines", 20_000, fuzzMachines],
  ["strangers", 30_000, fuzzStrangers],
  ["server-handshakes", 20_000, fuzzServerHandshakes],
  ["client-handshakes", 20_000, fuzzClientHandshakes],
  ["sessions", 30_000, fuzzSessions],
  ["saved-sessions", 10_000, fuzzSaved],
];

// `npm run fuzz -- --help` says what sets these.
const seed = process.env["MUSTER_FUZZ_SEED"] ?? "1";
const factor = Number(process.env["MUSTER_FUZZ_FACTOR"] ?? "1");
const only = process.env["MUSTER_FUZZ_TARGET"];

describe(`whatever bytes come, nothing but an alert or silence: fuzzing with seed ${seed}`, () => {
  it("is done with at least 200,000 inputs", () => {
    expect(targets.reduce((sum, [, inputs]) => sum + inputs, 0)).toBeGreaterThanOrEqual(200_000);
  });

  it("has a target of the name that was asked for", () => {
    if (only !== undefined) expect(targets.map(([name]) => name)).toContain(only);
  });

  const asked = targets.filter(([name]) => only === undefined || name === only).map(([name, inputs, fuzz]) => [name, Math.round(inputs * factor), fuzz] as const);
  it.each(asked)("%s, %i inputs", { timeout: 120_000 * Math.max(1, factor) }, async (name, inputs, fuzz) => {
    await expect(Promise.resolve(fuzz(seededRandom(`${seed}/${name}`), inputs))).resolves.toBeUndefined();
  });
});
