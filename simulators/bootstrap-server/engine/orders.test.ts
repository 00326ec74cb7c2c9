import { describe, expect, it } from "vitest";
import { EventLog } from "../../../src/operator/index.js";
import { simulatedPorts } from "../../../src/ports/simulated/index.js";
import { SmpEventLog, type OrderBody } from "../../../src/smp/index.js";
import { plantsNamed } from "../plants.js";
import { Accounts } from "./accounts.js";
import { Items } from "./items.js";
import { Client } from "./model.js";
import { Orders } from "./orders.js";

const tenant = (name: string) => ({
  caller: { peerId: name, tenant: name },
  peer: { id: name, tenant: name, token: "", endpoints: ["ab-*"], uris: ["*"], shortServerIds: [1, 65534] as const },
});
type Tenant = ReturnType<typeof tenant>;
const [a, b] = [tenant("a"), tenant("b")];

function bench(maxItems: number) {
  const { clock, secrets } = simulatedPorts(1);
  const clients = new Map<string, Client>();
  const accounts = new Accounts(clock, secrets, true, plantsNamed([]), () => new Set());
  const items = new Items({ clock, trace: { record: () => undefined }, events: new SmpEventLog(clock, "urn:test"), operatorEvents: new EventLog(clock) });
  const orders = new Orders({
    clock, secrets, accounts, items, maxItems, plants: plantsNamed([]),
    hasRoomFor: (devices) => clients.size + devices <= 6,
    knows: () => true,
    knownClient: (endpoint) => clients.get(endpoint),
    client: (endpoint) => {
      const client = clients.get(endpoint) ?? new Client(endpoint);
      clients.set(endpoint, client);
      return client;
    },
    plainShortServerIds: () => [],
    canTell: () => true,
  });
  const accountOf = ({ caller, peer }: Tenant) => accounts.create(caller, peer, { uri: "coap://127.0.0.1:5683", securityMode: "nosec", lifetime: 60, storeNotifications: true, binding: "U", acl: [] }).id;
  const ids = new Map([a, b].map((one) => [one, accountOf(one)]));
  const policy = { trigger: "wait-for-client", triggerServers: [], maxAttempts: 5, activation: "before-first-write", sessionPolicy: "close-on-revoke" } as const;
  const place = (one: Tenant, endpoints: string[], type: OrderBody["type"] = "provision") => orders.create(one.caller, one.peer, { type, accountId: ids.get(one) ?? "", targets: { endpoints }, policy });
  return { orders, clients, place };
}

describe("the room for orders", () => {
  it("ends where a tenant's items are all open, and no other tenant feels it", () => {
    const { place } = bench(2);
    place(a, ["ab-1", "ab-2"]);
    expect(() => place(a, ["ab-3"])).toThrow(expect.objectContaining({ type: "rate", status: 429 }));
    expect(place(b, ["ab-3"]).status).toBe("active");
  });

  it("is made by forgetting the tenant's orders that are over, oldest first", () => {
    const { orders, place } = bench(2);
    const [first, foreign, second] = [place(a, ["ab-1"]), place(b, ["ab-2"]), place(a, ["ab-3"])];
    for (const [one, order] of [[a, first], [a, second], [b, foreign]] as const) orders.cancel(one.caller, order.id, "*");
    place(a, ["ab-4"]);
    expect(() => orders.get(a.caller, first.id)).toThrow(expect.objectContaining({ type: "not-found" }));
    expect(orders.get(a.caller, second.id)).toBe(second);
    expect(orders.get(b.caller, foreign.id)).toBe(foreign);
  });

  it("ends with the devices that are remembered; one whose item is rejected is not", () => {
    const { clients, place } = bench(100);
    expect(place(a, ["ab-1", "ab-2"], "update").counts.rejected).toBe(2);
    expect(clients.size).toBe(0);
    place(a, ["ab-1", "ab-2", "ab-3", "ab-4", "ab-5", "ab-6"]);
    expect(() => place(a, ["ab-7"])).toThrow(expect.objectContaining({ type: "rate" }));
  });
});
