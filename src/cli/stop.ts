/** SIGINT and SIGTERM as a signal to stop; a second one ends the process at once. */
export interface StopRequest {
  readonly signal: AbortSignal;
  /** The signal's name once it came. */
  readonly cause: () => string | undefined;
  /** Stops listening. */
  release(): void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

/** Exit code of a process ended by an impatient second signal, as shells count it. */
const killed = { SIGINT: 130, SIGTERM: 143 } as const;

export function onStop(notice: (name: string) => void): StopRequest {
  const controller = new AbortController();
  let cause: string | undefined;
  const handler = (name: (typeof signals)[number]): void => {
    if (cause !== undefined) process.exit(killed[name]);
    cause = name;
    notice(name);
    controller.abort(new Error(name));
  };
  for (const name of signals) process.on(name, handler);
  return {
    signal: controller.signal,
    cause: () => cause,
    release: () => {
      for (const name of signals) process.off(name, handler);
    },
  };
}

/** Resolves when `signal` aborts. */
export const stopped = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
