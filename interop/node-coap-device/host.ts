/**
 * A process that hosts LwM2M devices written on node-coap, for whoever writes JSON lines to its standard input:
 * `{id, type: "create" | "remove" | "act" | "inspect" | "trace" | "states" | "stop", ...}` as to a shard of the fleet, answered by `{id, result}` or
 * `{id, refused}`. An argument is the folder in which node-dtls-client is installed: devices with keys are possible then.
 * The first line says `{ready: true, stack}`, or `{ready: false, why}` where node-coap is not installed. Ends with its input.
 */
import { once } from "node:events";

const missing = async (why: string): Promise<never> => {
  if (!process.stdout.write(`${JSON.stringify({ ready: false, why })}\n`)) await once(process.stdout, "drain");
  return process.exit(1);
};

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && /package 'coap(-packet)?'/.test(error.message);

try {
  const { serve } = await import("./service.js");
  const { dtlsIn } = await import("./secured-session.js");
  const [folder] = process.argv.slice(2);
  // Whoever reads the replies may be gone before this process is.
  process.stdout.on("error", () => process.exit(1));
  await serve(process.stdin, process.stdout, folder === undefined ? undefined : dtlsIn(folder));
  process.exit(0);
} catch (error) {
  if (!isMissing(error)) throw error;
  await missing("node-coap is not installed: npm install --save-dev coap@1.5");
}
