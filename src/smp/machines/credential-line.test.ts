import { describe, expect, it } from "vitest";
import { activeOf, type CredentialLine, type LineInput, newestOf, nextLine } from "./index.js";

const stage = (version: number): LineInput => ({ in: "stage", version });
const activate = (version: number, slots: 1 | 2 = 2): LineInput => ({ in: "activate", version, slots });
const seen = (version: number): LineInput => ({ in: "register-seen", version });
const rollBack = (version: number): LineInput => ({ in: "roll-back", version });

/** What the inputs come to; one that is not allowed fails the test. */
function after(...inputs: readonly LineInput[]): CredentialLine {
  return inputs.reduce<CredentialLine>((line, input) => {
    const next = nextLine(line, input);
    if (next === undefined) throw new Error(`${JSON.stringify(input)} is not allowed in ${shown(line)}`);
    return next;
  }, []);
}

const shown = (line: CredentialLine): string => line.map(({ version, state, confirmed }) => `${version} ${state}${confirmed ? " confirmed" : ""}`).join(", ");

const firstInUse = [stage(1), activate(1), seen(1)];

describe("the versions of a credential", () => {
  it.each([
    ["a first version is staged", [stage(1)], "1 staged"],
    ["it is activated, and a device registers", firstInUse, "1 active confirmed"],
    ["a second one waits beside it", [...firstInUse, stage(2)], "1 active confirmed, 2 staged"],
    ["two slots: both admit from the activation on", [...firstInUse, stage(2), activate(2)], "1 retiring confirmed, 2 active"],
    ["one slot: the first admits nobody from the activation on", [...firstInUse, stage(2), activate(2, 1)], "1 revoked confirmed, 2 active"],
    ["the first Register under the new one ends the overlap", [...firstInUse, stage(2), activate(2), seen(2)], "1 revoked confirmed, 2 active confirmed"],
    ["a Register under the old one ends nothing", [...firstInUse, stage(2), activate(2), seen(1)], "1 retiring confirmed, 2 active"],
    ["the time of the overlap ends it too", [...firstInUse, stage(2), activate(2), { in: "overlap-over" }], "1 revoked confirmed, 2 active"],
    ["a roll-back brings the one before back", [...firstInUse, stage(2), activate(2), rollBack(2)], "1 active confirmed, 2 rolled-back"],
    ["with one slot too", [...firstInUse, stage(2), activate(2, 1), rollBack(2)], "1 active confirmed, 2 rolled-back"],
    ["and after the overlap", [...firstInUse, stage(2), activate(2), { in: "overlap-over" }, rollBack(2)], "1 active confirmed, 2 rolled-back"],
    ["a roll-back of what was only staged leaves the active one alone", [...firstInUse, stage(2), rollBack(2)], "1 active confirmed, 2 rolled-back"],
    ["what was rolled back makes room for a higher version", [...firstInUse, stage(2), activate(2), rollBack(2), stage(3), activate(3)], "1 retiring confirmed, 3 active"],
    ["a third version ends an overlap that still lasts", [...firstInUse, stage(2), activate(2), stage(3), activate(3)], "1 revoked confirmed, 2 retiring, 3 active"],
    ["a first version that is taken back leaves none", [stage(1), activate(1), rollBack(1)], "1 rolled-back"],
    ["what was taken back may be activated again", [stage(1), activate(1), rollBack(1), activate(1)], "1 active"],
    ["a revocation ends all", [...firstInUse, stage(2), activate(2), { in: "revoke" }], "1 revoked confirmed, 2 revoked"],
  ] satisfies readonly (readonly [string, readonly LineInput[], string])[])("%s", (_what, inputs, expected) => {
    expect(shown(after(...inputs))).toBe(expected);
  });

  it.each([
    ["the same version staged again", [stage(2)], stage(2)],
    ["a lower version", [stage(2)], stage(1)],
    ["a version that was revoked", [...firstInUse, { in: "revoke" }], stage(1)],
    ["an activation of a version that is neither the newest nor active", [...firstInUse, stage(2), activate(2)], activate(1)],
    ["an activation of a revoked version", [stage(1), { in: "revoke" }], activate(1)],
    ["an activation of a version never staged", [stage(1)], activate(2)],
    ["a roll-back after a Register", firstInUse, rollBack(1)],
    ["a roll-back of a version that is not the newest", [...firstInUse, stage(2)], rollBack(1)],
    ["a roll-back of a revoked version", [stage(1), { in: "revoke" }], rollBack(1)],
    ["a Register under a version that admits nobody", [stage(1)], seen(1)],
    ["the end of an overlap that there is not", firstInUse, { in: "overlap-over" }],
    ["a revocation of what is revoked", [stage(1), { in: "revoke" }], { in: "revoke" }],
  ] satisfies readonly (readonly [string, readonly LineInput[], LineInput])[])("do not take %s", (_what, inputs, refused) => {
    expect(nextLine(after(...inputs), refused)).toBeUndefined();
  });

  it("are the same line when an input says what is so already", () => {
    const active = after(...firstInUse, stage(2));
    expect(nextLine(active, activate(1))).toBe(active);
    const taken = after(stage(1), activate(1), rollBack(1));
    expect(nextLine(taken, rollBack(1))).toBe(taken);
  });

  it("tell the newest from the one that admits", () => {
    const line = after(...firstInUse, stage(2));
    expect([newestOf(line)?.version, activeOf(line)?.version]).toEqual([2, 1]);
    expect([newestOf([]), activeOf([])]).toEqual([undefined, undefined]);
  });
});
