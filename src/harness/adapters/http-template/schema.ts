import { z } from "zod";
import { durationMsSchema } from "../../../config/index.js";
import { properties, type Property } from "../adapter.js";

const method = z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]);
const memberPath = z.string().regex(/^(?:\$|(?:\$\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)?$/, { error: "is not a path of members; write it as data.items.0.id" });
const regularExpression = z.string().check((context) => {
  try {
    new RegExp(context.value);
  } catch (error) {
    context.issues.push({ code: "custom", message: `is not a regular expression: ${error instanceof Error ? error.message : ""}`, input: context.value, params: { fix: "correct it" } });
  }
});
const statuses = z.array(z.number().int().min(100).max(599)).min(1);

/** Where the CoAP code of the device is in an answer. */
const codeSchema = z.strictObject({
  from: memberPath.default(""),
  /** What of it: the groups make the code with `as`. */
  pattern: regularExpression.optional(),
  as: z.string().default("$1.$2"),
  /** Or: what its texts mean. */
  means: z.record(z.string(), z.string().regex(/^[2-5]\.\d\d$/, { error: "is not a CoAP code; write it as 2.05" })).optional(),
});

const callShape = {
  method: method.default("GET"),
  /** Below the base URL; `{name}` is percent-encoded, but for `{path}`. */
  path: z.string().regex(/^\//, { error: "does not begin with /; write it below the base URL" }),
  headers: z.record(z.string(), z.string()).default({}),
  /** JSON with placeholders, or a text. */
  body: z.unknown().optional(),
  /** What is taken out of the answer, for the headers and calls that follow. */
  take: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9]*$/, { error: "is not a name; use letters and digits" }), memberPath).default({}),
  /** Statuses that mean it was done. */
  ok: statuses.default([200, 201, 202, 204]),
  /** Statuses that mean that there is no such device (or no such credential). */
  absent: statuses.default([404]),
  /** A text that an answer of `absent` must hold: where the status alone could mean anything. */
  absentWith: z.string().optional(),
  /** Statuses that mean that the device did not answer. */
  noAnswer: statuses.default([504]),
};

/** What follows a call whose effect comes later. */
const waitSchema = z.union([
  z.strictObject({
    poll: z.strictObject({ path: z.string().regex(/^\//, { error: "does not begin with /; write it below the base URL" }), every: durationMsSchema.default(500) }),
    within: durationMsSchema.default(30_000),
    /** It is over when this member has one of these values; what `code` says is then in the same answer. */
    until: z.strictObject({ member: memberPath, is: z.array(z.string()).min(1) }),
  }),
  z.strictObject({
    events: z.strictObject({ path: z.string().regex(/^\//, { error: "does not begin with /; write it below the base URL" }), name: z.string().optional(), headers: z.record(z.string(), z.string()).default({}) }),
    within: durationMsSchema.default(30_000),
    until: z.strictObject({ member: memberPath, is: z.array(z.string()).min(1) }),
  }),
]);
export type WaitFile = z.output<typeof waitSchema>;

const plainCall = z.strictObject(callShape);

const operationCall = z.strictObject({
  ...callShape,
  code: codeSchema.optional(),
  /** Nodes of a Read: members of a tree in which each node has an id and a value, values by id, or children. */
  tree: z.strictObject({ at: memberPath, id: z.string().default("id"), children: z.array(z.string()).default(["instances", "resources"]), value: z.string().default("value"), values: z.string().default("values") }).optional(),
  /** Links of a Discover. */
  links: z.strictObject({ at: memberPath, target: z.string().default("url"), attributes: z.string().default("attributes") }).optional(),
  wait: waitSchema.optional(),
});
export type OperationCallFile = z.output<typeof operationCall>;

const registrationFields = z.strictObject({
  endpoint: memberPath,
  location: memberPath.optional(),
  lifetime: memberPath.optional(),
  lwm2m: memberPath.optional(),
  binding: memberPath.optional(),
  queueMode: memberPath.optional(),
  address: memberPath.optional(),
  /** The object list: objects with a member that is the path. */
  objects: z.strictObject({ at: memberPath, target: z.string().default("url") }).optional(),
});
export type RegistrationFieldsFile = z.output<typeof registrationFields>;

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "is not the name of an environment variable; use letters, digits and _" });

export const templateShape = {
  /** Placeholders whose values are in environment variables: users, passwords, keys. */
  secrets: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9]*$/, { error: "is not a name; use letters and digits" }), z.strictObject({ env: environmentName })).default({}),
  /** Asked for once, and again when a call is answered 401; what it takes is there for `headers`. */
  login: plainCall.optional(),
  /** Sent with every call but the login. */
  headers: z.record(z.string(), z.string()).default({}),
  /** A call that `muster doctor` makes to see whether the interface answers. */
  check: plainCall.optional(),
  /** Reasons for what the calls leave out, by what is left out. */
  lacks: z.partialRecord(z.enum(Object.keys(properties) as [Property, ...Property[]]), z.string()).default({}),
};

export const serverCallsSchema = z.strictObject({
  list: z.strictObject({ ...callShape, items: memberPath.default(""), fields: registrationFields }).optional(),
  registration: z.strictObject({ ...callShape, fields: registrationFields }).optional(),
  install: plainCall.optional(),
  uninstall: plainCall.optional(),
  trigger: operationCall.optional(),
  read: operationCall.optional(),
  write: operationCall.optional(),
  writeInstance: operationCall.optional(),
  execute: operationCall.optional(),
  discover: operationCall.optional(),
  create: operationCall.optional(),
  delete: operationCall.optional(),
  writeAttributes: operationCall.optional(),
  observe: operationCall.optional(),
  cancelObservation: operationCall.optional(),
});
export type ServerCallsFile = z.output<typeof serverCallsSchema>;

export const bootstrapCallsSchema = z.strictObject({ configure: plainCall, forget: plainCall });
export type BootstrapCallsFile = z.output<typeof bootstrapCallsSchema>;

export const templateSchema = z.strictObject(templateShape);
export type TemplateFile = z.output<typeof templateSchema>;
export type CallFile = z.output<typeof plainCall>;
