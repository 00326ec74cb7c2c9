import { sleep, type Address, type Ports } from "../../ports/index.js";

const pings = 3;
const pingMs = 800;

/** What an address makes of an empty CON. Not every CoAP stack in the field rejects one, but a port without a server refuses it. */
export async function knock(server: Address, ports: Pick<Ports, "clock" | "network" | "secrets">): Promise<"answers" | "refuses" | "is silent"> {
  let settle: (outcome: "answers" | "refuses") => void = () => {};
  const settled = new Promise<"answers" | "refuses">((resolve) => (settle = resolve));
  const socket = await ports.network.bind({ host: server.host.includes(":") ? "::1" : "127.0.0.1", connect: server }, { onDatagram: () => settle("answers"), onSocketError: () => settle("refuses") });
  try {
    for (const messageId of ports.secrets.bytes(pings)) {
      socket.send(Buffer.from([0x40, 0x00, 0x00, messageId]));
      const outcome = await Promise.race([settled, sleep(ports.clock, pingMs, "knock")]);
      if (outcome !== undefined) return outcome;
    }
    return "is silent";
  } finally {
    await socket.close();
  }
}
