import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resultSchema } from "../src/harness/index.js";
import { inFolder, muster } from "./muster.js";
import { serveAll } from "./served.js";

/** A text as it may be written down: as it is, or as the bytes of a datagram or body. */
const writings = (text: string): readonly string[] => [text, ...(["base64", "base64url", "hex"] as const).map((encoding) => Buffer.from(text).toString(encoding).replace(/=+$/, ""))];

/** What the key begins with that a scenario stages at a server ("keeps a credential of a device with a secret"). Six bytes, so that base64 has whole groups. */
const canary = "canary";

describe("what a run writes", () => {
  it("holds no token and no key: not in result, trace, capture, page or messages, not on a terminal, not in a role's log", async () => {
    await inFolder(async (folder) => {
      const served = await serveAll(folder);
      const reports = join(folder, "reports");
      const selected = ["server-management/sm2-separate", "server-management/sm1-accounts", "server-management/sm3-provisioning"];
      try {
        const { stdout, stderr } = await muster(["run", "--functional", "--seed", "1", "--target", served.target, "--out", reports, "--json", ...selected], 180_000, served.env);
        expect(stdout, stderr).not.toBe("");
        const result = resultSchema.parse(JSON.parse(stdout));
        const staged = result.scenarios.find(({ rules }) => rules.includes("secret-never-readable"));
        expect(staged).toMatchObject({ verdict: "pass" });

        const run = join(reports, "latest");
        const files = readdirSync(run, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
        const written = [
          ...files.map((path) => ({ name: path.slice(run.length + 1), text: readFileSync(path, "latin1") })),
          { name: "standard output", text: stdout },
          { name: "standard error", text: stderr },
          ...Object.entries(served.roles).map(([name, role]) => ({ name: `output of ${name}`, text: role.output() })),
        ];
        for (const name of ["result.json", "index.html", "junit.xml", "cucumber-messages.ndjson"]) expect(written.map((one) => one.name)).toContain(name);

        // The search finds what is there: the device whose credential holds the canary, and the place where its key was.
        const trace = written.find(({ name }) => name.startsWith(staged?.evidence ?? "none") && name.endsWith("trace.ndjson"))?.text ?? "";
        expect(trace).toContain(staged?.endpoints[0]);
        expect(trace).toContain("(secret)");

        const secrets = [...Object.entries(served.env), ["the staged key", canary] as const];
        const found = written.flatMap(({ name, text }) => secrets.filter(([, secret]) => writings(secret).some((writing) => text.includes(writing))).map(([secret]) => `${secret} in ${name}`));
        expect(found).toEqual([]);
      } finally {
        await served.stop();
      }
    });
  }, 300_000);
});
