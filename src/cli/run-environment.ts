import { join } from "node:path";
import { smpCaller } from "../harness/index.js";
import type { RunEnvironment } from "../harness/index.js";
import { silentLog } from "../ports/index.js";
import type { Log } from "../ports/index.js";
import { freePorts } from "../ports/real/free-ports.js";
import { realPrograms } from "../ports/real/programs.js";
import { packageRoot, realClock, realFiles, realPorts, realProcessors } from "../ports/real/index.js";
import { isInteractive, terminalAsk } from "./ask.js";
import { version } from "./version.js";

/** What a run is made with on this machine: real ports, the features and steps of this package. */
export function runEnvironment(log: Log = silentLog): RunEnvironment {
  return {
    ports: realPorts("run", log),
    files: realFiles,
    processors: realProcessors,
    log,
    features: join(packageRoot, "features"),
    steps: [join(packageRoot, "dist/features/steps/**/*.js")],
    cwd: process.cwd(),
    version: version(),
    roles: {
      scripts: { bootstrapServer: new URL("../../simulators/bootstrap-server/worker.js", import.meta.url), lwm2mServer: new URL("../../simulators/lwm2m-server/worker.js", import.meta.url) },
      freePorts,
      programs: realPrograms,
      ...(isInteractive(process.env) ? { ask: terminalAsk() } : {}),
      smpCaller: (base, pairToken, nonce) => smpCaller(realClock(), base, pairToken, nonce),
    },
  };
}
