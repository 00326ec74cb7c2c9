import { NO_BLOCK } from "./block.js";
import { Codes } from "./codes.js";
import { MessageWriter } from "./message-writer.js";
import { OptionNumber } from "./options.js";
import { Type, type Option, type Request, type Response } from "./types.js";

/** One writer per thread: a message is written from begin to finish without leaving these functions. */
const writer = new MessageWriter();

const NO_OPTIONS: readonly Option[] = [];
const BEYOND_ALL = 0x10000;

function sorted(options: readonly Option[] | undefined): readonly Option[] {
  if (options === undefined) return NO_OPTIONS;
  for (let i = 1; i < options.length; i++) {
    if ((options[i]?.number ?? 0) < (options[i - 1]?.number ?? 0)) return options.toSorted((a, b) => a.number - b.number);
  }
  return options;
}

/** What block-wise transfer adds to a request. */
export interface RequestBlocks {
  readonly block1: number;
  readonly block2: number;
  /** Size of the whole body, with its first block. */
  readonly size1: number | undefined;
  /** The part of the payload to send. */
  readonly from: number;
  readonly to: number;
  /** False in the requests for the further blocks of a response (RFC 7959 §3.4: no Observe there). */
  readonly withObserve: boolean;
}

export function writeRequest(type: Type, messageId: number, token: number, request: Request, blocks: RequestBlocks | undefined): Buffer {
  const extra = sorted(request.options);
  writer.begin(type, request.code, messageId, 4);
  writer.token32(token);
  let at = extra.length === 0 ? 0 : writer.options(extra, 0, OptionNumber.Observe);
  if (request.observe !== undefined && (blocks === undefined || blocks.withObserve)) writer.uint(OptionNumber.Observe, request.observe);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.UriPath);
  for (const segment of request.path) writer.text(OptionNumber.UriPath, segment);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.ContentFormat);
  if (request.contentFormat !== undefined) writer.uint(OptionNumber.ContentFormat, request.contentFormat);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.UriQuery);
  if (request.query !== undefined) for (const parameter of request.query) writer.text(OptionNumber.UriQuery, parameter);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.Accept);
  if (request.accept !== undefined) writer.uint(OptionNumber.Accept, request.accept);
  if (blocks !== undefined) {
    at = writer.options(extra, at, OptionNumber.Block2);
    if (blocks.block2 !== NO_BLOCK) writer.uint(OptionNumber.Block2, blocks.block2);
    at = writer.options(extra, at, OptionNumber.Block1);
    if (blocks.block1 !== NO_BLOCK) writer.uint(OptionNumber.Block1, blocks.block1);
    at = writer.options(extra, at, OptionNumber.Size1);
    if (blocks.size1 !== undefined) writer.uint(OptionNumber.Size1, blocks.size1);
  }
  if (at < extra.length) writer.options(extra, at, BEYOND_ALL);
  if (request.payload !== undefined) {
    if (blocks === undefined) writer.payload(request.payload);
    else writer.payload(request.payload, blocks.from, blocks.to);
  }
  return writer.finish();
}

/** What block-wise transfer adds to a response. */
export interface ResponseBlocks {
  readonly block1: number;
  readonly block2: number;
  readonly size1: number | undefined;
  readonly size2: number | undefined;
  readonly etag: Uint8Array | undefined;
  readonly from: number;
  readonly to: number;
}

export function writeResponse(type: Type, messageId: number, token: Uint8Array, response: Response, observe: number | undefined, blocks: ResponseBlocks | undefined): Buffer {
  const extra = sorted(response.options);
  writer.begin(type, response.code, messageId, token.length);
  writer.token(token);
  const etag = response.etag ?? blocks?.etag;
  const sequence = observe ?? response.observe;
  let at = extra.length === 0 ? 0 : writer.options(extra, 0, OptionNumber.ETag);
  if (etag !== undefined) writer.opaque(OptionNumber.ETag, etag);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.Observe);
  if (sequence !== undefined) writer.uint(OptionNumber.Observe, sequence);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.LocationPath);
  if (response.locationPath !== undefined) for (const segment of response.locationPath) writer.text(OptionNumber.LocationPath, segment);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.ContentFormat);
  if (response.contentFormat !== undefined) writer.uint(OptionNumber.ContentFormat, response.contentFormat);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.MaxAge);
  if (response.maxAge !== undefined) writer.uint(OptionNumber.MaxAge, response.maxAge);
  if (at < extra.length) at = writer.options(extra, at, OptionNumber.LocationQuery);
  if (response.locationQuery !== undefined) for (const parameter of response.locationQuery) writer.text(OptionNumber.LocationQuery, parameter);
  if (blocks !== undefined) {
    at = writer.options(extra, at, OptionNumber.Block2);
    if (blocks.block2 !== NO_BLOCK) writer.uint(OptionNumber.Block2, blocks.block2);
    at = writer.options(extra, at, OptionNumber.Block1);
    if (blocks.block1 !== NO_BLOCK) writer.uint(OptionNumber.Block1, blocks.block1);
    at = writer.options(extra, at, OptionNumber.Size2);
    if (blocks.size2 !== undefined) writer.uint(OptionNumber.Size2, blocks.size2);
    at = writer.options(extra, at, OptionNumber.Size1);
    if (blocks.size1 !== undefined) writer.uint(OptionNumber.Size1, blocks.size1);
  }
  if (at < extra.length) writer.options(extra, at, BEYOND_ALL);
  if (response.payload !== undefined) {
    if (blocks === undefined) writer.payload(response.payload);
    else writer.payload(response.payload, blocks.from, blocks.to);
  }
  return writer.finish();
}

/** An Empty message: ACK, RST, or as CON a ping (RFC 7252 §4.1, §4.3). */
export function writeEmpty(type: Type, messageId: number): Buffer {
  writer.begin(type, Codes.Empty, messageId, 0);
  return writer.finish();
}

export const writeReset = (messageId: number): Buffer => writeEmpty(Type.RST, messageId);
export const writeAck = (messageId: number): Buffer => writeEmpty(Type.ACK, messageId);
