import { afterEach, describe, expect, it } from "vitest";
import { bootstrapServerConfig } from "../../src/config/index.js";
import { LateHandler } from "../../src/operator/index.js";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { BootstrapServer } from "./role.js";
import { MemoryLink } from "./testing/memory-link.js";
import { ScriptedDevice } from "./testing/scripted-device.js";

const serverAddress = { host: "10.0.0.1", port: 5683 };
const caller = { peerId: "operator-b", tenant: "b" };
/** More than there are sessions at first. */
const crowd = 64;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A Bootstrap Server whose sessions are all taken by devices that do not answer, and a device whose trigger was acknowledged. */
async function crowded(confirmWindowMs: number) {
  const ports = simulatedPorts("waiting");
  const config = bootstrapServerConfig({
    operatorToken: "operator-token-of-a-test",
    lab: true,
    timing: { profile: "lab", bootstrapServer: { confirmWindowMs, retryDelayMs: 50 } },
    clients: ["ab-*"],
    bootstrap: [{ endpoint: "ab-crowd-*", accounts: [{ uri: "coap://10.0.0.2", shortServerId: 101, lifetime: 300 }] }],
    peers: [{ id: "operator-b", tenant: "b", token: "token-of-operator-b-1", smp: "http://127.0.0.1:1", shortServerIds: [200, 299] }],
  });
  const late = new LateHandler();
  const coap = await udpEndpoint(ports, { ...serverAddress, transmission: config.timing.coap }, late);
  const [peer] = config.peers;
  if (peer === undefined) throw new Error("the configuration has a peer");
  const link = new MemoryLink(peer, ports.clock);
  const role = new BootstrapServer(config, ports, coap, new Map([[peer.id, link]]));
  late.handler = role.bootstraps;
  closing.push(() => role.stop(), () => coap.close());
  const device = async (endpoint: string, host: string): Promise<ScriptedDevice> => {
    const made = await ScriptedDevice.start(ports, { endpoint, host, server: serverAddress, coap: config.timing.coap });
    closing.unshift(() => made.close());
    return made;
  };
  const triggered = await device("ab-1", "10.2.0.1");
  const { value: account } = role.handlers.createAccount(caller, { uri: "coap://10.0.0.3", securityMode: "nosec", ssid: 201, lifetime: 300, storeNotifications: true, binding: "U", acl: [] });
  const policy = { trigger: "via-server", triggerServers: ["operator-b"], maxAttempts: 3, activation: "before-first-write", sessionPolicy: "close-on-revoke" } as const;
  const { value: order } = role.handlers.createOrder(caller, { type: "provision", accountId: account.accountId, targets: { endpoints: ["ab-1"] }, policy });
  await ports.clock.advance(60);
  for (let index = 0; index < crowd; index++) {
    const silent = await device(`ab-crowd-${index}`, `10.1.0.${index + 1}`);
    silent.script = () => "silence";
    void silent.bootstrap();
  }
  await ports.clock.advance(20);
  const item = () => role.handlers.getItem(caller, { orderId: order.orderId, ep: "ab-1" });
  return { ports, role, link, triggered, item };
}

describe("a triggered device whose Bootstrap-Request waits for its session", () => {
  it("has confirmed its trigger with the request, and is not triggered again", async () => {
    const { ports, role, link, triggered, item } = await crowded(300);
    void triggered.bootstrap();
    await ports.clock.advance(400);
    expect(role.bootstraps.waitingRequests).toBe(1);
    expect(item()).toMatchObject({ state: "awaiting-client", trigger: { state: "confirmed" } });
    await ports.clock.advance(2_000);
    expect(triggered.accounts).toEqual([201]);
    expect(link.triggers).toHaveLength(1);
  });
});
