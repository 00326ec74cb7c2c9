import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { timing } from "../../src/config/index.js";
import { HostProcess, RefusedByHost } from "./host-process.js";
import { eventually, ScriptedLwM2mServer } from "./testing/scripted-servers.js";

const folder = join(import.meta.dirname, "..", ".cache", `node-coap-device-${process.pid}`);

/** Every module of the device by itself: what it takes from the rest of the project are types, and they are gone here. */
beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(import.meta.dirname)) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts") || name === "index.ts" || name === "hosted.ts") continue;
    const { outputText } = ts.transpileModule(await readFile(join(import.meta.dirname, name), "utf8"), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
    });
    await writeFile(join(folder, name.replace(/\.ts$/, ".js")), outputText);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const spec = (uri: string) => {
  const { coap, device } = timing("lab");
  return { endpoint: "dev-1", lwm2m: "1.1", personality: "default", seed: 1, servers: [{ uri, shortServerId: 101, lifetime: 300 }], timing: { coap, device } };
};

describe("the process of the devices", () => {
  it("needs nothing of the project at run time but its own folder", async () => {
    for (const name of await readdir(folder)) expect(await readFile(join(folder, name), "utf8"), name).not.toMatch(/from "\.\.\//);
  });

  it("says what stack it is, serves devices, and ends with its input whatever they are doing", async () => {
    const server = await ScriptedLwM2mServer.start();
    const host = await HostProcess.start(join(folder, "host.js"));
    expect(host.stack).toBe("node-coap 1.5.0");
    await host.send({ type: "create", spec: spec(server.uri), start: true }, z.null());
    await eventually(() => server.registers.length);
    await expect(host.send({ type: "act", endpoint: "dev-1", action: { do: "go-silent" } }, z.unknown())).rejects.toThrow(RefusedByHost);
    const { pid } = host;
    await host.stop();
    expect(() => process.kill(pid ?? 0, 0)).toThrow();
    await expect(host.send({ type: "states" }, z.unknown())).rejects.toThrow("has ended");
    expect(server.requests.some((what) => what.startsWith("DELETE"))).toBe(false);
    await server.close();
  });

  it("is told apart from one that cannot start", async () => {
    await writeFile(join(folder, "broken.js"), 'console.log(JSON.stringify({ ready: false, why: "no stack here" })); setInterval(() => {}, 1000);');
    await expect(HostProcess.start(join(folder, "broken.js"))).rejects.toThrow("no stack here");
    await writeFile(join(folder, "gone.js"), "");
    await expect(HostProcess.start(join(folder, "gone.js"))).rejects.toThrow("did not start");
  });
});
