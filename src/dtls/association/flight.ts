import { fragmentsOf, HandshakeType } from "../codec/handshake.js";
import { ContentType, MAX_PLAINTEXT, RECORD_HEADER_LENGTH } from "../codec/record.js";
import type { FlightMessage } from "../handshake/steps.js";
import type { RecordLayer } from "../record/record-layer.js";

/** A server that keeps no state before the cookie cannot put a ClientHello together again. */
const mayBeCut = ({ type, bytes }: FlightMessage): boolean => type === ContentType.handshake && bytes[0] !== HandshakeType.clientHello;

/** A Finished with its header. Where protection leaves less room than this, the datagram is larger than asked rather than one of dozens. */
const LEAST_FRAGMENT = 24;

/** The datagrams of a flight: as many records in each as fit, messages cut where they do not (RFC 6347 §4.2.3). Every sending takes new sequence numbers. */
export function* datagramsOf(flight: readonly FlightMessage[], records: RecordLayer, maxDatagram: number, maxPlaintext = MAX_PLAINTEXT): Generator<Buffer> {
  let packed: Buffer[] = [];
  let length = 0;
  for (const message of flight) {
    const { type, epoch, bytes } = message;
    const room = Math.max(LEAST_FRAGMENT, Math.min(maxPlaintext, maxDatagram - RECORD_HEADER_LENGTH - (epoch === 0 ? 0 : records.overhead)));
    for (const fragment of mayBeCut(message) ? fragmentsOf(bytes, room) : [bytes]) {
      const record = records.seal(type, epoch, fragment);
      if (length + record.length > maxDatagram && packed.length > 0) {
        yield Buffer.concat(packed);
        packed = [];
        length = 0;
      }
      packed.push(record);
      length += record.length;
    }
  }
  if (packed.length > 0) yield packed.length === 1 && packed[0] !== undefined ? packed[0] : Buffer.concat(packed);
}
