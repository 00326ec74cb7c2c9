import { startFleet, type FleetPlan } from "../simulators/fleet/index.js";
import { Shard } from "../simulators/fleet/shard.js";
import { realPorts } from "../src/ports/real/index.js";
import type { Figure } from "./figure.js";
import { certificateServerProcess, lab, lwm2mServerProcess, patientLab, residentAfterCollection, until } from "./roles.js";

const KiB = 1024;
const memoryPattern = "ab-memory-{index:08d}";

/** A shard in this very thread, so that its memory can be collected and read; the server is another process. */
export const memoryPerDevice = (few = 1_000, many = 10_000): Promise<Figure[]> => memoryOf("memory-per-device", "nosec", few, many, { floor: "<= 12", aim: "<= 8" });

export const memoryPerPskDevice = (few = 1_000, many = 10_000): Promise<Figure[]> => memoryOf("memory-per-psk-device", "psk", few, many, { floor: "<= 30", aim: "<= 20" });

/** Each device has a certificate of its own, and shares with the others the authority that it takes its server's by. */
export async function memoryPerX509Device(few = 1_000, many = 5_000): Promise<Figure[]> {
  const seed = 1;
  const server = await certificateServerProcess(seed);
  const account = { uri: server.uri, shortServerId: 101, lifetime: 3600, trust: { publicKey: server.authority, usage: 2 } };
  const plan = { seed, endpointPattern: memoryPattern, lwm2m: "1.1", security: "x509", shape: { kind: "rate", perSecond: 200 }, timing: patientLab, traced: 0, servers: [account] } as const;
  const slope = await slopeOf(few, many, plan);
  server.stop();
  return [{ id: "memory-per-x509-device", value: slope / KiB, unit: "KiB", floor: "<= 40", aim: "<= 24", against: `resident slope from ${few} to ${many} registered devices with a DTLS session by certificate each, fleet process alone` }];
}

/** Resident bytes for each device between `few` and `many` registered ones of the plan. */
async function slopeOf(few: number, many: number, plan: Omit<FleetPlan, "name" | "first" | "last">): Promise<number> {
  const shard = new Shard(realPorts("bench"), { traceLimit: 1_000, recorderLimit: 0 });
  const register = async (name: string, first: number, last: number): Promise<number> => {
    shard.launch({ ...plan, name, first, last }, { first, last }, 0);
    await until(`${last} registered`, 60_000, () => shard.states(undefined).registered === last);
    return residentAfterCollection();
  };
  const small = await register("few", 0, few);
  const large = await register("many", few, many);
  await shard.stop(false, 5_000);
  return (large - small) / (many - few);
}

async function memoryOf(id: string, security: "nosec" | "psk", few: number, many: number, bounds: Pick<Figure, "floor" | "aim">): Promise<Figure[]> {
  const server = await lwm2mServerProcess([{ testDevices: { seed: 1, pattern: memoryPattern } }]);
  const psk = security === "psk";
  const slope = await slopeOf(few, many, {
    seed: 1, endpointPattern: memoryPattern, lwm2m: "1.1", shape: { kind: "rate", perSecond: psk ? 400 : 5_000 }, timing: psk ? patientLab : lab, traced: 0,
    servers: [{ uri: psk ? server.secureUri : server.uri, shortServerId: 101, lifetime: 3600 }],
  });
  server.stop();
  return [{ id, value: slope / KiB, unit: "KiB", ...bounds, against: `resident slope from ${few} to ${many} registered devices${psk ? " with a DTLS session each" : ""}, fleet process alone` }];
}

/** What the stub keeps after 100,000 more requests of the same 10,000 peers. */
export async function referenceGrowth(devices = 10_000): Promise<Figure[]> {
  const server = await lwm2mServerProcess();
  const fleet = await startFleet({ shards: 1 });
  await fleet.launch({
    name: "growth", first: 0, last: devices, seed: 1, endpointPattern: "ab-growth-{index:08d}", lwm2m: "1.1", shape: { kind: "rate", perSecond: 5_000 }, timing: lab, traced: 0,
    servers: [{ uri: server.uri, shortServerId: 101, lifetime: 3600 }],
  });
  await until("all registered", 60_000, async () => (await fleet.states()).registered === devices);
  const updates = (): number => fleet.snapshot().counters.updates;
  const requests = async (count: number): Promise<void> => {
    for (let round = 0; round < count / devices; round++) {
      const before = updates();
      await fleet.actAll({}, { do: "update" }, 8_000);
      await until("every Update answered", 60_000, () => updates() - before >= devices);
    }
  };
  await requests(100_000);
  const first = await server.resident();
  await requests(100_000);
  const second = await server.resident();
  await fleet.stop({ deregister: false });
  server.stop();
  return [{ id: "reference-growth", value: Math.max(0, second - first) / KiB / KiB, unit: "MiB", floor: "<= 16", aim: "<= 4", against: `resident after 100,000 and 200,000 Updates of ${devices} devices` }];
}
