import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decode } from "../src/coap/index.js";
import { seedNumber, testKey } from "../src/config/index.js";
import { decodeContent, parsePath, SecurityResource, valueOf } from "../src/lwm2m/index.js";
import { resultSchema } from "../src/harness/index.js";
import { inFolder, muster } from "./muster.js";
import { serveAll } from "./served.js";

/** A text as it may be written down: as it is, or as the bytes of a datagram or body. */
const writings = (text: string): readonly string[] => [text, ...(["base64", "base64url", "hex"] as const).map((encoding) => Buffer.from(text).toString(encoding).replace(/=+$/, ""))];

/** What the key begins with that a scenario stages at a server ("keeps a credential of a device with a secret"). Six bytes, so that base64 has whole groups. */
const canary = "canary";

interface Written {
  readonly name: string;
  /** One character for each byte. */
  readonly text: string;
}

function filesBelow(folder: string): Written[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((path) => ({ name: path.slice(folder.length + 1), text: readFileSync(path, "latin1") }));
}

/** A key as it may be written down, as bytes too. */
const keyWritings = (key: Buffer): readonly string[] => [key.toString("hex"), key.toString("hex").toUpperCase(), key.toString("base64").replace(/=+$/, ""), key.toString("base64url"), key.toString("latin1")];

/** The keys that follow from the run's seed: at the Bootstrap Server, and what scenarios give a device at each operator's server. */
function testKeysOf(seed: string, endpoint: string): Buffer[] {
  const given = ["a", "b"].flatMap((operator) => [1, 2, 3].map((version) => testKey(seedNumber(seed), `${endpoint}.${operator}${version}`, "server")));
  return [testKey(seedNumber(seed), endpoint, "bootstrap"), ...given];
}

const tracedWrite = z.looseObject({ role: z.string(), event: z.looseObject({ kind: z.literal("datagram"), hex: z.string(), coap: z.looseObject({ code: z.literal("0.03"), path: z.string().regex(/^\/0\/\d+$/), contentFormat: z.number(), payloadLength: z.number().min(1) }) }) });

/** The secret keys in Bootstrap-Writes of a trace, as it shows them: keys that a Bootstrap Server made can be known by their place alone. */
function keysShown(trace: string): Buffer[] {
  return trace.split("\n").flatMap((line) => {
    const parsed = line === "" ? undefined : tracedWrite.safeParse(JSON.parse(Buffer.from(line, "latin1").toString("utf8")));
    if (parsed?.success !== true) return [];
    const { hex, coap } = parsed.data.event;
    const node = decodeContent(coap.contentFormat, parsePath(coap.path), decode(Buffer.from(hex, "hex")).payload, "1.1");
    const key = node.kind === "instance" ? valueOf(node, SecurityResource.SecretKey) : undefined;
    return key instanceof Uint8Array && key.length > 0 ? [Buffer.from(key)] : [];
  });
}

describe("what a run writes", () => {
  it("holds no key of any device, neither one of the seed nor one that a Bootstrap Server made", async () => {
    await inFolder(async (folder) => {
      const seed = "1";
      const { stdout, stderr } = await muster(["run", "--functional", "--security", "psk", "--seed", seed, "--out", folder, "--json"], 400_000);
      expect(stdout, stderr).not.toBe("");
      const { scenarios } = resultSchema.parse(JSON.parse(stdout));
      const written = [...filesBelow(join(folder, "latest")), { name: "standard output", text: stdout }, { name: "standard error", text: stderr }];

      // The search would find them: identities are told where the keys are not, and there are Writes that held keys.
      const traces = written.filter(({ name }) => name.endsWith("trace.ndjson"));
      const endpoints = [...new Set(scenarios.flatMap((scenario) => scenario.endpoints))];
      expect(endpoints.filter((endpoint) => traces.some(({ text }) => text.includes(endpoint))).length).toBeGreaterThan(100);
      const shown = traces.flatMap(({ name, text }) => keysShown(text).map((key) => ({ name, key })));
      expect(shown.length).toBeGreaterThan(100);
      expect(shown.filter(({ key }) => key.some((byte) => byte !== 0)).map(({ name }) => name)).toEqual([]);

      const found = endpoints.flatMap((endpoint) => {
        const writingsOfKeys = testKeysOf(seed, endpoint).flatMap(keyWritings);
        return written.filter(({ text }) => writingsOfKeys.some((writing) => text.includes(writing))).map(({ name }) => `a key of ${endpoint} in ${name}`);
      });
      expect(found).toEqual([]);
    });
  }, 600_000);

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
        const written = [
          ...filesBelow(run),
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
