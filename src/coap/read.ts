import { NO_BLOCK } from "./block.js";
import { Codes } from "./codes.js";
import type { Frame } from "./frame.js";
import { isCritical, OptionNumber, optionRule } from "./options.js";
import type { Code, Option, Response } from "./types.js";

/** Why a message's options cannot be accepted. */
export interface OptionProblem {
  readonly number: number;
  /** What a request with it is answered. */
  readonly code: Code;
}

/**
 * Whether the option at `index` is to be read. A wrong length or a repetition makes an option one that is not understood
 * (RFC 7252 §5.4.3, §5.4.5): elective ones are then ignored, critical ones refuse the message.
 */
function understood(frame: Frame, index: number, number: number): boolean {
  const rule = optionRule(number);
  if (rule === undefined) return false;
  const length = frame.length(index);
  if (length < rule.minLength || length > rule.maxLength) return false;
  return rule.repeatable || index === 0 || frame.number(index - 1) !== number;
}

const copied = (frame: Frame, index: number): Option => ({ number: frame.number(index), value: frame.value(index) });

/** The request's options, read one after another into `into`; returns what is wrong with them. */
export interface RequestFields {
  path: string[];
  query: string[];
  accept?: number;
  contentFormat?: number;
  observe?: number;
  options?: Option[];
  block1: number;
  block2: number;
  size1: number | undefined;
}

export function readRequestOptions(frame: Frame, into: RequestFields): OptionProblem | undefined {
  for (let i = 0; i < frame.optionCount; i++) {
    const number = frame.number(i);
    if (!understood(frame, i, number)) {
      if (isCritical(number)) return { number, code: Codes.BadOption };
      if (optionRule(number) === undefined) (into.options ??= []).push(copied(frame, i));
      continue;
    }
    switch (number) {
      case OptionNumber.UriPath:
        into.path.push(frame.text(i));
        break;
      case OptionNumber.UriQuery:
        into.query.push(frame.text(i));
        break;
      case OptionNumber.ContentFormat:
        into.contentFormat = frame.uint(i);
        break;
      case OptionNumber.Accept:
        into.accept = frame.uint(i);
        break;
      case OptionNumber.Observe:
        into.observe = frame.uint(i);
        break;
      case OptionNumber.Block1:
        into.block1 = frame.uint(i);
        break;
      case OptionNumber.Block2:
        into.block2 = frame.uint(i);
        break;
      case OptionNumber.Size1:
        into.size1 = frame.uint(i);
        break;
      case OptionNumber.Size2:
        break;
      case OptionNumber.IfMatch:
      case OptionNumber.IfNoneMatch:
        // RFC 7252 §5.10.8: the request must not be carried out without the condition, and nobody here can judge one.
        return { number, code: Codes.BadOption };
      case OptionNumber.ProxyUri:
      case OptionNumber.ProxyScheme:
        // RFC 7252 §5.7.2
        return { number, code: Codes.ProxyingNotSupported };
      default:
        (into.options ??= []).push(copied(frame, i));
    }
  }
  return undefined;
}

/** A response as it came, with the block options that the transfer needs. */
export class IncomingResponse implements Response {
  contentFormat?: number;
  locationPath?: string[];
  locationQuery?: string[];
  observe?: number;
  maxAge?: number;
  etag?: Uint8Array;
  payload?: Uint8Array;
  options?: Option[];

  constructor(readonly code: Code) {}
}

/** Block options of the response read last; the caller takes them before anything else is read. */
export const responseBlocks = { block1: NO_BLOCK, block2: NO_BLOCK, size2: -1 };

/**
 * Undefined when the response has a critical option that is not understood. One that the request had counts as understood: libcoap's 4.02 shows
 * the option it complains of. Option values and payload are views.
 */
export function readResponse(frame: Frame, asked: readonly Option[] | undefined): IncomingResponse | undefined {
  const response = new IncomingResponse(frame.code);
  responseBlocks.block1 = NO_BLOCK;
  responseBlocks.block2 = NO_BLOCK;
  responseBlocks.size2 = -1;
  for (let i = 0; i < frame.optionCount; i++) {
    const number = frame.number(i);
    if (!understood(frame, i, number)) {
      if (isCritical(number) && asked?.some((option) => option.number === number) !== true) return undefined;
      if (optionRule(number) === undefined) (response.options ??= []).push(copied(frame, i));
      continue;
    }
    switch (number) {
      case OptionNumber.LocationPath:
        (response.locationPath ??= []).push(frame.text(i));
        break;
      case OptionNumber.LocationQuery:
        (response.locationQuery ??= []).push(frame.text(i));
        break;
      case OptionNumber.ContentFormat:
        response.contentFormat = frame.uint(i);
        break;
      case OptionNumber.Observe:
        response.observe = frame.uint(i);
        break;
      case OptionNumber.MaxAge:
        response.maxAge = frame.uint(i);
        break;
      case OptionNumber.ETag:
        response.etag ??= frame.value(i);
        break;
      case OptionNumber.Block1:
        responseBlocks.block1 = frame.uint(i);
        break;
      case OptionNumber.Block2:
        responseBlocks.block2 = frame.uint(i);
        break;
      case OptionNumber.Size2:
        responseBlocks.size2 = frame.uint(i);
        break;
      default:
        (response.options ??= []).push(copied(frame, i));
    }
  }
  if (frame.payloadLength > 0) response.payload = frame.payload();
  return response;
}
