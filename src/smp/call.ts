import type { BootstrapServerHandlers, Caller, ConditionalContext, LwM2mServerHandlers, Tagged } from "./handlers.js";
import type { BootstrapServerOperation, LwM2mServerOperation } from "./routes.js";
import type { ValidRequest } from "./validation.js";

/** What a handler's result looks like on HTTP. */
export interface CallResult {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One operation: the valid request in, the handler called, its result as HTTP. */
export type Call = (caller: Caller, request: ValidRequest, context: ConditionalContext) => Promise<CallResult>;

const ok = (body: unknown): CallResult => ({ status: 200, body });
const nothing: CallResult = { status: 204 };
const tagged = (status: number, { value, etag }: Tagged<unknown>, location?: string): CallResult => ({
  status,
  body: value,
  headers: { etag, ...(location === undefined ? {} : { location }) },
});

export function bootstrapServerCalls(handlers: BootstrapServerHandlers): Readonly<Record<BootstrapServerOperation, Call>> {
  return {
    getCapabilities: async (caller, _request, context) => ok(await handlers.getCapabilities(caller, context)),
    getJwks: async (caller, _request, context) => ok(await handlers.getJwks(caller, context)),
    createAccount: async (caller, request, context) => {
      const account = await handlers.createAccount(caller, request.body("createAccount"), context);
      return tagged(201, account, `/smp/v1/accounts/${account.value.accountId}`);
    },
    listAccounts: async (caller, request, context) => ok(await handlers.listAccounts(caller, request.query("listAccounts"), context)),
    getAccount: async (caller, request, context) => tagged(200, await handlers.getAccount(caller, request.path("getAccount"), context)),
    replaceAccount: async (caller, request, context) => tagged(200, await handlers.replaceAccount(caller, request.path("replaceAccount"), request.body("replaceAccount"), context)),
    deleteAccount: async (caller, request, context) => {
      await handlers.deleteAccount(caller, request.path("deleteAccount"), context);
      return nothing;
    },
    createOrder: async (caller, request, context) => {
      const order = await handlers.createOrder(caller, request.body("createOrder"), context);
      return tagged(202, order, `/smp/v1/orders/${order.value.orderId}`);
    },
    listOrders: async (caller, request, context) => ok(await handlers.listOrders(caller, request.query("listOrders"), context)),
    getOrder: async (caller, request, context) => tagged(200, await handlers.getOrder(caller, request.path("getOrder"), context)),
    cancelOrder: async (caller, request, context) => tagged(200, await handlers.cancelOrder(caller, request.path("cancelOrder"), context)),
    listItems: async (caller, request, context) => ok(await handlers.listItems(caller, request.path("listItems"), request.query("listItems"), context)),
    getItem: async (caller, request, context) => ok(await handlers.getItem(caller, request.path("getItem"), context)),
    getClient: async (caller, request, context) => ok(await handlers.getClient(caller, request.path("getClient"), context)),
    createConfirmation: async (caller, request, context) => {
      await handlers.createConfirmation(caller, request.body("createConfirmation"), context);
      return nothing;
    },
    listEvents: async (caller, request, context) => ok(await handlers.listEvents(caller, request.query("listEvents"), context)),
  };
}

export function lwm2mServerCalls(handlers: LwM2mServerHandlers): Readonly<Record<LwM2mServerOperation, Call>> {
  return {
    getCapabilities: async (caller, _request, context) => ok(await handlers.getCapabilities(caller, context)),
    getJwks: async (caller, _request, context) => ok(await handlers.getJwks(caller, context)),
    createTrigger: async (caller, request, context) => {
      const trigger = await handlers.createTrigger(caller, request.body("createTrigger"), context);
      return { status: 202, body: trigger, headers: { location: `/smp/v1/triggers/${trigger.triggerId}` } };
    },
    getTrigger: async (caller, request, context) => ok(await handlers.getTrigger(caller, request.path("getTrigger"), context)),
    withdrawTrigger: async (caller, request, context) => ok(await handlers.withdrawTrigger(caller, request.path("withdrawTrigger"), context)),
    getReachability: async (caller, request, context) => ok(await handlers.getReachability(caller, request.path("getReachability"), context)),
    stageCredential: async (caller, request, context) => {
      const staged = await handlers.stageCredential(caller, request.path("stageCredential"), request.body("stageCredential"), context);
      return { status: staged.status, body: staged.value };
    },
    getCredential: async (caller, request, context) => ok(await handlers.getCredential(caller, request.path("getCredential"), context)),
    revokeCredential: async (caller, request, context) => {
      await handlers.revokeCredential(caller, request.path("revokeCredential"), request.query("revokeCredential"), context);
      return nothing;
    },
    activateCredential: async (caller, request, context) => {
      const { effective } = await handlers.activateCredential(caller, request.path("activateCredential"), request.body("activateCredential"), context);
      return { status: effective ? 204 : 202 };
    },
    rollBackActivation: async (caller, request, context) => {
      await handlers.rollBackActivation(caller, request.path("rollBackActivation"), request.query("rollBackActivation"), context);
      return nothing;
    },
    listCredentials: async (caller, request, context) => ok(await handlers.listCredentials(caller, request.query("listCredentials"), context)),
    batchCredentials: async (caller, request, context) => ok(await handlers.batchCredentials(caller, request.body("batchCredentials"), context)),
    listEvents: async (caller, request, context) => ok(await handlers.listEvents(caller, request.query("listEvents"), context)),
  };
}
