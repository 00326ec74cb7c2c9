import { z } from "zod";
import { ConfigError, findings, type ConfigProblem } from "./error.js";
import { isTestKey, type DeviceCredentials, type Psk } from "./test-credentials.js";
import { loadYaml } from "./yaml.js";

export const credentialFormats = ["csv", "json"] as const;
export type CredentialFormat = (typeof credentialFormats)[number];

/** RFC 4279 §5.3 and RFC 7925: what every implementation takes. */
const longestIdentity = 128;
const longestKey = 64;
const mostDevices = 1_000_000;

const hex = /^(?:[0-9a-f]{2})+$/i;
const inHex = /^0x((?:[0-9a-f]{2})+)$/i;

/** As text; bytes that are no text are written `0x` and hex, and an identity that looks like that too. */
function identityText(identity: Uint8Array): string {
  const bytes = Buffer.from(identity);
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) && !inHex.test(text) && !/\p{Cc}/u.test(text) ? text : `0x${bytes.toString("hex")}`;
}

/** 1 to 128 bytes, as text or as `0x` and hex. */
export const identitySchema = z.string().transform((text, context): Uint8Array => {
  const digits = inHex.exec(text)?.[1];
  const bytes = digits === undefined ? Buffer.from(text) : Buffer.from(digits, "hex");
  if (bytes.length === 0 || bytes.length > longestIdentity) context.addIssue({ code: "custom", message: `has ${bytes.length} bytes`, params: { fix: `use 1 to ${longestIdentity} bytes, as text or as 0x and hex digits` } });
  return bytes;
});

/** A key is named by its place alone: what is wrong with it must not show it. */
export const keySchema = z.string().transform((text, context): Uint8Array => {
  if (hex.test(text) && text.length <= 2 * longestKey) return Buffer.from(text, "hex");
  context.addIssue({ code: "custom", message: "is not a key in hex", params: { fix: `use 1 to ${longestKey} bytes in hex, such as 16 bytes in 32 digits` } });
  return z.NEVER;
});

/** A key on its own, from a file or a variable. Throws `ConfigError`, which does not show it. */
export function readKey(text: string, source: string): Uint8Array {
  const parsed = keySchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new ConfigError(findings(parsed.error.issues).map(({ message, fix }) => ({ source, key: "", message, fix })));
}

const row = {
  endpoint: z.string().min(1, { error: "is empty; give the endpoint name" }).max(1024),
  bootstrapIdentity: identitySchema.optional(),
  bootstrapKey: keySchema.optional(),
  serverIdentity: identitySchema.optional(),
  serverKey: keySchema.optional(),
  /** For whichever the devices are started with. */
  identity: identitySchema.optional(),
  key: keySchema.optional(),
  /** `test` in what is exported. */
  kind: z.string().optional(),
};
const columns: readonly string[] = Object.keys(row);

const rowSchema = z.strictObject(row).transform(({ endpoint, bootstrapIdentity, bootstrapKey, serverIdentity, serverKey, identity, key }, context): DeviceCredentials => {
  const either = psk(identity, key, endpoint);
  const bootstrap = psk(bootstrapIdentity, bootstrapKey, endpoint) ?? either;
  const server = psk(serverIdentity, serverKey, endpoint) ?? either;
  if (bootstrap === undefined && server === undefined) context.addIssue({ code: "custom", path: ["key"], message: "is missing", params: { fix: "give key, or bootstrapKey or serverKey" } });
  return { endpoint, ...(bootstrap === undefined ? {} : { bootstrap }), ...(server === undefined ? {} : { server }) };
});

/** Without an identity of its own a key goes by the endpoint name. */
const psk = (identity: Uint8Array | undefined, key: Uint8Array | undefined, endpoint: string): Psk | undefined => (key === undefined ? undefined : { identity: identity ?? Buffer.from(endpoint), key });

const jsonSchema = z.strictObject({ kind: z.string().optional(), notice: z.string().optional(), seed: z.union([z.string(), z.number()]).optional(), devices: z.array(rowSchema).min(1).max(mostDevices) });

/** What stands beside keys that are exported. */
export const testKeyNotice = "test keys: they follow from the seed, and anybody who has it has them; never give them to real devices";

function plainRow({ endpoint, bootstrap, server }: DeviceCredentials): Readonly<Record<string, string>> {
  const keys = [bootstrap?.key, server?.key].filter((key) => key !== undefined);
  return {
    endpoint,
    ...(bootstrap === undefined ? {} : { bootstrapIdentity: identityText(bootstrap.identity), bootstrapKey: Buffer.from(bootstrap.key).toString("hex") }),
    ...(server === undefined ? {} : { serverIdentity: identityText(server.identity), serverKey: Buffer.from(server.key).toString("hex") }),
    ...(keys.every(isTestKey) ? { kind: "test" } : {}),
  };
}

const csvColumns = ["endpoint", "bootstrapIdentity", "bootstrapKey", "serverIdentity", "serverKey", "kind"];
const quoted = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Credentials as a file that `readCredentials` takes; the keys are in it as they are. */
export function formatCredentials(devices: readonly DeviceCredentials[], format: CredentialFormat): string {
  const rows = devices.map(plainRow);
  if (format === "json") return `${JSON.stringify({ kind: "test", notice: testKeyNotice, devices: rows }, null, 1)}\n`;
  return `${[csvColumns, ...rows.map((each) => csvColumns.map((column) => each[column] ?? ""))].map((cells) => cells.map(quoted).join(",")).join("\n")}\n`;
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
  return devices;
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
