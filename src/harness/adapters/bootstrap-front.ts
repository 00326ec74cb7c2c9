import type { PlainBootstrap, Psk } from "../../config/index.js";
import type { BootstrapServerOperations } from "../../operator/index.js";
import { bootstrapServerApi, defaultLimits, ProblemError, type BootstrapServerHandlers } from "../../smp/index.js";
import type { AdapterCredential, BootstrapAdapter } from "./adapter.js";
import { serveFront, told, type AdapterFront, type FrontOptions, type FrontPorts } from "./front.js";

/** Identity and key that a device of the run has from the factory for its Bootstrap Server. */
export type DeviceKey = (endpoint: string) => Psk;

/** Who comes for accounts of mode PSK comes over DTLS itself: a scenario speaks one of the two. */
const credentialOf = (endpoint: string, { accounts }: PlainBootstrap, keyOf: DeviceKey | undefined): AdapterCredential => {
  if (keyOf === undefined || !accounts.some(({ securityMode }) => securityMode === "psk")) return { mode: "nosec", endpoint };
  const { identity, key } = keyOf(endpoint);
  return { mode: "psk", endpoint, identity: Buffer.from(identity).toString("utf8"), key };
};

/** A Bootstrap Server of somebody else's, reached as ours is. */
export async function bootstrapFront(adapter: BootstrapAdapter, options: FrontOptions, ports: FrontPorts, keyOf?: DeviceKey): Promise<AdapterFront> {
  const configured = new Map<string, PlainBootstrap>();
  const operations: BootstrapServerOperations = {
    bootstrap: (endpoint) => configured.get(endpoint),
    async setBootstrap(endpoint, configuration) {
      await told(async () => {
        await adapter.admit?.(credentialOf(endpoint, configuration, keyOf));
        await adapter.configure(endpoint, configuration);
      });
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
