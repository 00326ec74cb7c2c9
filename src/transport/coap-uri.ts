/** Where a CoAP URI points (RFC 7252 §6, RFC 8323 §8): LwM2M server URIs have nothing but scheme, host and port. */
export interface CoapUri {
  readonly scheme: "coap" | "coaps" | "coap+tcp" | "coaps+tcp";
  /** Without brackets when it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

export class CoapUriError extends Error {
  override readonly name = "CoapUriError";

  constructor(
    readonly uri: string,
    problem: string,
  ) {
    super(`"${uri}": ${problem}`);
  }
}

const defaultPorts: Readonly<Record<CoapUri["scheme"], number>> = { coap: 5683, coaps: 5684, "coap+tcp": 5683, "coaps+tcp": 5684 };

const isScheme = (text: string): text is CoapUri["scheme"] => Object.hasOwn(defaultPorts, text);

/** Throws CoapUriError on everything that is no address of a server: other schemes, paths, queries, user names. */
export function parseCoapUri(uri: string): CoapUri {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^[\]:/?#@]+)(?::(\d{1,5}))?\/?$/i.exec(uri);
  if (match === null) throw new CoapUriError(uri, "not of the form coap://host[:port]");
  const [, scheme = "", host = "", port] = match;
  const known = scheme.toLowerCase();
  if (!isScheme(known)) throw new CoapUriError(uri, `scheme ${scheme} is not one of ${Object.keys(defaultPorts).join(", ")}`);
  const number = port === undefined ? defaultPorts[known] : Number(port);
  if (number < 1 || number > 65_535) throw new CoapUriError(uri, `port ${number} is not within 1 to 65535`);
  return { scheme: known, host: host.replace(/^\[|\]$/g, "").toLowerCase(), port: number };
}
