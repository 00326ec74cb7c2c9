import { startFleet } from "../simulators/fleet/index.js";
import type { Figure } from "./figure.js";
import { certificateServerProcess, patientLab, until } from "./roles.js";

/** Every device gets another address in the same moment, and makes an Update from it. */
export async function rebindAll(devices = 2_000): Promise<Figure[]> {
  const seed = 1;
  const server = await certificateServerProcess(seed);
  const fleet = await startFleet({ shards: 1 });
  await fleet.launch({
    name: "rebind", first: 0, last: devices, seed, endpointPattern: "ab-rebind-{index:08d}", lwm2m: "1.1", security: "x509", connectionIdLength: 0, shape: { kind: "rate", perSecond: 200 }, timing: patientLab, traced: 0,
    servers: [{ uri: server.uri, shortServerId: 101, lifetime: 3600, trust: { publicKey: server.authority, usage: 2 } }],
  });
  await until("all registered", 60_000, async () => (await fleet.states()).registered === devices);
  await fleet.actAll({}, { do: "rebind" });
  await until("every address changed", 20_000, async () => (await fleet.counters()).rebinds === devices);
  await fleet.actAll({}, { do: "update" }, 2_000);
  await until("every Update answered or lost", 60_000, async () => {
    const { updates, updatesFailed } = await fleet.counters();
    return updates + updatesFailed >= devices;
  });
  const { updates, updatesLost, handshakesAfterRebind } = await fleet.counters();
  await fleet.stop({ deregister: false });
  server.stop();
  const kept = Math.max(0, updates - Math.max(updatesLost, handshakesAfterRebind));
  return [{ id: "rebind-2k", value: (100 * kept) / devices, unit: "%", floor: "= 100", aim: "= 100", against: `${devices} devices, all addresses changed at once, connection ids: Updates answered without a handshake` }];
}
