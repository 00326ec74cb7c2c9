export interface Link {
  /** `/1/0`. */
  readonly target: string;
  /** Numbers are written bare, text is quoted. */
  readonly attributes?: Readonly<Record<string, string | number>>;
}

/** CoRE link format (RFC 6690). */
export const formatLinks = (links: readonly Link[]): string =>
  links.map(({ target, attributes = {} }) => `<${target}>${Object.entries(attributes).map(([name, value]) => `;${name}=${typeof value === "number" ? value : `"${value}"`}`).join("")}`).join(",");
