import type { CoapSummary } from "../ports/index.js";
import { Codes, formatCode, isRequest } from "./codes.js";
import { CoapFormatError } from "./errors.js";
import { Frame } from "./frame.js";
import { OptionNumber } from "./options.js";

const types = ["CON", "NON", "ACK", "RST"] as const;
const methods = ["", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const formatBlock = (value: number): string => `${value >>> 4}/${(value >> 3) & 1}/${2 ** ((value & 7) + 4)}`;

function read(frame: Frame): CoapSummary {
  const path: string[] = [];
  const query: string[] = [];
  const summary: Mutable<CoapSummary> = {
    type: types[frame.type],
    code: formatCode(frame.code),
    messageId: frame.messageId,
    token: frame.token().toString("hex"),
    payloadLength: frame.payloadLength,
  };
  for (let i = 0; i < frame.optionCount; i++) {
    // An integer longer than the registered four bytes is left out; the summary never fails.
    const integer = frame.length(i) <= 4;
    switch (frame.number(i)) {
      case OptionNumber.UriPath:
        path.push(frame.text(i));
        break;
      case OptionNumber.UriQuery:
        query.push(frame.text(i));
        break;
      case OptionNumber.Observe:
        if (integer) summary.observe = frame.uint(i);
        break;
      case OptionNumber.ContentFormat:
        if (integer) summary.contentFormat = frame.uint(i);
        break;
      case OptionNumber.Block1:
        if (integer) summary.block1 = formatBlock(frame.uint(i));
        break;
      case OptionNumber.Block2:
        if (integer) summary.block2 = formatBlock(frame.uint(i));
        break;
      default:
        break;
    }
  }
  if (isRequest(frame.code)) summary.path = `/${path.join("/")}`;
  if (query.length > 0) summary.query = query;
  return summary;
}

function location(frame: Frame): string {
  let text = "";
  for (let i = 0; i < frame.optionCount; i++) if (frame.number(i) === OptionNumber.LocationPath) text += `/${frame.text(i)}`;
  return text;
}

function line(frame: Frame, coap: CoapSummary): string {
  const what = frame.code === Codes.Empty ? (frame.type === 0 ? "ping" : "empty") : isRequest(frame.code) ? (methods[frame.code] ?? coap.code) : coap.code;
  const parts: string[] = [coap.type, what];
  if (coap.path !== undefined) parts.push(coap.query === undefined ? coap.path : `${coap.path}?${coap.query.join("&")}`);
  const created = location(frame);
  if (created !== "") parts.push(`location=${created}`);
  parts.push(`mid=${coap.messageId}`);
  if (coap.token !== "") parts.push(`token=${coap.token}`);
  if (coap.observe !== undefined) parts.push(`observe=${coap.observe}`);
  if (coap.contentFormat !== undefined) parts.push(`ct=${coap.contentFormat}`);
  if (coap.block1 !== undefined) parts.push(`block1=${coap.block1}`);
  if (coap.block2 !== undefined) parts.push(`block2=${coap.block2}`);
  if (coap.payloadLength > 0) parts.push(`${coap.payloadLength} bytes`);
  return parts.join(" ");
}

/** One line for a reader and the fields oracles ask for; for bytes that are no message, why not. */
export function summarise(datagram: Uint8Array): { summary: string; coap?: CoapSummary } {
  const frame = new Frame();
  try {
    frame.read(Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength));
  } catch (error) {
    if (error instanceof CoapFormatError) return { summary: `malformed: ${error.message}` };
    throw error;
  }
  const coap = read(frame);
  return { summary: line(frame, coap), coap };
}
