import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ExitCode } from "./exit.js";
import { failed } from "./program.js";
import { muster } from "./testing/muster.js";

// Processes start slowly on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 100_000 });

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-usage-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("help", () => {
  it.each(["", "run", "serve", "serve bootstrap-server", "serve lwm2m-server", "device", "fleet", "credentials", "credentials export", "credentials authority", "doctor", "matrix"])("of muster %s has an example and ends with 0", async (command) => {
    const { code, out, err } = await muster([...command.split(" ").filter((word) => word !== ""), "--help"]);
    expect(code).toBe(0);
    expect(err).toBe("");
    expect(out).toMatch(/Examples?:\n {2}muster /);
  });

  it("is what muster alone shows, as wrong usage", async () => {
    const { code, err } = await muster([]);
    expect(code).toBe(2);
    expect(err).toContain("Usage: muster");
  });

  it("has the version beside it", async () => {
    const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    expect(await muster(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });
});

describe("wrong usage", () => {
  it.each<[string, string[], RegExp]>([
    ["an unknown command", ["rnu"], /unknown command 'rnu' \(Did you mean run\?\); see muster --help/],
    ["an unknown role", ["serve", "device"], /unknown command 'device'; see muster serve --help/],
    ["an unknown flag", ["run", "--devics", "3"], /unknown option '--devics' \(Did you mean --devices\?\); see muster run --help/],
    ["a flag without its value", ["run", "--seed"], /'--seed <seed>' argument missing; see muster run --help/],
    ["a missing flag", ["fleet", "--server", "coap://127.0.0.1"], /--devices: is missing; give --devices N, or --credentials FILE/],
    ["a key for a server without security", ["device", "--endpoint", "a", "--server", "coap://127.0.0.1", "--psk-identity", "a"], /--psk-identity: is for DTLS only; give --server coaps:\/\/HOST:PORT/],
    ["a secured server without a key", ["device", "--endpoint", "a", "--server", "coaps://127.0.0.1"], /coaps:\/\/ needs a key; give --credentials FILE, --psk-key-file FILE, or the environment variable MUSTER_PSK_KEY/],
    ["a mode that is not the URI's", ["fleet", "--devices", "1", "--server", "coap://127.0.0.1", "--security", "psk"], /--security: psk does not go with --server coap:\/\/127\.0\.0\.1; use coaps:\/\/HOST:PORT/],
    ["an export without its seed", ["credentials", "export", "--devices", "1"], /required option '--seed <seed>' not specified; see muster credentials export --help/],
    ["runs that are none", ["matrix", "/nowhere"], /\/nowhere is not the folder of a run; give one that holds result\.json/],
    ["a number that is none", ["run", "--devices", "many"], /--devices: is not a whole number; use a number such as 100/],
    ["an address that is none", ["serve", "lwm2m-server", "--coap", "here"], /--coap: "here" is not HOST:PORT; write it as 127\.0\.0\.1:5683/],
    ["a URI of another protocol", ["device", "--endpoint", "a", "--server", "http://127.0.0.1"], /--server: "http:\/\/127\.0\.0\.1" is not a coap:\/\/ or coaps:\/\/ URI of host and port alone; write it as/],
    ["nowhere to go to", ["device", "--endpoint", "a"], /give --bootstrap coap:\/\/HOST:PORT or --server coap:\/\/HOST:PORT/],
    ["an unknown personality", ["device", "--endpoint", "a", "--server", "coap://127.0.0.1", "--personality", "slepy"], /--personality: there is no personality "slepy"; did you mean sleepy\?/],
    ["an expectation that is none", ["fleet", "--devices", "1", "--server", "coap://127.0.0.1", "--expect", "fine"], /--expect: .*"fine" is not an expectation; write it as registered=100%/],
    ["an expectation beyond all devices", ["fleet", "--devices", "1", "--server", "coap://127.0.0.1", "--expect", "registered=200%"], /--expect: "registered=200%" asks for more than all devices; write it as registered=100%/],
    ["an empty name", ["serve", "lwm2m-server", "--name", ""], /--name: is too small; use 1 or more characters/],
    ["a tag expression that is none", ["run", "--list", "@a and"], /Tag expression .* could not be parsed because of syntax error: Expected operand; write it as @SM-1/],
    ["tags that nothing has", ["run", "--list", "@nowhere"], /no scenario is selected by @nowhere; muster run --list shows what there is$/m],
    ["a folder for reports that is a file", ["run", "--functional", "--out", process.execPath], /--out \S+ is a file; give a folder that you may write to, such as --out reports/],
    ["a folder for reports where none can be", ["run", "--functional", "--out", "/proc/nowhere/reports"], /--out \/proc\/nowhere\/reports cannot be made; give a folder/],
    ["a file that is not there", ["run", "--target", "nowhere.yaml"], /--target nowhere\.yaml does not exist; check the path/],
    ["a path without features", ["run", "nowhere/at/all"], /"nowhere\/at\/all" is neither a feature file nor a folder/],
    ["loss on purpose with somebody else's devices", ["run", "--functional", "--loss", "2%", "--devices-on", "node-coap"], /--loss does not go with --devices-on[^]*leave one of the two out/],
    ["a client stack that is not there", ["run", "--functional", "--devices-on", "nobody"], /--devices-on: there are no devices on "nobody" here/],
  ])("%s says which and how to put it right, exit 2", async (_what, args, message) => {
    const { code, out, err } = await muster(args);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(out).toBe("");
    expect(code).toBe(2);
  });

  it("names file, line and key of everything that is wrong in a configuration", async () => {
    const file = join(folder, "bs.yaml");
    await writeFile(file, "coap: 127.0.0.1:0\npeers:\n  - id: operator-a\n    tenant: a\n    smp: ftp://x\nclientz: []\n");
    const { code, err } = await muster(["serve", "bootstrap-server", "--config", file]);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:5:5: peers.0.smp: "ftp://x" is not an http:// or https:// URL; write it as`);
    expect(err).toContain(`${file}:6:1: clientz: is not a known key; did you mean "clients"?`);
  });

  it("names the environment variable that a token should come from", async () => {
    const file = join(folder, "server.yaml");
    await writeFile(file, "coap: 127.0.0.1:0\nhttp: 127.0.0.1:0\npeers:\n  - id: bs\n    tenant: a\n    tokenEnv: MUSTER_TOKEN_OF_THE_TEST\n");
    const { code, err } = await muster(["serve", "lwm2m-server", "--config", file]);
    expect(code).toBe(2);
    expect(err).toContain("the environment variable MUSTER_TOKEN_OF_THE_TEST is not set; set it: export MUSTER_TOKEN_OF_THE_TEST=...");
  });

  it("does not make a token up that a peer would have to know", async () => {
    const file = join(folder, "no-token.yaml");
    await writeFile(file, "peers:\n  - id: bs\n    tenant: a\n");
    const { code, err } = await muster(["serve", "lwm2m-server", "--config", file]);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:2:5: peers.0.token: is missing; give it, or tokenEnv with the name of an environment variable`);
  });
});

describe("an error of our own", () => {
  it("is one line with the place of its details, exit 4", async () => {
    const lines: string[] = [];
    const terminal = { env: {}, live: false, colour: false, columns: () => 80, out: () => {}, err: (text: string) => void lines.push(text) };
    expect(failed(new TypeError("cannot read properties\nof a thing"), [], terminal)).toBe(ExitCode.internal);
    expect(lines).toHaveLength(1);
    const details = /^muster: internal error: cannot read properties; details are in (.+)$/.exec(lines[0] ?? "")?.[1] ?? "";
    expect(await readFile(details, "utf8")).toContain("TypeError: cannot read properties");
    await rm(details);
  });
});
