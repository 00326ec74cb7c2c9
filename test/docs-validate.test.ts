import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { muster, start } from "../src/cli/testing/muster.js";
import { readDeviations, readTarget } from "../src/harness/index.js";
import { packageRoot } from "../src/ports/real/index.js";

// Processes start slowly on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const page = (name: string): string => readFileSync(join(packageRoot, "docs", name), "utf8");
const blocks = (text: string, kind: string): { readonly info: string; readonly body: string }[] =>
  [...text.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].flatMap(([, found, info = "", body = ""]) => (found === kind ? [{ info: info.trim(), body }] : []));
/** `npx muster ...` lines, as arguments. */
const commands = (text: string): string[][] =>
  blocks(text, "sh").flatMap(({ body }) =>
    body.split("\n").flatMap((line) => {
      const words = /^npx muster (.*)$/.exec(line)?.[1];
      return words === undefined ? [] : [words.trim().split(/\s+/)];
    }),
  );

describe("the pages for whoever validates his own", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-docs-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("lead from a server that is running to verdicts about it", async () => {
    const text = page("validate-your-server.md");
    const server = start(["serve", "lwm2m-server", "--coap", "127.0.0.1:0", "--http", "127.0.0.1:0"], { cwd: folder });
    try {
      const [, address = ""] = await server.until(/coap:\/\/(127\.0\.0\.1:\d+)/);
      const [target] = blocks(text, "yaml").filter(({ info }) => info === "file=my-server.yaml");
      await writeFile(join(folder, "my-server.yaml"), (target?.body ?? "").replace("127.0.0.1:5683", address));
      const [doctor = [], run = []] = commands(text);
      const found = await muster(doctor, { cwd: folder });
      expect(found.out).toMatch(/^run +registration\/register-parameters\/a-complete-register-is-accepted$/m);
      expect(found.out).toMatch(/^warning +scenarios .*\d+ are unsupported/m);
      expect(found.out).toMatch(/^unsupported +registration\/register\/a-valid-register-is-accepted .*the step "server A lists/m);
      const ran = await muster(run, { cwd: folder });
      expect(ran.code, ran.out + ran.err).toBe(0);
      expect(ran.out).toContain("A complete Register is accepted");
      const [, , opinion = []] = commands(text);
      expect(opinion).toContain("--second-opinion");
      expect((await muster(opinion, { cwd: folder })).code).toBe(0);
    } finally {
      server.signal("SIGTERM");
      await server.ended;
    }
  });

  it("show target files and deviations that are read as they stand", () => {
    const [, target, deviations] = blocks(page("validate-your-server.md"), "yaml");
    expect(readTarget(target?.body ?? "", "docs.yaml", { MY_SERVER_KEY: "some key of a server" }).servers.A).toMatchObject({ kind: "adapted", secrets: { key: "some key of a server" } });
    expect(readDeviations(deviations?.body ?? "", "docs.yaml")).toHaveLength(1);
  });

  it("name servers to point a client at that start and answer", async () => {
    const served = commands(page("validate-your-client.md")).filter(([command]) => command === "serve");
    expect(served.map(([, role]) => role)).toEqual(["lwm2m-server", "bootstrap-server"]);
    for (const args of served) {
      const server = start(args.map((word) => word.replace(/:\d+$/, ":0")), { cwd: folder });
      await server.until(/coap:\/\/127\.0\.0\.1:\d+/);
      server.signal("SIGTERM");
      await server.ended;
    }
  });

  it("name scenarios that are there", async () => {
    for (const name of ["validate-your-client.md", "smp.md"]) {
      for (const args of commands(page(name)).filter(([command]) => command === "run")) {
        const { code, err } = await muster([...args.filter((word) => word !== "--list"), "--list"], { cwd: folder });
        expect(code, err).toBe(0);
      }
    }
  });
});
