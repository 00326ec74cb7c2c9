/** One line of the benchmark's table. A ratio is measured side by side in one run. */
export interface Figure {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  /** `>= 5000`: what must be reached; empty: no such bound. */
  readonly floor: string;
  readonly aim: string;
  /** What the value is measured against, or how. */
  readonly against: string;
}

/** Whether a value keeps a bound written as in `Figure`; undefined where there is none. */
export function keeps(value: number, bound: string): boolean | undefined {
  const match = /^(<=|>=|=)\s*([\d.]+)/.exec(bound);
  if (match === null) return undefined;
  const limit = Number(match[2]);
  return match[1] === "<=" ? value <= limit : match[1] === ">=" ? value >= limit : value === limit;
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
