/**
 * Block option values (RFC 7959 §2.2) as the integers they are on the wire: number << 4 | more << 3 | size exponent. -1 stands for "no option".
 */
export const NO_BLOCK = -1;

/** The reserved size exponent. */
export const RESERVED_SZX = 7;
/** Block numbers have 20 bits. */
export const MAX_BLOCK_NUMBER = 0xfffff;

export const packBlock = (number: number, more: boolean, szx: number): number => number * 16 + (more ? 8 : 0) + szx;
export const blockNumber = (value: number): number => value >>> 4;
export const blockMore = (value: number): boolean => (value & 8) !== 0;
export const blockSzx = (value: number): number => value & 7;

/** Bytes in a block of this exponent. */
export const blockSize = (szx: number): number => 16 << szx;
/** The largest exponent whose blocks are not larger than `size`. */
export const szxFor = (size: number): number => Math.max(0, Math.min(6, Math.floor(Math.log2(size)) - 4));
/** Where a block begins in the body. */
export const blockOffset = (value: number): number => blockNumber(value) * blockSize(blockSzx(value));
