import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { eventually, printed } from "../process.js";
import { opensslClient, opensslServer, withoutExtendedMasterSecret, type OpensslOptions } from "./peers/openssl.js";
import { askVersion, needs } from "./rig/installed.js";
import { LONG_IDENTITY, SUITES, type SuiteCode } from "./rig/keys.js";
import { echoOf, lossy, ourClient, ourServer, sessionOf, type OurClient, type OurClientOptions, type OurServer } from "./rig/ours.js";
import { table } from "./rig/table.js";
import { fragmented, MessageType } from "./rig/wire.js";

const version = needs("OpenSSL", askVersion("openssl", ["version"], /^OpenSSL (\S+)/));
const folder = mkdtempSync(join(tmpdir(), "muster-openssl-"));
const clientRows = table("OpenSSL s_client", version);
const serverRows = table("OpenSSL s_server", version);
const withoutEms = withoutExtendedMasterSecret(folder);

const curves = [
  ["secp256r1", "ECDH, prime256v1"],
  ["x25519", "X25519"],
] as const;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("OpenSSL's client and our server", () => {
  async function served(...args: Parameters<typeof ourServer>): Promise<OurServer> {
    const server = await ourServer(...args);
    open.push(() => server.close());
    return server;
  }

  /** A handshake, a message each way and a farewell; gives what the client printed. */
  async function visit(server: OurServer, suite: SuiteCode, options: OpensslOptions = {}): Promise<string> {
    const client = await opensslClient(server.port, [suite], options);
    open.push(() => client.stop());
    client.write("hello\n");
    await printed(client, new RegExp(echoOf("hello")));
    const before = server.ends.length;
    client.endInput();
    expect(await eventually(3_000, () => server.ends[before])).toEqual({ why: "peer-closed" });
    // It would look for something to read for half a second more.
    await client.stop();
    return client.output();
  }

  describe.each(["C0A8", "00AE"] as const)("with %s", (suite) => {
    const row = clientRows.row("client", suite);

    it("exchange data, agree on the extended master secret and part with close_notify", async (test) => {
      row.shows(test, "EMS", "close_notify");
      const server = await served();
      const output = await visit(server, suite);
      expect(output).toContain("Extended master secret: yes");
      expect(output).toContain("Secure Renegotiation IS supported");
      expect(await sessionOf(server)).toMatchObject({ suite: SUITES[suite], resumed: false, extendedMasterSecret: true });
    });

    it("do without the extended master secret when the client has none", async (test) => {
      row.shows(test, "no EMS");
      const server = await served();
      expect(await visit(server, suite, withoutEms)).toContain("Extended master secret: no");
      expect(await sessionOf(server)).toMatchObject({ extendedMasterSecret: false });
    });

    it("resume a session by its id", async (test) => {
      row.shows(test, "resumption");
      const server = await served();
      const kept = join(folder, `${suite}.session`);
      await visit(server, suite, { args: ["-sess_out", kept] });
      expect(await visit(server, suite, { args: ["-sess_in", kept] })).toMatch(/^Reused, /m);
      expect(await sessionOf(server, 1)).toMatchObject({ resumed: true, suite: SUITES[suite] });
    });

    it("come together when our handshake messages are in fragments and its identity has 128 bytes", async (test) => {
      row.shows(test, "fragments of ours", "identity of 128 bytes");
      const server = await served({ maxDatagram: 64, identity: LONG_IDENTITY });
      await visit(server, suite, { identity: LONG_IDENTITY });
      expect((await sessionOf(server)).identity.bytes.toString()).toBe(LONG_IDENTITY);
      expect(fragmented(server.wire, server.port)).toEqual([MessageType.ServerHello]);
    });
  });

  it("agree on keys over either curve beside the pre-shared one with C037, and resume the session", async (test) => {
    clientRows.row("client", "C037").shows(test, "EMS", "close_notify", "secp256r1", "x25519", "resumption");
    for (const [group, openssl] of curves) {
      const server = await served({ groups: [group] });
      const kept = join(folder, `C037-${group}.session`);
      expect(await visit(server, "C037", { args: ["-sess_out", kept] })).toContain(`Server Temp Key: ${openssl}`);
      expect(await visit(server, "C037", { args: ["-sess_in", kept] })).toMatch(/^Reused, /m);
      expect(await sessionOf(server)).toMatchObject({ suite: SUITES.C037, resumed: false, extendedMasterSecret: true, encryptThenMac: true });
      expect(await sessionOf(server, 1)).toMatchObject({ suite: SUITES.C037, resumed: true });
    }
  });

  it("come to a session although a datagram of each of our flights is lost", async (test) => {
    clientRows.row("client", "C0A8").shows(test, "loss");
    const server = await served({ faults: lossy(2, 1), retransmission: { initialMs: 300 } });
    await visit(server, "C0A8");
    expect(server.sessions).toHaveLength(1);
  });

  it("agree on encrypt-then-mac with CBC, and do without where the client has none", async (test) => {
    clientRows.row("client", "00AE").shows(test, "encrypt-then-mac on and off");
    const server = await served();
    await visit(server, "00AE");
    await visit(server, "00AE", { args: ["-no_etm"] });
    expect(await sessionOf(server, 0)).toMatchObject({ encryptThenMac: true });
    expect(await sessionOf(server, 1)).toMatchObject({ encryptThenMac: false });
  });
});

describe("OpenSSL's server and our client", () => {
  async function visited(port: number, peer: { write(text: string): void; output: () => string }, options: OurClientOptions): Promise<OurClient> {
    const client = await ourClient(port, options);
    client.send(Buffer.from("to the server\n"));
    expect(await eventually(3_000, () => (peer.output().includes("to the server") ? true : undefined))).toBe(true);
    peer.write("to the client\n");
    expect(await client.next()).toBe("to the client\n");
    return client;
  }

  async function serving(...args: Parameters<typeof opensslServer>): ReturnType<typeof opensslServer> {
    const server = await opensslServer(...args);
    open.push(() => server.process.stop());
    return server;
  }

  describe.each(["C0A8", "00AE"] as const)("with %s", (suite) => {
    const row = serverRows.row("server", suite);
    const suites = [SUITES[suite]];

    it("exchange data, agree on the extended master secret and part with close_notify", async (test) => {
      row.shows(test, "EMS", "close_notify");
      const { port, process } = await serving([suite]);
      const client = await visited(port, process, { suites });
      expect(client.info).toMatchObject({ suite: SUITES[suite], resumed: false, extendedMasterSecret: true, encryptThenMac: suite === "00AE" });
      await client.close();
      await printed(process, /^DONE$/m);
    });

    it("do without the extended master secret when the server has none", async (test) => {
      row.shows(test, "no EMS");
      const { port, process } = await serving([suite], withoutEms);
      const client = await visited(port, process, { suites });
      expect(client.info.extendedMasterSecret).toBe(false);
      await client.close();
    });

    it("resume a session by its id", async (test) => {
      row.shows(test, "resumption");
      const { port, process } = await serving([suite], { args: ["-no_ticket"] });
      const first = await visited(port, process, { suites });
      await first.close();
      const { resumption } = first.info;
      expect(resumption).toBeDefined();
      // Its socket stays connected to the first client, so the second has to come from the same port.
      const second = await visited(port, process, { suites, localPort: first.localPort, ...(resumption === undefined ? {} : { resume: resumption }) });
      expect(second.info).toMatchObject({ resumed: true, suite: SUITES[suite] });
      await second.close();
    });

    it("come together when its identity hint is in fragments and our identity has 128 bytes, in fragments too", async (test) => {
      row.shows(test, "fragments both ways", "identity hint", "identity of 128 bytes");
      const { port, process } = await serving([suite], { identity: LONG_IDENTITY, args: ["-psk_hint", "h".repeat(250), "-mtu", "256"] });
      const client = await visited(port, process, { suites, maxDatagram: 150, identity: LONG_IDENTITY });
      expect(fragmented(client.wire, port)).toEqual([MessageType.ServerKeyExchange]);
      expect(fragmented(client.wire, client.localPort)).toEqual([MessageType.ClientKeyExchange]);
      await client.close();
    });
  });

  it.each(curves)("agree on keys over %s beside the pre-shared one with C037, and resume the session", async (group) => {
    const { port, process } = await serving(["C037"], { args: ["-no_ticket"] });
    const settings = { suites: [SUITES.C037], groups: [group] };
    const first = await visited(port, process, settings);
    expect(first.info).toMatchObject({ suite: SUITES.C037, resumed: false, extendedMasterSecret: true, encryptThenMac: true });
    await first.close();
    const { resumption } = first.info;
    const second = await visited(port, process, { ...settings, localPort: first.localPort, ...(resumption === undefined ? {} : { resume: resumption }) });
    expect(second.info).toMatchObject({ resumed: true, suite: SUITES.C037 });
    await second.close();
  });

  it("come together with C037 when its identity hint and its share are in fragments", async (test) => {
    serverRows.row("server", "C037").shows(test, "EMS", "secp256r1", "x25519", "resumption", "identity hint", "fragments both ways");
    const { port, process } = await serving(["C037"], { identity: LONG_IDENTITY, args: ["-psk_hint", "h".repeat(250), "-mtu", "256"] });
    const client = await visited(port, process, { suites: [SUITES.C037], maxDatagram: 150, identity: LONG_IDENTITY });
    expect(fragmented(client.wire, port)).toEqual([MessageType.ServerKeyExchange]);
    expect(fragmented(client.wire, client.localPort)).toEqual([MessageType.ClientKeyExchange]);
    await client.close();
  });

  it("come to a session although a datagram of each of our flights is lost", async (test) => {
    serverRows.row("server", "C0A8").shows(test, "loss");
    const { port, process } = await serving(["C0A8"]);
    const client = await visited(port, process, { faults: lossy(3, 1) });
    expect(client.counters.retransmissions).toBeGreaterThanOrEqual(3);
    await client.close();
  });

  it("do without encrypt-then-mac with CBC where the server has none", async (test) => {
    serverRows.row("server", "00AE").shows(test, "encrypt-then-mac on and off");
    const { port, process } = await serving(["00AE"], { args: ["-no_etm"] });
    const client = await visited(port, process, { suites: [SUITES["00AE"]] });
    expect(client.info.encryptThenMac).toBe(false);
    await client.close();
  });
});
