import { ExchangeError, type EndpointLimits, type Peer, type RequestHandler } from "../../src/coap/index.js";
import { udpEndpoint, type UdpEndpoint } from "../../src/transport/index.js";
import type { Device } from "./device.js";
import type { Radio } from "./radio.js";

/** A device talks to one peer per socket and gets a few kilobytes at a time; an endpoint of a fleet must be small. */
const limits: Partial<EndpointLimits> = { maxPeers: 2, deduplicationPerPeer: 8, maxBodyBytes: 64 * 1024, maxTransfersPerPeer: 2 };

/** What Linux usually grants without asking; asked for, because other systems start with much less. */
const receiveBuffer = 212_992;

/** A socket connected to where a CoAP URI points. Rejects when there is none to be had, or nothing to connect to. */
export function openSocket(device: Device, radio: Radio, uri: string, handler: RequestHandler): Promise<UdpEndpoint> {
  let address;
  try {
    address = device.host.addressOf(uri);
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
  if (address.scheme !== "coap") return Promise.reject(new ExchangeError("unreachable", uri));
  const { host, port } = address;
  const { spec } = device;
  const endpoint = udpEndpoint(radio, { host: spec.host ?? "127.0.0.1", connect: { host, port }, receiveBuffer, transmission: spec.timing.coap, limits }, handler);
  endpoint.catch(() => device.host.refusedSockets++);
  return endpoint;
}

/** The peer at the other end of a socket that came open: labelled, traced and mutated as the device is. */
export function takeSocket(device: Device, endpoint: UdpEndpoint, uri: string): Peer {
  const { host, port } = device.host.addressOf(uri);
  device.host.socketOpened(endpoint);
  const peer = endpoint.peer({ host, port });
  peer.label = device.endpoint;
  endpoint.tap = (device.traced ? device.host.trace : device.host.recorder)?.tapFor(endpoint.local);
  if (device.mutation !== undefined) endpoint.mutate = device.mutation;
  return peer;
}
