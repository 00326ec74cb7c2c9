import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { peerSchema } from "../src/report/index.js";
import { recordedWire, recordProgram, takeEvidence, withoutSecrets } from "./evidence.js";
import { PeerCell, writePeer } from "./peers.js";

const folder = mkdtempSync(join(tmpdir(), "muster-peers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const facts = { peer: "Some peer", version: "1.0", keys: "X.509" } as const;
const written = (at: string): ReturnType<typeof peerSchema.parse> => peerSchema.parse(JSON.parse(readFileSync(join(at, "peer.json"), "utf8")));

describe("what the tests of a peer came to", () => {
  it("lies in a folder of its own under its kind of keys, with the evidence of each test, and takes the place of what was there", () => {
    const cell = new PeerCell("dtls-client", "TLS_PSK_WITH_AES_128_CCM_8");
    const evidence = { capture: Buffer.from("capture"), logs: [{ program: "client", text: "hello" }, { program: "client", text: "again" }] };
    cell.shown.push("EMS", "EMS");
    cell.tests.push({ name: "comes", outcome: "pass", evidence }, { name: "parts", outcome: "fail", reason: "it does not", evidence: { logs: [] } });
    const other = new PeerCell("dtls-server", "TLS_PSK_WITH_AES_128_CCM_8");
    other.tests.push({ name: "comes", outcome: "pass", evidence });
    writePeer(facts, "a.test.ts", [cell, cell, cell], folder);
    const at = writePeer(facts, "a.test.ts", [cell, other], folder);
    expect(readdirSync(folder)).toEqual(["some-peer-x-509"]);
    const { rows } = written(at);
    expect(rows[0]).toMatchObject({ role: "dtls-client", shown: ["EMS"], tests: [{ name: "comes", outcome: "pass", evidence: ["01.pcapng", "01-client.log", "01-client-2.log"] }, { outcome: "fail", reason: "it does not", evidence: [] }] });
    // A test about both roles has one evidence.
    expect(rows[1]?.tests[0]?.evidence).toEqual(rows[0]?.tests[0]?.evidence);
    for (const file of rows[0]?.tests[0]?.evidence ?? []) expect(existsSync(join(at, file))).toBe(true);
  });
});

describe("the evidence of a test", () => {
  it("is what its own ends heard and its programs printed since the test before", () => {
    const wire = recordedWire();
    let output = "first";
    recordProgram("/usr/bin/peer", () => output, () => output.includes("end"));
    wire.push({ at: 1n, from: { host: "127.0.0.1", port: 1 }, to: { host: "127.0.0.1", port: 2 }, payload: Buffer.from("a") });
    const first = takeEvidence();
    expect(first.capture).toBeDefined();
    expect(first.logs).toEqual([{ program: "peer", text: "first" }]);
    output += ", end";
    expect(takeEvidence()).toEqual({ logs: [{ program: "peer", text: ", end" }] });
    output += " of all";
    expect(takeEvidence()).toEqual({ logs: [] });
  });

  it("tells no secret of a session, and no key", () => {
    expect(withoutSecrets("    Master-Key: 00FF\nPSK identity: me\n- Options: extended master secret, safe renegotiation,\nkey secretPSK 73656372657450534b")).toBe(
      "    Master-Key: (secret)\nPSK identity: me\n- Options: extended master secret, safe renegotiation,\nkey (secret) (secret)",
    );
  });
});
