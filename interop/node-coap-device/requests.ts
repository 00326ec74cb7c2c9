import { z } from "zod";
import type { DeviceAction } from "../../simulators/device/index.js";
import type { OutgoingRequest } from "./port.js";
import type { HostedSpec } from "./spec.js";

/** Why a request is not carried out, decided before anything is sent. */
export class HostRefusal extends Error {}

/** Actions this stack can do; the names are those of `DeviceAction`. */
export type HostedAction =
  | { readonly do: "start" | "bootstrap" | "power-cycle" }
  | { readonly do: "stop"; readonly deregister: boolean }
  | { readonly do: "register" | "update" | "deregister"; readonly shortServerId: number | undefined }
  | { readonly do: "reconnect"; readonly shortServerId: number | undefined }
  | ({ readonly do: "request"; readonly to: number | "bootstrap" } & OutgoingRequest)
  | { readonly do: "set-resource"; readonly path: string; readonly value: string | number | boolean };

export type HostRequest =
  | { readonly type: "create"; readonly spec: HostedSpec; readonly start: boolean }
  | { readonly type: "remove"; readonly endpoint: string; readonly deregister: boolean }
  | { readonly type: "act"; readonly endpoint: string; readonly action: HostedAction }
  | { readonly type: "inspect"; readonly endpoint: string }
  | { readonly type: "trace"; readonly endpoint: string | undefined; readonly after: number; readonly limit: number }
  | { readonly type: "states" }
  | { readonly type: "stop"; readonly deregister: boolean; readonly withinMs: number };

const id = z.int().min(0).max(65535);
const shortServerId = z.int().min(1).max(65534);
const count = z.int().min(0);
const milliseconds = z.number().min(0);
const plain = z.union([z.string(), z.number(), z.boolean()]);
// A name travels in a query parameter, which node-coap takes as one text with `&` between parameters.
const endpointName = z.string().min(1).max(255).regex(/^[^&\s]+$/, "no endpoint name that this stack can send");
const numbered = <T>(records: Readonly<Record<string, T>>): Map<number, T> => new Map(Object.entries(records).map(([key, value]) => [Number(key), value]));
const byNumber = z.string().regex(/^\d{1,5}$/);

const bytes = z.string().regex(/^([0-9a-f]{2}){1,128}$/).transform((hex) => Buffer.from(hex, "hex"));
/** Both in hex. */
const psk = z.strictObject({ identity: bytes, key: bytes });

const specSchema = z
  .strictObject({
    endpoint: endpointName,
    lwm2m: z.literal("1.1"),
    personality: z.literal("default"),
    /** This stack draws its own message ids and tokens. */
    seed: z.number(),
    bootstrap: z.strictObject({ uri: z.string().max(255), holdOff: count.default(0), securityInstance: id.default(0), psk: psk.optional() }).optional(),
    servers: z
      .array(
        z.strictObject({
          uri: z.string().max(255),
          shortServerId,
          lifetime: count,
          securityInstance: id.optional(),
          serverInstance: id.optional(),
          binding: z.string().default("U"),
          psk: psk.optional(),
          resources: z.record(byNumber, plain).default({}).transform(numbered),
        }),
      )
      .max(100)
      .default([]),
    accessControl: z.array(z.strictObject({ object: id, instance: id, owner: id, rights: z.record(byNumber, z.int().min(0).max(31)).transform(numbered) })).max(1000).default([]),
    temperatures: z.int().min(0).max(100).default(1),
    host: z.ipv4().default("127.0.0.1"),
    traced: z.boolean().default(true),
    queueMode: z.literal(false).optional(),
    deviations: z.strictObject({}).optional(),
    timing: z.object({
      coap: z.object({ ackTimeoutMs: milliseconds, ackRandomFactor: z.number().min(1), maxRetransmit: count.max(20), responseTimeoutMs: milliseconds }),
      device: z.object({
        bootstrapTimeoutMs: milliseconds,
        bootstrapRetryMs: milliseconds,
        bootstrapRetryMaxMs: milliseconds,
        updateMarginFactor: z.number().positive().max(1),
        retryCount: count,
        retryTimerMs: milliseconds,
        sequenceDelayMs: milliseconds,
        sequenceCount: count,
      }),
    }),
  })
  .transform(
    ({ bootstrap, servers, ...spec }): HostedSpec => ({
      ...spec,
      bootstrap: bootstrap === undefined ? undefined : { ...bootstrap, psk: bootstrap.psk },
      servers: servers.map((server) => ({ ...server, securityInstance: server.securityInstance, serverInstance: server.serverInstance, psk: server.psk })),
    }),
  );

const account = shortServerId.optional();
const actionSchemas: Readonly<Partial<Record<DeviceAction["do"], z.ZodType<HostedAction>>>> = {
  start: z.strictObject({ do: z.literal("start") }),
  bootstrap: z.strictObject({ do: z.literal("bootstrap") }),
  "power-cycle": z.strictObject({ do: z.literal("power-cycle") }),
  stop: z.strictObject({ do: z.literal("stop"), deregister: z.boolean().default(true) }),
  register: z.strictObject({ do: z.literal("register"), shortServerId: account }).transform((action) => ({ ...action, shortServerId: action.shortServerId })),
  update: z.strictObject({ do: z.literal("update"), shortServerId: account }).transform((action) => ({ ...action, shortServerId: action.shortServerId })),
  deregister: z.strictObject({ do: z.literal("deregister"), shortServerId: account }).transform((action) => ({ ...action, shortServerId: action.shortServerId })),
  reconnect: z.strictObject({ do: z.literal("reconnect"), shortServerId: account, full: z.literal(true) }).transform(({ shortServerId: of }) => ({ do: "reconnect" as const, shortServerId: of })),
  request: z
    .strictObject({
      do: z.literal("request"),
      to: z.union([shortServerId, z.literal("bootstrap")]),
      method: z.enum(["GET", "POST", "PUT", "DELETE"]),
      path: z.array(z.string().regex(/^[^/?]+$/, "no path segment that this stack can send")),
      query: z.array(z.string().regex(/^[^&]+$/, "no parameter that this stack can send")).default([]),
      contentFormat: z.int().min(0).max(65535).optional(),
      payload: z.string().optional(),
    })
    .transform(({ path, payload, contentFormat, ...action }) => ({
      ...action,
      path: `/${path.join("/")}`,
      ...(contentFormat === undefined ? {} : { contentFormat }),
      ...(payload === undefined ? {} : { payload: Buffer.from(payload) }),
    })),
  "set-resource": z.strictObject({ do: z.literal("set-resource"), path: z.string().max(32), value: plain }),
};

const frame = z.looseObject({ id: z.int().min(0), type: z.string() });
const endpoint = z.object({ endpoint: z.string() });
const createFrame = z.object({ spec: z.unknown(), start: z.boolean().default(false) });
const removeFrame = endpoint.extend({ deregister: z.boolean().default(false) });
const actFrame = endpoint.extend({ action: z.looseObject({ do: z.string() }) });
const traceFrame = z.object({ endpoint: z.string().optional(), after: count.default(0), limit: z.int().min(1).max(10_000).default(1000) });
const stopFrame = z.object({ deregister: z.boolean().default(false), withinMs: milliseconds.default(10_000) });

/** The id of a line and what it asks for; the latter throws `HostRefusal` when it is no request or one this stack cannot do. */
export function parseLine(line: string): { readonly id: number; readonly request: () => HostRequest } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new HostRefusal("malformed: not a JSON object");
  }
  const outer = parsed(frame, json, "request");
  return { id: outer.id, request: () => requestOf(outer.type, json) };
}

function requestOf(type: string, json: unknown): HostRequest {
  switch (type) {
    case "create": {
      const { spec, start } = parsed(createFrame, json, "create");
      return { type, spec: specOf(spec), start };
    }
    case "remove":
      return { type, ...parsed(removeFrame, json, type) };
    case "act": {
      const act = parsed(actFrame, json, type);
      return { type, endpoint: act.endpoint, action: actionOf(act.action) };
    }
    case "inspect":
      return { type, ...parsed(endpoint, json, type) };
    case "trace": {
      const { after, limit, endpoint: of } = parsed(traceFrame, json, type);
      return { type, endpoint: of, after, limit };
    }
    case "states":
      return { type };
    case "stop":
      return { type, ...parsed(stopFrame, json, type) };
    default:
      throw new HostRefusal(`unsupported: request ${type}`);
  }
}

/** A well-formed spec of another sort of device is unsupported, not malformed. */
const beyond: Readonly<Record<string, string>> = { lwm2m: "LwM2M version", personality: "personality", deviations: "deviations", queueMode: "queue mode" };

function specOf(spec: unknown): HostedSpec {
  const result = specSchema.safeParse(spec);
  if (result.success) return result.data;
  for (const { code, path } of result.error.issues) {
    const name = beyond[String(path[0])];
    if (name !== undefined) throw new HostRefusal(`unsupported: ${name}`);
    if (code === "unrecognized_keys") throw new HostRefusal(`unsupported: ${explained(result.error)}`);
  }
  throw new HostRefusal(`malformed: spec ${explained(result.error)}`);
}

function actionOf(action: Readonly<{ do: string }>): HostedAction {
  const schema = Object.entries(actionSchemas).find(([name]) => name === action.do)?.[1];
  if (schema === undefined) throw new HostRefusal(`unsupported: action ${action.do}`);
  return parsed(schema, action, `action ${action.do}`);
}

function parsed<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json);
  if (!result.success) throw new HostRefusal(`malformed: ${what} ${explained(result.error)}`);
  return result.data;
}

const explained = (error: z.ZodError): string => error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`).join("; ");
