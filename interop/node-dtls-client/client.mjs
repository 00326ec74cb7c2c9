#!/usr/bin/env node
/**
 * node-dtls-client: a handshake, one message out, one back. One JSON object a line.
 *
 *   client.mjs PORT SUITE IDENTITY KEY TEXT [handshakes]
 *
 * The package takes the key as ASCII text. With a number of handshakes it makes these one after the other, keeps them open and says what they cost.
 */
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(import.meta.dirname, "..", ".cache", "node-dtls-client", "package.json"));
const { dtls } = require("node-dtls-client");

const [port, suite, identity, key, text, handshakes] = process.argv.slice(2);
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

function connect() {
  return new Promise((resolve, reject) => {
    const socket = dtls.createSocket({
      type: "udp4",
      address: "127.0.0.1",
      port: Number(port),
      psk: { [identity]: key },
      timeout: 5_000,
      ciphers: [suite],
    });
    socket.once("connected", () => resolve(socket));
    socket.once("error", reject);
  });
}

async function exchange() {
  const socket = await connect();
  say({ event: "session" });
  const answer = new Promise((resolve) => socket.once("message", resolve));
  socket.send(Buffer.from(text));
  say({ event: "data", text: (await answer).toString() });
  await new Promise((resolve) => socket.close(resolve));
  say({ event: "done" });
}

async function bench(count) {
  const open = [];
  globalThis.gc?.();
  const memory = process.memoryUsage().rss;
  const before = process.cpuUsage();
  while (open.length < count) open.push(await connect());
  const { user, system } = process.cpuUsage(before);
  globalThis.gc?.();
  const cpuSeconds = (user + system) / 1e6;
  say({ event: "bench", role: "client", handshakes: count, failed: 0, cpuSeconds, handshakesPerCpuSecond: count / cpuSeconds, bytesPerSession: (process.memoryUsage().rss - memory) / count });
  process.exit(0);
}

try {
  if (handshakes === undefined) await exchange();
  else await bench(Number(handshakes));
} catch (error) {
  say({ event: "failed", error: String(error) });
  process.exit(1);
}
