import { silentLog, type Log } from "../log.js";
import type { Ports } from "../ports.js";
import { seededRandom } from "../seeded-random.js";
import { realClock } from "./clock.js";
import { osSecrets } from "./secrets.js";
import { udpNetwork } from "./udp.js";

export * from "./clock.js";
export * from "./files.js";
export * from "./load.js";
export * from "./log.js";
export * from "./processors.js";
export * from "./secrets.js";
export * from "./udp.js";
export { seededRandom } from "../seeded-random.js";

/** The ports of a run: real time, real sockets, choices from `seed`. */
export function realPorts(seed: number | string, log: Log = silentLog): Ports {
  return { clock: realClock(), random: seededRandom(seed), secrets: osSecrets, network: udpNetwork, log };
}
