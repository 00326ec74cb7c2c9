import { createInterface } from "node:readline/promises";
import type { Ask, OperatorWord } from "../harness/index.js";

const words: Readonly<Record<string, OperatorWord | undefined>> = { y: "yes", yes: "yes", f: "failed", failed: "failed", c: "cannot", cannot: "cannot" };

/** Whether somebody sits at this terminal and can be asked. */
export const isInteractive = (env: Readonly<Record<string, string | undefined>>): boolean => process.stdin.isTTY && process.stderr.isTTY && env["CI"] === undefined;

/** Asks at the terminal, one question after the other. */
export function terminalAsk(): Ask {
  let before: Promise<unknown> = Promise.resolve();
  const askNow = async (question: string, withinMs: number): Promise<OperatorWord | undefined> => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const signal = AbortSignal.timeout(withinMs);
    try {
      for (;;) {
        const said = await lines.question(`\n${question}\n  done? [y]es, it [f]ailed, [c]annot (${Math.round(withinMs / 1000)} s): `, { signal });
        const word = words[said.trim().toLowerCase()];
        if (word !== undefined) return word;
      }
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      lines.close();
    }
  };
  return (question, withinMs) => {
    const answered = before.then(() => askNow(question, withinMs));
    before = answered.catch(() => undefined);
    return answered;
  };
}
