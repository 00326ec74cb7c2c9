import { mkdtempSync, rmSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { DtlsFaults, DtlsSettings } from "../../src/dtls/index.js";
import { encodeCapture } from "../../src/harness/index.js";
import { eventually, type RunningProcess } from "../process.js";
import { capture, show } from "./peers/tshark.js";
import { admitting, certified, keyed, makeParties } from "./rig/certificates.js";
import { ourCoapClient, ourCoapServer, type OurCoapServer } from "./rig/coap.js";
import { askVersion, needs } from "./rig/installed.js";
import { SUITES, type SuiteCode } from "./rig/keys.js";
import { MessageType } from "./rig/wire.js";

needs("tshark", askVersion("tshark", ["--version"], /^TShark[^\d]*(\S+)/));

const folder = mkdtempSync(join(tmpdir(), "muster-capture-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A ClientHello that offers an extension nobody knows in the place of encrypt-then-MAC (22), which has no content. */
function withoutEncryptThenMac(message: Uint8Array): Uint8Array {
  const altered = Buffer.from(message);
  const at = altered.indexOf("00160000", 0, "hex");
  if (altered[0] === MessageType.ClientHello && at > 0) altered.writeUInt16BE(0xfafa, at);
  return altered;
}

const ids = { client: 3, server: 8 };
interface Conversation {
  readonly suite: SuiteCode;
  readonly records: string;
  readonly ids: { readonly client?: number; readonly server?: number };
  readonly faults: DtlsFaults;
}
const conversations: readonly Conversation[] = [
  { suite: "C0A8", records: "without connection ids", ids: {}, faults: {} },
  { suite: "C0A8", records: "under connection ids", ids, faults: {} },
  { suite: "00AE", records: "without connection ids", ids: {}, faults: {} },
  { suite: "00AE", records: "under connection ids", ids, faults: {} },
  { suite: "00AE", records: "under connection ids, without encrypt-then-MAC", ids, faults: { alterHandshake: withoutEncryptThenMac } },
];

describe.each(conversations.map((one) => [`${one.suite} ${one.records}`, one] as const))("a conversation of our two ends with %s, in a session and in the same resumed", (title, { suite, ids, faults }) => {
  const name = title.replaceAll(/\W+/g, "-");
  const of = (length: number | undefined): DtlsSettings => ({ suites: [SUITES[suite]], ...(length === undefined ? {} : { connectionIdLength: length }) });
  const ours = join(folder, `${name}.pcapng`);
  const bare = join(folder, `${name}-without-secrets.pcapng`);
  const tsharks = join(folder, `${name}-lo.pcapng`);
  const keys = join(folder, `${name}.keys.log`);
  const asked = ["hello", "large", "hello"];
  let server: OurCoapServer;

  beforeAll(async () => {
    const keyLog: string[] = [];
    server = await ourCoapServer(of(ids.server));
    const sniffer: RunningProcess = await capture(server.port, tsharks);
    try {
      const settings = { ...of(ids.client), faults, keyLog: (line: string) => void keyLog.push(line) };
      const first = await ourCoapClient(server.port, settings);
      for (const path of asked.slice(0, 2)) await first.get(path);
      await first.close();
      const second = await ourCoapClient(server.port, { ...settings, resume: first.info.resumption });
      expect(second.info.resumed).toBe(true);
      expect(second.info.connectionIds?.peer.length).toBe(ids.server);
      expect(second.info.encryptThenMac).toBe(suite === "00AE" && faults.alterHandshake === undefined);
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
