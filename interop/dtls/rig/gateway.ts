import type { Address, DatagramSocket } from "../../../src/ports/index.js";
import { LOOPBACK, ports } from "./ours.js";

export interface Gateway {
  /** Where the client goes in place of the server. */
  readonly port: number;
  /** As the server sees the client now. */
  readonly outside: Address;
  close(): Promise<void>;
}

/** Network address translation between one client and a server, which takes another port before it passes on a datagram for which `movesBefore` holds. What comes for a port that it had is lost. */
export async function gateway(serverPort: number, movesBefore: (datagram: Buffer) => boolean): Promise<Gateway> {
  const server = { host: LOOPBACK, port: serverPort };
  let client: Address | undefined = undefined;
  let isClosed = false;
  const bindOutside = (): Promise<DatagramSocket> =>
    ports.network.bind(
      { host: LOOPBACK },
      {
        onDatagram: (datagram) => {
          if (client !== undefined && !isClosed) inside.send(datagram, client);
        },
        onSocketError: () => {},
      },
    );
  let outside = await bindOutside();
  const pass = async (datagram: Buffer): Promise<void> => {
    if (isClosed) return;
    if (movesBefore(datagram)) {
      const before = outside;
      outside = await bindOutside();
      await before.close();
    }
    outside.send(datagram, server);
  };
  // One after the other, in the order in which they came.
  let passing = Promise.resolve();
  const inside = await ports.network.bind(
    { host: LOOPBACK },
    {
      onDatagram: (datagram, from) => {
        client = from;
        const copy = Buffer.from(datagram);
        passing = passing.then(() => pass(copy));
      },
      onSocketError: () => {},
    },
  );
  return {
    port: inside.local.port,
    get outside() {
      return outside.local;
    },
    close: async () => {
      isClosed = true;
      await inside.close();
      await passing;
      await outside.close();
    },
  };
}
