import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually, start } from "../interop/process.js";
import { resultSchema } from "../src/harness/index.js";
import { inFolder, readJson } from "./muster.js";
import { bindable, mainFile } from "./served.js";

describe("a run that is interrupted", () => {
  it("writes what there is as an incomplete result, ends with 3, and leaves no port taken", async () => {
    await inFolder(async (folder) => {
      const run = await start(process.execPath, [mainFile, "run", "--functional", "--seed", "1", "--out", folder], {
        ready: (output) => /^server-b /m.test(output) && /^pass +\d+\//m.test(output),
        readyWithinMs: 90_000,
      });
      const ports = [...run.output().matchAll(/(coap|http):\/\/127\.0\.0\.1:(\d+)/g)].map(([uri, scheme, port]) => ({ uri, protocol: scheme === "coap" ? "udp" : "tcp", port: Number(port) }) as const);
      try {
        run.signal("SIGINT");
        expect(await run.exited, run.output()).toBe(3);
      } finally {
        await run.stop();
      }
      expect(run.output()).toContain("SIGINT: the run ends, what there is will be written");
      expect(run.output()).not.toMatch(/^ +at /m);

      const [name = ""] = readdirSync(folder).filter((entry) => entry !== "latest");
      const result = resultSchema.parse(readJson(join(folder, name, "result.json")));
      expect(result).toMatchObject({ interrupted: true, exitCode: 3, seed: "1" });
      expect(result.verdicts.pass).toBeGreaterThan(0);
      expect(result.verdicts.incomplete).toBeGreaterThan(0);
      expect(readdirSync(join(folder, name))).toEqual(expect.arrayContaining(["result.json", "index.html", "junit.xml", "cucumber-messages.ndjson"]));

      expect(ports).toHaveLength(6);
      // Somebody else's socket may have got the number for a moment.
      for (const { uri, protocol, port } of ports) expect(await eventually(10_000, async () => ((await bindable(protocol, port)) ? "free" : undefined)), uri).toBe("free");
    });
  }, 180_000);
});
