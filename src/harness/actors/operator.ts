import { redactSecrets, type OwnKeysRequest, type RelayAnswer } from "../../operator/index.js";
import type { HttpSeen } from "../../ports/index.js";
import type { LwM2mServerActor, SmpRequest } from "./types.js";

/** An account as an operator writes it; further fields of the profile are passed on as they are. */
export interface AccountFields {
  readonly uri?: string;
  readonly ssid?: number;
  readonly lifetime?: number;
  readonly [field: string]: unknown;
}

/** What a Bootstrap Server answered about an account. */
export interface AccountHandle {
  readonly id: string;
  readonly etag: string;
  readonly fields: AccountFields;
}

export interface OrderRequest {
  readonly type: "provision" | "update" | "remove" | "rotate";
  readonly accountId: string;
  readonly endpoints: readonly string[];
  readonly policy?: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly deadline?: string;
  /** Of keys that the LwM2M Server makes, and sends with the order. */
  readonly ownKeys?: OwnKeysRequest;
}

/** A call that the LwM2M Server puts keys of its own into. */
type OperatorCall = SmpRequest & { readonly ownKeys?: OwnKeysRequest };

/** The Bootstrap Server's own record of a trigger. */
export interface ItemTriggerView {
  readonly server?: string;
  readonly id?: string;
  readonly state?: string;
  readonly code?: string;
}

/** One device's share of an order, as the Bootstrap Server tells it. */
export interface ItemView {
  readonly ep: string;
  /** `confirmed`, `failed`, ... */
  readonly state: string;
  /** Of a failed one. */
  readonly reason?: { readonly cause: string; readonly path?: string; readonly code?: string };
  readonly trigger?: ItemTriggerView;
  readonly earlierTriggers?: readonly ItemTriggerView[];
  readonly [field: string]: unknown;
}

/** The answer to an SM-1 call was not the one that goes on. Its message is for a precondition or a check. */
export class OperatorCallRefused extends Error {
  override readonly name = "OperatorCallRefused";
  constructor(
    readonly call: string,
    readonly expected: string,
    readonly answer: RelayAnswer,
  ) {
    super(`${call}: expected ${expected}, answered ${describeAnswer(answer)}`);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const bodyOf = (body: unknown): { readonly body?: unknown } => (body === undefined ? {} : { body: redactSecrets(body) });

/** `422 uri-not-allowed (uri)`. */
export function describeAnswer(answer: { readonly status: number; readonly body?: unknown }): string {
  if (!isObject(answer.body)) return String(answer.status);
  const type = textOf(answer.body["type"])?.replace(/^.*[:/#]/, "");
  const field = textOf(answer.body["field"]);
  return [String(answer.status), ...(answer.status >= 400 && type !== undefined ? [type] : []), ...(answer.status >= 400 && field !== undefined ? [`(${field})`] : [])].join(" ");
}

/** An operator: the party behind a LwM2M Server. All its calls are sent by that server, so that the Bootstrap Server sees the peer it knows. */
export class OperatorActor {
  #calls = 0;

  constructor(
    readonly server: LwM2mServerActor,
    /** Idempotency keys of one scenario begin with it. */
    readonly keyPrefix: string,
    /** Hears of every call and its answer, without secrets. */
    readonly note: (seen: HttpSeen) => void = () => {},
  ) {}

  get name(): "A" | "B" {
    return this.server.name;
  }

  /** Any call; every POST gets an Idempotency-Key of its own unless the headers hold one (or an empty one, to leave it out). */
  async call(request: OperatorCall): Promise<RelayAnswer> {
    const headers: Record<string, string> = { ...request.headers };
    if (request.method === "POST" && headers["idempotency-key"] === undefined) headers["idempotency-key"] = `${this.keyPrefix}-${this.name}-${++this.#calls}`;
    if (headers["idempotency-key"] === "") delete headers["idempotency-key"];
    const seen = { kind: "http", peer: "bootstrap-server", method: request.method, url: request.path } as const;
    this.note({ ...seen, direction: "out", ...bodyOf(request.body) });
    const answer = await this.server.relay({ method: request.method, path: request.path, headers, ...(request.body === undefined ? {} : { body: request.body }), ...(request.ownKeys === undefined ? {} : { ownKeys: request.ownKeys }) });
    this.note({ ...seen, direction: "in", status: answer.status, ...bodyOf(answer.body) });
    return answer;
  }

  async #expect(request: OperatorCall, statuses: readonly number[]): Promise<RelayAnswer> {
    const answer = await this.call(request);
    if (!statuses.includes(answer.status)) throw new OperatorCallRefused(`${request.method} ${request.path}`, statuses.join(" or "), answer);
    return answer;
  }

  async supplyAccount(fields: AccountFields): Promise<AccountHandle> {
    const answer = await this.#expect({ method: "POST", path: "/smp/v1/accounts", body: fields }, [201]);
    return handleOf(answer, fields);
  }

  async account(id: string): Promise<AccountHandle> {
    return handleOf(await this.#expect({ method: "GET", path: `/smp/v1/accounts/${encodeURIComponent(id)}` }, [200]), {}, id);
  }

  /** Replaces the account by its present fields with `changes` over them. */
  async changeAccount(id: string, changes: AccountFields): Promise<AccountHandle> {
    const current = await this.account(id);
    const fields = { ...writable(current.fields), ...changes };
    const answer = await this.#expect({ method: "PUT", path: `/smp/v1/accounts/${encodeURIComponent(id)}`, body: fields, headers: { "if-match": current.etag } }, [200]);
    return handleOf(answer, fields, id);
  }

  /** Resolves with the answer, whatever it is: used when a scenario tidies up. */
  async withdrawAccount(id: string): Promise<RelayAnswer> {
    const current = await this.call({ method: "GET", path: `/smp/v1/accounts/${encodeURIComponent(id)}` });
    if (current.status !== 200) return current;
    return this.call({ method: "DELETE", path: `/smp/v1/accounts/${encodeURIComponent(id)}`, headers: { "if-match": current.headers["etag"] ?? "*" } });
  }

  /** Resolves with the order's id. */
  async order(order: OrderRequest): Promise<string> {
    const { endpoints, ownKeys, ...rest } = order;
    const answer = await this.#expect({ method: "POST", path: "/smp/v1/orders", body: { ...rest, targets: { endpoints } }, ...(ownKeys === undefined ? {} : { ownKeys }) }, [202]);
    const id = isObject(answer.body) ? textOf(answer.body["orderId"]) : undefined;
    const found = id ?? answer.headers["location"]?.split("/").pop();
    if (found === undefined) throw new OperatorCallRefused("POST /smp/v1/orders", "202 with Location", answer);
    return decodeURIComponent(found);
  }

  async orderStatus(id: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#expect({ method: "GET", path: `/smp/v1/orders/${encodeURIComponent(id)}` }, [200]);
    return isObject(answer.body) ? answer.body : {};
  }

  async item(orderId: string, endpoint: string): Promise<ItemView> {
    const answer = await this.#expect({ method: "GET", path: `/smp/v1/orders/${encodeURIComponent(orderId)}/items/${encodeURIComponent(endpoint)}` }, [200]);
    return itemOf(answer.body, endpoint);
  }

  /** All items of an order, page by page. */
  async items(orderId: string): Promise<ItemView[]> {
    const found: ItemView[] = [];
    let cursor: string | undefined;
    // An order has at most 10,000 endpoints; a page holds at least one.
    for (let page = 0; page < 10_000; page++) {
      const query = cursor === undefined ? "?limit=1000" : `?limit=1000&cursor=${encodeURIComponent(cursor)}`;
      const answer = await this.#expect({ method: "GET", path: `/smp/v1/orders/${encodeURIComponent(orderId)}/items${query}` }, [200]);
      const body = isObject(answer.body) ? answer.body : {};
      const items = Array.isArray(body["items"]) ? body["items"] : [];
      found.push(...items.map((item) => itemOf(item, "")));
      cursor = textOf(body["next"]);
      if (cursor === undefined || items.length === 0) break;
    }
    return found;
  }

  cancelOrder(id: string): Promise<RelayAnswer> {
    return this.call({ method: "DELETE", path: `/smp/v1/orders/${encodeURIComponent(id)}`, headers: { "if-match": "*" } });
  }
}

/** What a server adds to an account; a PUT does not send it back. */
const readOnlyFields: ReadonlySet<string> = new Set(["accountId", "owner", "version", "createdAt", "updatedAt"]);
const writable = (fields: AccountFields): AccountFields => Object.fromEntries(Object.entries(fields).filter(([name]) => !readOnlyFields.has(name)));

function handleOf(answer: RelayAnswer, fallback: AccountFields, id?: string): AccountHandle {
  const body = isObject(answer.body) ? answer.body : {};
  const found = id ?? textOf(body["accountId"]) ?? answer.headers["location"]?.split("/").pop();
  if (found === undefined) throw new OperatorCallRefused("an account", "an accountId or a Location", answer);
  return { id: decodeURIComponent(found), etag: answer.headers["etag"] ?? "", fields: { ...fallback, ...body } };
}

function itemOf(body: unknown, endpoint: string): ItemView {
  if (!isObject(body)) return { ep: endpoint, state: "(no item)" };
  const { reason, trigger, ...rest } = body;
  const cause = isObject(reason) ? textOf(reason["cause"]) : undefined;
  const optional = <K extends string>(from: Readonly<Record<string, unknown>>, ...names: readonly K[]): Partial<Record<K, string>> => {
    const found: Partial<Record<K, string>> = {};
    for (const name of names) {
      const text = textOf(from[name]);
      if (text !== undefined) found[name] = text;
    }
    return found;
  };
  return {
    ...rest,
    ep: textOf(body["ep"]) ?? endpoint,
    state: textOf(body["state"]) ?? "(no state)",
    ...(isObject(reason) && cause !== undefined ? { reason: { cause, ...optional(reason, "path", "code") } } : {}),
    ...(isObject(trigger) ? { trigger: optional(trigger, "server", "id", "state", "code") } : {}),
  };
}

/** `failed(sm3-refused)`, or the state alone. */
export const itemOutcome = (item: ItemView): string => (item.reason === undefined ? item.state : `${item.state}(${item.reason.cause})`);
