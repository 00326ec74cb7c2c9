import type { Address, TraceEvent } from "../../ports/index.js";
import { addressBytes, CaptureError, type CapturedDatagram } from "./pcapng.js";
import { isOnTheWire } from "./timeline.js";

/** `127.0.0.1:5683` or `[::1]:5683`. Throws `CaptureError`. */
export function readAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new CaptureError(`"${text}" is no address`);
  addressBytes(host);
  return { host, port: Number(match?.[3]) };
}

/**
 * The datagrams of merged events as one capture, as they were on the wire: of a security session its records. A datagram that both ends saw appears once, as its sender sent it; one that only its receiver saw (its sender
 * is not ours) appears as received. `epochOffset`: nanoseconds since 1970 at hrtime 0. Events whose addresses are no IP addresses are left out.
 */
export function captureOf(events: readonly TraceEvent[], epochOffset: bigint): CapturedDatagram[] {
  const sent = new Map<string, number>();
  const datagrams: CapturedDatagram[] = [];
  for (const event of events) {
    if (!isOnTheWire(event)) continue;
    const { direction, local, peer, hex, summary } = event.event;
    const [from, to] = direction === "out" ? [local, peer] : [peer, local];
    const key = `${from} ${to} ${hex}`;
    const unmatched = sent.get(key) ?? 0;
    if (direction === "out") sent.set(key, unmatched + 1);
    else if (unmatched > 0) {
      sent.set(key, unmatched - 1);
      continue;
    }
    const named = event.endpoint === undefined ? event.role : `${event.role}, ${event.endpoint}`;
    try {
      datagrams.push({ at: BigInt(event.at) + epochOffset, from: readAddress(from), to: readAddress(to), payload: Buffer.from(hex, "hex"), comment: `${named}: ${summary}` });
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
    }
  }
  return datagrams;
}
