import { destination, pino } from "pino";

import type { Log } from "../log.js";

export interface PinoLogOptions {
  /** `trace`, `debug`, `info` (default), `warn`, `error`, `silent`. */
  readonly level?: string;
  /** Fields of every line, `{ role: "bootstrap-server" }`. */
  readonly fields?: Readonly<Record<string, string | number>>;
  /** File descriptor; default 2, because standard output belongs to results. */
  readonly fd?: number;
}

/** One JSON object per line, written synchronously so that nothing is missing after a crash. */
export function pinoLog(options: PinoLogOptions = {}): Log {
  const { level = "info", fields = {}, fd = 2 } = options;
  return pino({ level, base: fields }, destination({ dest: fd, sync: true }));
}
