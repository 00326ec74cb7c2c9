import { z } from "zod";

/** `HOST:PORT`, `[IPv6]:PORT`; the host may be left out and is then 127.0.0.1. Port 0 takes any free one. */
export const addressSchema = z.string().transform((text, context) => {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[2] ?? Number.NaN);
  if (match === null || port > 65535) {
    context.addIssue({ code: "custom", message: `"${text}" is not HOST:PORT`, params: { fix: "write it as 127.0.0.1:5683 or [::1]:5683" } });
    return z.NEVER;
  }
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  return { host: host === "" ? "127.0.0.1" : host, port };
});

/** `coap://host[:port]` for NoSec, `coaps://host[:port]` for DTLS. */
export const coapUriSchema = z.string().transform((text, context) => {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^coaps?:$/.test(parsed.protocol) || parsed.hostname === "" || !/^[^/?#@]+\/?$/.test(text.slice(parsed.protocol.length + 2))) {
    context.addIssue({ code: "custom", message: `"${text}" is not a coap:// or coaps:// URI of host and port alone`, params: { fix: "write it as coap://127.0.0.1:5683 or coaps://127.0.0.1:5684" } });
    return z.NEVER;
  }
  return text;
});

/** `http://host[:port]` or https, the base under which `/smp/v1` or `/operator/v1` is found; a slash at the end is dropped. */
export const httpUrlSchema = z.string().transform((text, context) => {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    context.addIssue({ code: "custom", message: `"${text}" is not an http:// or https:// URL`, params: { fix: "write it as http://127.0.0.1:8080" } });
    return z.NEVER;
  }
  return text.replace(/\/+$/, "");
});

/** A duration in milliseconds, written `500ms`, `30s`, `5m`, `2h`, or a number of seconds. */
export const durationMsSchema = z.union([z.number(), z.string()]).transform((value, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(String(value).trim());
  if (match === null) {
    context.addIssue({ code: "custom", message: `"${String(value)}" is not a duration`, params: { fix: "write it as 500ms, 30s, 5m or 2h" } });
    return z.NEVER;
  }
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"] ?? 1000;
  return Number(match[1]) * unit;
});

/** A whole number from a flag or a key, within bounds. */
export const countSchema = (minimum: number, maximum: number) =>
  z
    .union([z.number(), z.string().regex(/^\d+$/, { error: "is not a whole number; use a number such as 100" }).transform(Number)])
    .pipe(z.number().int().min(minimum).max(maximum));

/** Any text or number; two runs with the same seed make the same choices. */
export const seedSchema = z.union([z.number(), z.string().min(1)]).transform(String);

/** 1 to 65534 (LwM2M Core §6.1: 0 and 65535 are reserved). */
export const shortServerIdSchema = z.number().int().min(1).max(65534);

/** A pattern over endpoint names or URIs in which `*` stands for any text. */
export const patternSchema = z.string().min(1).max(1024);

/** Whether `text` fits a pattern in which `*` stands for any text (also none). Linear in the length of both. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  const last = parts[parts.length - 1] ?? "";
  if (parts.length === 1) return text === pattern;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

export const matchesAny = (patterns: readonly string[], text: string): boolean => patterns.some((pattern) => matchesPattern(pattern, text));

/** For fastify's `routerOptions.maxParamLength`: an endpoint name may have 1 KiB, and percent-encoded three times as much. */
export const maxParamLength = 4096;
