import { z } from "zod";
import type { ServerCounters } from "../dtls/index.js";
import type { TraceEvent } from "../ports/index.js";

/** What a client accepts as answers: the members it relies on, checked; further ones are let through. */

const dtlsCounterNames = [
  "recordsIn", "recordsOut", "badRecords", "replayed", "discarded", "retransmissions", "handshakesStarted", "handshakesFinished", "handshakesResumed", "handshakesFailed",
  "alertsIn", "alertsOut", "cookiesSent", "turnedAway", "addressChanges",
] as const satisfies readonly (keyof ServerCounters)[];
const counterNames = ["datagramsIn", "datagramsOut", "retransmissions", "duplicates", "malformed", "timeouts", "resets", "strayResponses"] as const;

export const healthSchema = z.looseObject({
  role: z.enum(["bootstrap-server", "lwm2m-server"]),
  name: z.string(),
  coap: z.string(),
  coaps: z.string().optional(),
  http: z.string(),
  timing: z.string(),
  lab: z.boolean(),
  secretTransport: z.enum(["jwe", "cleartext"]).optional(),
  plants: z.array(z.string()),
  coapCounters: z.record(z.enum(counterNames), z.number()),
  dtlsCounters: z.record(z.enum(dtlsCounterNames), z.number()).optional(),
  receiveBuffer: z.number().optional(),
  kernelDrops: z.number().optional(),
  admission: z.enum(["open", "credential"]).optional(),
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

const eventMembers: Readonly<Record<TraceEvent["event"]["kind"], readonly string[]>> = {
  datagram: ["direction", "local", "peer", "hex", "summary"],
  dtls: ["direction", "local", "peer", "hex", "summary"],
  http: ["direction", "peer", "method", "url"],
  state: ["machine", "id", "from", "to", "input"],
};

function isTraceEvent(value: unknown): value is TraceEvent {
  if (!isObject(value) || typeof value["seq"] !== "number" || typeof value["at"] !== "string" || typeof value["role"] !== "string") return false;
  const event = value["event"];
  if (!isObject(event)) return false;
  const kind = event["kind"];
  if (kind !== "datagram" && kind !== "dtls" && kind !== "http" && kind !== "state") return false;
  return eventMembers[kind].every((member) => typeof event[member] === "string");
}

export const tracePageSchema = z.looseObject({ events: z.array(z.custom<TraceEvent>(isTraceEvent, { error: "is not a trace event" })), next: z.number(), dropped: z.number() });

export const faultStatusSchema = z.looseObject({
  id: z.string(),
  operation: z.string(),
  endpoint: z.string().optional(),
  identity: z.string().optional(),
  action: z.discriminatedUnion("kind", [
    z.looseObject({ kind: z.literal("refuse"), code: z.string().optional(), status: z.number().optional(), alert: z.number().optional() }),
    z.looseObject({ kind: z.literal("delay"), ms: z.number() }),
    z.looseObject({ kind: z.literal("silence") }),
    z.looseObject({ kind: z.literal("wrong-code"), code: z.string() }),
    z.looseObject({ kind: z.literal("hold") }),
    z.looseObject({ kind: z.literal("reset-connection") }),
    z.looseObject({ kind: z.literal("lose-answer") }),
  ]),
  times: z.number().optional(),
  fired: z.number(),
  waiting: z.number(),
});
export const faultsSchema = z.looseObject({ faults: z.array(faultStatusSchema) });

export const serverKeysSchema = z.looseObject({
  publicKey: z.string(),
  certificate: z.string().optional(),
  authority: z.string().optional(),
  misfits: z.looseObject({ expired: z.string(), notYetValid: z.string(), otherName: z.string(), unknownAuthority: z.string() }).optional(),
});

const securitySchema = z.looseObject({ mode: z.enum(["nosec", "psk", "rpk", "x509"]), credentialId: z.string().optional(), version: z.number().optional(), sessionOpen: z.boolean().optional() });

/** A server that has no other mode need not say so. */
const noSecurity = { mode: "nosec" } as const;

export const registrationSchema = z.looseObject({
  endpoint: z.string(),
  location: z.string(),
  address: z.string(),
  lwm2m: z.string(),
  lifetime: z.number(),
  binding: z.string(),
  queueMode: z.boolean(),
  awake: z.boolean(),
  objects: z.array(z.string()),
  registeredAt: z.number(),
  lastSeen: z.number(),
  expiresAt: z.number().optional(),
  security: securitySchema.default(noSecurity),
});
export const registrationPageSchema = z.looseObject({ total: z.number(), registrations: z.array(registrationSchema), next: z.string().optional() });

const handshakeCounts = { attempts: z.number(), finished: z.number(), resumed: z.number(), refused: z.number(), failed: z.number(), storms: z.number() };
export const handshakePageSchema = z.looseObject({
  total: z.looseObject(handshakeCounts),
  storm: z.looseObject({ more: z.number(), windowMs: z.number() }),
  devices: z.array(z.looseObject({ ...handshakeCounts, endpoint: z.string().optional(), identity: z.string(), last: z.number() })),
  next: z.string().optional(),
});

export const secureSessionsSchema = z.looseObject({
  total: z.number(),
  sessions: z.array(z.looseObject({ endpoint: z.string(), address: z.string(), suite: z.string(), resumed: z.boolean(), credentialId: z.string(), version: z.number(), state: z.string() })),
});

export const restartedSchema = z.looseObject({ sessions: z.number(), restored: z.number() });
export const forgottenSchema = z.looseObject({ sessions: z.number(), registrations: z.number() });

const valueSchema = z.union([z.string(), z.number(), z.boolean(), z.object({ hex: z.string() }), z.object({ object: z.number(), instance: z.number() }), z.object({ integer: z.string() })]);

export const operationResultSchema = z.looseObject({
  code: z.string().optional(),
  failure: z.enum(["timeout", "reset", "cancelled", "closed", "unreachable", "block-transfer", "malformed-response", "not-registered", "undecodable"]).optional(),
  format: z.number().optional(),
  resources: z.record(z.string(), valueSchema).optional(),
  links: z.array(z.string()).optional(),
  location: z.string().optional(),
  payloadHex: z.string().optional(),
});

/** JSON has no undefined: an answer without content (204) comes without `body`. */
export const relayAnswerSchema = z
  .looseObject({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.unknown().optional() })
  .transform((answer) => ({ ...answer, body: answer.body }));

export const sessionsSchema = z.looseObject({
  sessions: z.array(
    z.looseObject({
      id: z.number(),
      endpoint: z.string(),
      address: z.string(),
      state: z.string(),
      reason: z.string().optional(),
      startedAt: z.number(),
      endedAt: z.number().optional(),
      operations: z.array(z.string()),
    }),
  ),
});

export const roleEventSchema = z.looseObject({ seq: z.number(), at: z.string(), type: z.string(), endpoint: z.string().optional(), data: z.record(z.string(), z.unknown()) });
export const droppedSchema = z.looseObject({ dropped: z.number() });
export const problemSchema = z.looseObject({ detail: z.string().optional(), title: z.string().optional(), field: z.string().optional() });
