import { ContentError } from "../errors.js";

/** An attribute's text, quotes removed; `true` when it has no value. */
export type LinkAttribute = string | true;

/** One item of a link-format payload (RFC 6690). */
export interface Link {
  /** What stands between `<` and `>`; empty for an item that has none (`lwm2m="1.0"`). */
  readonly target: string;
  readonly attributes: Readonly<Record<string, LinkAttribute>>;
}

/** Attributes that are always written in quotes; any other is written bare when its text allows it. */
const quoted = new Set(["rt", "if", "uri", "title", "anchor"]);

const isControl = (char: number): boolean => char < 0x20 || char === 0x7f;

/** RFC 6690 §2: text that may stand outside quotes; none of `" , ; < = > \` nor a space. */
function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char <= 0x20 || char >= 0x7f || char === 0x22 || char === 0x2c || (char >= 0x3b && char <= 0x3e) || char === 0x5c) return false;
  }
  return true;
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (isControl(text.charCodeAt(at))) return true;
  return false;
}

function quote(text: string): string {
  if (hasControl(text)) throw new ContentError("a link attribute cannot hold a control character");
  return `"${text.includes('"') || text.includes("\\") ? text.replaceAll(/["\\]/g, "\\$&") : text}"`;
}

export interface LinkStyle {
  /** LwM2M 1.0 writes `ver="1.1"`, later versions `ver=1.1`. */
  readonly quotedVersion?: boolean;
}

/** Writes one link strictly. Attributes come in the order of the record. Throws `ContentError` for what link format cannot hold. */
export function formatLink(link: Link, style: LinkStyle = {}): string {
  const { target, attributes } = link;
  if (target.includes(">") || target.includes("<") || hasControl(target)) throw new ContentError("a link target cannot hold < or > or a control character");
  let text = `<${target}>`;
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined) continue;
    if (!isToken(name)) throw new ContentError(`not a name of a link attribute: ${name}`);
    if (value === true) text += `;${name}`;
    else text += `;${name}=${quoted.has(name) || (name === "ver" && style.quotedVersion === true) || !isToken(value) ? quote(value) : value}`;
  }
  return text;
}

export const formatLinks = (links: readonly Link[], style: LinkStyle = {}): string => links.map((link) => formatLink(link, style)).join(",");
