import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";

interface Held {
  readonly port: number;
  readonly release: () => Promise<void>;
}

const listen = (host: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => resolve(server));
  });

/** Undefined where somebody has the port. */
const bindUdp = (host: string, port: number): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => socket.close(() => resolve(undefined)));
    socket.bind({ address: host, port, exclusive: true }, () => resolve(socket));
  });

/** As many tries as nobody needs unless hardly a port is left. */
const mostTries = 100;

async function hold(host: string): Promise<Held> {
  for (let tries = 0; tries < mostTries; tries++) {
    const server = await listen(host);
    const closed = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const socket = await bindUdp(host, port);
    if (socket === undefined) {
      await closed();
      continue;
    }
    return {
      port,
      release: async () => {
        await new Promise<void>((resolve) => void socket.close(() => resolve()));
        await closed();
      },
    };
  }
  throw new Error(`there is hardly a port of ${host} that is free for UDP and TCP`);
}

/**
 * Ports that were free a moment ago for UDP and TCP alike, all different: for servers that must know each other's address before any of them is bound, and
 * for programs that go on without a word when one of theirs was taken. Somebody else may take one meanwhile.
 */
export async function freePorts(host: string, count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => hold(host)));
  await Promise.all(held.map(({ release }) => release()));
  return held.map(({ port }) => port);
}
