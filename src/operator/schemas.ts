import { z } from "zod";

const codeSchema = z.string().regex(/^[2-5]\.\d\d$/, { error: "is not a CoAP code; write it as 4.05" });
const delayLimitMs = 600_000;

export const faultSpecSchema = z.strictObject({
  operation: z.string().min(1).max(100),
  endpoint: z.string().min(1).max(1024).optional(),
  identity: z.string().min(1).max(1024).optional(),
  action: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("refuse"), code: codeSchema.optional(), status: z.number().int().min(400).max(599).optional(), alert: z.number().int().min(0).max(255).optional() }),
    z.strictObject({ kind: z.literal("delay"), ms: z.number().min(0).max(delayLimitMs) }),
    z.strictObject({ kind: z.literal("silence") }),
    z.strictObject({ kind: z.literal("wrong-code"), code: z.union([codeSchema, z.string().regex(/^[1-5]\d\d$/, { error: "is not an HTTP status; write it as 503" })]) }),
    z.strictObject({ kind: z.literal("hold") }),
    z.strictObject({ kind: z.literal("reset-connection") }),
    z.strictObject({ kind: z.literal("lose-answer") }),
  ]),
  times: z.number().int().min(1).max(1_000_000).optional(),
});

const valueSchema = z.union([
  z.string().max(1_000_000),
  z.number(),
  z.boolean(),
  z.strictObject({ hex: z.string().regex(/^([0-9a-fA-F]{2})*$/, { error: "is not hexadecimal; use pairs of 0-9a-f" }) }),
  z.strictObject({ object: z.number().int().min(0).max(65535), instance: z.number().int().min(0).max(65535) }),
  z.strictObject({ integer: z.string().regex(/^-?\d{1,20}$/, { error: "is not a whole number; write it in decimal" }) }),
]);

/** `/3`, `/3/0`, `/3/0/9`, `/3/0/6/1`; the role says which depth an operation takes. */
const pathSchema = z.string().regex(/^(\/\d{1,5}){0,4}\/?$/, { error: "is not a LwM2M path; write it as /3/0/9" });

export const attributesSchema = z.strictObject({
  pmin: z.number().int().min(0).optional(),
  pmax: z.number().int().min(0).optional(),
  gt: z.number().optional(),
  lt: z.number().optional(),
  st: z.number().positive().optional(),
});

export const deviceOperationSchema = z.strictObject({
  operation: z.enum(["read", "write", "execute", "discover", "create", "delete", "write-attributes"]),
  path: pathSchema,
  value: valueSchema.optional(),
  resources: z.record(pathSchema, valueSchema).optional(),
  replace: z.boolean().optional(),
  argument: z.string().max(10_000).optional(),
  attributes: attributesSchema.optional(),
  format: z.number().int().min(0).max(65535).optional(),
});

export const relayRequestSchema = z.strictObject({
  peer: z.string().min(1).max(64).optional(),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  path: z.string().regex(/^\/smp\//, { error: "is no path of the interface; write it as /smp/v1/accounts" }).max(8192),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/, { error: "is not a header name; use letters, digits and hyphens" }), z.string().max(8192)).optional(),
  body: z.unknown().optional(),
  ownKeys: z
    .strictObject({
      ssid: z.number().int().min(1).max(65534),
      credentialId: z.string().min(1).max(64),
      version: z.number().int().min(1),
      bits: z.number().int().min(128).max(512).multipleOf(8).optional(),
    })
    .optional(),
});

const number = (fallback: number, maximum: number) => z.coerce.number().int().min(0).max(maximum).default(fallback);
const texts = z.union([z.string(), z.array(z.string()).max(1000)]).transform((value) => (typeof value === "string" ? [value] : value));

export const traceQuerySchema = z.strictObject({ after: number(0, Number.MAX_SAFE_INTEGER), limit: number(1000, 10_000), endpoint: texts.optional() });
export const registrationsQuerySchema = z.strictObject({ after: z.string().optional(), limit: number(1000, 10_000), endpoint: z.string().optional() });
export const secureSessionsQuerySchema = z.strictObject({ endpoint: z.string().optional(), limit: number(1000, 10_000) });
export const forgetBodySchema = z.strictObject({ registrations: z.boolean().default(false), keepResumable: z.boolean().default(false) }).nullish();
export const restartBodySchema = z.strictObject({ keepSessions: z.boolean().default(true) }).nullish();
export const sessionsQuerySchema = z.strictObject({ endpoint: z.string().optional(), limit: number(1000, 10_000) });
export const observationQuerySchema = z.strictObject({ path: pathSchema, how: z.enum(["reset", "deregister"]).default("deregister") });
export const observationBodySchema = z.strictObject({ attributes: attributesSchema.optional() }).nullish();
export const eventsQuerySchema = z.strictObject({ after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional() });
