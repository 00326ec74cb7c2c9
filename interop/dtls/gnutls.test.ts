import { afterEach, describe, expect, it } from "vitest";

import { eventually, printed } from "../process.js";
import { gnutlsClient, type GnutlsOptions } from "./peers/gnutls.js";
import { askVersion, needs } from "./rig/installed.js";
import { LONG_IDENTITY, SUITES, type SuiteCode } from "./rig/keys.js";
import { echoOf, ourServer, sessionOf, type OurServer } from "./rig/ours.js";
import { table } from "./rig/table.js";
import { fragmented, lastHello, extensionsOf, MessageType } from "./rig/wire.js";

const version = needs("GnuTLS", askVersion("gnutls-cli", ["--version"], /^gnutls-cli (\S+)/));
const rows = table("GnuTLS gnutls-cli", version);
const RENEGOTIATION_INFO = 0xff01;
const ENCRYPT_THEN_MAC = 22;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function served(...args: Parameters<typeof ourServer>): Promise<OurServer> {
  const server = await ourServer(...args);
  open.push(() => server.close());
  return server;
}

/** A handshake, a message each way and a farewell; gives what the client printed. */
async function visit(server: OurServer, suite: SuiteCode, options: GnutlsOptions = {}): Promise<string> {
  const client = await gnutlsClient(server.port, suite, options);
  open.push(() => client.stop());
  client.write("hello\n");
  await printed(client, new RegExp(echoOf("hello")));
  client.endInput();
  await client.exited;
  expect(await eventually(3_000, () => server.ends.at(-1))).toEqual({ why: "peer-closed" });
  return client.output();
}

describe.each(["C0A8", "00AE"] as const)("GnuTLS' client and our server with %s", (suite) => {
  const row = rows.row("client", suite);

  it("exchange data, agree on the extended master secret and part with close_notify", async (test) => {
    row.shows(test, "EMS", "close_notify");
    const server = await served();
    expect(await visit(server, suite)).toMatch(/Options: extended master secret, safe renegotiation/);
    expect(await sessionOf(server)).toMatchObject({ suite: SUITES[suite], resumed: false, extendedMasterSecret: true });
    expect(extensionsOf(lastHello(server.wire, MessageType.ServerHello))).toContain(RENEGOTIATION_INFO);
  });

  it("do without the extended master secret when the client has none", async (test) => {
    row.shows(test, "no EMS");
    const server = await served();
    await visit(server, suite, { priority: ["%NO_SESSION_HASH"] });
    expect(await sessionOf(server)).toMatchObject({ extendedMasterSecret: false });
  });

  it("resume a session by its id", async (test) => {
    row.shows(test, "resumption");
    const server = await served();
    // It makes a session, leaves, and comes again with that session before it looks at its input.
    expect(await visit(server, suite, { args: ["--resume"] })).toContain("*** This is a resumed session");
    expect(await sessionOf(server, 1)).toMatchObject({ resumed: true, suite: SUITES[suite] });
  });

  it("come together when our handshake messages are in fragments and its identity has 128 bytes", async (test) => {
    row.shows(test, "fragments of ours", "identity of 128 bytes");
    const server = await served({ maxDatagram: 64, identity: LONG_IDENTITY });
    await visit(server, suite, { identity: LONG_IDENTITY });
    expect(fragmented(server.wire, server.port)).toEqual([MessageType.ServerHello]);
  });
});

it("GnuTLS' client and our server agree on encrypt-then-mac with CBC, and do without where the client has none", async (test) => {
  rows.row("client", "00AE").shows(test, "encrypt-then-mac on and off");
  const server = await served();
  await visit(server, "00AE");
  await visit(server, "00AE", { priority: ["%NO_ETM"] });
  expect(await sessionOf(server, 0)).toMatchObject({ encryptThenMac: true });
  expect(await sessionOf(server, 1)).toMatchObject({ encryptThenMac: false });
});

it("GnuTLS' client offers encrypt-then-mac beside both suites, and our server leaves it out with CCM_8", async (test) => {
  rows.row("client", "C0A8").shows(test, "no encrypt-then-mac for an AEAD");
  const server = await served();
  await visit(server, "C0A8", { priority: ["+AES-128-CBC", "+SHA256"] });
  expect(extensionsOf(lastHello(server.wire, MessageType.ClientHello))).toContain(ENCRYPT_THEN_MAC);
  expect(extensionsOf(lastHello(server.wire, MessageType.ServerHello))).not.toContain(ENCRYPT_THEN_MAC);
  expect(await sessionOf(server)).toMatchObject({ suite: SUITES.C0A8, encryptThenMac: false });
});
