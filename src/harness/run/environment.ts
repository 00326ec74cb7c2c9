import type { Log } from "../../ports/index.js";
import { packageRoot, realFiles, realPorts } from "../../ports/real/index.js";
import { freeTcpPorts } from "../../ports/real/free-ports.js";
import { smpCaller } from "../actors/smp-caller.js";
import type { RunEnvironment } from "./run.js";

/** The environment of a run on this machine: features and steps of this package, real sockets, roles in threads (from the build). */
export async function realEnvironment(log: Log, cwd: string): Promise<RunEnvironment> {
  const ports = realPorts("run", log);
  const manifest: unknown = JSON.parse(await realFiles.read(`${packageRoot}/package.json`));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest && typeof manifest.version === "string" ? manifest.version : "unknown";
  const script = (role: string): URL => new URL(`file://${packageRoot}/dist/simulators/${role}/worker.js`);
  return {
    ports,
    files: realFiles,
    log,
    features: `${packageRoot}/features`,
    steps: [`${packageRoot}/dist/features/steps`],
    cwd,
    version,
    roles: {
      scripts: { bootstrapServer: script("bootstrap-server"), lwm2mServer: script("lwm2m-server") },
      freePorts: freeTcpPorts,
      smpCaller: (baseUrl, token, nonce) => smpCaller(ports.clock, baseUrl, token, nonce),
    },
  };
}
