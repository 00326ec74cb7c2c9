import { DtlsClient } from "../../../src/dtls/index.js";
import { eventually } from "../../process.js";
import { LOOPBACK, ports } from "./ours.js";

export interface RestoredClient {
  send(plaintext: Uint8Array): void;
  next(): Promise<string>;
  close(): Promise<void>;
}

/** Our client that goes on with a session that another one has saved, on a socket of its own. */
export async function restoredClient(port: number, saved: Uint8Array): Promise<RestoredClient> {
  const server = { host: LOOPBACK, port };
  const waiting: string[] = [];
  const made: { client?: DtlsClient } = {};
  const socket = await ports.network.bind({ host: LOOPBACK, connect: server }, { onDatagram: (datagram) => made.client?.receive(datagram), onSocketError: () => {} });
  const client = DtlsClient.restore(ports, (datagram) => socket.send(datagram), server, saved, {
    onConnected: () => {},
    onData: (plaintext) => void waiting.push(plaintext.toString()),
    onClosed: () => {},
  });
  made.client = client;
  return {
    send: (plaintext) => client.send(plaintext),
    next: async () => {
      const message = await eventually(5_000, () => waiting.shift());
      if (message === undefined) throw new Error("nothing came");
      return message;
    },
    close: async () => {
      client.close();
      await socket.close();
    },
  };
}
