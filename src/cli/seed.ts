import { randomInt } from "node:crypto";
import { seededRandom } from "../ports/real/index.js";

/** A seed nobody gave: short enough to be typed again. */
export const freshSeed = (): string => String(randomInt(1, 2 ** 31));

/** The number that device plans are seeded with; the same text gives the same number. */
export const seedNumber = (seed: string): number => (/^\d{1,9}$/.test(seed) ? Number(seed) : seededRandom(seed).below(2 ** 31));
