/** FNV-1a, 32 bit: names that stay the same from run to run and need no secret. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

const slug = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 80);

/** `bootstrap/client-initiated/an-unknown-endpoint-is-refused`: the feature's path below `features/`, and the scenario's name. Never a position. */
export function scenarioId(uri: string, name: string): string {
  const path = uri.replace(/^.*features\//, "").replace(/\.feature(\.md)?$/, "");
  return `${path}/${slug(name)}`;
}

/**
 * Six characters that stand for a scenario in endpoint names; others each time a scenario runs again, and in runs of another seed: a server that goes on
 * running remembers what it was told of a device.
 */
export function scenarioKey(id: string, repetition: number, seed: string): string {
  return fnv1a(`${seed}/${id}#${repetition}`).toString(36).padStart(7, "0").slice(-6);
}

/** A number in [0, 2^31) for a device's choices, from the run's seed and the device's name. */
export const deviceSeed = (seed: string, endpoint: string): number => fnv1a(`${seed}/${endpoint}`) >>> 1;
