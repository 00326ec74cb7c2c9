import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { Alerts, type CloseReason, type Identity, type ServerKeys } from "../../src/dtls/index.js";
import { eventually, printed, type RunningProcess } from "../process.js";
import { gnutlsClient, type GnutlsOptions } from "./peers/gnutls.js";
import { admitting, makeParties, type Party } from "./rig/certificates.js";
import { askVersion, needs } from "./rig/installed.js";
import { isCbc, SUITES, type SuiteCode } from "./rig/keys.js";
import { echoOf, lossy, ourServer, sessionOf, type OurServer, type OurServerOptions } from "./rig/ours.js";
import { table, type Keys, type PeerTable } from "./rig/table.js";
import { extensionsOf, fragmented, lastHello, longestMessage, MessageType } from "./rig/wire.js";

const version = needs("GnuTLS", askVersion("gnutls-cli", ["--version"], /^gnutls-cli (\S+)/));
const folder = mkdtempSync(join(tmpdir(), "muster-gnutls-keys-"));
const parties = await makeParties(folder);
const suites = ["C0AE", "C0AC", "C02B", "C023"] as const;
const RECORD_SIZE_LIMIT = 28;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refused = (why: CloseReason["why"], description: number): unknown => expect.objectContaining({ why, alert: { level: 2, description } });

async function served(options: OurServerOptions): Promise<OurServer> {
  const server = await ourServer({ keys: parties.server.serverKeys, findPeer: admitting(parties), ...options });
  open.push(() => server.close());
  return server;
}

interface Meeting {
  readonly keys: Exclude<Keys, "PSK">;
  readonly rows: PeerTable;
  readonly as: (party: Party) => GnutlsOptions;
  readonly serverKeys: ServerKeys;
  readonly identity: Identity;
}

const meetings: readonly Meeting[] = [
  {
    keys: "RPK",
    rows: table("GnuTLS gnutls-cli", version, "RPK"),
    // It has no file of keys to trust, only a memory of those it met.
    as: ({ publicKeyFile, privateKeyFile }) => ({
      keys: ["--rawpkfile", publicKeyFile, "--rawpkkeyfile", privateKeyFile, "--no-ca-verification"],
      certificateTypes: "+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK",
    }),
    serverKeys: parties.server.serverKeys,
    identity: { mode: "rpk", bytes: parties.device.own.publicKey },
  },
  {
    keys: "X.509",
    rows: table("GnuTLS gnutls-cli", version, "X.509"),
    as: ({ chainFile, privateKeyFile }) => ({
      keys: ["--x509cafile", parties.authorityFile, "--x509certfile", chainFile, "--x509keyfile", privateKeyFile],
      certificateTypes: "+CTYPE-CLI-X509:+CTYPE-SRV-X509",
    }),
    serverKeys: parties.server.serverKeys,
    identity: { mode: "x509", bytes: parties.device.own.certificate },
  },
];

describe.each(meetings)("GnuTLS' client and our server with $keys", ({ keys, rows, as, serverKeys, identity }) => {

  async function going(server: OurServer, suite: SuiteCode, options: GnutlsOptions = {}, party = parties.device): Promise<RunningProcess> {
    const client = await gnutlsClient(server.port, suite, { ...as(party), ...options });
    open.push(() => client.stop());
    return client;
  }

  /** A handshake, a message each way and a farewell; gives what the client printed. */
  async function visit(server: OurServer, suite: SuiteCode, options: GnutlsOptions = {}, party = parties.device): Promise<string> {
    const client = await going(server, suite, options, party);
    client.write("hello\n");
    await printed(client, new RegExp(echoOf("hello")));
    client.endInput();
    await client.exited;
    expect(await eventually(3_000, () => server.ends.at(-1))).toEqual({ why: "peer-closed" });
    return client.output();
  }

  it.for(suites)("exchange data with %s over x25519, know each other, resume the session by its id and part with close_notify", async (suite, test) => {
    rows.row("client", suite).shows(test, "EMS", "close_notify", "x25519", "resumption");
    const server = await served({ keys: serverKeys, groups: ["x25519"] });
    const output = await visit(server, suite, { args: ["--resume"] });
    expect(output).toContain("(ECDHE-X25519)");
    expect(output).toContain("*** This is a resumed session");
    for (const [index, resumed] of [false, true].entries()) {
      expect(await sessionOf(server, index)).toMatchObject({ suite: SUITES[suite], resumed, extendedMasterSecret: true, encryptThenMac: isCbc(suite), identity });
    }
  });

  it("exchange data over secp256r1", async (test) => {
    rows.row("client", "C0AE").shows(test, "secp256r1");
    const server = await served({ keys: serverKeys });
    expect(await visit(server, "C0AE")).toContain("(ECDHE-SECP256R1)");
  });

  it("come together when our handshake messages are in fragments", async (test) => {
    rows.row("client", "C0AE").shows(test, "fragments of ours");
    const server = await served({ keys: serverKeys, maxDatagram: 100 });
    await visit(server, "C0AE");
    expect(fragmented(server.wire, server.port)).toContain(MessageType.Certificate);
  });

  if (keys === "RPK")
    it("do not come together when the server does not know the client's key", async (test) => {
      rows.row("client", "C0AE").shows(test, "unknown key refused by us");
      const server = await served({ keys: serverKeys });
      const client = await going(server, "C0AE", {}, parties.strangeDevice);
      expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-sent", Alerts.bad_certificate));
      await printed(client, /Received alert \[42\]/);
    });
  else {
    it("come to a session although a datagram of each of our flights is lost", async (test) => {
      rows.row("client", "C0AE").shows(test, "loss");
      const server = await served({ faults: lossy(2, 1), retransmission: { initialMs: 300 }, maxDatagram: 512 });
      await visit(server, "C0AE");
      expect(server.sessions).toHaveLength(1);
    });

    it("come together over chains with an intermediate authority, in records as short as each wants them", async (test) => {
      rows.row("client", "C0AE").shows(test, "intermediate authorities", "record size limits both ways");
      const server = await served({ keys: parties.deepServer.serverKeys, recordSizeLimit: 300 });
      // Less than 512 bytes are not for everybody (CVE-2018-10844).
      const client = await going(server, "C0AE", { args: ["--recordsize", "512"], priority: ["%ALLOW_SMALL_RECORDS"] }, parties.deepDevice);
      client.write("hello\n");
      await printed(client, new RegExp(echoOf("hello")));
      for (const hello of [MessageType.ClientHello, MessageType.ServerHello]) expect(extensionsOf(lastHello(server.wire, hello))).toContain(RECORD_SIZE_LIMIT);
      expect(longestMessage(server.wire, (port) => port === server.port)).toBe(512);
      expect(longestMessage(server.wire, (port) => port !== server.port)).toBe(300);
    });

    it("do not come together when our certificate is not for the name that the client asks for", async (test) => {
      rows.row("client", "C0AE").shows(test, "wrong name refused by it");
      const server = await served({});
      await going(server, "C0AE", { args: ["--verify-hostname", "server.example.com"] });
      expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-received", Alerts.bad_certificate));
    });

    it.for([
      ["of an authority that is not trusted", "strange", Alerts.unknown_ca],
      ["that has expired", "expired", Alerts.certificate_expired],
    ] as const)("refuse each other's certificate %s", async ([, which, alert], test) => {
      rows.row("client", "C0AE").shows(test);
      const wrong = await served({ keys: parties[`${which}Server`].serverKeys });
      await going(wrong, "C0AE");
      // Whatever is wrong with it.
      expect(await eventually(3_000, () => wrong.failures[0])).toEqual(refused("alert-received", Alerts.bad_certificate));
      const server = await served({});
      const client = await going(server, "C0AE", {}, parties[`${which}Device`]);
      expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-sent", alert));
      await printed(client, new RegExp(`Received alert \\[${alert}\\]`));
    });

    it("do not come together when the client has no certificate", async (test) => {
      rows.row("client", "C0AE").shows(test, "unknown authority and expired certificates refused both ways");
      const server = await served({});
      await going(server, "C0AE", { keys: ["--x509cafile", parties.authorityFile] });
      expect(await eventually(3_000, () => server.failures[0])).toEqual(refused("alert-sent", Alerts.handshake_failure));
    });
  }
});
