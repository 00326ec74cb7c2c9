/** A program outside of this one, and how it is known to be ready. */
export interface ProgramSpec {
  /** Program and arguments; no shell reads them. */
  readonly command: readonly string[];
  /** Added to this process's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory; absent: a new one, gone with the program. */
  readonly folder?: string;
  /** A text in its output, or a URL that answers with 2xx. */
  readonly ready: { readonly output: string } | { readonly url: string };
  readonly withinMs: number;
}

export interface RunningProgram {
  readonly pid: number;
  /** What it printed last, for whoever must find out why it does not do what it should. */
  tail(): string;
  /** Asks it to end, and ends it when it has not after a while. */
  stop(): Promise<void>;
}

export interface Programs {
  /** Resolves when it is ready; rejects, with nothing left running, when it ends before or is not ready in time. `onEnd`: it ended by itself later. */
  start(program: ProgramSpec, onEnd: (reason: string) => void): Promise<RunningProgram>;
}
