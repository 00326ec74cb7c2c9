import { pino } from "pino";
import { pinoLog } from "../ports/real/index.js";
import type { Log } from "../ports/index.js";
import { styled } from "./terminal.js";
import type { Terminal } from "./terminal.js";

export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What the log of a foreground role looks like: JSON lines for machines, or one plain line per event. Both on standard error. */
export function roleLog(terminal: Terminal, options: { readonly json: boolean; readonly level: LogLevel; readonly fields?: Readonly<Record<string, string | number>> }): Log {
  if (options.json) return pinoLog({ level: options.level, ...(options.fields === undefined ? {} : { fields: options.fields }) });
  return pino({ level: options.level, base: {} }, { write: (line: string) => terminal.err(plainLine(terminal, line)) });
}

const names: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
const own: ReadonlySet<string> = new Set(["level", "time", "msg"]);

/** `12:04:05.123 info  registered endpoint=dev-1 lifetime=60` */
export function plainLine(terminal: Pick<Terminal, "colour">, json: string): string {
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== "object" || parsed === null) return json.trimEnd();
  const record = new Map<string, unknown>(Object.entries(parsed));
  const level = record.get("level");
  const time = record.get("time");
  const name = typeof level === "number" ? (names[level] ?? String(level)) : "info";
  const message = record.get("msg");
  const clock = typeof time === "number" ? new Date(time).toISOString().slice(11, 23) : "";
  const fields = [...record].flatMap(([key, value]) => (own.has(key) || value === undefined ? [] : [`${key}=${shown(value)}`]));
  const coloured = name === "error" || name === "fatal" ? styled(terminal, "red", name) : name === "warn" ? styled(terminal, "yellow", name) : name;
  return [styled(terminal, "dim", clock), `${coloured}${" ".repeat(Math.max(0, 5 - name.length))}`, typeof message === "string" ? message : "", ...fields].join(" ");
}

const shown = (value: unknown): string => {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
};
