import { isUtf8 } from "node:buffer";
import { ContentError } from "../errors.js";
import type { Link, LinkAttribute } from "./link.js";

/** Bounds of what a link-format payload may hold; a larger one is refused. */
export interface LinkLimits {
  readonly maxBytes: number;
  readonly maxLinks: number;
  readonly maxAttributesPerLink: number;
}

export const defaultLinkLimits: LinkLimits = { maxBytes: 65_536, maxLinks: 8_192, maxAttributesPerLink: 32 };

const space = 0x20;
const doubleQuote = 0x22;
const comma = 0x2c;
const semicolon = 0x3b;
const lessThan = 0x3c;
const equals = 0x3d;
const backslash = 0x5c;

const noAttributes: Readonly<Record<string, LinkAttribute>> = Object.freeze({});

const isSpace = (char: number): boolean => char === space || (char >= 9 && char <= 13);

/**
 * Reads link format leniently: spaces and line ends between items, quoted or bare attribute values, and empty items pass. An item without `<>`
 * becomes an attribute of its own, with an empty target: `lwm2m="1.0"` opens the Bootstrap-Discover answer of LwM2M 1.0.
 * Throws `ContentError` and nothing else.
 */
export function parseLinks(payload: string | Uint8Array, limits: LinkLimits = defaultLinkLimits): Link[] {
  if (payload.length > limits.maxBytes) throw new ContentError(`link format of ${payload.length} bytes; the limit is ${limits.maxBytes}`);
  return new LinkReader(linkText(payload), limits).links();
}

export function linkText(payload: string | Uint8Array): string {
  if (typeof payload === "string") return payload;
  if (!isUtf8(payload)) throw new ContentError("link format is not UTF-8");
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
}

class LinkReader {
  readonly #text: string;
  readonly #limits: LinkLimits;
  #at = 0;

  constructor(text: string, limits: LinkLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  links(): Link[] {
    const links: Link[] = [];
    while (this.#skip(true)) {
      if (links.length === this.#limits.maxLinks) throw new ContentError(`more than ${this.#limits.maxLinks} links`);
      links.push(this.#link());
      this.#skip(false);
      if (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) !== comma) throw this.#unexpected("a comma");
    }
    return links;
  }

  /** Moves to the next character that is no space (nor a comma, between items); false at the end. */
  #skip(commas: boolean): boolean {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charCodeAt(this.#at);
      if (!isSpace(char) && !(commas && char === comma)) return true;
    }
    return false;
  }

  #link(): Link {
    if (this.#text.charCodeAt(this.#at) !== lessThan) {
      const attributes: Record<string, LinkAttribute> = {};
      this.#attribute(attributes);
      return { target: "", attributes: this.#attributes(attributes, 1) };
    }
    const end = this.#text.indexOf(">", this.#at);
    if (end < 0) throw this.#unexpected("'>'");
    const target = this.#text.slice(this.#at + 1, end).trim();
    this.#at = end + 1;
    return { target, attributes: this.#attributes(undefined, 0) };
  }

  #attributes(into: Record<string, LinkAttribute> | undefined, already: number): Readonly<Record<string, LinkAttribute>> {
    let attributes = into;
    for (let count = already; ; count++) {
      if (!this.#skip(false) || this.#text.charCodeAt(this.#at) !== semicolon) return attributes ?? noAttributes;
      if (count === this.#limits.maxAttributesPerLink) throw new ContentError(`more than ${this.#limits.maxAttributesPerLink} attributes in a link`);
      this.#at++;
      if (!this.#skip(false)) return attributes ?? noAttributes;
      const next = this.#text.charCodeAt(this.#at);
      if (next === semicolon || next === comma) continue;
      attributes ??= {};
      this.#attribute(attributes);
    }
  }

  #attribute(into: Record<string, LinkAttribute>): void {
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#endsName(this.#text.charCodeAt(this.#at))) this.#at++;
    const name = this.#text.slice(start, this.#at);
    if (name === "") throw this.#unexpected("an attribute's name");
    this.#skip(false);
    let value: LinkAttribute = true;
    if (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) === equals) {
      this.#at++;
      this.#skip(false);
      value = this.#value();
    }
    // RFC 6690 §2: of a repeated attribute the first counts.
    if (!Object.hasOwn(into, name)) Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true });
  }

  #endsName(char: number): boolean {
    return char === equals || char === semicolon || char === comma || char === doubleQuote || char === lessThan || isSpace(char);
  }

  #value(): string {
    if (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) === doubleQuote) return this.#quoted();
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const char = this.#text.charCodeAt(this.#at);
      if (char === semicolon || char === comma || char === doubleQuote || isSpace(char)) break;
      this.#at++;
    }
    return this.#text.slice(start, this.#at);
  }

  #quoted(): string {
    const start = ++this.#at;
    let escaped = false;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charCodeAt(this.#at);
      if (char === doubleQuote) {
        const text = this.#text.slice(start, this.#at++);
        return escaped ? text.replaceAll(/\\(.)/gs, "$1") : text;
      }
      if (char === backslash) {
        escaped = true;
        this.#at++;
      }
    }
    throw this.#unexpected("a closing quote");
  }

  #unexpected(wanted: string): ContentError {
    return new ContentError(`link format: ${wanted} wanted at ${this.#at}`);
  }
}
