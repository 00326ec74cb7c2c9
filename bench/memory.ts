import { startFleet } from "../simulators/fleet/index.js";
import { Shard } from "../simulators/fleet/shard.js";
import { realPorts } from "../src/ports/real/index.js";
import type { Figure } from "./figure.js";
import { lab, lwm2mServerProcess, patientLab, residentAfterCollection, until } from "./roles.js";

const KiB = 1024;
const memoryPattern = "ab-memory-{index:08d}";

/** A shard in this very thread, so that its memory can be collected and read; the server is another process. */
export const memoryPerDevice = (few = 1_000, many = 10_000): Promise<Figure[]> => memoryOf("memory-per-device", "nosec", few, many, { floor: "<= 12", aim: "<= 8" });

export const memoryPerPskDevice = (few = 1_000, many = 10_000): Promise<Figure[]> => memoryOf("memory-per-psk-device", "psk", few, many, { floor: "<= 30", aim: "<= 20" });

async function memoryOf(id: string, security: "nosec" | "psk", few: number, many: number, bounds: Pick<Figure, "floor" | "aim">): Promise<Figure[]> {
  const server = await lwm2mServerProcess([{ testDevices: { seed: 1, pattern: memoryPattern } }]);
  const psk = security === "psk";
  const shard = new Shard(realPorts("bench"), { traceLimit: 1_000, recorderLimit: 0 });
  const register = async (name: string, first: number, last: number): Promise<void> => {
    const plan = {
      name, first, last, seed: 1, endpointPattern: memoryPattern, lwm2m: "1.1", shape: { kind: "rate", perSecond: psk ? 400 : 5_000 }, timing: psk ? patientLab : lab, traced: 0,
      servers: [{ uri: psk ? server.secureUri : server.uri, shortServerId: 101, lifetime: 3600 }],
    } as const;
    shard.launch(plan, { first, last }, 0);
    await until(`${last} registered`, 60_000, () => shard.states(undefined).registered === last);
  };
  await register("few", 0, few);
  const small = await residentAfterCollection();
  await register("many", few, many);
  const large = await residentAfterCollection();
  await shard.stop(false, 5_000);
  server.stop();
  return [{ id, value: (large - small) / (many - few) / KiB, unit: "KiB", ...bounds, against: `resident slope from ${few} to ${many} registered devices${psk ? " with a DTLS session each" : ""}, fleet process alone` }];
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
