import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, freeTcpPort, freeUdpPort, type RunningProcess, start } from "./process.js";

const JAR = join(import.meta.dirname, ".cache", "leshan-server-demo-2.0.0-M4-jar-with-dependencies.jar");
const MUSTER = join(import.meta.dirname, "..", "dist", "src", "cli", "main.js");
const installed = existsSync(JAR);
const DEVICES = 500;

interface Registration {
  readonly endpoint: string;
  readonly lastUpdate: string;
}

describe("Leshan's server demo 2.0.0-M4 as LwM2M Server", () => {
  let leshan: RunningProcess;
  let fleet: RunningProcess;
  let api = "";
  let coapPort = 0;
  const folder = mkdtempSync(join(tmpdir(), "muster-leshan-"));

  const clients = async (): Promise<readonly Registration[]> => (await (await fetch(`${api}/clients`)).json()) as Registration[];
  const counts = (wanted: number, withinMs: number) =>
    eventually(withinMs, async () => ((await clients()).length === wanted ? wanted : undefined));

  beforeAll(async () => {
    if (!installed) {
      if (process.env["CI"] !== undefined) throw new Error("Leshan is not installed: run interop/setup");
      return;
    }
    coapPort = await freeUdpPort();
    const coapsPort = await freeUdpPort();
    const webPort = await freeTcpPort();
    api = `http://127.0.0.1:${webPort}/api`;
    leshan = await start(
      "java",
      ["--add-opens", "java.base/java.util=ALL-UNNAMED", "-jar", JAR, "-lh", "127.0.0.1", "-lp", `${coapPort}`, "-slh", "127.0.0.1", "-slp", `${coapsPort}`, "-wh", "127.0.0.1", "-wp", `${webPort}`],
      { cwd: folder, ready: () => fetch(`${api}/clients`).then((answer) => answer.ok, () => false), readyWithinMs: 60_000 },
    );
    fleet = await start(process.execPath, [
      MUSTER, "fleet", "--devices", `${DEVICES}`, "--rate", "250", "--server", `coap://127.0.0.1:${coapPort}`,
      "--endpoint-pattern", "leshan-{index:08d}", "--duration", "60", "--seed", "7",
    ]);
  }, 90_000);

  afterAll(async () => {
    if (installed) {
      await fleet.stop();
      await leshan.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  }, 20_000);

  it(`counts ${DEVICES} registered devices, reads one, triggers its Update, and counts none when the fleet has left`, async (test) => {
    if (!installed) return test.skip("Leshan is not installed: run interop/setup");
    expect(await counts(DEVICES, 30_000), fleet.output()).toBe(DEVICES);

    const endpoint = "leshan-00000042";
    const read = (await (await fetch(`${api}/clients/${endpoint}/3/0?format=TLV&timeout=5`)).json()) as { status: string; content: { resources: readonly { id: number }[] } };
    expect(read.status).toBe("CONTENT(205)");
    expect(read.content.resources.map((resource) => resource.id)).toEqual(expect.arrayContaining([0, 1, 2, 3, 11, 16]));

    const lastUpdate = async () => ((await (await fetch(`${api}/clients/${endpoint}`)).json()) as Registration).lastUpdate;
    const before = await lastUpdate();
    const executed = (await (await fetch(`${api}/clients/${endpoint}/1/0/8`, { method: "POST" })).json()) as { status: string };
    expect(executed.status).toBe("CHANGED(204)");
    expect(await eventually(5_000, async () => ((await lastUpdate()) !== before ? "updated" : undefined))).toBe("updated");

    // Its duration was cut short: the summary is incomplete, the leaving is not.
    fleet.signal("SIGINT");
    expect(await fleet.exited, fleet.output()).toBe(3);
    expect(await counts(0, 10_000)).toBe(0);
  }, 90_000);
});
