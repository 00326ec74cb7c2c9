import type { Clock } from "./clock.js";
import type { Log } from "./log.js";
import type { Network } from "./network.js";
import type { Random, Secrets } from "./random.js";

/** Everything a role needs of the world outside it, built in one place for each kind of run. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly network: Network;
  readonly log: Log;
}
