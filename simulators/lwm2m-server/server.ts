import type { LwM2mServerConfig } from "../../src/config/index.js";
import { serveRole, type RunningRole } from "../../src/operator/index.js";
import type { Ports } from "../../src/ports/index.js";
import { lwm2mServerApi } from "../../src/smp/index.js";
import type { CredentialVersion } from "./credential-record.js";
import { LwM2mServer } from "./role.js";

/** Starts the LwM2M Server stub on its addresses. Rejects when one cannot be bound. */
export function startLwM2mServer(config: LwM2mServerConfig, ports: Ports): Promise<RunningRole> {
  return serveRole<LwM2mServer, CredentialVersion>(config, ports, {
    // As many as there may be registrations, and some that are being refused.
    maxPeers: 260_000,
    role: (endpoint) => new LwM2mServer(config, ports, endpoint),
    devices: (role) => role.registrations,
    directory: (role) => role.security,
    steered: ({ operations }) => ({ kind: "lwm2m-server", operations }),
    peerApi: (role, calls) => lwm2mServerApi(role.handlers, calls),
    health: { admission: config.admission },
  });
}
