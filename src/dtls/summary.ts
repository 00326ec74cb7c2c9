import { Reader, WireError } from "../wire/index.js";
import { alertName } from "./codec/alert.js";
import { readAlert } from "./codec/alert-message.js";
import { handshakeName, readFragment } from "./codec/handshake.js";
import { ContentType, readRecord, recordLength, type DtlsRecord } from "./codec/record.js";

function plainContent(record: DtlsRecord): string {
  if (record.type === ContentType.changeCipherSpec) return "ChangeCipherSpec";
  if (record.type === ContentType.alert) return `alert ${alertName(readAlert(record.fragment).description)}`;
  if (record.type === ContentType.applicationData) return `application data in the clear, ${record.fragment.length} bytes`;
  const reader = new Reader(record.fragment);
  const names: string[] = [];
  while (reader.remaining > 0) {
    const { type, length, offset, body } = readFragment(reader);
    names.push(body.length === length ? handshakeName(type) : `${handshakeName(type)} bytes ${offset} to ${offset + body.length} of ${length}`);
  }
  return names.join(", ");
}

const protectedNames: Readonly<Record<ContentType, string>> = { 20: "ChangeCipherSpec", 21: "alert", 22: "handshake message", 23: "application data", 25: "under a connection id" };

function contentOf(record: DtlsRecord): string {
  if (record.epoch > 0) return `${protectedNames[record.type]}, epoch ${record.epoch}, ${record.fragment.length} bytes`;
  try {
    return plainContent(record);
  } catch (error) {
    if (error instanceof WireError) return `malformed (${error.message})`;
    throw error;
  }
}

/** One line about what a datagram holds, without keys: `clientHello`, `clientKeyExchange; ChangeCipherSpec; handshake message, epoch 1, 40 bytes`. */
export function summarizeDatagram(datagram: Uint8Array): string {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const parts: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    // How long the id is only its receiver knows, and so where the record ends.
    if (bytes[offset] === ContentType.connectionId) {
      parts.push(`records under a connection id, ${bytes.length - offset} bytes`);
      break;
    }
    const record = readRecord(bytes, offset);
    if (record === undefined) {
      parts.push(`${bytes.length - offset} bytes that are no record`);
      break;
    }
    parts.push(contentOf(record));
    offset += recordLength(record);
  }
  return parts.join("; ");
}
