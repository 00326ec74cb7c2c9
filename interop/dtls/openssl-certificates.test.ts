import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import type { CloseReason, GroupName } from "../../src/dtls/index.js";
import { eventually, printed, type RunningProcess } from "../process.js";
import { asParty, opensslClient, opensslServer, type OpensslOptions } from "./peers/openssl.js";
import { admitting, certified, makeParties, preferring, REFUSALS, type Party } from "./rig/certificates.js";
import { askVersion, needs } from "./rig/installed.js";
import { isCbc, SUITES, type SuiteCode } from "./rig/keys.js";
import { echoOf, lossy, ourClient, ourServer, sessionOf, type OurClient, type OurClientOptions, type OurServer, type OurServerOptions } from "./rig/ours.js";
import { table } from "./rig/table.js";
import { curveOf, CURVES, extensionsOf, fragmented, lastHello, longestMessage, MessageType } from "./rig/wire.js";

const version = needs("OpenSSL", askVersion("openssl", ["version"], /^OpenSSL (\S+)/));
const folder = mkdtempSync(join(tmpdir(), "muster-openssl-certificates-"));
const clientRows = table("OpenSSL s_client", version, "X.509");
const serverRows = table("OpenSSL s_server", version, "X.509");
const parties = await makeParties(folder);
const suites = ["C0AE", "C0AC", "C02B", "C023"] as const;
const curves = [
  { group: "secp256r1", printed: "ECDH, prime256v1" },
  { group: "x25519", printed: "X25519" },
] as const satisfies readonly { readonly group: GroupName; readonly printed: string }[];

const MAX_FRAGMENT_LENGTH = 1;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refused = (why: CloseReason["why"], description: number): unknown => expect.objectContaining({ why, alert: { level: 2, description } });

describe("OpenSSL's client and our server", () => {
  async function served(options: OurServerOptions = {}): Promise<OurServer> {
    const server = await ourServer({ keys: parties.server.serverKeys, findPeer: admitting(parties), ...options });
    open.push(() => server.close());
    return server;
  }

  async function going(server: OurServer, suite: SuiteCode, as: Party, options: OpensslOptions = {}): Promise<RunningProcess> {
    const client = await opensslClient(server.port, [suite], { certificates: [...asParty(as, parties), "-verify_ip", "127.0.0.1"], ...options });
    open.push(() => client.stop());
    return client;
  }

  /** A handshake, a message each way and a farewell; gives what the client printed. */
  async function visit(server: OurServer, suite: SuiteCode, options: OpensslOptions = {}, as = parties.device): Promise<string> {
    const client = await going(server, suite, as, options);
    client.write("hello\n");
    await printed(client, new RegExp(echoOf("hello")));
    const before = server.ends.length;
    client.endInput();
    expect(await eventually(3_000, () => server.ends[before])).toEqual({ why: "peer-closed" });
    // It would look for something to read for half a second more.
    await client.stop();
    return client.output();
  }

  describe.each(suites)("with %s", (suite) => {
    const row = clientRows.row("client", suite);

    it.for(curves)("know each other by their certificates over $group, and part with close_notify", async (curve, test) => {
      row.shows(test, "EMS", "close_notify", curve.group);
      const server = await served({ groups: [curve.group] });
      const output = await visit(server, suite);
      expect(output).toContain("Verify return code: 0 (ok)");
      expect(output).toContain(`Server Temp Key: ${curve.printed}`);
      expect(output).toContain("Extended master secret: yes");
      expect(await sessionOf(server)).toMatchObject({ suite: SUITES[suite], encryptThenMac: isCbc(suite), identity: { mode: "x509", bytes: parties.device.own.certificate } });
    });

    it("resume a session by its id without any certificate", async (test) => {
      row.shows(test, "resumption");
      const server = await served();
      const kept = join(folder, `${suite}.session`);
      await visit(server, suite, { args: ["-sess_out", kept] });
      expect(await visit(server, suite, { args: ["-sess_in", kept] })).toMatch(/^Reused, /m);
      expect(await sessionOf(server, 1)).toMatchObject({ resumed: true, suite: SUITES[suite], identity: { mode: "x509", bytes: parties.device.own.certificate } });
    });
  });

  it("come together over chains with an intermediate authority, whose certificates are in fragments both ways", async (test) => {
    clientRows.row("client", "C0AE").shows(test, "intermediate authorities", "fragmented certificates both ways");
    const server = await served({ keys: parties.deepServer.serverKeys, maxDatagram: 256 });
    const output = await visit(server, "C0AE", { args: ["-mtu", "256"] }, parties.deepDevice);
    expect(output).toContain("Verify return code: 0 (ok)");
    const certificates = expect.arrayContaining([MessageType.Certificate]) as number[];
    expect(fragmented(server.wire, server.port)).toEqual(certificates);
    expect(fragmented(server.wire, server.sessions[0]?.peer.port ?? 0)).toEqual(certificates);
  });

  it("keep to the maximum fragment length that the client asks for", async (test) => {
    clientRows.row("client", "C0AE").shows(test, "maximum fragment length");
    const server = await served({ keys: parties.deepServer.serverKeys });
    await visit(server, "C0AE", { args: ["-maxfraglen", "512"] }, parties.deepDevice);
    expect(extensionsOf(lastHello(server.wire, MessageType.ServerHello))).toContain(MAX_FRAGMENT_LENGTH);
    expect(longestMessage(server.wire)).toBe(512);
  });

  it("come to a session although a datagram of each of our flights is lost", async (test) => {
    clientRows.row("client", "C0AE").shows(test, "loss");
    const server = await served({ faults: lossy(2, 1), retransmission: { initialMs: 300 }, maxDatagram: 512 });
    await visit(server, "C0AE");
    expect(server.sessions).toHaveLength(1);
  });

  it.for([
    ["nobody whom it trusts has certified", "strangeServer", REFUSALS.unknownAuthority],
    ["has expired", "expiredServer", REFUSALS.expired],
  ] as const)("do not come together when our certificate is one that %s: the client says so", async ([, as, alert], test) => {
    clientRows.row("client", "C0AE").shows(test);
    const server = await served({ keys: parties[as].serverKeys });
    await going(server, "C0AE", parties.device);
    expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-received", alert));
  });

  it.for([
    ["nobody whom we trust has certified", "strangeDevice", REFUSALS.unknownAuthority, "alert unknown ca"],
    ["has expired", "expiredDevice", REFUSALS.expired, "alert certificate expired"],
  ] as const)("do not come together when its certificate is one that %s: our server says so", async ([, as, alert, told], test) => {
    clientRows.row("client", "C0AE").shows(test);
    const server = await served();
    const client = await going(server, "C0AE", parties[as]);
    expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-sent", alert));
    await printed(client, new RegExp(told));
  });

  it("do not come together when the client has no certificate", async (test) => {
    clientRows.row("client", "C0AE").shows(test, "unknown authority and expired certificates refused both ways");
    const server = await served();
    const client = await opensslClient(server.port, ["C0AE"], { certificates: ["-CAfile", parties.authorityFile] });
    open.push(() => client.stop());
    expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-sent", 40));
    await printed(client, /alert handshake failure/);
  });
});

describe("OpenSSL's server and our client", () => {
  async function serving(suite: SuiteCode, as: Party, ...args: string[]): ReturnType<typeof opensslServer> {
    const server = await opensslServer([suite], { certificates: [...asParty(as, parties), "-Verify", "5"], args });
    open.push(() => server.process.stop());
    return server;
  }

  async function visited(port: number, peer: RunningProcess, options: OurClientOptions): Promise<OurClient> {
    const client = await ourClient(port, { credential: certified(parties), ...options });
    open.push(() => client.close());
    client.send(Buffer.from("to the server\n"));
    await printed(peer, /to the server/);
    peer.write("to the client\n");
    expect(await client.next()).toBe("to the client\n");
    return client;
  }

  describe.each(suites)("with %s", (suite) => {
    const row = serverRows.row("server", suite);
    const named = [SUITES[suite]];

    it.for(curves)("know each other by their certificates over $group, and part with close_notify", async (curve, test) => {
      row.shows(test, "EMS", "close_notify", curve.group);
      const { port, process } = await serving(suite, parties.server);
      const client = await visited(port, process, { suites: named, groups: preferring(curve.group) });
      expect(client.info).toMatchObject({ suite: SUITES[suite], resumed: false, extendedMasterSecret: true, encryptThenMac: isCbc(suite) });
      expect(process.output()).toContain("subject=CN = device");
      expect(curveOf(client.wire)).toBe(CURVES[curve.group]);
      await client.close();
      await printed(process, /^DONE$/m);
    });

    it("resume a session by its id without any certificate", async (test) => {
      row.shows(test, "resumption");
      const { port, process } = await serving(suite, parties.server, "-no_ticket");
      const first = await visited(port, process, { suites: named });
      await first.close();
      const { resumption } = first.info;
      expect(resumption).toBeDefined();
      // Its socket stays connected to the first client, so the second has to come from the same port.
      const second = await visited(port, process, { suites: named, localPort: first.localPort, ...(resumption === undefined ? {} : { resume: resumption }) });
      expect(second.info).toMatchObject({ resumed: true, suite: SUITES[suite] });
    });
  });

  it("come together over chains with an intermediate authority, whose certificates are in fragments both ways", async (test) => {
    serverRows.row("server", "C0AE").shows(test, "intermediate authorities", "fragmented certificates both ways");
    const { port, process } = await serving("C0AE", parties.deepServer, "-mtu", "256");
    const client = await visited(port, process, { credential: certified(parties, parties.deepDevice), maxDatagram: 256 });
    const certificates = expect.arrayContaining([MessageType.Certificate]) as number[];
    expect(fragmented(client.wire, port)).toEqual(certificates);
    expect(fragmented(client.wire, client.localPort)).toEqual(certificates);
  });

  it("keep to the maximum fragment length that our client asks for", async (test) => {
    serverRows.row("server", "C0AE").shows(test, "maximum fragment length");
    const { port, process } = await serving("C0AE", parties.deepServer);
    const client = await visited(port, process, { credential: certified(parties, parties.deepDevice), maxFragmentLength: 512 });
    expect(extensionsOf(lastHello(client.wire, MessageType.ServerHello))).toContain(MAX_FRAGMENT_LENGTH);
    expect(longestMessage(client.wire)).toBe(512);
  });

  it("come to a session although a datagram of each of our flights is lost", async (test) => {
    serverRows.row("server", "C0AE").shows(test, "loss");
    const { port, process } = await serving("C0AE", parties.server);
    const client = await visited(port, process, { faults: lossy(3, 1) });
    expect(client.counters.retransmissions).toBeGreaterThanOrEqual(3);
  });

  it.for([
    ["nobody whom we trust has certified", "strangeServer", REFUSALS.unknownAuthority, "alert unknown ca"],
    ["has expired", "expiredServer", REFUSALS.expired, "alert certificate expired"],
  ] as const)("do not come together when its certificate is one that %s: our client says so", async ([, as, alert, told], test) => {
    serverRows.row("server", "C0AE").shows(test);
    const { port, process } = await serving("C0AE", parties[as]);
    await expect(ourClient(port, { credential: certified(parties) })).rejects.toThrow(`"alert-sent","alert":{"level":2,"description":${alert}}`);
    await printed(process, new RegExp(told));
  });

  it.for([
    ["nobody whom it trusts has certified", "strangeDevice", REFUSALS.unknownAuthority],
    ["has expired", "expiredDevice", REFUSALS.expired],
  ] as const)("do not come together when our certificate is one that %s: the server says so", async ([, as, alert], test) => {
    serverRows.row("server", "C0AE").shows(test);
    const { port } = await serving("C0AE", parties.server);
    await expect(ourClient(port, { credential: certified(parties, parties[as]) })).rejects.toThrow(`"alert-received","alert":{"level":2,"description":${alert}}`);
  });

  it("do not come together when the server asks for no certificate: our client says so", async (test) => {
    serverRows.row("server", "C0AE").shows(test, "unknown authority and expired certificates refused both ways");
    const { port, process } = await opensslServer(["C0AE"], { certificates: asParty(parties.server, parties) });
    open.push(() => process.stop());
    await expect(ourClient(port, { credential: certified(parties) })).rejects.toThrow(`"alert-sent","alert":{"level":2,"description":40}`);
    await printed(process, /alert handshake failure/);
  });
});
