import type { DeviceListener, DeviceTrace } from "../../simulators/device/index.js";
import { summarise } from "../coap/index.js";
import { summarizeDatagram } from "../dtls/index.js";
import { withoutKey } from "../lwm2m/index.js";
import { formatAddress } from "../ports/index.js";
import type { Log } from "../ports/index.js";

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/** Tells what happens to a device, as it happens: states at `info`, datagrams at `debug` and, decoded in a line, at `info`. */
export function narrated(log: Log): { readonly listener: DeviceListener; readonly trace: DeviceTrace } {
  return {
    listener: {
      onState: (_device, from, to) => log.info({ from, to }, "state"),
      onMeasure: (_device, measure, milliseconds) => log.info({ ms: Math.round(milliseconds * 10) / 10 }, measure),
      onFailure: (_device, reason) => log.warn({ reason }, "failed"),
    },
    trace: {
      record: (event) => {
        if (event.kind === "state") log.info({ machine: event.machine, id: event.id, from: event.from, to: event.to, input: event.input, ...event.detail }, "step");
      },
      recordTapFor: (_local, endpoint) => ({
        onRecords: (direction, datagram, peer) => log.debug({ peer: formatAddress(peer), hex: hexOf(datagram) }, `${direction === "in" ? "<=" : "=>"} ${endpoint} ${summarizeDatagram(datagram)}`),
        onSession: () => {},
      }),
      tapFor: () => (direction, datagram, peer) => {
        const { summary, coap } = summarise(datagram);
        log.info({ peer: formatAddress(peer.address) }, `${direction === "in" ? "<-" : "->"} ${summary}`);
        log.debug({ hex: hexOf(withoutKey(datagram, coap)) }, "datagram");
      },
    },
  };
}
