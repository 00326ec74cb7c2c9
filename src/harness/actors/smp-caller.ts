import { SmpClient } from "../../smp/index.js";
import type { Clock } from "../../ports/index.js";
import type { SmpCaller } from "./served.js";
import type { SmpAnswer, SmpRequest } from "./types.js";

const timeoutMs = 30_000;

/**
 * Calls a role's Server Management API with a pair's token, or with whatever the request says instead. `nonce` begins the Idempotency-Keys: a role that
 * outlives the run remembers those of earlier ones.
 */
export function smpCaller(clock: Clock, baseUrl: string, token: string, nonce: string): SmpCaller {
  let calls = 0;
  const client = new SmpClient({ base: baseUrl, token, peer: baseUrl, timeoutMs, clock, newKey: () => `${nonce}-${++calls}` });
  return {
    async call({ method, path, body, headers = {}, token: other }: SmpRequest): Promise<SmpAnswer> {
      const key = method === "POST" && headers["idempotency-key"] === undefined ? { "idempotency-key": `${nonce}-${++calls}` } : {};
      const authorization = other === undefined ? {} : { authorization: other === null ? "" : `Bearer ${other}` };
      return client.raw(method, path, body, { ...key, ...headers, ...authorization });
    },
    close: () => client.close(),
  };
}
