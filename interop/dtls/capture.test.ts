import { mkdtempSync, rmSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { encodeCapture } from "../../src/harness/index.js";
import { eventually, type RunningProcess } from "../process.js";
import { capture, show } from "./peers/tshark.js";
import { admitting, certified, keyed, makeParties } from "./rig/certificates.js";
import { ourCoapClient, ourCoapServer, type OurCoapServer } from "./rig/coap.js";
import { askVersion, needs } from "./rig/installed.js";
import { SUITES } from "./rig/keys.js";

needs("tshark", askVersion("tshark", ["--version"], /^TShark[^\d]*(\S+)/));

const folder = mkdtempSync(join(tmpdir(), "muster-capture-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(["C0A8", "00AE"] as const)("a conversation of our two ends with %s, in a session and in the same resumed", (suite) => {
  const suites = [SUITES[suite]];
  const ours = join(folder, `${suite}.pcapng`);
  const bare = join(folder, `${suite}-without-secrets.pcapng`);
  const tsharks = join(folder, `${suite}-lo.pcapng`);
  const keys = join(folder, `${suite}.keys.log`);
  const asked = ["hello", "large", "hello"];
  let server: OurCoapServer;

  beforeAll(async () => {
    const keyLog: string[] = [];
    server = await ourCoapServer({ suites });
    const sniffer: RunningProcess = await capture(server.port, tsharks);
    try {
      const settings = { suites, keyLog: (line: string) => void keyLog.push(line) };
      const first = await ourCoapClient(server.port, settings);
      for (const path of asked.slice(0, 2)) await first.get(path);
      await first.close();
      const second = await ourCoapClient(server.port, { ...settings, resume: first.info.resumption });
      expect(second.info.resumed).toBe(true);
      for (const path of asked.slice(2)) await second.get(path);
      await second.close();
      await eventually(5_000, () => (server.ends.length === 2 ? true : undefined));
      await writeFile(keys, keyLog.map((line) => `${line}\n`).join(""));
      await writeFile(ours, encodeCapture(server.wire, "muster", keyLog));
      await writeFile(bare, encodeCapture(server.wire, "muster"));
      // The sniffer is handed packets in batches: what was on the wire has to reach its file before it is told to end.
      await eventually(5_000, async () => ((await stat(tsharks)).size > (await stat(bare)).size ? true : undefined));
    } finally {
      await sniffer.stop();
    }
  }, 60_000);
  afterAll(() => server.close());

  const requests = (file: string, ...more: string[]): Promise<string[]> => show(file, server.port, "coap.code == 1 && !coap.opt.block_number > 0", ["coap.opt.uri_path_recon"], ...more);

  it("decrypts in the capture that we wrote, which holds its secrets", async () => {
    expect(await requests(ours)).toEqual(asked.map((path) => `/${path}`));
    expect((await show(ours, server.port, "coap.code == 69", ["text"])).join("\n")).toContain("hello Client_identity");
  });

  it("decrypts in the capture that we wrote without secrets, given the key log", async () => {
    expect(await requests(bare)).toEqual([]);
    expect(await requests(bare, "-o", `tls.keylog_file:${keys}`)).toEqual(asked.map((path) => `/${path}`));
  });

  it("decrypts in the capture that tshark took on the loopback interface, given the key log", async () => {
    expect(await requests(tsharks)).toEqual([]);
    expect(await requests(tsharks, "-o", `tls.keylog_file:${keys}`)).toEqual(asked.map((path) => `/${path}`));
  });

  it("has nothing that tshark calls malformed", async () => {
    for (const file of [ours, tsharks]) expect(await show(file, server.port, "_ws.malformed", ["frame.number"], "-o", `tls.keylog_file:${keys}`)).toEqual([]);
  });
});

const parties = await makeParties(folder);

it.each([
  { mode: "raw public keys", suite: "C0AE", credential: keyed(parties) },
  { mode: "certificates", suite: "C02B", credential: certified(parties) },
] as const)("a conversation of our two ends with $mode and $suite decrypts in the capture that we wrote, given the key log, and nothing in it is malformed", async ({ suite, credential }) => {
  const keyLog: string[] = [];
  const server = await ourCoapServer({ suites: [SUITES[suite]], keys: parties.server.serverKeys, findPeer: admitting(parties) });
  const file = join(folder, `${suite}.pcapng`);
  const keys = join(folder, `${suite}.keys.log`);
  try {
    const client = await ourCoapClient(server.port, { credential, suites: [SUITES[suite]], keyLog: (line) => void keyLog.push(line) });
    await client.get("hello");
    await client.close();
    await eventually(5_000, () => server.ends[0]);
    await writeFile(file, encodeCapture(server.wire, "muster"));
    await writeFile(keys, keyLog.map((line) => `${line}\n`).join(""));
    const seen = await show(file, server.port, "coap || _ws.malformed", ["coap.code", "coap.opt.uri_path_recon", "_ws.malformed"], "-o", `tls.keylog_file:${keys}`, "-E", "separator=;");
    expect(seen).toEqual(["1;/hello;", "69;/hello;"]);
  } finally {
    await server.close();
  }
});
