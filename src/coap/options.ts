import type { Option } from "./types.js";

/** RFC 7252 §12.2, RFC 7641 §6, RFC 7959 §6, RFC 9175 §7. */
export const OptionNumber = {
  IfMatch: 1,
  UriHost: 3,
  ETag: 4,
  IfNoneMatch: 5,
  Observe: 6,
  UriPort: 7,
  LocationPath: 8,
  UriPath: 11,
  ContentFormat: 12,
  MaxAge: 14,
  UriQuery: 15,
  Accept: 17,
  LocationQuery: 20,
  Block2: 23,
  Block1: 27,
  Size2: 28,
  ProxyUri: 35,
  ProxyScheme: 39,
  Size1: 60,
  RequestTag: 292,
} as const;

/** CoAP content formats that LwM2M uses. */
export const ContentFormat = {
  Text: 0,
  Link: 40,
  Opaque: 42,
  Cbor: 60,
  SenmlJson: 110,
  SenmlCbor: 112,
  Tlv: 11542,
  Json: 11543,
  LwM2mCbor: 11544,
} as const;

/** An option number is critical when it is odd (RFC 7252 §5.4.6). */
export const isCritical = (number: number): boolean => (number & 1) === 1;

/** What is known of an option: the lengths of its value, and whether it may come more than once. */
export interface OptionRule {
  readonly name: string;
  readonly minLength: number;
  readonly maxLength: number;
  readonly repeatable: boolean;
}

const rule = (name: string, minLength: number, maxLength: number, repeatable = false): OptionRule => ({ name, minLength, maxLength, repeatable });

const rules = new Map<number, OptionRule>([
  [OptionNumber.IfMatch, rule("If-Match", 0, 8, true)],
  [OptionNumber.UriHost, rule("Uri-Host", 1, 255)],
  [OptionNumber.ETag, rule("ETag", 1, 8, true)],
  [OptionNumber.IfNoneMatch, rule("If-None-Match", 0, 0)],
  [OptionNumber.Observe, rule("Observe", 0, 3)],
  [OptionNumber.UriPort, rule("Uri-Port", 0, 2)],
  [OptionNumber.LocationPath, rule("Location-Path", 0, 255, true)],
  [OptionNumber.UriPath, rule("Uri-Path", 0, 255, true)],
  [OptionNumber.ContentFormat, rule("Content-Format", 0, 2)],
  [OptionNumber.MaxAge, rule("Max-Age", 0, 4)],
  [OptionNumber.UriQuery, rule("Uri-Query", 0, 255, true)],
  [OptionNumber.Accept, rule("Accept", 0, 2)],
  [OptionNumber.LocationQuery, rule("Location-Query", 0, 255, true)],
  [OptionNumber.Block2, rule("Block2", 0, 3)],
  [OptionNumber.Block1, rule("Block1", 0, 3)],
  [OptionNumber.Size2, rule("Size2", 0, 4)],
  [OptionNumber.ProxyUri, rule("Proxy-Uri", 1, 1034)],
  [OptionNumber.ProxyScheme, rule("Proxy-Scheme", 1, 255)],
  [OptionNumber.Size1, rule("Size1", 0, 4)],
  [OptionNumber.RequestTag, rule("Request-Tag", 0, 8, true)],
]);

/** Rules of the options below 64, where all frequent ones are. */
const lowRules: readonly (OptionRule | undefined)[] = Array.from({ length: 64 }, (_, number) => rules.get(number));

export const optionRule = (number: number): OptionRule | undefined => (number < 64 ? lowRules[number] : rules.get(number));

/** An unsigned integer in as few bytes as it takes; 0 takes none (RFC 7252 §3.2). */
export function uintValue(value: number): Buffer {
  const length = value === 0 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
  const bytes = Buffer.allocUnsafe(length);
  if (length > 0) bytes.writeUIntBE(value, 0, length);
  return bytes;
}

export const uintOption = (number: number, value: number): Option => ({ number, value: uintValue(value) });
export const textOption = (number: number, value: string): Option => ({ number, value: Buffer.from(value, "utf8") });
