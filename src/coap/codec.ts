import { Frame } from "./frame.js";
import { MessageWriter } from "./message-writer.js";
import type { Message, Option } from "./types.js";

const frame = new Frame();
const writer = new MessageWriter();

/**
 * One message from a datagram. Token, option values and payload are views of `bytes`.
 * Throws CoapFormatError and nothing else, with `type` and `messageId` when the header could be read.
 */
export function decode(bytes: Uint8Array): Message {
  frame.read(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const options: Option[] = [];
  for (let i = 0; i < frame.optionCount; i++) options.push({ number: frame.number(i), value: frame.value(i) });
  return { type: frame.type, code: frame.code, messageId: frame.messageId, token: frame.token(), options, payload: frame.payload() };
}

const ascending = (options: readonly Option[]): boolean => options.every((option, i) => i === 0 || option.number >= (options[i - 1]?.number ?? 0));

/** The message's bytes. Options out of order are put in order; nothing else is checked, so that wrong messages can be made too. */
export function encode(message: Message): Buffer {
  const { token, options, payload } = message;
  if (token.length > 15) throw new RangeError(`a token of ${token.length} bytes cannot be written`);
  writer.begin(message.type, message.code, message.messageId, token.length);
  writer.token(token);
  writer.options(ascending(options) ? options : options.toSorted((a, b) => a.number - b.number), 0, Infinity);
  writer.payload(payload);
  return writer.finish();
}
