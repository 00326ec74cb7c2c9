import { ContentError } from "../errors.js";
import type { LwM2mVersion } from "../version.js";

/** Transports a client is reachable over, and whether it sleeps between exchanges (queue mode). */
export interface Binding {
  /** `U`, `US`, from 1.1 on any of U, T, S, N. */
  readonly transports: string;
  readonly queue: boolean;
}

export const udpBinding: Binding = { transports: "U", queue: false };
export const queuedUdpBinding: Binding = { transports: "U", queue: true };

/** LwM2M 1.0 §5.3.1.1: the six values of `b`. In `UQS` the queue is that of UDP. */
const bindings10 = new Map<string, Binding>([
  ["U", udpBinding],
  ["UQ", queuedUdpBinding],
  ["S", { transports: "S", queue: false }],
  ["SQ", { transports: "S", queue: true }],
  ["US", { transports: "US", queue: false }],
  ["UQS", { transports: "US", queue: true }],
]);

const transports11 = "UTSN";

function isTransports11(text: string): boolean {
  if (text.length === 0 || text.length > transports11.length) return false;
  for (let at = 0; at < text.length; at++) if (!transports11.includes(text.charAt(at)) || text.includes(text.charAt(at), at + 1)) return false;
  return true;
}

/** Reads `b`, and from 1.1 on whether `Q` stood beside it; undefined when `b` is no value of this version. Also the text of /1/x/7 and /3/x/16. */
export function parseBinding(b: string, version: LwM2mVersion, queue = false): Binding | undefined {
  if (version === "1.0") return bindings10.get(b);
  if (!isTransports11(b)) return undefined;
  return b === "U" ? (queue ? queuedUdpBinding : udpBinding) : { transports: b, queue };
}

/** Query parameters of a binding: `b=UQ` in 1.0, `b=U` and `Q` from 1.1 on. Throws `ContentError` for transports this version has not. */
export function bindingQuery(binding: Binding, version: LwM2mVersion): string[] {
  if (version === "1.0") {
    for (const [text, { transports, queue }] of bindings10) if (transports === binding.transports && queue === binding.queue) return [`b=${text}`];
    throw new ContentError(`LwM2M 1.0 has no binding ${binding.transports}`, "unsupported");
  }
  if (!isTransports11(binding.transports)) throw new ContentError(`LwM2M ${version} has no binding ${binding.transports}`, "unsupported");
  return binding.queue ? [`b=${binding.transports}`, "Q"] : [`b=${binding.transports}`];
}
