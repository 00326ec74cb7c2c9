import { z } from "zod";
import { coapUriSchema, httpUrlSchema, timingSchema } from "../../config/index.js";
import { leshanSchema, manualSchema, templateBootstrapSchema, templateServerSchema } from "./steered.js";

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "is not the name of an environment variable" });

/** What a target may declare that it cannot do, or does otherwise; a scenario that needs it is then not-applicable. */
export const capabilityNames = ["faults", "trace", "admission", "sm1", "sm2", "sm3", "queue-mode", "plain-bootstrap", "relay", "second-uri"] as const;
export type Capability = (typeof capabilityNames)[number];

const running = z.strictObject({
  coap: coapUriSchema,
  /** A second URI under which the same server is reached, for changes of the URI. */
  secondCoap: coapUriSchema.optional(),
  /** The run opens `secondCoap` itself (on this machine) and passes datagrams on to `coap`. */
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
});

const without = { without: z.array(z.enum(capabilityNames)).default([]) };
const server = z.discriminatedUnion("adapter", [leshanSchema.extend(without), templateServerSchema.extend(without), manualSchema.extend(without)]);
const bootstrapServer = z.discriminatedUnion("adapter", [leshanSchema.extend(without), templateBootstrapSchema.extend(without), manualSchema.extend(without)]);

const reference = z.union([z.literal("reference"), z.strictObject({ reference: z.literal(true), tokenEnv: environmentName.optional() })]);

/** A target file: who plays which role, and how it is reached and steered. */
export const targetSchema = z.strictObject({
  name: z.string().min(1).max(64).optional(),
  bootstrapServer: z.union([reference, running, bootstrapServer]).default("reference"),
  serverA: z.union([reference, running, server]).default("reference"),
  serverB: z.union([reference, running, server]).default("reference"),
  /** Timing of what is already running; references and devices follow it. */
  timing: timingSchema.default("rfc"),
  /** File of known deviations, relative to this one. */
  knownDeviations: z.string().min(1).optional(),
  /** Rules the references break on purpose, by role: a test of the scenarios themselves. */
  plants: z.strictObject({ bootstrapServer: z.array(z.string()).default([]), lwm2mServer: z.array(z.string()).default([]) }).optional(),
});
export type TargetFile = z.output<typeof targetSchema>;
