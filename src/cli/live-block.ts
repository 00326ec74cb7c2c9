import { clipped } from "./terminal.js";
import type { Terminal } from "./terminal.js";

/** A few lines at the bottom of a terminal that are redrawn in place, under the lines that stay. Only for a terminal that is `live`. */
export class LiveBlock {
  #drawn = 0;
  #lines: readonly string[] = [];

  constructor(
    private readonly terminal: Pick<Terminal, "columns">,
    private readonly write: (text: string) => void,
  ) {}

  /** Replaces the lines of the block. */
  update(lines: readonly string[]): void {
    this.#lines = lines;
    this.#draw("");
  }

  /** A line that stays, above the block. */
  line(text: string): void {
    this.#draw(`${text}\n`);
  }

  /** Takes the block away. */
  end(): void {
    this.#lines = [];
    this.#draw("");
  }

  #draw(above: string): void {
    if (above === "" && this.#drawn === 0 && this.#lines.length === 0) return;
    const columns = Math.max(20, this.terminal.columns());
    const up = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}F`;
    const lines = this.#lines.map((text) => `${clipped(text, columns - 1)}\n`).join("");
    // Back to the first line of the block, clear to the end of the screen, draw again: one write, so nothing flickers.
    this.write(`${up}\u001b[0J${above}${lines}`);
    this.#drawn = this.#lines.length;
  }
}
