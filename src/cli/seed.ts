import { randomInt } from "node:crypto";

/** A seed nobody gave: short enough to be typed again. */
export const freshSeed = (): string => String(randomInt(1, 2 ** 31));
