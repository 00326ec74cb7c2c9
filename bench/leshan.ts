import { spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type FleetPlan, startFleet } from "../simulators/fleet/index.js";
import { Codes, decode, encode, textOption, Type, uintOption } from "../src/coap/index.js";
import { packageRoot } from "../src/ports/real/index.js";
import type { Figure } from "./figure.js";
import { lab, until } from "./roles.js";

const rounds = 4;
/** So long each generator is let run before it is counted, and so long its registrations are counted. */
const [settleMs, countedMs] = [200, 1_000];
/** At which the fleet registers first, a second. */
const startRate = 2_000;
/** Of the bare generator so many datagrams are under way at a time: few enough for the socket buffer of the server. */
const underWay = 256;
/** A bare generator sends again what had no answer for so long. */
const repeatMs = 300;

const folder = join(packageRoot, "interop", ".cache", "leshan", "server");

interface Leshan {
  readonly port: number;
  stop(): Promise<void>;
}

const readyLine = z.object({ ready: z.literal(true), coap: z.url() });

/** Leshan's server library 2.0.0-M18 in a process of its own, under the main of the interop tests. */
async function startLeshan(): Promise<Leshan> {
  const child = spawn("java", ["-cp", `${folder}/classes:${folder}/lib/*`, "Main"], { stdio: ["ignore", "pipe", "ignore"] });
  const gone = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill();
    await gone;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = readyLine.safeParse(line.startsWith("{") ? JSON.parse(line) : undefined);
    if (!ready.success) continue;
    child.stdout.resume();
    return { port: Number(new URL(ready.data.coap).port), stop };
  }
  throw new Error("Leshan's server ended before it was ready");
}

/** The Register that our devices send, ready to go, with a socket of its own. Only its message id is another each time. */
async function prepared(endpoint: string): Promise<{ readonly socket: Socket; readonly datagram: Buffer }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const datagram = encode({
    type: Type.CON,
    code: Codes.POST,
    messageId: 1,
    token: Buffer.from("0a0b0c0d", "hex"),
    options: [textOption(11, "rd"), uintOption(12, 40), ...[`ep=${endpoint}`, "lt=3600", "lwm2m=1.1", "b=U"].map((parameter) => textOption(15, parameter))],
    payload: Buffer.from("</1/0>,</3/0>,</4/0>,</5/0>,</3303/0>"),
  });
  return { socket, datagram };
}

/** Registrations a second in the time that is counted. */
async function counted(registrations: () => number | Promise<number>): Promise<number> {
  await sleep(settleMs);
  const [before, from] = [await registrations(), performance.now()];
  await sleep(countedMs);
  const after = await registrations();
  return (after - before) / ((performance.now() - from) / 1000);
}

/** A generator without CoAP, devices or timers of its own: datagrams made before, and a look at each answer's code. */
async function bareGenerator(port: number, devices: number) {
  const all = await Promise.all(Array.from({ length: devices }, (_, index) => prepared(`ab-bare-${String(index).padStart(8, "0")}`)));
  const waiting = new Map<number, number>();
  let next = 0;
  let registered = 0;
  let running = false;
  const send = (): void => {
    const index = next++ % devices;
    const one = all[index];
    if (one === undefined || waiting.has(index)) return;
    one.datagram.writeUInt16BE((one.datagram.readUInt16BE(2) + 1) & 0xff_ff, 2);
    waiting.set(index, performance.now());
    one.socket.send(one.datagram, port, "127.0.0.1");
  };
  all.forEach(({ socket }, index) =>
    socket.on("message", (answer) => {
      if (decode(answer).code !== Codes.Created || !waiting.delete(index)) return;
      registered++;
      if (running) send();
    }),
  );
  return {
    async rate(): Promise<number> {
      running = true;
      waiting.clear();
      for (let sent = 0; sent < underWay; sent++) send();
      // What was lost is one fewer under way; another takes its place.
      const late = setInterval(() => {
        for (const [index, since] of waiting) {
          if (performance.now() - since <= repeatMs) continue;
          waiting.delete(index);
          send();
        }
      }, 50);
      try {
        return await counted(() => registered);
      } finally {
        running = false;
        clearInterval(late);
      }
    },
    stop: () => all.forEach(({ socket }) => socket.close()),
  };
}

/** Our fleet, in one thread, registered already: as the bare generator's, its sockets are there before anything is timed. */
async function standingFleet(port: number, devices: number) {
  const fleet = await startFleet({ shards: 1 });
  const plan: FleetPlan = {
    name: "standing", first: 0, last: devices, seed: 1, endpointPattern: "ab-fleet-{index:08d}", lwm2m: "1.1", shape: { kind: "storm", jitterMs: (devices * 1_000) / startRate }, timing: lab, traced: 0,
    servers: [{ uri: `coap://127.0.0.1:${port}`, shortServerId: 101, lifetime: 3600 }],
  };
  await fleet.launch(plan);
  await until(`${devices} registered`, 30_000, async () => (await fleet.states(plan.name)).registered === devices);
  return {
    /** Devices register once more, one after the other and again from the first one on, at a rate that the server is known to hold: beyond it would be measured how datagrams are lost. */
    async rate(perSecond: number): Promise<number> {
      let running = true;
      const again = async (): Promise<void> => {
        while (running) {
          await fleet.actAll({ plan: plan.name }, { do: "register" }, perSecond);
          await sleep((devices * 1_000) / perSecond);
        }
      };
      const done = again();
      try {
        return await counted(async () => (await fleet.counters(plan.name)).registrations);
      } finally {
        running = false;
        await done;
      }
    },
    stop: () => fleet.stop({ deregister: false }),
  };
}

/** What our fleet gets out of Leshan's server beside what anything could: by turns, in one run, with one server. */
export async function leshanRegister(devices = 4_000): Promise<Figure[]> {
  if (!existsSync(join(folder, "classes", "Main.class"))) {
    process.stderr.write("leshan-register: Leshan's server is not installed: run interop/setup\n");
    return [];
  }
  const leshan = await startLeshan();
  const [ours, bare]: [number[], number[]] = [[], []];
  try {
    const bareOne = await bareGenerator(leshan.port, devices);
    const fleet = await standingFleet(leshan.port, devices);
    try {
      // A virtual machine that has just started runs slower; neither generator is charged for it.
      await fleet.rate(await bareOne.rate());
      for (let round = 0; round < rounds; round++) {
        const perSecond = await bareOne.rate();
        bare.push(perSecond);
        await sleep(200);
        ours.push(await fleet.rate(perSecond));
        await sleep(200);
      }
    } finally {
      bareOne.stop();
      await fleet.stop();
    }
  } finally {
    await leshan.stop();
  }
  // Whatever else the machine does makes either slower, never faster: the best of each is what it can do.
  const [fleet, generator] = [Math.max(...ours), Math.max(...bare)];
  const against = `${Math.round(fleet)} registrations/s of a standing fleet of ${devices} devices asked for them at the other's rate, against ${Math.round(generator)} of prepared datagrams (${underWay} under way), the best of ${rounds} each, by turns`;
  return [{ id: "leshan-register", value: (100 * fleet) / generator, unit: "%", floor: ">= 70", aim: ">= 90", against }];
}
