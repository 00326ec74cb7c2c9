import { summarise, type Peer } from "../../coap/index.js";
import type { TraceLog } from "../../operator/index.js";
import { formatAddress, type Address, type DatagramSocket, type Network } from "../../ports/index.js";

/** Clients a tap serves at once. */
const maxClients = 5_000;

interface Client {
  readonly peer: Peer;
  readonly socket: Promise<DatagramSocket>;
}

/**
 * A witness on the wire of a role that is not ours: a UDP port that passes datagrams on, from a socket per client as a NAT does, and records each one as the
 * role's own log would. Datagrams are filed under the endpoint name that their client's Register or Bootstrap-Request gives.
 */
export async function wireTap(network: Network, to: Address, trace: TraceLog): Promise<{ readonly local: Address; close(): Promise<void> }> {
  const clients = new Map<string, Client>();
  const ignoreErrors = { onSocketError: () => {} };

  const clientAt = (address: Address): Client | undefined => {
    const key = formatAddress(address);
    const known = clients.get(key);
    if (known !== undefined) return known;
    if (clients.size >= maxClients) return undefined;
    const peer: Peer = { address };
    const socket = network.bind(
      { host: front.local.host, connect: to },
      {
        ...ignoreErrors,
        onDatagram: (datagram) => {
          record("out", datagram, peer);
          front.send(datagram, address);
        },
      },
    );
    const client = { peer, socket };
    clients.set(key, client);
    return client;
  };

  const front: DatagramSocket = await network.bind(
    { host: "127.0.0.1" },
    {
      ...ignoreErrors,
      onDatagram: (datagram, from) => {
        const client = clientAt(from);
        if (client === undefined) return;
        const name = nameIn(datagram);
        if (name !== undefined) client.peer.label = name;
        record("in", datagram, client.peer);
        void client.socket.then((socket) => socket.send(datagram));
      },
    },
  );
  const record = trace.tapFor(front.local) ?? (() => {});

  return {
    local: front.local,
    async close() {
      await front.close();
      await Promise.all([...clients.values()].map(async ({ socket }) => (await socket).close()));
    },
  };
}

/** `ep` of a Register or a Bootstrap-Request. */
function nameIn(datagram: Uint8Array): string | undefined {
  // Code 0.02; everything else names nobody.
  if (datagram[1] !== 0x02) return undefined;
  const { coap } = summarise(datagram);
  if (coap?.path !== "/rd" && coap?.path !== "/bs") return undefined;
  return coap.query?.find((item) => item.startsWith("ep="))?.slice(3);
}
