import { authorityName, lateAuthority } from "../../src/certificates/index.js";
import type { BootstrapServerConfig } from "../../src/config/index.js";
import { serveRole } from "../../src/operator/index.js";
import type { RunningRole } from "../../src/operator/index.js";
import type { Ports } from "../../src/ports/index.js";
import { bootstrapServerApi, SecretKeys } from "../../src/smp/index.js";
import type { Holder } from "./bootstrap-credentials.js";
import { BootstrapServer } from "./role.js";

/** Starts the Bootstrap Server on its addresses. Rejects when one cannot be bound. */
export async function startBootstrapServer(config: BootstrapServerConfig, ports: Ports): Promise<RunningRole> {
  // A name of its own for each start: what was encrypted to a key of before is told apart from what was garbled.
  const keys = await SecretKeys.create(ports.secrets.bytes(6).toString("hex"));
  const authority = lateAuthority(ports, authorityName(config.name));
  return serveRole<BootstrapServer, Holder>(config, ports, {
    maxPeers: 100_000,
    role: (endpoint) => new BootstrapServer(config, ports, endpoint, undefined, keys, authority),
    authority,
    devices: (role) => role.bootstraps,
    directory: (role) => role.security,
    steered: ({ operations }) => ({ kind: "bootstrap-server", operations }),
    peerApi: (role, calls) => bootstrapServerApi(role.handlers, calls),
  });
}
