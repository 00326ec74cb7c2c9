import { z } from "zod";
import { coapUriSchema, durationMsSchema, httpUrlSchema } from "../../config/index.js";
import { bootstrapCallsSchema, serverCallsSchema, templateShape } from "../adapters/http-template/schema.js";

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "is not the name of an environment variable; use letters, digits and _" });
const portName = z.string().regex(/^[a-z][a-z0-9]*$/, { error: "is not a name of a port; use small letters and digits" });

/** `${web}`: the free port of that name; `${here}`: the folder in which muster runs. */
const placeholder = /\$\{([a-z][a-z0-9]*)\}/g;

/** Fills free ports in; a name that was not declared stays as it is. */
export const withPorts = (text: string, ports: Readonly<Record<string, number | string>>): string => text.replaceAll(placeholder, (whole, name: string) => (ports[name] === undefined ? whole : String(ports[name])));

/** Names that a text uses. */
export const portsIn = (text: string): string[] => [...text.matchAll(placeholder)].map((match) => match[1] ?? "");

/** An address in which a port may be one of `start.ports`. */
const templated = (schema: z.ZodType<string, string>, what: string) =>
  z.string().check((context) => {
    const parsed = schema.safeParse(withPorts(context.value, Object.fromEntries(portsIn(context.value).map((name) => [name, 1]))));
    if (parsed.success) return;
    context.issues.push({ code: "custom", message: `"${context.value}" is not ${what}`, input: context.value, params: { fix: what.startsWith("a coaps") ? "write it as coaps://127.0.0.1:5684" : what.startsWith("a coap") ? "write it as coap://127.0.0.1:5683, or with a port of start.ports as coap://127.0.0.1:${coap}" : "write it as http://127.0.0.1:8080" } });
  });

const coapUri = coapUriSchema.refine((text) => text.startsWith("coap:"));
const coapsUri = z.string().refine((text) => URL.canParse(text) && new URL(text).protocol === "coaps:");

const startSchema = z.strictObject({
  /** Program and arguments. */
  command: z.array(z.string()).min(1),
  environment: z.record(environmentName, z.string()).default({}),
  /** Working directory, relative to where muster runs; absent: a new one each time. */
  folder: z.string().min(1).optional(),
  /** Free ports that the run picks: `${web}` in the command, the environment and the addresses is then the one called `web`. */
  ports: z.array(portName).max(16).default([]),
  ready: z.union([z.strictObject({ url: templated(httpUrlSchema, "an http:// or https:// URL") }), z.strictObject({ output: z.string().min(1) })]),
  within: durationMsSchema.default(60_000),
});
export type StartFile = z.output<typeof startSchema>;

/** A value that the schema knows and nothing can come of. */
const useless = <T>(isFine: (value: T) => boolean, message: string, fix: string) =>
  z.check<T>(({ value, issues }) => {
    if (!isFine(value)) issues.push({ code: "custom", input: value, message, params: { fix } });
  });

export const capabilitiesSchema = z.strictObject({
  lwm2m: z
    .array(z.enum(["1.0", "1.1", "1.2"]))
    .min(1)
    .check(useless((versions) => versions.includes("1.1"), "leaves 1.1 out, and the devices of a run register with it", 'add "1.1" where the system can; one of LwM2M 1.0 alone cannot be judged'))
    .default(["1.0", "1.1"]),
  security: z.array(z.enum(["nosec", "psk", "rpk", "x509"])).min(1).default(["nosec"]),
  /** Numbers of content formats; absent: all that the adapter can name. */
  formats: z.array(z.number().int().min(0).max(65535)).optional(),
  /** Credentials that it keeps for one device at a time. */
  credentialSlots: z.number().check(useless((slots) => slots === 1, "is more than an adapter can use: it installs one credential in the place of another", "write 1, or leave it out")).default(1),
  /** It answers the Server Management interface itself. */
  smp: z.boolean().check(useless((answers) => !answers, "is not for a role with an adapter", "give the URL of its Server Management interface as smp: http://HOST:PORT in the place of adapter")).default(false),
});
export type CapabilitiesFile = z.output<typeof capabilitiesSchema>;

const steered = {
  /** How the run starts it; absent: it is running already. */
  start: startSchema.optional(),
  coap: templated(coapUri, "a coap:// URI"),
  coaps: templated(coapsUri, "a coaps:// URI").optional(),
  capabilities: capabilitiesSchema.optional(),
};

/** Leshan's demo servers, or what offers the same calls. */
export const leshanSchema = z.strictObject({
  ...steered,
  adapter: z.literal("leshan"),
  /** Base URL of the demo's web server, without /api. */
  api: templated(httpUrlSchema, "an http:// or https:// URL"),
  /** M4: 2.0.0-M4 and before; M15: from 2.0.0-M15 on. */
  dialect: z.enum(["M4", "M15"]).default("M15"),
});
export type LeshanFile = z.output<typeof leshanSchema>;

const templateEntry = {
  ...steered,
  ...templateShape,
  adapter: z.literal("http-template"),
  /** Base URL of the interface; paths of calls stand below it. */
  api: templated(httpUrlSchema, "an http:// or https:// URL"),
};

/** Any HTTP interface, its calls in the target file. */
export const templateServerSchema = z.strictObject({ ...templateEntry, calls: serverCallsSchema });
export type TemplateServerFile = z.output<typeof templateServerSchema>;
export const templateBootstrapSchema = z.strictObject({ ...templateEntry, calls: bootstrapCallsSchema });
export type TemplateBootstrapFile = z.output<typeof templateBootstrapSchema>;

/** No interface: a person at the terminal is asked. */
export const manualSchema = z.strictObject({
  ...steered,
  adapter: z.literal("manual"),
  /** How long a person may take for one thing. */
  patience: durationMsSchema.default(300_000),
});
export type ManualFile = z.output<typeof manualSchema>;

export type SteeredServerFile = LeshanFile | TemplateServerFile | ManualFile;
export type SteeredBootstrapFile = LeshanFile | TemplateBootstrapFile | ManualFile;
export type SteeredFile = SteeredServerFile | SteeredBootstrapFile;

/** Names of the free ports that an entry wants. */
export const portsOf = (entry: SteeredFile): readonly string[] => entry.start?.ports ?? [];

/** An entry with its ports filled in. */
export function resolvedEntry<Entry extends SteeredFile>(entry: Entry, ports: Readonly<Record<string, number | string>>): Entry {
  const fill = (text: string): string => withPorts(text, ports);
  const { start } = entry;
  return {
    ...entry,
    coap: fill(entry.coap),
    ...(entry.coaps === undefined ? {} : { coaps: fill(entry.coaps) }),
    ...("api" in entry ? { api: fill(entry.api) } : {}),
    ...(start === undefined
      ? {}
      : {
          start: {
            ...start,
            command: start.command.map(fill),
            environment: Object.fromEntries(Object.entries(start.environment).map(([name, value]) => [name, fill(value)])),
            ready: "url" in start.ready ? { url: fill(start.ready.url) } : start.ready,
          },
        }),
  };
}
