import { z } from "zod";
import { checkPrivateKey, checkPublicKey, KeyMaterialError, readCertificate } from "../certificates/index.js";

/** RFC 4279 §5.3 and RFC 7925: what every implementation takes. */
const longestIdentity = 128;
const longestKey = 64;

const hex = /^(?:[0-9a-f]{2})+$/i;
const inHex = /^0x((?:[0-9a-f]{2})+)$/i;

/** As text; bytes that are no text are written `0x` and hex, and an identity that looks like that too. */
export function identityText(identity: Uint8Array): string {
  const bytes = Buffer.from(identity);
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) && !inHex.test(text) && !/\p{Cc}/u.test(text) ? text : `0x${bytes.toString("hex")}`;
}

/** 1 to 128 bytes, as text or as `0x` and hex. */
export const identitySchema = z.string().transform((text, context): Uint8Array => {
  const digits = inHex.exec(text)?.[1];
  const bytes = digits === undefined ? Buffer.from(text) : Buffer.from(digits, "hex");
  if (bytes.length === 0 || bytes.length > longestIdentity) context.addIssue({ code: "custom", message: `has ${bytes.length} bytes`, params: { fix: `use 1 to ${longestIdentity} bytes, as text or as 0x and hex digits` } });
  return bytes;
});

/** A key is named by its place alone: what is wrong with it must not show it. */
export const keySchema = z.string().transform((text, context): Uint8Array => {
  if (hex.test(text) && text.length <= 2 * longestKey) return Buffer.from(text, "hex");
  context.addIssue({ code: "custom", message: "is not a key in hex", params: { fix: `use 1 to ${longestKey} bytes in hex, such as 16 bytes in 32 digits` } });
  return z.NEVER;
});

const pemBlock = /^\s*-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END [A-Z0-9 ]+-----\s*$/;
/** Of either alphabet (RFC 4648 §4 and §5). */
const base64 = /^[A-Za-z0-9+/_\s-]+={0,2}\s*$/;

/** DER out of one PEM block, or base64 alone. */
export function derOf(text: string): Uint8Array | undefined {
  const body = pemBlock.exec(text)?.[1] ?? (base64.test(text) ? text : undefined);
  // Bytes of their own: what stays of a file must not keep more of it.
  return body === undefined ? undefined : Uint8Array.from(Buffer.from(body, "base64"));
}

export const derText = (der: Uint8Array): string => Buffer.from(der).toString("base64");

const derSchema = (check: (der: Uint8Array) => unknown) =>
  z.string().transform((text, context): Uint8Array => {
    const der = derOf(text);
    if (der === undefined) {
      context.addIssue({ code: "custom", message: "is neither PEM nor base64", params: { fix: "give one PEM block, or its DER in base64" } });
      return z.NEVER;
    }
    try {
      check(der);
    } catch (error) {
      if (!(error instanceof KeyMaterialError)) throw error;
      context.addIssue({ code: "custom", message: error.fault, params: { fix: error.fix } });
    }
    return der;
  });

/** An authority may have a key on any curve. */
export function checkAnyCertificate(der: Uint8Array): void {
  try {
    readCertificate(der);
  } catch (error) {
    if (!(error instanceof KeyMaterialError) || error.kind !== "unsupported") throw error;
  }
}

export const privateKeySchema = derSchema(checkPrivateKey);
export const publicKeySchema = derSchema(checkPublicKey);
export const certificateSchema = derSchema(readCertificate);
export const serverCertificateSchema = derSchema(checkAnyCertificate);
