import type { DeviceListener, DeviceTrace } from "../../simulators/device/index.js";
import { summarise } from "../coap/index.js";
import { formatAddress } from "../ports/index.js";
import type { Log } from "../ports/index.js";

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
      tapFor: () => (direction, datagram, peer) => {
        log.info({ peer: formatAddress(peer.address) }, `${direction === "in" ? "<-" : "->"} ${summarise(datagram).summary}`);
        log.debug({ hex: Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength).toString("hex") }, "datagram");
      },
    },
  };
}
