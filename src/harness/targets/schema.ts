import { z } from "zod";
import { coapUriSchema, findings, httpUrlSchema, timingSchema } from "../../config/index.js";
import { knownKeys } from "../../config/schema-keys.js";
import { leshanSchema, manualSchema, templateBootstrapSchema, templateServerSchema } from "./steered.js";

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "is not the name of an environment variable" });

/** What a target may declare that it cannot do, or does otherwise; a scenario that needs it is then not-applicable. */
export const capabilityNames = ["faults", "trace", "admission", "sm1", "sm2", "sm3", "queue-mode", "plain-bootstrap", "relay", "second-uri", "psk", "nosec", "rpk", "x509", "cid"] as const;
export type Capability = (typeof capabilityNames)[number];

/** What a report calls the system: product and version. */
const implementation = z.string().min(1).max(64).optional();

const running = z.strictObject({
  implementation,
  /** Where it speaks CoAP without security, `coap://`, and over DTLS, `coaps://`; one of them at least. */
  coap: coapUriSchema.optional(),
  coaps: coapUriSchema.optional(),
  /** A second URI under which the same server is reached, for changes of the URI. */
  secondCoap: coapUriSchema.optional(),
  secondCoaps: coapUriSchema.optional(),
  /** The run opens `secondCoap` and `secondCoaps` itself (on this machine) and passes datagrams on to `coap` and `coaps`. */
  forwardSecondCoap: z.boolean().default(false),
  /** Base URL of its Server Management API. */
  smp: httpUrlSchema,
  /** Base URL of its operator API; without it the role cannot be steered or watched. */
  operator: httpUrlSchema.optional(),
  /** Environment variable with the bearer token of this pair of peers (LwM2M Server) or of the operator API (Bootstrap Server). */
  tokenEnv: environmentName.optional(),
  /** Environment variable with the bearer token of the operator API. */
  operatorTokenEnv: environmentName.optional(),
  /** What it cannot do. */
  without: z.array(z.enum(capabilityNames)).default([]),
}).check(({ value, issues }) => {
  if (value.coap === undefined && value.coaps === undefined) issues.push({ code: "custom", input: value, path: ["coap"], message: "there is no address for devices", params: { fix: "give coap, coaps or both" } });
  for (const [key, scheme] of [["coap", "coap:"], ["secondCoap", "coap:"], ["coaps", "coaps:"], ["secondCoaps", "coaps:"]] as const) {
    const uri = value[key];
    if (uri !== undefined && !uri.startsWith(scheme)) issues.push({ code: "custom", input: uri, path: [key], message: `is not a ${scheme}// URI`, params: { fix: `write it as ${scheme}//127.0.0.1:5684` } });
  }
});

const reference = z.union([z.literal("reference"), z.strictObject({ reference: z.literal(true), tokenEnv: environmentName.optional() })]);

const common = { implementation, without: z.array(z.enum(capabilityNames)).default([]) };
const leshan = leshanSchema.extend(common);
const templateServer = templateServerSchema.extend(common);
const templateBootstrap = templateBootstrapSchema.extend(common);
const manual = manualSchema.extend(common);

/** The one schema that an entry means, by what it says of itself: so that an error is about that one, and not about all that it could have been. */
function oneOf<T>(schemaOf: (entry: unknown) => z.ZodType<T>) {
  return z.unknown().transform((entry, context): T => {
    const schema = schemaOf(entry);
    const parsed = schema.safeParse(entry);
    if (parsed.success) return parsed.data;
    for (const { path, message, fix } of findings(parsed.error.issues, (at) => knownKeys(schema, at))) context.issues.push({ code: "custom", message, input: entry, path: [...path], params: { fix } });
    return z.NEVER;
  });
}

const adapterIn = (entry: unknown): unknown => (typeof entry === "object" && entry !== null && "adapter" in entry ? entry.adapter : undefined);
const isReference = (entry: unknown): boolean => typeof entry !== "object" || entry === null || "reference" in entry;
const unknownAdapter = z.looseObject({ adapter: z.enum(["leshan", "http-template", "manual"]) }).transform((): never => z.NEVER);

type ServerEntry = z.output<typeof reference> | z.output<typeof running> | z.output<typeof leshan> | z.output<typeof templateServer> | z.output<typeof manual>;
type BootstrapEntry = z.output<typeof reference> | z.output<typeof running> | z.output<typeof leshan> | z.output<typeof templateBootstrap> | z.output<typeof manual>;

const serverEntry = oneOf<ServerEntry>((entry) => {
  if (isReference(entry)) return reference;
  const adapter = adapterIn(entry);
  if (adapter === undefined) return running;
  return adapter === "leshan" ? leshan : adapter === "http-template" ? templateServer : adapter === "manual" ? manual : unknownAdapter;
});
const bootstrapEntry = oneOf<BootstrapEntry>((entry) => {
  if (isReference(entry)) return reference;
  const adapter = adapterIn(entry);
  if (adapter === undefined) return running;
  return adapter === "leshan" ? leshan : adapter === "http-template" ? templateBootstrap : adapter === "manual" ? manual : unknownAdapter;
});

/** A target file: who plays which role, and how it is reached and steered. */
export const targetSchema = z.strictObject({
  name: z.string().min(1).max(64).optional(),
  bootstrapServer: bootstrapEntry.default("reference"),
  serverA: serverEntry.default("reference"),
  serverB: serverEntry.default("reference"),
  /** Timing of what is already running; references and devices follow it. */
  timing: timingSchema.default("rfc"),
  /** File of known deviations, relative to this one. */
  knownDeviations: z.string().min(1).optional(),
  /** Rules the references and our devices break on purpose, by role: a test of the scenarios themselves. */
  plants: z.strictObject({ bootstrapServer: z.array(z.string()).default([]), lwm2mServer: z.array(z.string()).default([]), device: z.array(z.string()).default([]) }).optional(),
});
export type TargetFile = z.output<typeof targetSchema>;
