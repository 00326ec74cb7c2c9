import { z } from "zod";
import { publicKeyOf, readCertificate } from "../certificates/index.js";
import { strongKeySchema } from "./bootstrap-clients.js";
import { certificateSchema, identitySchema, privateKeySchema, publicKeySchema, serverCertificateSchema } from "./key-text.js";
import type { CredentialMode } from "./test-credentials.js";

/** Keys stay text, so that the whole configuration is JSON. */
function checkedBy(schema: z.ZodType<Uint8Array, string>): z.ZodType<string, string> {
  return z.string().check(({ value, issues }) => {
    const { error } = schema.safeParse(value);
    // What is wrong is said by the schema's own words; the value is never repeated.
    for (const issue of error?.issues ?? []) issues.push({ ...issue, code: "custom", input: undefined, path: [] });
  });
}

const serverName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, { error: "is not a DNS name; write it as server.example" }).optional();
const certificateUsage = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]).optional();

/** What the device of a plain account authenticates with, by mode: the Server has its counterpart already. Keys and certificates in PEM, or DER in base64. */
export const plainKeyShape = {
  psk: z.strictObject({ identity: checkedBy(identitySchema), key: checkedBy(strongKeySchema) }).optional(),
  rpk: z.strictObject({ privateKey: checkedBy(privateKeySchema), serverPublicKey: checkedBy(publicKeySchema), serverName }).optional(),
  x509: z.strictObject({ certificate: checkedBy(certificateSchema), privateKey: checkedBy(privateKeySchema), serverCertificate: checkedBy(serverCertificateSchema), certificateUsage, serverName }).optional(),
};

/** As a server tells it: in the place of secrets stands something else. */
export const shownKeyShape = {
  psk: z.strictObject({ identity: z.string(), key: z.string() }).optional(),
  rpk: z.strictObject({ privateKey: z.string(), serverPublicKey: z.string(), serverName: z.string().optional() }).optional(),
  x509: z.strictObject({ certificate: z.string(), privateKey: z.string(), serverCertificate: z.string(), certificateUsage, serverName: z.string().optional() }).optional(),
};

type PlainKeys = z.output<z.ZodObject<typeof plainKeyShape>>;

const modes = ["psk", "rpk", "x509"] as const satisfies readonly CredentialMode[];

export const hasPlainKey = (keys: PlainKeys): boolean => modes.some((mode) => keys[mode] !== undefined);

type Wrong = (key: string, message: string, fix: string) => void;

/** Whether what is there goes with the account's mode and scheme. */
export function checkPlainKeys({ uri, securityMode, ...keys }: PlainKeys & { readonly uri: string; readonly securityMode: "nosec" | CredentialMode }, wrong: Wrong): void {
  for (const mode of modes) {
    if (mode === securityMode && keys[mode] === undefined) wrong(mode, "is missing", "give the device's keys, or let an order bring the account");
    if (mode !== securityMode && keys[mode] !== undefined) wrong(mode, `goes with securityMode ${mode} only`, `leave it out, or set securityMode: ${mode}`);
  }
  const scheme = securityMode === "nosec" ? "coap:" : "coaps:";
  if (!uri.startsWith(scheme)) wrong("uri", `does not go with securityMode ${securityMode}`, `write it as ${scheme}//HOST:PORT`);
  if (keys.x509 !== undefined && !isPair(keys.x509)) wrong("x509", "has a certificate of another key", "give the private key of the certificate");
}

function isPair({ certificate, privateKey }: NonNullable<PlainKeys["x509"]>): boolean {
  const [der, key] = [certificateSchema.safeParse(certificate), privateKeySchema.safeParse(privateKey)];
  // What does not parse was told before.
  return !der.success || !key.success || readCertificate(der.data).publicKey.equals(publicKeyOf(key.data));
}

/** Resources of the Security instance that come of the keys: 3 and 5, and those about the Server. */
export interface PlainKeyValues {
  readonly mode: CredentialMode;
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
  readonly serverKey?: Uint8Array;
  readonly sni?: string | undefined;
  readonly certificateUsage?: number | undefined;
}

export function plainKey({ psk, rpk, x509 }: PlainKeys): PlainKeyValues | undefined {
  if (psk !== undefined) return { mode: "psk", identity: identitySchema.parse(psk.identity), key: strongKeySchema.parse(psk.key) };
  if (rpk !== undefined) {
    const key = privateKeySchema.parse(rpk.privateKey);
    return { mode: "rpk", identity: publicKeyOf(key), key, serverKey: publicKeySchema.parse(rpk.serverPublicKey), sni: rpk.serverName };
  }
  if (x509 === undefined) return undefined;
  const { certificate, privateKey, serverCertificate, certificateUsage: usage, serverName: sni } = x509;
  return { mode: "x509", identity: certificateSchema.parse(certificate), key: privateKeySchema.parse(privateKey), serverKey: serverCertificateSchema.parse(serverCertificate), certificateUsage: usage, sni };
}

const secret = "(secret)";

/** An account to be shown: its secrets are not. */
export const withoutKey = <Account extends PlainKeys>(account: Account): Account => ({
  ...account,
  ...(account.psk === undefined ? {} : { psk: { ...account.psk, key: secret } }),
  ...(account.rpk === undefined ? {} : { rpk: { ...account.rpk, privateKey: secret } }),
  ...(account.x509 === undefined ? {} : { x509: { ...account.x509, privateKey: secret } }),
});
