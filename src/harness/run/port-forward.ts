import type { Address, BindOptions, DatagramHandler, DatagramSocket, Network } from "../../ports/index.js";

/** Clients a forward serves at once; more are not needed and would be a leak. */
const maxClients = 2_000;

/**
 * A second UDP port of a server, so that an account can move to another URI without another server: what arrives is passed on from a socket per
 * client, as a NAT does.
 */
export async function forwardPort(network: Network, at: BindOptions, to: Address): Promise<{ readonly local: Address; close(): Promise<void> }> {
  const clients = new Map<string, Promise<DatagramSocket>>();
  const ignoreErrors = { onSocketError: () => {} };

  const socketFor = (client: Address): Promise<DatagramSocket> | undefined => {
    const key = `${client.host} ${client.port}`;
    const known = clients.get(key);
    if (known !== undefined) return known;
    if (clients.size >= maxClients) return undefined;
    const back: DatagramHandler = { ...ignoreErrors, onDatagram: (datagram) => front.send(datagram, client) };
    const bound = network.bind({ host: at.host, connect: to }, back);
    clients.set(key, bound);
    return bound;
  };

  const front: DatagramSocket = await network.bind(
    at,
    { ...ignoreErrors, onDatagram: (datagram, from) => void socketFor(from)?.then((socket) => socket.send(datagram)) },
  );
  return {
    local: front.local,
    async close() {
      await front.close();
      await Promise.all([...clients.values()].map(async (socket) => (await socket).close()));
    },
  };
}
