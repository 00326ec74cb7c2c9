import { setTimeout as pause } from "node:timers/promises";
import { bootstrapServerConfig } from "../../../src/config/index.js";
import type { BootstrapServerInput, PeerConfig } from "../../../src/config/index.js";
import type { ClientCredential } from "../../../src/dtls/index.js";
import type { RunningRole } from "../../../src/operator/index.js";
import { realPorts } from "../../../src/ports/real/index.js";
import { SmpCallError, SmpClient } from "../../../src/smp/index.js";
import type { Item, ItemState, NewAccount, NewConfirmation, NewOrder, Order } from "../../../src/smp/index.js";
import { startBootstrapServer } from "../server.js";
import { FakeServer } from "./fake-server.js";
import { ScriptedDevice } from "./scripted-device.js";

export const ports = realPorts("server-management");
const tokens = { a: "token-of-operator-a-1", b: "token-of-operator-b-1" };
const operatorToken = "operator-token-of-a-test";

export const accountA = { uri: "coap://127.0.0.2:5683", securityMode: "nosec", ssid: 101, lifetime: 300 } as const;
export const accountB = { uri: "coap://127.0.0.3:5683", securityMode: "nosec", ssid: 201, acl: [{ object: 3, instance: 0, rights: 1 }] } as const;

/** A Bootstrap Server on loopback, the Servers of two operators, and their clients of its API. */
export class ManagementRig {
  readonly #devices: ScriptedDevice[] = [];

  private constructor(
    readonly serverA: FakeServer,
    readonly serverB: FakeServer,
    readonly role: RunningRole,
    readonly a: SmpClient,
    readonly b: SmpClient,
  ) {}

  static async start(over: Partial<BootstrapServerInput> = {}): Promise<ManagementRig> {
    const [serverA, serverB] = [new FakeServer(ports), new FakeServer(ports)];
    const peer = (id: string, token: string): PeerConfig => ({ id, tenant: id, token, endpoints: ["*"], uris: ["*"], shortServerIds: [1, 65534] });
    await serverA.start(peer("bs", tokens.a));
    await serverB.start(peer("bs", tokens.b));
    const role = await startBootstrapServer(
      bootstrapServerConfig({
        coap: "127.0.0.1:0",
        http: "127.0.0.1:0",
        lab: true,
        operatorToken,
        clients: ["ab-*", "a-*", "b-*"],
        timing: { profile: "lab", bootstrapServer: { sessionTimeoutMs: 1500, requestTimeoutMs: 1200, sm3BudgetMs: 700, sm3RetryDelayMs: 30, retryDelayMs: 50, confirmWindowMs: 250, triggerValidityMs: 1000 } },
        peers: [
          { id: "operator-a", tenant: "a", token: tokens.a, smp: serverA.base, endpoints: ["ab-*", "a-*"], uris: ["coap://127.0.0.2:*", "coaps://127.0.0.2:*"], shortServerIds: [100, 199] },
          { id: "operator-b", tenant: "b", token: tokens.b, smp: serverB.base, endpoints: ["ab-*", "b-*"], uris: ["coap://127.0.0.3:*", "coaps://127.0.0.3:*"], shortServerIds: [200, 299] },
        ],
        ...over,
      }),
      ports,
    );
    const client = (token: string): SmpClient => new SmpClient({ base: `http://127.0.0.1:${role.http.port}`, token, peer: "bs", clock: ports.clock, newKey: () => ports.secrets.token() });
    return new ManagementRig(serverA, serverB, role, client(tokens.a), client(tokens.b));
  }

  async stop(): Promise<void> {
    for (const device of this.#devices.splice(0)) await device.close();
    await Promise.all([this.a.close(), this.b.close()]);
    await this.role.stop();
    await Promise.all([this.serverA.stop(), this.serverB.stop()]);
  }

  /** With a credential it comes by the DTLS port. */
  async device(endpoint: string, credential?: ClientCredential): Promise<ScriptedDevice> {
    const server = credential === undefined ? this.role.coap : (this.role.coaps ?? this.role.coap);
    const made = await ScriptedDevice.start(ports, { endpoint, host: "127.0.0.1", server, credential, coap: bootstrapServerConfig({ operatorToken, timing: "lab" }).timing.coap });
    this.#devices.push(made);
    return made;
  }

  /** Puts an account on a device that comes by itself, and confirms it as its Server would. */
  async provisioned(one: ScriptedDevice, client: SmpClient, account: NewAccount, over: Partial<NewOrder> = {}): Promise<string> {
    const { accountId } = (await client.createAccount(account)).value;
    await this.carriedOut(one, client, accountId, over);
    return accountId;
  }

  /** An order for a device that comes by itself, up to its confirmation. */
  async carriedOut(one: ScriptedDevice, client: SmpClient, accountId: string, over: Partial<NewOrder> = {}): Promise<Item> {
    const placed = await awaitedOrder(client, accountId, one.endpointName, over);
    const bootstrapped = await one.bootstrap();
    if (bootstrapped !== "2.04") throw new Error(`the Bootstrap-Request was answered ${bootstrapped}`);
    const applied = await itemIn(client, placed, one.endpointName, "applied");
    const { ssid } = (await client.getAccount(accountId)).value;
    await client.createConfirmation(confirmation(one.endpointName, ssid ?? 0, applied));
    const item = await itemIn(client, placed, one.endpointName, "confirmed");
    one.log.length = 0;
    return item;
  }

  /** Everything this server lets be read of its trace, as text. */
  async traceText(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.role.http.port}/operator/v1/trace?limit=10000`, { headers: { authorization: `Bearer ${operatorToken}` } });
    return answer.text();
  }
}

/** What a Server reports of a Register under the credential that an item delivered. */
export const confirmation = (ep: string, ssid: number, { credential }: Pick<Item, "credential">): NewConfirmation => ({
  ep, ssid, event: "registered", at: new Date(ports.clock.epoch()).toISOString(), ...(credential === undefined ? {} : { credentialId: credential.credentialId, version: credential.version }),
});

export const order = async (client: SmpClient, accountId: string, endpoints: string[], over: Partial<NewOrder> = {}): Promise<Order> =>
  (await client.createOrder({ type: "provision", accountId, targets: { endpoints }, ...over })).value;

/** An order for one device, once it waits for the device to come by itself. */
export async function awaitedOrder(client: SmpClient, accountId: string, endpoint: string, over: Partial<NewOrder> = {}): Promise<Order> {
  const placed = await order(client, accountId, [endpoint], { policy: { trigger: "wait-for-client" }, ...over });
  await itemIn(client, placed, endpoint, "awaiting-client");
  return placed;
}

export async function until<T>(what: () => Promise<T> | T, accepted: (value: T) => boolean, withinMs = 4000): Promise<T> {
  const end = ports.clock.now() + withinMs;
  for (;;) {
    const value = await what();
    if (accepted(value)) return value;
    if (ports.clock.now() > end) throw new Error(`still ${JSON.stringify(value)}`);
    await pause(10);
  }
}

export const itemIn = (client: SmpClient, { orderId }: Pick<Order, "orderId">, ep: string, ...states: ItemState[]): Promise<Item> =>
  until(async () => (await client.getItem(orderId, ep)).value, ({ state }) => states.includes(state));

export const problem = async (call: Promise<unknown>): Promise<{ type: string | undefined; status: number; field: string | undefined }> => {
  const error = await call.then(() => undefined, (caught: unknown) => caught);
  if (!(error instanceof SmpCallError)) throw new Error(`no problem but ${String(error)}`);
  return { type: error.type, status: error.status, field: error.problem?.field };
};
