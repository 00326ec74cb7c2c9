import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decode, summarise } from "../src/coap/index.js";
import { seedNumber, testKey } from "../src/config/index.js";
import { decodeContent, parsePath, SecurityResource, valueOf } from "../src/lwm2m/index.js";
import { resultSchema } from "../src/harness/index.js";
import { keyCheckValue } from "../src/smp/index.js";
import { decryptedFrom } from "./decrypted.js";
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

/** The secret key in a Bootstrap-Write of a Security object instance. */
function keyIn(message: Uint8Array): Buffer | undefined {
  const { coap } = summarise(message);
  if (coap?.code !== "0.03" || coap.contentFormat === undefined || coap.payloadLength === 0 || !/^\/0\/\d+$/.test(coap.path ?? "")) return undefined;
  const node = decodeContent(coap.contentFormat, parsePath(coap.path ?? ""), decode(message).payload, "1.1");
  const key = node.kind === "instance" ? valueOf(node, SecurityResource.SecretKey) : undefined;
  return key instanceof Uint8Array && key.length > 0 ? Buffer.from(key) : undefined;
}

const tracedDatagram = z.looseObject({ event: z.looseObject({ kind: z.literal("datagram"), hex: z.string() }) });

/** The secret keys in Bootstrap-Writes, as the trace shows them. */
function keysShown(trace: string): Buffer[] {
  return trace.split("\n").flatMap((line) => {
    const parsed = line === "" ? undefined : tracedDatagram.safeParse(JSON.parse(line));
    return (parsed?.success === true ? keyIn(Buffer.from(parsed.data.event.hex, "hex")) : undefined) ?? [];
  });
}

/** The secret keys that a Bootstrap Server wrote to devices, as the devices got them. */
const keysDelivered = (trace: string, keyLog: string): Buffer[] => decryptedFrom("bootstrap-server", trace, keyLog).flatMap((message) => keyIn(message) ?? []);

const beginsWith = 3;
const beginningAt = (text: string, at: number): number => ((text.charCodeAt(at) & 0xff) << 16) | ((text.charCodeAt(at + 1) & 0xff) << 8) | (text.charCodeAt(at + 2) & 0xff);

/** Which of many keys are in which texts, in any writing: each text is gone through once, whatever the number of keys. */
function found(keys: ReadonlyMap<string, Buffer>, texts: readonly Written[]): string[] {
  const beginnings = new Uint8Array(1 << (8 * beginsWith));
  const named = new Map<number, [writing: string, name: string][]>();
  for (const [name, key] of keys) {
    for (const writing of keyWritings(key)) {
      const beginning = beginningAt(writing, 0);
      beginnings[beginning] = 1;
      named.set(beginning, [...(named.get(beginning) ?? []), [writing, name]]);
    }
  }
  return texts.flatMap((one) => {
    const names = new Set<string>();
    for (let at = 0; at + beginsWith <= one.text.length; at++) {
      const beginning = beginningAt(one.text, at);
      if (beginnings[beginning] === 1) for (const [writing, name] of named.get(beginning) ?? []) if (one.text.startsWith(writing, at)) names.add(name);
    }
    return [...names].map((name) => `${name} in ${one.name}`);
  });
}

describe("what a run writes", () => {
  it("holds no key of any device, neither one of the seed nor one that a Bootstrap Server made", async () => {
    await inFolder(async (folder) => {
      const seed = "1";
      const { stdout, stderr } = await muster(["run", "--functional", "--security", "psk", "--seed", seed, "--out", folder, "--key-log", "--json"], 400_000);
      expect(stdout, stderr).not.toBe("");
      const { scenarios } = resultSchema.parse(JSON.parse(stdout));
      // A scenario that has looked for a device's keys itself looked for those too that it held only for a time: of the Bootstrap Server, two of A, two of B.
      expect(scenarios.filter(({ id }) => id.includes("tells-no-key")).flatMap(({ allChecks }) => allChecks.map(({ text }) => text)).filter((text) => / keys that "c1" ever held/.test(text)).map((text) => /\d+/.exec(text)?.[0])).toEqual(["5", "5", "5"]);
      const written = [...filesBelow(join(folder, "latest")), { name: "standard output", text: stdout }, { name: "standard error", text: stderr }];

      // The search would find them: identities are told where the keys are not, and there are Writes that held keys.
      const traces = written.filter(({ name }) => name.endsWith("trace.ndjson"));
      const endpoints = [...new Set(scenarios.flatMap((scenario) => scenario.endpoints))];
      expect(endpoints.filter((endpoint) => traces.some(({ text }) => text.includes(endpoint))).length).toBeGreaterThan(100);
      const shown = traces.flatMap(({ name, text }) => keysShown(Buffer.from(text, "latin1").toString("utf8")).map((key) => ({ name, key })));
      expect(shown.length).toBeGreaterThan(100);
      expect(shown.filter(({ key }) => key.some((byte) => byte !== 0)).map(({ name }) => name)).toEqual([]);

      const ofSeed = endpoints.flatMap((endpoint) => testKeysOf(seed, endpoint).map((key, index) => [`key ${index} of ${endpoint}`, key] as const));
      const keyLog = written.find(({ name }) => name === "keys.log")?.text ?? "";
      const delivered = traces.flatMap(({ name, text }) => keysDelivered(Buffer.from(text, "latin1").toString("utf8"), keyLog).map((key) => [`the key ${keyCheckValue(key, "key")} delivered in ${name}`, key] as const));
      expect(new Set(delivered.map(([, key]) => key.toString("hex"))).size).toBeGreaterThan(100);
      expect(found(new Map([...ofSeed, ...delivered]), written)).toEqual([]);
      const [name = "", key = Buffer.alloc(0)] = delivered[0] ?? [];
      expect(found(new Map([[name, key]]), [{ name: "a text that tells it", text: `the key is ${key.toString("base64")}` }])).toEqual([`${name} in a text that tells it`]);
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
