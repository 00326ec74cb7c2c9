const entityTag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** Whether an If-Match holds for a representation: `*`, or a list of tags with the current one in it; a weak tag never matches (RFC 9110 §13.1.1). */
export function ifMatchHolds(given: string, current: string): boolean {
  return given === "*" || [...given.matchAll(entityTag)].some(([tag]) => tag === current);
}
