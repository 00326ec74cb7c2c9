import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resultSchema } from "../src/harness/index.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const within = (cwd: string, limitMs: number) => ({ cwd, timeout: limitMs, maxBuffer: 64 * 1024 * 1024 });

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describe("the package, as npm pack makes it", () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-pack-"));
  const empty = join(folder, "empty");
  let packed: Packed;

  beforeAll(async () => {
    const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], within(root, 60_000));
    const [first] = JSON.parse(stdout) as readonly Packed[];
    if (first === undefined) throw new Error(`npm pack made nothing: ${stdout}`);
    packed = first;
    mkdirSync(empty);
    writeFileSync(join(empty, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", join(folder, first.filename)], within(empty, 240_000));
  }, 320_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const muster = (...args: readonly string[]) => run("npx", ["--no-install", "muster", ...args], within(empty, 120_000));

  it("holds what a run needs and what a vendor reads, and no tests", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["package.json", "README.md", "LICENSE", "CHANGELOG.md", "dist/src/cli/main.js", "dist/src/dtls/package.js", "dist/src/dtls/package.d.ts", "src/dtls/README.md", "src/smp/openapi.yaml", "features/registration/register.feature", "targets/served.yaml", "targets/served/README.md", "docs/writing-scenarios.md"]),
    );
    expect(paths.filter((path) => /\.test\.|(^|\/)(test|testing|bench|node_modules)\//.test(path))).toEqual([]);
  });

  it("installed in an empty folder, helps whoever asks", async () => {
    const { stdout } = await muster("run", "--help");
    expect(stdout).toContain("Usage: muster run [options] [paths or tags...]");
    expect(stdout).toContain("Example");
  }, 150_000);

  it("gives the DTLS client and server of their README to whoever imports muster/dtls, with types", async () => {
    const [first = "", second = ""] = [...readFileSync(join(root, "src/dtls/README.md"), "utf8").matchAll(/```js\n(import [^]*?)```/g)].map(([, example = ""]) => example);
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    socket.close();
    const printed: string[] = [];
    for (const [name, example] of Object.entries({ psk: first, rpk: second })) {
      for (const extension of ["mjs", "mts"]) writeFileSync(join(empty, `${name}.${extension}`), example.replace("5684", String(port)));
      printed.push((await run("node", [`${name}.mjs`], within(empty, 60_000))).stdout);
    }
    expect(printed).toEqual(["device-1, first floor\nhello\n", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, a known key\nhello\n"]);
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--typeRoots", join(root, "node_modules/@types"), "--types", "node"];
    await run(join(root, "node_modules/.bin/tsc"), [...options, "psk.mts", "rpk.mts"], within(empty, 120_000));
  }, 200_000);

  it("passes registration there, by tag and by file", async () => {
    const { stdout } = await muster("run", "--functional", "@registration", "--seed", "1", "--json");
    const result = resultSchema.parse(JSON.parse(stdout));
    expect(result.scenarios.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`)).toEqual([]);
    expect(result.scenarios.length).toBeGreaterThan(10);
    const { stdout: summary } = await muster("run", "--functional", "features/registration/register.feature");
    expect(summary).toMatch(/index\.html/);
  }, 300_000);
});
