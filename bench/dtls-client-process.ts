import { DtlsClient } from "../src/dtls/index.js";
import { realPorts } from "../src/ports/real/index.js";
import { readCredential } from "./dtls-credentials.js";
import { residentAfterCollection } from "./roles.js";

/** Makes handshakes with a server, some at a time, keeps the sessions open and says what they cost: `PORT CREDENTIAL HANDSHAKES CONCURRENCY`. */
const [port, written = "", handshakes, concurrency] = process.argv.slice(2);
const server = { host: "127.0.0.1", port: Number(port) };
const credential = readCredential(written);
const ports = realPorts("bench");
const open: DtlsClient[] = [];

function connect(): Promise<void> {
  return new Promise((resolve, reject) => {
    let client: DtlsClient | undefined = undefined;
    ports.network
      .bind({ host: "127.0.0.1", connect: server }, { onDatagram: (datagram) => client?.receive(datagram), onSocketError: reject })
      .then((socket) => {
        client = new DtlsClient(ports, (datagram) => socket.send(datagram), server, credential, {
          onConnected: () => resolve(),
          onData: () => {},
          onClosed: ({ why }) => reject(new Error(`the session ended: ${why}`)),
        });
        open.push(client);
        client.connect();
      }, reject);
  });
}

async function make(count: number): Promise<void> {
  let left = count;
  const turn = async (): Promise<void> => {
    while (left-- > 0) await connect();
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, turn));
}

await make(500);
const memory = await residentAfterCollection();
const before = process.cpuUsage();
await make(Number(handshakes));
const { user, system } = process.cpuUsage(before);
const bytesPerSession = ((await residentAfterCollection()) - memory) / Number(handshakes);
process.stdout.write(`${JSON.stringify({ event: "bench", handshakesPerCpuSecond: Number(handshakes) / ((user + system) / 1e6), bytesPerSession })}\n`);
process.exit(0);
