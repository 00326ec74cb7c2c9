import { describe, expect, it } from "vitest";
import { DtlsClient } from "../../dtls/index.js";
import type { TraceEvent } from "../../ports/index.js";
import { simulatedPorts } from "../../ports/simulated/index.js";
import { MemoryFiles } from "../testing/memory-files.js";
import { KeyLog } from "./key-log.js";
import { EvidenceStore } from "./store.js";

const server = { host: "10.0.0.2", port: 5684 };

/** The ClientHello that a device begins with, as its role traces it, and its random. */
function clientHello(): { readonly event: TraceEvent; readonly random: string } {
  let sent: Uint8Array = new Uint8Array();
  const client = new DtlsClient(simulatedPorts("store"), (datagram) => (sent = datagram), server, { identity: Buffer.from("d"), key: Buffer.alloc(16) }, { onConnected: () => {}, onData: () => {}, onClosed: () => {} });
  client.connect();
  return {
    event: { seq: 1, role: "device", endpoint: "d", at: "1", event: { kind: "dtls", direction: "out", local: "10.0.0.1:40000", peer: "10.0.0.2:5684", hex: Buffer.from(sent).toString("hex"), summary: "Handshake ClientHello" } },
    random: Buffer.from(sent.subarray(27, 59)).toString("hex"),
  };
}

/** What stands in the folder of a run after one scenario: the modes that files were written with. */
async function modesAfter(keyLog: KeyLog | undefined, event: TraceEvent): Promise<Readonly<Record<string, number | undefined>>> {
  const files = new MemoryFiles();
  const store = new EvidenceStore(files, "/run", 0n, "test", keyLog);
  await store.scenario("one", [event], []);
  await store.keys();
  return Object.fromEntries(files.written.map((path) => [path, files.modes.get(path)]));
}

describe("the evidence of a scenario", () => {
  it("is for its owner's eyes only where it decrypts the devices' sessions: the key log and a capture that holds secrets", async () => {
    const { event, random } = clientHello();
    const log = new KeyLog();
    log.add(`CLIENT_RANDOM ${random} aa`);
    expect(await modesAfter(log, event)).toEqual({ "/run/scenarios/one/trace.ndjson": undefined, "/run/scenarios/one/capture.pcapng": 0o600, "/run/keys.log": 0o600 });
  });

  it("is as any other file where no secret is in it", async () => {
    const { event } = clientHello();
    expect(await modesAfter(undefined, event)).toEqual({ "/run/scenarios/one/trace.ndjson": undefined, "/run/scenarios/one/capture.pcapng": undefined });
    const other = new KeyLog();
    other.add(`CLIENT_RANDOM ${"00".repeat(32)} aa`);
    expect((await modesAfter(other, event))["/run/scenarios/one/capture.pcapng"]).toBeUndefined();
  });
});
