import { silentLog } from "../log.js";
import type { Ports } from "../ports.js";
import type { Secrets } from "../random.js";
import { seededRandom } from "../seeded-random.js";
import { SimulatedNetwork, type Impairment } from "./network.js";
import { VirtualClock } from "./virtual-clock.js";
import { osSecrets } from "../real/secrets.js";

export * from "./network.js";
export * from "./virtual-clock.js";
export { seededRandom } from "../seeded-random.js";

export interface SimulatedPorts extends Ports {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
}

/** Everything from one seed, secrets too: nothing made with these ports is secret. */
export function simulatedPorts(seed: number | string, impairment: Impairment = {}): SimulatedPorts {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const source = random.fork("secrets");
  const secrets: Secrets = {
    bytes: (length) => source.bytes(length),
    token: () => source.bytes(32).toString("base64url"),
    equal: (a, b) => Buffer.compare(a, b) === 0,
    digest: (bytes) => osSecrets.digest(bytes),
  };
  return { clock, random: random.fork("roles"), secrets, network: new SimulatedNetwork(clock, random.fork("network"), impairment), log: silentLog };
}
