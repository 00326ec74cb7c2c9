import type { PlainBootstrap } from "../../config/index.js";
import type { BootstrapServerOperations } from "../../operator/index.js";
import { bootstrapServerApi, defaultLimits, ProblemError, type BootstrapServerHandlers } from "../../smp/index.js";
import type { BootstrapAdapter } from "./adapter.js";
import { serveFront, told, type AdapterFront, type FrontOptions, type FrontPorts } from "./front.js";

/** A Bootstrap Server of somebody else's, reached as ours is. */
export async function bootstrapFront(adapter: BootstrapAdapter, options: FrontOptions, ports: FrontPorts): Promise<AdapterFront> {
  const configured = new Map<string, PlainBootstrap>();
  const operations: BootstrapServerOperations = {
    bootstrap: (endpoint) => configured.get(endpoint),
    async setBootstrap(endpoint, configuration) {
      await told(() => adapter.configure(endpoint, configuration));
      configured.set(endpoint, configuration);
    },
    async removeBootstrap(endpoint) {
      await told(() => adapter.forget(endpoint));
      return configured.delete(endpoint);
    },
    // What its sessions came to is seen on the wire.
    sessions: () => [],
  };
  const front = await serveFront({ kind: "bootstrap-server", operations }, (calls) => bootstrapServerApi(handlers(adapter.name), calls), options, ports);
  return {
    ...front,
    async stop() {
      await front.stop();
      await adapter.close();
    },
  };
}

/** LwM2M Servers tell of registrations whatever Bootstrap Server they have; for everything else there is nobody here. */
function handlers(name: string): BootstrapServerHandlers {
  const nobody = (): never => {
    throw new ProblemError("not-found", `${name} has no Server Management interface`);
  };
  return {
    getCapabilities: () => ({ profile: "smp/1", role: "bootstrap-server", software: `${name} (adapter)`, securityModes: ["nosec"], secretTransport: ["none"], limits: defaultLimits }),
    getJwks: () => ({ keys: [] }),
    createConfirmation: () => undefined,
    listEvents: () => ({ events: [], next: "0", lost: 0 }),
    createAccount: nobody,
    listAccounts: () => ({ accounts: [] }),
    getAccount: nobody,
    replaceAccount: nobody,
    deleteAccount: nobody,
    createOrder: nobody,
    listOrders: () => ({ orders: [] }),
    getOrder: nobody,
    cancelOrder: nobody,
    listItems: nobody,
    getItem: nobody,
    getClient: nobody,
  };
}
