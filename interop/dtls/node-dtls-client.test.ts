import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";

import { events, eventually, start, type RunningProcess } from "../process.js";
import { boundToLoopback, cachedVersion, needs } from "./rig/installed.js";
import { IDENTITY, KEY_TEXT, SUITES, type SuiteCode } from "./rig/keys.js";
import { echoOf, ourServer, sessionOf, type OurServer } from "./rig/ours.js";
import { table } from "./rig/table.js";
import { extensionsOf, fragmented, handshakeMessages, lastHello, MessageType } from "./rig/wire.js";

const version = needs("node-dtls-client", cachedVersion("1.1.1", "node-dtls-client", "node_modules", "node-dtls-client"));
const rows = table("node-dtls-client", version);
const SCRIPT = join(import.meta.dirname, "..", "node-dtls-client", "client.mjs");

const open: OurServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function served(...args: Parameters<typeof ourServer>): Promise<OurServer> {
  const server = await ourServer(...args);
  open.push(server);
  return server;
}

async function visit(server: OurServer, suite: SuiteCode, key = KEY_TEXT): Promise<RunningProcess> {
  const client = await start(process.execPath, [SCRIPT, `${server.port}`, SUITES[suite], IDENTITY, key, "hello"], { env: boundToLoopback });
  await client.exited;
  return client;
}

describe.each(["C0A8", "00AE"] as const)("node-dtls-client and our server with %s", (suite) => {
  const row = rows.row("client", suite);

  it("exchange data and part with close_notify", async (test) => {
    row.shows(test, "close_notify", "no EMS");
    const server = await served();
    const client = await visit(server, suite);
    expect(events(client), client.output()).toEqual([{ event: "session" }, { event: "data", text: echoOf("hello") }, { event: "done" }]);
    expect(await sessionOf(server)).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: false, encryptThenMac: false });
    expect(await eventually(3_000, () => server.ends[0])).toEqual({ why: "peer-closed" });
  });

  it("come together since a ServerHello to one without extensions has none, and no identity hint follows", async (test) => {
    row.shows(test, "ClientHello without extensions", "no identity hint");
    const server = await served();
    await visit(server, suite);
    expect(extensionsOf(lastHello(server.wire, MessageType.ClientHello)) ?? []).toEqual([]);
    expect(extensionsOf(lastHello(server.wire, MessageType.ServerHello))).toBeUndefined();
    expect(handshakeMessages(server.wire).map(({ type }) => type)).not.toContain(MessageType.ServerKeyExchange);
    expect(server.sessions).toHaveLength(1);
  });

  it("come together when our handshake messages are in fragments", async (test) => {
    row.shows(test, "fragments of ours");
    const server = await served({ maxDatagram: 64 });
    const client = await visit(server, suite);
    expect(events(client), client.output()).toContainEqual({ event: "data", text: echoOf("hello") });
    expect(fragmented(server.wire, server.port)).toEqual([MessageType.ServerHello]);
  });
});
