import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { Codes } from "../../src/coap/index.js";
import { eventually } from "../process.js";
import { libcoapClient, libcoapServer, type Build } from "./peers/libcoap.js";
import { LARGE, ourCoapClient, ourCoapServer, text, type OurCoapServer } from "./rig/coap.js";
import { askVersion, needs } from "./rig/installed.js";
import { isCbc, LONG_IDENTITY, SUITES, type SuiteCode } from "./rig/keys.js";
import { table } from "./rig/table.js";
import { fragmented, MessageType } from "./rig/wire.js";

function peer(build: Build, name: string) {
  const version = askVersion(`coap-client-${build}`, ["-h"], new RegExp(`coap-client-${build} v(\\S+)`));
  return { name, version, rows: table(name, version ?? "") };
}

const peers = { openssl: peer("openssl", "libcoap on OpenSSL"), gnutls: peer("gnutls", "libcoap on GnuTLS") };
const folder = mkdtempSync(join(tmpdir(), "muster-libcoap-dtls-"));
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function served(suite: SuiteCode): Promise<OurCoapServer> {
  // Its clients offer everything they have, so the suite is this end's choice.
  const server = await ourCoapServer({ suites: [SUITES[suite]] });
  open.push(() => server.close());
  return server;
}

describe.each(["openssl", "gnutls"] as const)("libcoap on %s", (build: Build) => {
  const { name, version, rows } = peers[build];
  needs(name, version);

  describe.each(build === "gnutls" ? (["C0A8", "00AE", "C037"] as const) : (["C0A8", "00AE"] as const))("as client of our server with %s", (suite) => {
    const row = rows.row("client", suite);

    it("gets, is known by its identity, and takes its leave", async (test) => {
      row.shows(test, "EMS", "close_notify");
      const server = await served(suite);
      expect((await libcoapClient(build, server.port, "/hello")).output()).toContain("hello Client_identity");
      expect(server.sessions[0]?.info).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true, encryptThenMac: isCbc(suite) });
      expect(await eventually(3_000, () => server.ends[0])).toEqual({ why: "peer-closed" });
    });

    it("sends 10 KiB in blocks and gets them back in blocks", async (test) => {
      row.shows(test, "Block1 and Block2");
      const server = await served(suite);
      const [from, to] = [join(folder, `${build}-${suite}-from`), join(folder, `${build}-${suite}-to`)];
      writeFileSync(from, LARGE);
      expect((await libcoapClient(build, server.port, "/sink", "-m", "put", "-f", from)).output()).toContain(`${LARGE.length}`);
      await libcoapClient(build, server.port, "/large", "-o", to);
      expect(Buffer.compare(readFileSync(to), LARGE)).toBe(0);
    });

    // What is observed does not depend on how the keys came about, and takes two seconds.
    if (suite !== "C037")
      it("observes until it takes its leave", async (test) => {
        row.shows(test, "observe");
        const server = await served(suite);
        const finished = libcoapClient(build, server.port, "/observed", "-s", "2");
        const observer = await eventually(5_000, () => server.observers[0]);
        for (const i of [1, 2]) observer?.notify({ code: Codes.Content, payload: Buffer.from(`state ${i}\n`) }, { confirmable: i === 1 });
        const output = (await finished).output();
        for (const i of [0, 1, 2]) expect(output).toContain(`state ${i}`);
      });

    it("comes to a session when our handshake messages are in fragments", async (test) => {
      row.shows(test, "fragments of ours");
      const server = await ourCoapServer({ suites: [SUITES[suite]], maxDatagram: 64 });
      open.push(() => server.close());
      expect((await libcoapClient(build, server.port, "/hello")).output()).toContain("hello Client_identity");
      expect(fragmented(server.wire, server.port)).toEqual(suite === "C037" ? [MessageType.ServerHello, MessageType.ServerKeyExchange] : [MessageType.ServerHello]);
    });
  });

  it("as client that offers everything it has takes C0A8, which our server prefers", async (test) => {
    rows.row("client", "C0A8").shows(test, "choice of the server");
    const server = await ourCoapServer();
    open.push(() => server.close());
    expect((await libcoapClient(build, server.port, "/hello")).output()).toContain("hello Client_identity");
    expect(server.sessions[0]?.info.suite).toBe(SUITES.C0A8);
  });

  // Its server on OpenSSL has no CBC suite.
  describe.each(build === "gnutls" ? (["C0A8", "00AE", "C037"] as const) : (["C0A8"] as const))("as server of our client with %s", (suite) => {
    const row = rows.row("server", suite);
    const suites = [SUITES[suite]];

    async function serving(): Promise<number> {
      const { port, process } = await libcoapServer(build);
      open.push(() => process.stop());
      return port;
    }

    it("answers GET and PUT, in blocks where it is much", async (test) => {
      row.shows(test, "EMS", "Block1 and Block2");
      const client = await ourCoapClient(await serving(), { suites });
      open.push(() => client.close());
      expect(client.info).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true, encryptThenMac: isCbc(suite) });
      expect(text((await client.get("/")).payload)).toContain("made with libcoap");
      expect((await client.put("/example_data", LARGE)).code).toBe(Codes.Created);
      expect(Buffer.compare(Buffer.from((await client.get("/example_data")).payload ?? []), LARGE)).toBe(0);
    });

    it("notifies until the observation is cancelled", async (test) => {
      row.shows(test, "observe");
      const client = await ourCoapClient(await serving(), { suites });
      open.push(() => client.close());
      const seen: number[] = [];
      const observation = client.endpoint.observe(client.peer, { code: Codes.GET, path: ["time"] }, { onNotification: (response) => seen.push(response.observe ?? -1), onEnd: () => {} });
      expect(await eventually(8_000, () => (seen.length >= 2 ? true : undefined))).toBe(true);
      expect((await observation.cancel("deregister"))?.code).toBe(Codes.Content);
    });

    it("comes to a session when our handshake messages are in fragments and our identity has 128 bytes", async (test) => {
      row.shows(test, "fragments of ours", "identity of 128 bytes");
      // It takes every identity for the one key.
      const client = await ourCoapClient(await serving(), { suites, maxDatagram: 100, identity: LONG_IDENTITY });
      open.push(() => client.close());
      expect(text((await client.get("/")).payload)).toContain("made with libcoap");
      expect(fragmented(client.wire, client.endpoint.local.port)).toEqual([MessageType.ClientKeyExchange]);
    });

    it(build === "openssl" ? "resumes a session by its id" : "gives a session id, and a full handshake when it is to be resumed", async (test) => {
      if (build === "openssl") row.shows(test, "resumption");
      else row.shows(test, "full handshake in place of resumption");
      const port = await serving();
      const first = await ourCoapClient(port, { suites });
      await first.close();
      const second = await ourCoapClient(port, { suites, resume: first.info.resumption });
      open.push(() => second.close());
      expect(second.info.resumed).toBe(build === "openssl");
      expect(text((await second.get("/")).payload)).toContain("made with libcoap");
    });
  });

  if (build === "openssl")
    it("as server refuses our client when that has nothing but the CBC suite", async () => {
      const { port, process } = await libcoapServer(build);
      open.push(() => process.stop());
      await expect(ourCoapClient(port, { suites: [SUITES["00AE"]] })).rejects.toThrow(/"alert":40/);
    });
});
