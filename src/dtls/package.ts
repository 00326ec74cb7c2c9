import { silentLog } from "../ports/index.js";
import { realClock } from "../ports/real/clock.js";
import { osSecrets } from "../ports/real/secrets.js";
import type { DtlsPorts } from "./types.js";

// What `import … from "muster/dtls"` gives: the face of this folder, and a real machine to run it on.
export * from "./index.js";
export { silentLog, Timer, type Address, type Clock, type Log, type Secrets } from "../ports/index.js";

/** The clock and the secrets of this machine; several clients and servers may share them. */
export const systemPorts = (): DtlsPorts => ({ clock: realClock(), secrets: osSecrets, log: silentLog });
