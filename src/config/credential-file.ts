import { z } from "zod";
import { ConfigError, findings, type ConfigProblem } from "./error.js";
import { columns, plainRow, rowSchema, withSharedTrust, writtenColumns } from "./credential-row.js";
import { derText, keySchema } from "./key-text.js";
import type { DeviceCredentials } from "./test-credentials.js";
import { loadYaml } from "./yaml.js";

export const credentialFormats = ["csv", "json"] as const;
export type CredentialFormat = (typeof credentialFormats)[number];

const mostDevices = 1_000_000;

/** A key on its own, from a file or a variable. Throws `ConfigError`, which does not show it. */
export function readKey(text: string, source: string): Uint8Array {
  const parsed = keySchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new ConfigError(findings(parsed.error.issues).map(({ message, fix }) => ({ source, key: "", message, fix })));
}

const jsonSchema = z.strictObject({ kind: z.string().optional(), notice: z.string().optional(), seed: z.union([z.string(), z.number()]).optional(), authority: z.string().optional(), devices: z.array(rowSchema).min(1).max(mostDevices) });

/** What stands beside keys that are exported. */
export const testKeyNotice = "test keys: they follow from the seed, and anybody who has it has them; never give them to real devices";

const alwaysWritten: ReadonlySet<string> = new Set(["endpoint", "bootstrapIdentity", "bootstrapKey", "serverIdentity", "serverKey", "kind"]);
const quoted = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Credentials as a file that `readCredentials` takes; the keys are in it as they are. `authority`: the certificate (DER) that those of the devices are issued under. */
export function formatCredentials(devices: readonly DeviceCredentials[], format: CredentialFormat, authority?: Uint8Array): string {
  const rows = devices.map(plainRow);
  if (format === "json") return `${JSON.stringify({ kind: "test", notice: testKeyNotice, ...(authority === undefined ? {} : { authority: derText(authority) }), devices: rows }, null, 1)}\n`;
  const used = writtenColumns.filter((column) => alwaysWritten.has(column) || rows.some((each) => each[column] !== undefined));
  return `${[used, ...rows.map((each) => used.map((column) => each[column] ?? ""))].map((cells) => cells.map(quoted).join(",")).join("\n")}\n`;
}

/**
 * Reads what `formatCredentials` wrote, or somebody else did: JSON, or CSV whose first line names its columns. Throws `ConfigError` with file, line and
 * field of every problem.
 */
export function readCredentials(text: string, file: string): readonly DeviceCredentials[] {
  const { devices, lineOf } = text.trimStart().startsWith("{") ? readJson(text, file) : readCsv(text, file);
  const seen = new Set<string>();
  devices.forEach(({ endpoint }, index) => {
    if (seen.has(endpoint)) throw new ConfigError([{ source: file, line: lineOf(index), key: "endpoint", message: `"${endpoint}" is there twice`, fix: "give each device once" }]);
    seen.add(endpoint);
  });
  return withSharedTrust(devices);
}

interface Read {
  readonly devices: readonly DeviceCredentials[];
  readonly lineOf: (index: number) => number;
}

function readJson(text: string, file: string): Read {
  // The parser that knows lines is slow: it is asked only where something is wrong.
  const located = () => loadYaml(text, file, jsonSchema);
  const parsed = jsonSchema.safeParse(parseJson(text));
  return { devices: parsed.success ? parsed.data.devices : located().value.devices, lineOf: (index) => located().locate(["devices", index, "endpoint"])?.line ?? 1 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Problems told at once, at most. */
const mostProblems = 20;

function readCsv(text: string, file: string): Read {
  const wrong = (line: number, key: string, message: string, fix: string): ConfigError => new ConfigError([{ source: file, line, key, message, fix }]);
  const [header, ...body] = csvLines(text);
  const { cells: names = [], line: first = 1 } = header ?? {};
  if (body.length === 0) throw wrong(first, "", "has no device", `begin with a line of column names (${columns.join(", ")}), then one line for each device`);
  const unknown = names.find((name) => !columns.includes(name));
  if (unknown !== undefined) throw wrong(first, unknown, "is not a known column", `use ${columns.join(", ")}`);
  if (body.length > mostDevices) throw wrong(first, "", `has more than ${mostDevices} devices`, "split it");
  const problems: ConfigProblem[] = [];
  const devices: DeviceCredentials[] = [];
  for (const { line, cells } of body) {
    if (cells === undefined || cells.length > names.length) throw wrong(line, "", "is not a line of as many fields as there are columns", 'put a field with a comma or a quote in quotes, and write a quote inside as ""');
    // An empty field is one that is not given.
    const parsed = rowSchema.safeParse(Object.fromEntries(names.flatMap((name, at) => (cells[at] === undefined || cells[at] === "" ? [] : [[name, cells[at]]]))));
    if (parsed.success) devices.push(parsed.data);
    else problems.push(...findings(parsed.error.issues).map(({ path, message, fix }) => ({ source: file, line, key: path.map(String).join("."), message, fix })));
    if (problems.length >= mostProblems) break;
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { devices, lineOf: (index) => body[index]?.line ?? 1 };
}

interface CsvLine {
  /** From 1. */
  readonly line: number;
  /** Undefined where quotes do not fit. */
  readonly cells: readonly string[] | undefined;
}

/** Lines with something on them. */
const csvLines = (text: string): CsvLine[] =>
  text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\n|\r/)
    .flatMap((content, index) => (content.trim() === "" ? [] : [{ line: index + 1, cells: csvCells(content) }]));

/** RFC 4180, within one line. */
function csvCells(content: string): string[] | undefined {
  const cells: string[] = [];
  const cell = /\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(,|$)/y;
  for (;;) {
    const [, inQuotes, bare = "", end] = cell.exec(content) ?? [];
    if (end === undefined) return undefined;
    cells.push(inQuotes === undefined ? bare.trim() : inQuotes.replaceAll('""', '"'));
    if (end === "") return cells;
  }
}
