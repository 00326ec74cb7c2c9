import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyOf } from "../src/cli/psk.js";
import { readCredentials } from "../src/config/index.js";
import { LeshanServer } from "../src/harness/adapters/leshan/server.js";
import type { RegistrationView } from "../src/operator/index.js";
import { eventually, freeTcpPort, freeUdpPort, type RunningProcess, start } from "./process.js";

const leshanFolder = join(import.meta.dirname, ".cache", "leshan", "server");
const classes = join(leshanFolder, "classes");
const muster = join(import.meta.dirname, "..", "dist", "src", "cli", "main.js");
const installed = existsSync(join(classes, "Main.class"));

const devices = 2_000;
const perSecond = 250;
/** Long enough for all to be registered and asked before the first Update is due, at 0.7 of it. */
const lifetimeS = 30;
/** What Leshan changes the lifetime of some to. */
const longerS = 60;
const lifetimePath = "/1/0/1";
const seed = "7";
const pattern = "leshan-{index:08d}";
const endpointOf = (index: number): string => `leshan-${String(index).padStart(8, "0")}`;
/** Every so many-eth device, over the whole fleet. */
const everyNth = (step: number): readonly string[] => Array.from({ length: devices / step }, (_, at) => endpointOf(1 + at * step));

/** Calls with few of them under way at once, as many as Leshan's HTTP takes connections. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** The devices of which Leshan's event stream tells a notification, until it is closed. */
async function notifications(api: string): Promise<{ readonly from: ReadonlySet<string>; close(): void }> {
  const end = new AbortController();
  const { body } = await fetch(`${api}/event`, { headers: { accept: "text/event-stream" }, signal: end.signal });
  if (body === null) throw new Error("Leshan's event stream is empty");
  const from = new Set<string>();
  const follow = async (): Promise<void> => {
    let text = "";
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      const told = `${text}${chunk}`.split("\n\n");
      text = told.pop() ?? "";
      for (const event of told) {
        const endpoint = /^event: NOTIFICATION\ndata: .*"ep":"([^"]+)"/.exec(event)?.[1];
        if (endpoint !== undefined) from.add(endpoint);
      }
    }
  };
  // It ends by being aborted.
  void follow().catch(() => undefined);
  return { from, close: () => end.abort() };
}

describe.each(["nosec", "psk"] as const)(`Leshan's server library 2.0.0-M18 and a fleet of ${devices} devices over %s`, (security) => {
  const folder = mkdtempSync(join(tmpdir(), "muster-leshan-fleet-"));
  let leshan: RunningProcess | undefined;
  let fleet: RunningProcess | undefined;
  let adapter: LeshanServer | undefined;
  let url = "";
  let server = "";

  const asked = (): LeshanServer => {
    if (adapter === undefined) throw new Error("Leshan was not started");
    return adapter;
  };
  /** The registrations once they are as wanted; what there is when the time is over. A list of thousands is not asked for without a pause. */
  const registrations = async (withinMs: number, wanted: (listed: readonly RegistrationView[]) => boolean): Promise<readonly RegistrationView[]> => {
    let listed: readonly RegistrationView[] = [];
    await eventually(withinMs, async () => {
      listed = await asked().registrations();
      if (wanted(listed)) return true;
      await sleep(500);
      return undefined;
    });
    return listed;
  };

  /** Exports the keys of the fleet, gives each to Leshan through its API, and says where they are. */
  const givenKeys = async (): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [muster, "credentials", "export", "--devices", `${devices}`, "--seed", seed, "--endpoint-pattern", pattern], { maxBuffer: 4 * 1024 * 1024 });
    const file = join(folder, "keys.csv");
    writeFileSync(file, stdout, { mode: 0o600 });
    await forEach(readCredentials(stdout, file), async (device) => {
      const { identity, key } = keyOf(device, "server", file);
      await asked().install({ mode: "psk", endpoint: device.endpoint, identity: Buffer.from(identity).toString(), key });
    });
    return file;
  };

  beforeAll(async () => {
    if (!installed) {
      if (process.env["CI"] !== undefined) throw new Error("Leshan's server is not installed: run interop/setup");
      return;
    }
    const [coap, coaps, web] = [await freeUdpPort(), await freeUdpPort(), await freeTcpPort()];
    leshan = await start("java", ["-cp", `${classes}:${join(leshanFolder, "lib")}/*`, "Main", "--coap", `${coap}`, "--coaps", `${coaps}`, "--http", `${web}`], {
      cwd: folder,
      ready: (output) => output.includes('"ready":true'),
      readyWithinMs: 60_000,
    });
    url = `http://127.0.0.1:${web}`;
    server = security === "psk" ? `coaps://127.0.0.1:${coaps}` : `coap://127.0.0.1:${coap}`;
    adapter = new LeshanServer({ url, dialect: "M15" });
  }, 70_000);

  afterAll(async () => {
    await fleet?.stop();
    await adapter?.close();
    await leshan?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 20_000);

  it("registers, each device counted by Leshan's own API", async (test) => {
    if (!installed) return test.skip("Leshan's server is not installed: run interop/setup");
    const keys = security === "psk" ? ["--credentials", await givenKeys()] : [];
    fleet = await start(process.execPath, [
      muster, "fleet", "--devices", `${devices}`, "--rate", `${perSecond}`, "--server", server, "--endpoint-pattern", pattern, ...keys,
      "--lifetime", `${lifetimeS}`, "--timing", "lab", "--duration", "5m", "--seed", seed, "--json",
    ]);
    const listed = await registrations(25_000, ({ length }) => length === devices);
    expect(new Set(listed.map(({ endpoint }) => endpoint)).size, fleet.output()).toBe(devices);
    expect(listed.filter((one) => one.security.mode !== security)).toEqual([]);
  }, 45_000);

  it("answers Leshan's reads, and notifies of what Leshan observes", async (test) => {
    if (!installed) return test.skip("Leshan's server is not installed: run interop/setup");
    const read: string[] = [];
    await forEach(everyNth(10), async (endpoint) => {
      const result = await asked().operate(endpoint, { operation: "read", path: "/3/0" });
      if (result?.code === "2.05" && result.resources?.["/3/0/0"] !== undefined) read.push(endpoint);
    });
    expect(read.sort()).toEqual(everyNth(10));

    const observed = everyNth(50);
    const told = await notifications(`${url}/api`);
    const observing: string[] = [];
    await forEach(observed, async (endpoint) => {
      if ((await asked().observe(endpoint, lifetimePath))?.code === "2.05") observing.push(endpoint);
    });
    expect(observing.sort()).toEqual(observed);
    expect([...told.from]).toEqual([]);
    await forEach(observed, async (endpoint) => {
      expect(await asked().operate(endpoint, { operation: "write", path: lifetimePath, value: longerS })).toMatchObject({ code: "2.04" });
    });
    await eventually(10_000, () => (told.from.size >= observed.length ? true : undefined));
    told.close();
    expect([...told.from].sort()).toEqual(observed);
    // A device that is given another lifetime tells it in an Update.
    const listed = await registrations(10_000, (all) => all.filter(({ lifetime }) => lifetime === longerS).length >= observed.length);
    expect(listed.filter(({ lifetime }) => lifetime === longerS).map(({ endpoint }) => endpoint).sort()).toEqual(observed);
  }, 45_000);

  it("updates, each device before its lifetime is over, and none is lost", async (test) => {
    if (!installed) return test.skip("Leshan's server is not installed: run interop/setup");
    const updated = ({ lastSeen, registeredAt }: RegistrationView): boolean => lastSeen > registeredAt;
    const listed = await registrations(lifetimeS * 1000, (all) => all.length === devices && all.every(updated));
    expect(listed.filter(updated)).toHaveLength(devices);
  }, 45_000);

  it("leaves when it is stopped, and Leshan counts none", async (test) => {
    if (!installed) return test.skip("Leshan's server is not installed: run interop/setup");
    fleet?.signal("SIGINT");
    // Its duration was cut short: the summary is incomplete, the leaving is not.
    expect(await fleet?.exited, fleet?.output()).toBe(3);
    expect(await registrations(10_000, ({ length }) => length === 0)).toEqual([]);
  }, 45_000);
});
