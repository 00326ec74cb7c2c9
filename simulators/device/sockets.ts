import type { EndpointLimits, Peer } from "../../src/coap/index.js";
import { secureEndpoint, udpEndpoint, type SecureEndpoint, type UdpEndpoint } from "../../src/transport/index.js";
import type { Device } from "./device.js";
import { securityOfAccount } from "./security.js";
import type { ServerLink } from "./server-link.js";

export type DeviceSocket = UdpEndpoint | SecureEndpoint;
export const isSecured = (socket: DeviceSocket): socket is SecureEndpoint => "resumption" in socket;

/** A device talks to one peer per socket and gets a few kilobytes at a time; an endpoint of a fleet must be small. */
const limits: Partial<EndpointLimits> = { maxPeers: 2, deduplicationPerPeer: 8, maxBodyBytes: 64 * 1024, maxTransfersPerPeer: 2 };

/** What Linux usually grants without asking; asked for, because other systems start with much less. */
const receiveBuffer = 212_992;

/** A socket connected to where the link's account points. Rejects when there is none to be had, nothing to connect to, or no security that fits. */
export async function openSocket(device: Device, link: ServerLink): Promise<DeviceSocket> {
  const { host, spec, radio } = device;
  const { uri, security, owner, resumption } = link;
  const address = host.addressOf(uri);
  const secured = securityOfAccount(security, address, spec.trustStore);
  const options = { host: spec.host ?? (address.host.includes(":") ? "::1" : "127.0.0.1"), connect: { host: address.host, port: address.port }, receiveBuffer, transmission: spec.timing.coap, limits };
  try {
    if (secured.mode === "nosec") return await udpEndpoint(radio, options, owner);
    const settings = host.dtlsSettings({ timing: spec.timing.dtls, connectionIdLength: spec.connectionIdLength, serverName: secured.serverName, suites: secured.suites });
    return await secureEndpoint(radio, { ...options, credential: secured.credential, settings, resume: resumption }, owner, link);
  } catch (error) {
    host.refusedSockets++;
    throw error;
  }
}

/** The peer at the other end of a socket that came open: labelled, traced and mutated as the device is. */
export function takeSocket(device: Device, socket: DeviceSocket, uri: string): Peer {
  const { host, port } = device.host.addressOf(uri);
  device.host.socketOpened(socket);
  const peer = socket.peer({ host, port });
  peer.label = device.endpoint;
  tapSocket(device, socket);
  if (device.mutation !== undefined) socket.mutate = device.mutation;
  return peer;
}

/** What passes is filed under the address that the socket has now. */
export function tapSocket(device: Device, socket: DeviceSocket): void {
  const trace = device.traced ? device.host.trace : device.host.recorder;
  socket.tap = trace?.tapFor(socket.local);
  if (isSecured(socket)) socket.recordTap = trace?.recordTapFor(socket.local, device.endpoint);
}
