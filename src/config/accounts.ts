import { z } from "zod";
import { checkPlainKeys, hasPlainKey, plainKeyShape, shownKeyShape, withoutKey } from "./plain-keys.js";
import { coapUriSchema, patternSchema, shortServerIdSchema } from "./values.js";

/** Rights an account gets on what another account owns, as /2/x/2 numbers them: R 1, W 2, E 4, D 8, C 16. Without `instance`: on every instance, and Create. */
const grantSchema = z.strictObject({
  object: z.number().int().min(0).max(65534),
  instance: z.number().int().min(0).max(65534).optional(),
  rights: z.number().int().min(0).max(31),
});

/** One Server account of a plain bootstrap configuration: what becomes one Security and one Server object instance. */
const accountShape = {
  uri: coapUriSchema,
  shortServerId: shortServerIdSchema,
  securityMode: z.enum(["nosec", "psk", "rpk", "x509"]).default("nosec"),
  /** Seconds, /1/x/1. */
  lifetime: z.number().int().min(1).max(4_294_967_295).default(86_400),
  minPeriod: z.number().int().min(0).optional(),
  maxPeriod: z.number().int().min(0).optional(),
  disableTimeout: z.number().int().min(0).optional(),
  storeNotifications: z.boolean().default(true),
  /** /1/x/7: `U` or, with queue mode in 1.0, `UQ`. */
  binding: z.string().regex(/^[UTSNQM]{1,5}$/, { error: "is not a binding; write it as U or UQ" }).default("U"),
  /** /1/x/13 to /1/x/16. */
  priority: z.number().int().min(0).optional(),
  initialDelay: z.number().int().min(0).optional(),
  blockOnFailure: z.boolean().optional(),
  bootstrapOnFailure: z.boolean().optional(),
  /** /1/x/17 to /1/x/20, seconds where they are times. */
  retryCount: z.number().int().min(1).optional(),
  retryTimer: z.number().int().min(1).optional(),
  sequenceDelay: z.number().int().min(0).optional(),
  sequenceCount: z.number().int().min(1).optional(),
  acl: z.array(grantSchema).max(64).default([]),
};

export const plainAccountSchema = z.strictObject({ ...accountShape, ...plainKeyShape }).check(({ value, issues }) => {
  checkPlainKeys(value, (key, message, fix) => void issues.push({ code: "custom", input: undefined, path: [key], message, params: { fix } }));
});
export type PlainAccount = z.output<typeof plainAccountSchema>;

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);

/** One resource, or an instance by its resources: those that have several values give them by id. */
const writeSchema = z.union([
  z.strictObject({ path: z.string().regex(/^\/\d+\/\d+\/\d+$/, { error: "is not a resource path; write it as /3/0/14" }), value: valueSchema }),
  z.strictObject({ path: z.string().regex(/^\/\d+\/\d+$/, { error: "is not an instance path; write it as /2/0" }), resources: z.record(z.string().regex(/^\d+$/), z.union([valueSchema, z.record(z.string().regex(/^\d+$/), valueSchema)])) }),
]);

const objectPathSchema = z.string().regex(/^\/(\d+(\/\d+)?)?$/, { error: "is not the path of an object or an instance; write it as /1 or /1/0, or / for all" });
const questionSchema = z.strictObject({ operation: z.enum(["discover", "read"]), path: objectPathSchema });
const extraSchema = z.strictObject({ operation: z.enum(["discover", "read", "delete"]), path: objectPathSchema });
export type ExtraOperation = z.output<typeof extraSchema>;

const restOfPlain = {
  /** Written beside the accounts' own, such as an optional resource that the device may not know. */
  writes: z.array(writeSchema).max(64).default([]),
  /** Operations before the session's own, whatever they are answered; it goes on from what they leave. */
  before: z.array(extraSchema).max(16).default([]),
  /** What is asked of the device after the writes and before Finish, whatever it answers. */
  after: z.array(questionSchema).max(16).default([]),
  /** Leave accounts that are not listed here on the device; false: the listed ones are then the only ones. */
  keepOthers: z.boolean().default(true),
};

/** What a plain configuration says beside its accounts. */
export const restOfPlainSchema = z.strictObject(restOfPlain);

const accountsOf = <Account extends z.ZodType>(account: Account) => z.array(account).max(16);
const plainShape = { accounts: accountsOf(plainAccountSchema), ...restOfPlain };

interface Checking {
  readonly value: { readonly accounts: readonly PlainAccount[]; readonly writes: readonly unknown[] };
  readonly issues: { push(issue: { code: "custom"; message: string; input: unknown; path: (string | number)[]; params?: Record<string, unknown> }): unknown };
}

function writesSomething({ value: { accounts, writes }, issues }: Checking): void {
  if (accounts.length + writes.length > 0) return;
  issues.push({ code: "custom", input: undefined, path: ["accounts"], message: "is empty", params: { fix: "give an account, or writes that stand without one" } });
}

function shortServerIdsDiffer({ value, issues }: Checking): void {
  const seen = new Set<number>();
  value.accounts.forEach(({ shortServerId }, index) => {
    if (seen.has(shortServerId)) {
      issues.push({ code: "custom", input: value, path: ["accounts", index, "shortServerId"], message: `Short Server ID ${shortServerId} is used twice`, params: { fix: "give each account its own" } });
    }
    seen.add(shortServerId);
  });
}

/** As a server tells it: in the place of keys stands something else. */
export const shownBootstrapSchema = z.strictObject({ accounts: accountsOf(z.strictObject({ ...accountShape, ...shownKeyShape })), ...restOfPlain });

/** A configuration to be shown: its keys are not. */
export const withoutKeys = (configuration: PlainBootstrap): PlainBootstrap => ({
  ...configuration,
  accounts: configuration.accounts.map(withoutKey),
});

/** What a Bootstrap Server without any order puts on a device; also the body of the operator API's `PUT bootstrap/{ep}`. */
export const plainBootstrapSchema = z.strictObject(plainShape).check(shortServerIdsDiffer, writesSomething);
export type PlainBootstrap = z.output<typeof plainBootstrapSchema>;
export type PlainBootstrapInput = z.input<typeof plainBootstrapSchema>;

/** An entry of the key `bootstrap`: the first one whose pattern fits an endpoint name is used. */
export const bootstrapEntrySchema = z
  .strictObject({ endpoint: patternSchema, ...plainShape })
  .check(shortServerIdsDiffer, writesSomething)
  .check(({ value: { endpoint, accounts }, issues }) => {
    if (!endpoint.includes("*")) return;
    accounts.forEach((account, index) => {
      if (hasPlainKey(account)) issues.push({ code: "custom", input: undefined, path: ["accounts", index, account.securityMode], message: "would be the key of many devices", params: { fix: "name one endpoint, or let an order bring each device its own key" } });
    });
  });
export type BootstrapEntry = z.output<typeof bootstrapEntrySchema>;
