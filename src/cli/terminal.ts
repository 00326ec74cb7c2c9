/** Where a command writes. Results go to `out`, everything about them (progress, logs, problems) to `err` once results are machine-readable. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Lines may be redrawn: a person watches. */
  readonly live: boolean;
  readonly colour: boolean;
  readonly columns: () => number;
  out(text: string): void;
  err(text: string): void;
}

export function processTerminal(): Terminal {
  const { env, stdout, stderr } = process;
  // Whoever reads the other end may leave early (`muster run | head`); that is no failure of ours.
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  const live = stdout.isTTY && env["TERM"] !== "dumb" && env["CI"] === undefined;
  return {
    env,
    live,
    colour: live && env["NO_COLOR"] === undefined,
    columns: () => stdout.columns || 80,
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
  };
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof codes;

export const styled = (terminal: Pick<Terminal, "colour">, style: Style, text: string): string => (terminal.colour ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);

/** Cut to a width, escape sequences not counted. */
export function clipped(text: string, columns: number): string {
  const pieces = text.split(/(\u001b\[[0-9;]*m)/);
  let left = columns;
  let result = "";
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 1) {
      result += piece;
      continue;
    }
    result += piece.length <= left ? piece : `${piece.slice(0, Math.max(0, left - 1))}${left > 0 ? "…" : ""}`;
    left = Math.max(0, left - piece.length);
  }
  return result;
}
