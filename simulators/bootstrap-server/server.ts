import type { BootstrapServerConfig } from "../../src/config/index.js";
import { serveRole } from "../../src/operator/index.js";
import type { RunningRole } from "../../src/operator/index.js";
import type { Ports } from "../../src/ports/index.js";
import { bootstrapServerApi } from "../../src/smp/index.js";
import { BootstrapServer } from "./role.js";

/** Starts the Bootstrap Server on its addresses. Rejects when one cannot be bound. */
export function startBootstrapServer(config: BootstrapServerConfig, ports: Ports): Promise<RunningRole> {
  return serveRole(config, ports, {
    maxPeers: 100_000,
    role: (endpoint) => new BootstrapServer(config, ports, endpoint),
    devices: (role) => role.bootstraps,
    steered: ({ operations }) => ({ kind: "bootstrap-server", operations }),
    peerApi: (role, calls) => bootstrapServerApi(role.handlers, calls),
  });
}
