/** Bounds that a registry entry's range text states for a number, or for the length of a string or of opaque bytes. */
export interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

const interval = /^\[?(-?\d+)(?:\.\.|-|:)(-?\d+)\]?(?: *bytes)?$/i;

/** Reads `0..255`, `1-65534`, `-110..-48`, `[1:4]`, `1..64 Bytes`; anything else (enumerations, prose) states no bounds that could be checked. */
export function parseRange(text: string): Bounds | undefined {
  const match = interval.exec(text);
  if (match === null) return undefined;
  const minimum = Number(match[1]);
  const maximum = Number(match[2]);
  return minimum <= maximum ? { minimum, maximum } : undefined;
}
