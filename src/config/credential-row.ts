import { z } from "zod";
import { certificateSchema, derText, identitySchema, identityText, keySchema, privateKeySchema, publicKeySchema, serverCertificateSchema } from "./key-text.js";
import { credentialModes, isPsk, isTestCredential, rawPublicKeyOf, type CredentialMode, type DeviceCredential, type DeviceCredentials, type ServerTrust } from "./test-credentials.js";

const modeSchema = z.enum(credentialModes);
const usages: readonly string[] = ["0", "1", "2", "3"];

const row = {
  endpoint: z.string().min(1, { error: "is empty; give the endpoint name" }).max(1024),
  bootstrapMode: modeSchema.optional(),
  bootstrapIdentity: z.string().optional(),
  bootstrapKey: z.string().optional(),
  bootstrapTrust: z.string().optional(),
  serverMode: modeSchema.optional(),
  serverIdentity: z.string().optional(),
  serverKey: z.string().optional(),
  serverTrust: z.string().optional(),
  /** For whichever the devices are started with. */
  mode: modeSchema.optional(),
  identity: z.string().optional(),
  key: z.string().optional(),
  trust: z.string().optional(),
  /** /0/x/15 and /0/x/14 of the accounts with certificates. */
  usage: z.union([z.string(), z.number()]).transform(String).refine((text) => usages.includes(text), { error: `is no certificate usage; use ${usages.join(", ")}` }).optional(),
  serverName: z.string().min(1).max(255).optional(),
  /** `test` in what is exported. */
  kind: z.string().optional(),
};
type Row = z.output<z.ZodObject<typeof row>>;
export const columns: readonly string[] = Object.keys(row);

type Column = keyof Row;
type Wrong = (column: Column, message: string, fix: string) => void;

/** The columns of a use: its own where it has a key of its own, else those for both. */
interface Given {
  readonly mode: CredentialMode;
  readonly identity: Column;
  readonly key: Column;
  readonly trust: Column;
}

function givenFor(use: "bootstrap" | "server", cells: Row): Given {
  const own = { mode: `${use}Mode`, identity: `${use}Identity`, key: `${use}Key`, trust: `${use}Trust` } as const;
  const mode = cells[own.mode] ?? cells.mode ?? "psk";
  const trust = cells[own.trust] === undefined ? "trust" : own.trust;
  return cells[own.key] === undefined ? { mode, identity: "identity", key: "key", trust } : { mode, identity: own.identity, key: own.key, trust };
}

function read<T>(schema: z.ZodType<T, string>, cells: Row, column: Column, wrong: Wrong): T | undefined {
  const text = cells[column];
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  for (const { message, ...issue } of parsed.error.issues) {
    const params: unknown = "params" in issue ? issue.params : undefined;
    const fix = typeof params === "object" && params !== null && "fix" in params && typeof params.fix === "string" ? params.fix : "correct it";
    wrong(column, message, fix);
  }
  return undefined;
}

function trustIn(cells: Row, column: Column, schema: z.ZodType<Uint8Array, string>, wrong: Wrong): { readonly trust?: ServerTrust } {
  const publicKey = read(schema, cells, column, wrong);
  if (publicKey === undefined) return {};
  const { serverName, usage } = cells;
  return { trust: { publicKey, ...(serverName === undefined ? {} : { serverName }), ...(usage === undefined ? {} : { usage: Number(usage) }) } };
}

/** Undefined where there is no key, or something is wrong with it. */
function credentialFor(use: "bootstrap" | "server", cells: Row, wrong: Wrong): DeviceCredential | undefined {
  const { mode, identity, key, trust } = givenFor(use, cells);
  if (mode === "psk") {
    const name = read(identitySchema, cells, identity, wrong);
    const secret = read(keySchema, cells, key, wrong);
    // Without an identity of its own a key goes by the endpoint name.
    return secret === undefined ? undefined : { identity: name ?? Buffer.from(cells.endpoint), key: secret };
  }
  const privateKey = read(privateKeySchema, cells, key, wrong);
  if (mode === "rpk") {
    const publicKey = read(publicKeySchema, cells, identity, wrong);
    if (privateKey === undefined) return undefined;
    return { ...(publicKey === undefined ? rawPublicKeyOf(privateKey) : { mode, publicKey, privateKey }), ...trustIn(cells, trust, publicKeySchema, wrong) };
  }
  const certificate = read(certificateSchema, cells, identity, wrong);
  if (privateKey === undefined) return undefined;
  if (cells[identity] === undefined) wrong(identity, "is missing", "give the certificate of the device, PEM or DER in base64");
  return certificate === undefined ? undefined : { mode, certificate, privateKey, ...trustIn(cells, trust, serverCertificateSchema, wrong) };
}

/** One device of a file, whose cells are text. */
export const rowSchema = z.strictObject(row).transform((cells, context): DeviceCredentials => {
  const told = new Set<Column>();
  const wrong: Wrong = (column, message, fix) => {
    // Both uses may read one column.
    if (told.has(column)) return;
    told.add(column);
    context.addIssue({ code: "custom", path: [column], message, params: { fix } });
  };
  const bootstrap = credentialFor("bootstrap", cells, wrong);
  const server = credentialFor("server", cells, wrong);
  if (bootstrap === undefined && server === undefined && told.size === 0) wrong("key", "is missing", "give key, or bootstrapKey or serverKey");
  return { endpoint: cells.endpoint, ...(bootstrap === undefined ? {} : { bootstrap }), ...(server === undefined ? {} : { server }) };
});

/** What is written of a device, in the order of the columns. */
export const writtenColumns: readonly Column[] = ["endpoint", "bootstrapMode", "bootstrapIdentity", "bootstrapKey", "bootstrapTrust", "serverMode", "serverIdentity", "serverKey", "serverTrust", "usage", "serverName", "kind"];

type PlainRow = Readonly<Partial<Record<Column, string>>>;

function cellsOf(use: "bootstrap" | "server", credential: DeviceCredential | undefined): PlainRow {
  if (credential === undefined) return {};
  if (isPsk(credential)) return { [`${use}Identity`]: identityText(credential.identity), [`${use}Key`]: Buffer.from(credential.key).toString("hex") };
  const own = credential.mode === "rpk" ? credential.publicKey : credential.certificate;
  const { trust } = credential;
  return {
    [`${use}Mode`]: credential.mode,
    [`${use}Identity`]: derText(own),
    [`${use}Key`]: derText(credential.privateKey),
    ...(trust === undefined ? {} : { [`${use}Trust`]: derText(trust.publicKey) }),
    ...(trust?.usage === undefined ? {} : { usage: String(trust.usage) }),
    ...(trust?.serverName === undefined ? {} : { serverName: trust.serverName }),
  };
}

export function plainRow({ endpoint, bootstrap, server }: DeviceCredentials): PlainRow {
  const credentials = [bootstrap, server].filter((credential) => credential !== undefined);
  return { endpoint, ...cellsOf("bootstrap", bootstrap), ...cellsOf("server", server), ...(credentials.every(isTestCredential) ? { kind: "test" } : {}) };
}

/** One array for what many devices take for their server: it is read once, and kept once. */
export function withSharedTrust(devices: readonly DeviceCredentials[]): readonly DeviceCredentials[] {
  const known = new Map<string, ServerTrust>();
  const shared = <T extends DeviceCredential | undefined>(credential: T): T => {
    if (credential === undefined || isPsk(credential) || credential.trust === undefined) return credential;
    const { publicKey, usage, serverName } = credential.trust;
    const key = `${derText(publicKey)} ${usage ?? ""} ${serverName ?? ""}`;
    const trust = known.get(key) ?? credential.trust;
    known.set(key, trust);
    return { ...credential, trust };
  };
  return devices.map((device) => {
    const bootstrap = shared(device.bootstrap);
    const server = shared(device.server);
    return { endpoint: device.endpoint, ...(bootstrap === undefined ? {} : { bootstrap }), ...(server === undefined ? {} : { server }) };
  });
}
