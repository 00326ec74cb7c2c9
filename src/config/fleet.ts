import { z } from "zod";
import { credentialFormats } from "./credential-file.js";
import { credentialModes, type CredentialMode } from "./test-credentials.js";
import { timingSchema } from "./timing.js";
import { addressSchema, coapUriSchema, countSchema, durationMsSchema, seedSchema } from "./values.js";

/** `default=80,sleepy=20`, or a mapping; shares are relative to their sum. */
export const sharesSchema = z
  .union([
    z.string().transform((text, context) => {
      const shares: Record<string, number> = {};
      for (const part of text.split(",")) {
        const match = /^\s*([a-z0-9-]+)\s*(?:=\s*(\d+(?:\.\d+)?)\s*%?\s*)?$/.exec(part);
        if (match?.[1] === undefined) {
          context.addIssue({ code: "custom", message: `"${part}" is not NAME=SHARE`, params: { fix: "write it as default=80,sleepy=20" } });
          return z.NEVER;
        }
        shares[match[1]] = Number(match[2] ?? 1);
      }
      return shares;
    }),
    z.record(z.string(), z.number().nonnegative()),
  ])
  .refine((shares) => Object.values(shares).some((share) => share > 0), { error: "has no share above zero; write it as default=80,sleepy=20" });

/** Counted once for a device. */
const ofDevices: ReadonlySet<string> = new Set(["bootstrapped", "registered", "failed"]);

/** What must be true at the end: `registered=100%`, `failed<=3`, `bootstrapped>=990`. */
export const expectationSchema = z.string().transform((text, context) => {
  const match = /^(bootstrapped|registered|updated|failed|retransmissions|updatesLost|handshakesAfterRebind)\s*(=|>=|<=|<|>)\s*(\d+(?:\.\d+)?)(%?)$/.exec(text.trim());
  const [, counter, comparison, bound, percent] = match ?? [];
  if (percent === "%" && Number(bound) > 100 && counter !== undefined && ofDevices.has(counter)) {
    context.addIssue({ code: "custom", message: `"${text}" asks for more than all devices`, params: { fix: "write it as registered=100%" } });
    return z.NEVER;
  }
  if (counter === undefined || comparison === undefined || bound === undefined) {
    context.addIssue({
      code: "custom",
      message: `"${text}" is not an expectation`,
      params: { fix: "write it as registered=100% or failed<=3; the names are bootstrapped, registered, updated, failed, retransmissions, updatesLost, handshakesAfterRebind" },
    });
    return z.NEVER;
  }
  return { text, counter, comparison, bound: Number(bound), percent: percent === "%" };
});
export type Expectation = z.output<typeof expectationSchema>;

/** Whether the counters of `devices` devices fulfil an expectation. */
export function isMet(expectation: Expectation, counters: Readonly<Record<string, number>>, devices: number): boolean {
  const counted = counters[expectation.counter] ?? 0;
  const value = expectation.percent ? (devices === 0 ? 0 : (counted / devices) * 100) : counted;
  switch (expectation.comparison) {
    case ">=":
      return value >= expectation.bound;
    case "<=":
      return value <= expectation.bound;
    case ">":
      return value > expectation.bound;
    case "<":
      return value < expectation.bound;
    default:
      return value === expectation.bound;
  }
}

/** `{index}` is replaced by the number of the device, `{index:08d}` by it in eight digits. */
const endpointPatternSchema = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => /\{index(:0\d+d)?\}/.test(text), { error: "does not contain {index}, so all devices would have one name; write it as my-fleet-{index:08d}" })
  .default("muster-{index:08d}");

const whereTo = {
  bootstrap: coapUriSchema.optional(),
  server: coapUriSchema.optional(),
  /** A file of keys, for `coaps://`. */
  credentials: z.string().min(1).optional(),
  /** Where the secrets of DTLS sessions go, so that a capture can be read. */
  keyLog: z.string().min(1).optional(),
  /** File of what the server is known by: its public key, its certificate or an authority's, by `certificateUsage`. */
  trust: z.string().min(1).optional(),
  /** /0/x/15. */
  certificateUsage: countSchema(0, 3).optional(),
  /** /0/x/14. */
  serverName: z.string().min(1).max(255).optional(),
  /** File of authorities that the devices know from elsewhere, for certificate usages 0 and 1. */
  trustStore: z.string().min(1).optional(),
  /** RFC 9146: length of the connection id that the devices ask for; said without one: 0. */
  cid: z.union([z.literal(true).transform(() => 0), countSchema(0, 16)]).optional(),
};

/** `30%`, or a number up to 100. */
const percentSchema = z.union([z.number(), z.string().regex(/^\d+(\.\d+)?%?$/, { error: "is not a percentage; write it as 30%" }).transform((text) => Number(text.replace("%", "")))]).pipe(z.number().min(0).max(100));

interface Problems {
  push(issue: { code: "custom"; message: string; input: unknown; path: string[]; params: Record<string, unknown> }): unknown;
}

function oneOfBoth({ value, issues }: { readonly value: { readonly bootstrap?: string | undefined; readonly server?: string | undefined }; readonly issues: Problems }): void {
  if (value.bootstrap === undefined && value.server === undefined) {
    issues.push({ code: "custom", input: value, path: ["bootstrap"], message: "neither a Bootstrap Server nor a Server is given", params: { fix: "give --bootstrap coap://HOST:PORT or --server coap://HOST:PORT" } });
  }
  if (value.bootstrap !== undefined && value.server !== undefined) {
    issues.push({ code: "custom", input: value, path: ["server"], message: "cannot be given together with a Bootstrap Server", params: { fix: "keep one of --bootstrap and --server" } });
  }
}

interface Secured {
  readonly bootstrap?: string | undefined;
  readonly server?: string | undefined;
  readonly credentials?: string | undefined;
  readonly pskIdentity?: string | undefined;
  readonly pskKeyFile?: string | undefined;
  readonly security?: CredentialMode | "nosec" | undefined;
  readonly trust?: string | undefined;
  readonly certificateUsage?: number | undefined;
  readonly serverName?: string | undefined;
  readonly trustStore?: string | undefined;
  readonly authority?: string | undefined;
  readonly cid?: number | undefined;
  readonly rebindEvery?: number | undefined;
}

/** What means something at coaps:// alone. */
const forDtls = ["credentials", "pskIdentity", "pskKeyFile", "trust", "certificateUsage", "serverName", "trustStore", "authority", "cid", "rebindEvery"] as const;

const isSecured = (uri: string | undefined): boolean => uri?.startsWith("coaps:") === true;

/** Keys go with coaps://, and with nothing else. */
function keysFit({ value, issues }: { readonly value: Secured; readonly issues: Problems }): void {
  const { bootstrap, server, security } = value;
  const flag = bootstrap === undefined ? "server" : "bootstrap";
  const secured = isSecured(bootstrap ?? server);
  const problem = (path: string, message: string, fix: string): void => void issues.push({ code: "custom", input: value, path: [path], message, params: { fix } });
  const given = forDtls.find((name) => value[name] !== undefined);
  if (!secured && given !== undefined) problem(given, "is for DTLS only", `give --${flag} coaps://HOST:PORT`);
  if (value.credentials !== undefined && (value.pskIdentity !== undefined || value.pskKeyFile !== undefined)) problem("credentials", "cannot be given together with a single key", "keep one of the two");
  if (security !== undefined && secured === (security === "nosec")) problem("security", `${security} does not go with --${flag} ${bootstrap ?? server ?? ""}`, `use ${security === "nosec" ? "coap" : "coaps"}://HOST:PORT`);
}

/** Flags of `muster device`. */
export const deviceSchema = z
  .strictObject({
    endpoint: z.string().min(1).max(1024),
    ...whereTo,
    /** Seconds; for `--server`, whose account the device has from the factory. */
    lifetime: countSchema(1, 4_294_967_295).default(300),
    shortServerId: countSchema(1, 65_534).default(101),
    personality: z.string().min(1).default("default"),
    lwm2m: z.enum(["1.0", "1.1"]).default("1.1"),
    /** Default: the endpoint name. */
    pskIdentity: z.string().min(1).max(128).optional(),
    pskKeyFile: z.string().min(1).optional(),
    seed: seedSchema.optional(),
    timing: timingSchema.default("rfc"),
    duration: durationMsSchema.optional(),
    json: z.boolean().default(false),
  })
  .check(oneOfBoth, keysFit);
export type DeviceOptions = z.output<typeof deviceSchema>;

/** Flags of `muster fleet`, and the keys of its file. */
export const fleetSchema = z
  .strictObject({
    /** With `credentials`: the first so many of the file. */
    devices: countSchema(1, 1_000_000).optional(),
    /** Devices started per second; absent: all at once. */
    rate: countSchema(1, 1_000_000).optional(),
    shape: z.enum(["storm", "rate", "ramp"]).optional(),
    ...whereTo,
    security: z.enum([...credentialModes, "nosec"]).optional(),
    /** File of an authority's certificate and private key, which issues the certificates of the devices. */
    authority: z.string().min(1).optional(),
    /** Devices behind a NAT: each gets another address once in so long. */
    rebindEvery: durationMsSchema.pipe(z.number().min(100, { error: "is shorter than 100ms; give a longer period, such as 30s" })).optional(),
    rebindShare: percentSchema.optional(),
    endpointPattern: endpointPatternSchema,
    lifetime: countSchema(1, 4_294_967_295).default(300),
    shortServerId: countSchema(1, 65_534).default(101),
    personalities: sharesSchema.default({ default: 1 }),
    lwm2m: z.enum(["1.0", "1.1"]).default("1.1"),
    /** How long the fleet stays in all. */
    duration: durationMsSchema.optional(),
    seed: seedSchema.optional(),
    shards: countSchema(1, 256).optional(),
    expect: z.array(expectationSchema).max(20).default([]),
    timing: timingSchema.default("rfc"),
    metrics: addressSchema.optional(),
    json: z.boolean().default(false),
  })
  .check(oneOfBoth, keysFit)
  .check(({ value, issues }) => {
    if (value.devices === undefined && value.credentials === undefined) issues.push({ code: "custom", input: value, path: ["devices"], message: "is missing", params: { fix: "give --devices N, or --credentials FILE with a line for each" } });
  })
  .check(({ value, issues }) => {
    const wrong = (path: string, message: string, fix: string): void => void issues.push({ code: "custom", input: value, path: [path], message, params: { fix } });
    const { security, credentials } = value;
    if (value.authority !== undefined && security !== "x509") wrong("authority", "is for certificates only", "give --security x509");
    if (value.authority !== undefined && credentials !== undefined) wrong("authority", "cannot be given together with --credentials", "keep one of the two");
    if ((security === "rpk" || security === "x509") && credentials === undefined && value.trust === undefined) wrong("trust", "is missing", `give a file of ${security === "rpk" ? "the server's public key" : "the server's certificate, or of its authority with --certificate-usage 2"}`);
    if (value.rebindShare !== undefined && value.rebindEvery === undefined) wrong("rebindShare", "goes with --rebind-every", "give --rebind-every 30s");
    if (value.rebindEvery !== undefined && value.duration === undefined) wrong("rebindEvery", "needs to know how long the devices stay", "give --duration 5m");
  });
export type FleetOptions = z.output<typeof fleetSchema>;

/** Flags of `muster credentials export`. */
export const credentialsSchema = z.strictObject({
  devices: countSchema(1, 1_000_000),
  seed: seedSchema,
  format: z.enum(credentialFormats).default("csv"),
  security: z.enum(credentialModes).default("psk"),
  authority: z.string().min(1).optional(),
  endpointPattern: endpointPatternSchema,
});

/** Flags of `muster credentials authority`. */
export const authoritySchema = z.strictObject({ seed: seedSchema });

/** Flags of `muster run`. */
export const runSchema = z.strictObject({
  /** Feature files, folders or tags (`@SM-1`, `not @load`). */
  select: z.array(z.string().min(1)).max(1000).default([]),
  devices: countSchema(1, 1_000_000).optional(),
  seed: seedSchema.optional(),
  target: z.string().min(1).optional(),
  /** What devices speak where a scenario does not say. */
  security: z.enum(["psk", "nosec"]).optional(),
  /** Keeps the secrets of the devices' DTLS sessions with the evidence. */
  keyLog: z.boolean().default(false),
  /** Of the devices' datagrams, percent that are lost on purpose. */
  loss: percentSchema.optional(),
  functional: z.boolean().default(false),
  out: z.string().min(1).optional(),
  devicesOn: z.string().min(1).optional(),
  secondOpinion: z.boolean().default(false),
  metrics: addressSchema.optional(),
  list: z.boolean().default(false),
  json: z.boolean().default(false),
});
export type RunFlags = z.output<typeof runSchema>;
