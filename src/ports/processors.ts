/** Processor time, in milliseconds since some moment, all processors together. */
export interface ProcessorTimes {
  /** All there was. */
  readonly totalMs: number;
  /** In which nothing ran. */
  readonly idleMs: number;
  /** Of this program, its threads included. */
  readonly ownMs: number;
}

/** Reads what the machine's processors did until now. */
export type Processors = () => ProcessorTimes;
