import type { Identity } from "./types.js";

/** RFC 7925 §4.2 as LwM2M asks for it: a client and a server take identities of 128 bytes. */
const longest = 128;

/** What is wrong with an identity whose members have the forms of openapi.yaml. */
export function identityFault(identity: Readonly<Record<string, unknown>>): { readonly member: "b64u" | "utf8"; readonly text: string } | undefined {
  const { b64u, utf8 } = identity;
  if (typeof b64u !== "string") return undefined;
  const bytes = Buffer.from(b64u, "base64url");
  // Stray bits behind the last byte would give one identity several names.
  if (bytes.toString("base64url") !== b64u) return { member: "b64u", text: "is not the base64url of any bytes; encode them without padding" };
  if (bytes.length > longest) return { member: "b64u", text: `must be at most ${longest} bytes, is ${bytes.length}` };
  if (utf8 !== undefined && utf8 !== textOf(bytes)) return { member: "utf8", text: "is not the text of b64u; leave it out where the bytes are no UTF-8" };
  return undefined;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** As it travels: the bytes, and the text where they are one that may be shown. */
export function identityOf(bytes: Uint8Array): Identity {
  const utf8 = textOf(bytes);
  return { b64u: Buffer.from(bytes).toString("base64url"), ...(utf8 === undefined || !/^[^\p{Cc}\p{Cs}]+$/u.test(utf8) ? {} : { utf8 }) };
}

export const identityBytes = ({ b64u }: Pick<Identity, "b64u">): Buffer => Buffer.from(b64u, "base64url");
