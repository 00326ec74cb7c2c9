/** How the operations of openapi.yaml lie on HTTP, as far as the plug-ins and the client need it. Paths are below `/smp/v1`. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** Name under which faults can be injected. */
  readonly fault: string;
  readonly maxBodyBytes?: number;
  /** If-Match is required (428, 412). */
  readonly conditional?: boolean;
}

const KiB = 1024;
export const bodyLimit = 256 * KiB;
const orderLimit = 2048 * KiB;
const batchLimit = 512 * KiB;

export const bootstrapServerRoutes = {
  getCapabilities: { method: "GET", path: "/capabilities", fault: "smp.capabilities.get" },
  getJwks: { method: "GET", path: "/jwks", fault: "smp.jwks.get" },
  createAccount: { method: "POST", path: "/accounts", fault: "smp.account.post" },
  listAccounts: { method: "GET", path: "/accounts", fault: "smp.account.list" },
  getAccount: { method: "GET", path: "/accounts/{accountId}", fault: "smp.account.get" },
  replaceAccount: { method: "PUT", path: "/accounts/{accountId}", fault: "smp.account.put", conditional: true },
  deleteAccount: { method: "DELETE", path: "/accounts/{accountId}", fault: "smp.account.delete", conditional: true },
  createOrder: { method: "POST", path: "/orders", fault: "smp.order.post", maxBodyBytes: orderLimit },
  listOrders: { method: "GET", path: "/orders", fault: "smp.order.list" },
  getOrder: { method: "GET", path: "/orders/{orderId}", fault: "smp.order.get" },
  cancelOrder: { method: "DELETE", path: "/orders/{orderId}", fault: "smp.order.delete", conditional: true },
  listItems: { method: "GET", path: "/orders/{orderId}/items", fault: "smp.item.list" },
  getItem: { method: "GET", path: "/orders/{orderId}/items/{ep}", fault: "smp.item.get" },
  getClient: { method: "GET", path: "/clients/{ep}", fault: "smp.client.get" },
  createConfirmation: { method: "POST", path: "/confirmations", fault: "smp.confirmation.post" },
  listEvents: { method: "GET", path: "/events", fault: "smp.events.get" },
} as const satisfies Readonly<Record<string, Route>>;
export type BootstrapServerOperation = keyof typeof bootstrapServerRoutes;

export const lwm2mServerRoutes = {
  getCapabilities: { method: "GET", path: "/capabilities", fault: "smp.capabilities.get" },
  getJwks: { method: "GET", path: "/jwks", fault: "smp.jwks.get" },
  createTrigger: { method: "POST", path: "/triggers", fault: "smp.trigger.post" },
  getTrigger: { method: "GET", path: "/triggers/{triggerId}", fault: "smp.trigger.get" },
  withdrawTrigger: { method: "DELETE", path: "/triggers/{triggerId}", fault: "smp.trigger.delete" },
  getReachability: { method: "GET", path: "/reachability/{ep}", fault: "smp.reachability.get" },
  stageCredential: { method: "PUT", path: "/clients/{ep}/credentials/{credentialId}", fault: "smp.credential.put" },
  getCredential: { method: "GET", path: "/clients/{ep}/credentials/{credentialId}", fault: "smp.credential.get" },
  revokeCredential: { method: "DELETE", path: "/clients/{ep}/credentials/{credentialId}", fault: "smp.credential.delete" },
  activateCredential: { method: "PUT", path: "/clients/{ep}/credentials/{credentialId}/activation", fault: "smp.activation.put" },
  rollBackActivation: { method: "DELETE", path: "/clients/{ep}/credentials/{credentialId}/activation", fault: "smp.activation.delete" },
  listCredentials: { method: "GET", path: "/credentials", fault: "smp.credential.list" },
  batchCredentials: { method: "POST", path: "/credentials:batch", fault: "smp.batch", maxBodyBytes: batchLimit },
  listEvents: { method: "GET", path: "/events", fault: "smp.events.get" },
} as const satisfies Readonly<Record<string, Route>>;
export type LwM2mServerOperation = keyof typeof lwm2mServerRoutes;

export const smpPrefix = "/smp/v1";

/** The path of a route with its parameters percent-encoded, each as one segment. */
export function pathOf(route: Route, parameters: Readonly<Record<string, string>>): string {
  return smpPrefix + route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""));
}
