import { type Fleet, type FleetPlan, startFleet } from "../simulators/fleet/index.js";
import type { BootstrapServerInput } from "../src/config/index.js";
import { freePorts } from "../src/ports/real/free-ports.js";
import { realClock, udpDrops } from "../src/ports/real/index.js";
import { SmpClient } from "../src/smp/index.js";
import { type Figure, median } from "./figure.js";
import { bootstrapServerThread, lab, lwm2mServerThread, patientLab, token, until } from "./roles.js";

const rounds = 3;

const planOf = (name: string, devices: number, to: Pick<FleetPlan, "bootstrap" | "servers">): FleetPlan => ({
  name, first: 0, last: devices, seed: 1, endpointPattern: `ab-${name}-{index:08d}`, lwm2m: "1.1", shape: { kind: "storm" }, timing: lab, traced: 0, ...to,
});

const account = (uri: string) => ({ uri, shortServerId: 101, lifetime: 3600 });

/** Seconds from the launch to the moment when every device is registered. */
async function secondsUntilRegistered(fleet: Fleet, plan: FleetPlan): Promise<number> {
  const devices = plan.last - plan.first;
  const from = performance.now();
  await fleet.launch(plan);
  await until(`${devices} registered`, 120_000, async () => (await fleet.states(plan.name)).registered === devices);
  return (performance.now() - from) / 1000;
}

/** The stub in one thread, the fleet in another. */
export async function registerRate(devices = 15_000): Promise<Figure[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await lwm2mServerThread();
    const fleet = await startFleet({ shards: 1 });
    rates.push(devices / (await secondsUntilRegistered(fleet, planOf(`register${round}`, devices, { servers: [account(server.uri)] }))));
    await fleet.stop({ deregister: false });
    await server.stop();
  }
  return [{ id: "register-rate", value: median(rates), unit: "registrations/s", floor: ">= 5000", aim: ">= 15000", against: `${devices} devices at once, median of ${rounds}` }];
}

export async function bootstrapRegisterRate(devices = 6_000): Promise<Figure[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await lwm2mServerThread();
    const bootstrap = await bootstrapServerThread({ clients: ["ab-*"], bootstrap: [{ endpoint: "ab-*", accounts: [account(server.uri)] }] });
    const fleet = await startFleet({ shards: 1 });
    rates.push(devices / (await secondsUntilRegistered(fleet, planOf(`bootstrap${round}`, devices, { bootstrap: { uri: bootstrap.uri } }))));
    await fleet.stop({ deregister: false });
    await Promise.all([bootstrap.stop(), server.stop()]);
  }
  return [{ id: "bootstrap-register-rate", value: median(rates), unit: "devices/s", floor: ">= 1000", aim: ">= 3000", against: `${devices} devices at once, plain configuration, median of ${rounds}` }];
}

/** So many devices are under way at a time: enough to keep both threads at work, too few for a queue in which handshakes are repeated. */
const underWay = 256;

/** The stub in one thread, the fleet in another, as `registerRate`: each device shakes hands and registers, and the next ones start when others are done. */
export async function pskRegisterRate(devices = 6_000): Promise<Figure[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = `psk${round}`;
    const server = await lwm2mServerThread({ clients: [{ testDevices: { seed: 1, pattern: `ab-${name}-{index:08d}` } }] });
    const fleet = await startFleet({ shards: 1 });
    const plan: FleetPlan = { ...planOf(name, devices, { servers: [account(server.secureUri)] }), timing: patientLab };
    let started = 0;
    const from = performance.now();
    await until(`${devices} registered`, 100_000, async () => {
      const { registered } = await fleet.states();
      const next = Math.min(devices, registered + underWay);
      if (next > started) await fleet.launch({ ...plan, name: `${name} ${started}`, first: started, last: next });
      started = Math.max(started, next);
      return registered === devices;
    });
    rates.push(devices / ((performance.now() - from) / 1000));
    await fleet.stop({ deregister: false });
    await server.stop();
  }
  return [{ id: "psk-register-rate", value: median(rates), unit: "registrations/s", floor: ">= 600", aim: ">= 1500", against: `${devices} devices, ${underWay} at a time, a full PSK CCM_8 handshake each, median of ${rounds}` }];
}

/** Devices bootstrap over PSK, get a key that the server was told by SM-3, and register with it. Orders and staging come before. */
export async function coldStartPsk(devices = 5_000, overMs = 12_000): Promise<Figure[]> {
  const name = "cold-psk";
  const management = await startManagement(name, [{ testDevices: { seed: 1, pattern: `ab-${name}-{index:08d}` } }]);
  const { server, bootstrap, client } = management;
  const fleet = await startFleet({ shards: 1 });
  const dropsBefore = udpDrops() ?? 0;
  await management.order(server.secureUri, "psk", devices);
  const plan: FleetPlan = { ...planOf(name, devices, { bootstrap: { uri: bootstrap.secureUri } }), shape: { kind: "storm", jitterMs: overMs }, timing: patientLab };
  const from = performance.now();
  await fleet.launch(plan);
  const registered = async (): Promise<number> => (await fleet.states(name)).registered;
  await until(`${devices} registered`, 75_000, async () => (await registered()) === devices).catch(() => undefined);
  const seconds = (performance.now() - from) / 1000;
  const [there, drops, { handshakes }] = [await registered(), (udpDrops() ?? 0) - dropsBefore, await fleet.counters(name)];
  await client.close();
  await fleet.stop({ deregister: false });
  await Promise.all([bootstrap.stop(), server.stop()]);
  const against = `${there} of ${devices} registered, switched on within ${overMs / 1000} s, ${handshakes} handshakes, ${drops} datagrams dropped by the kernel`;
  return [{ id: "cold-start-5k-psk", value: there === devices ? seconds : Number.NaN, unit: "s", floor: "<= 75", aim: "<= 15", against }];
}

/** From the order's POST to the last confirmation: staging, activation, writes, registration, confirmation. */
export async function smProvisionRate(devices = 3_000): Promise<Figure[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(devices / (await secondsUntilProvisioned(`provision${round}`, devices)));
  return [{ id: "sm-provision-rate", value: median(rates), unit: "devices/s", floor: ">= 300", aim: ">= 1000", against: `${devices} devices at once, order placed to last confirmation, median of ${rounds}` }];
}

async function startManagement(name: string, clients: NonNullable<BootstrapServerInput["clients"]>) {
  const [bsPort = 0, svPort = 0] = await freePorts("127.0.0.1", 2);
  const peer = { tenant: "a", token };
  const server = await lwm2mServerThread({ http: `127.0.0.1:${svPort}`, admission: "credential", peers: [{ ...peer, id: "bootstrap-server", smp: `http://127.0.0.1:${bsPort}` }] });
  const bootstrap = await bootstrapServerThread({ http: `127.0.0.1:${bsPort}`, clients, peers: [{ ...peer, id: "operator-a", smp: server.http }] });
  let keys = 0;
  const client = new SmpClient({ base: bootstrap.http, token, peer: "bootstrap-server", clock: realClock(), timeoutMs: 30_000, newKey: () => `bench-${name}-${keys++}` });
  return {
    server,
    bootstrap,
    client,
    /** Orders an account for devices 0 and on; resolves when every credential is staged, with a look at how many items are in a state. */
    order: async (uri: string, securityMode: "psk" | "nosec", devices: number) => {
      const endpoints = Array.from({ length: devices }, (_, index) => `ab-${name}-${String(index).padStart(8, "0")}`);
      const supplied = await client.createAccount({ uri, securityMode, ssid: 101, lifetime: 3600 });
      const from = performance.now();
      const order = (await client.createOrder({ type: "provision", accountId: supplied.value.accountId, targets: { endpoints }, policy: { trigger: "wait-for-client" } })).value;
      const count = async (state: "awaiting-client" | "confirmed") => (await client.getOrder(order.orderId)).value.counts[state] === devices;
      await until("every credential staged", 60_000, () => count("awaiting-client"));
      return { from, count };
    },
  };
}

async function secondsUntilProvisioned(name: string, devices: number): Promise<number> {
  const { server, bootstrap, client, order } = await startManagement(name, ["ab-*"]);
  const fleet = await startFleet({ shards: 1 });
  const { from, count } = await order(server.uri, "nosec", devices);
  await secondsUntilRegistered(fleet, planOf(name, devices, { bootstrap: { uri: bootstrap.uri } }));
  await until("every item confirmed", 60_000, () => count("confirmed"));
  const seconds = (performance.now() - from) / 1000;
  await client.close();
  await fleet.stop({ deregister: false });
  await Promise.all([bootstrap.stop(), server.stop()]);
  return seconds;
}

export async function coldStart(devices = 10_000): Promise<Figure[]> {
  const server = await lwm2mServerThread();
  const fleet = await startFleet({ shards: 1 });
  const dropsBefore = udpDrops() ?? 0;
  const seconds = await secondsUntilRegistered(fleet, planOf("cold", devices, { servers: [account(server.uri)] }));
  const drops = (udpDrops() ?? 0) - dropsBefore;
  const { registered } = await fleet.states();
  await fleet.stop({ deregister: false });
  await server.stop();
  return [{ id: "cold-start-10k", value: seconds, unit: "s", floor: "<= 60", aim: "<= 15", against: `${registered} of ${devices} registered, ${drops} datagrams dropped by the kernel` }];
}
