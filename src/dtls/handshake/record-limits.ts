/** Bytes of plaintext that a record may have, each way; undefined is as much as a record holds. */
export interface RecordLimits {
  readonly send: number | undefined;
  readonly receive: number | undefined;
}

export const MAX_RECORD_SIZE_LIMIT = 1 << 14;
export const MIN_RECORD_SIZE_LIMIT = 64;

/** RFC 6066 §4, by the number that stands for each. */
export const fragmentLengths: readonly (number | undefined)[] = [undefined, 512, 1_024, 2_048, 4_096];
