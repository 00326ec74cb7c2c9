import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";

import { Codes } from "../../src/coap/index.js";
import { eventFrom, events, eventually, freeUdpPortPair, start, type RunningProcess } from "../process.js";
import { bound } from "./rig/bound.js";
import { LARGE, ourCoapClient, ourCoapServer, text, type OurCoapServer } from "./rig/coap.js";
import { cached, cachedVersion, needs } from "./rig/installed.js";
import { IDENTITY, KEY_HEX, SUITES } from "./rig/keys.js";
import { table } from "./rig/table.js";
import { extensionsOf, lastHello, MessageType, recordsPerDatagram } from "./rig/wire.js";

const PYTHON = cached("python", "bin", "python");
const version = needs("aiocoap", cachedVersion("0.4.17", "python", "bin", "aiocoap-client"));
const rows = table("aiocoap on DTLSSocket (tinydtls)", version);

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

describe("aiocoap's client and our server with C0A8", () => {
  const row = rows.row("client", "C0A8");

  async function served(...args: Parameters<typeof ourCoapServer>): Promise<OurCoapServer> {
    const server = await ourCoapServer(...args);
    open.push(() => server.close());
    return server;
  }

  async function ask(server: OurCoapServer, method: string, path: string, bytes = 0): Promise<RunningProcess> {
    const client = await start(PYTHON, [join(import.meta.dirname, "..", "aiocoap", "client.py"), method, `coaps://127.0.0.1:${server.port}${path}`, IDENTITY, KEY_HEX, `${bytes}`]);
    await client.exited;
    return client;
  }

  it("exchange a GET and its answer, each handshake message in a datagram of its own", async (test) => {
    row.shows(test, "EMS", "close_notify", "a message a datagram");
    const server = await served();
    const client = await ask(server, "GET", "/hello");
    expect(events(client), client.output()).toContainEqual({ event: "response", code: "2.05 Content", length: 21, text: "hello Client_identity" });
    expect(server.sessions[0]?.info).toMatchObject({ suite: SUITES.C0A8, extendedMasterSecret: true });
    expect(recordsPerDatagram(server.wire, server.sessions[0]?.peer.port ?? 0)).toBe(1);
    expect(await eventually(3_000, () => server.ends[0])).toEqual({ why: "peer-closed" });
  });

  it("move 10 KiB in blocks each way", async (test) => {
    row.shows(test, "Block1 and Block2");
    const server = await served();
    expect(events(await ask(server, "PUT", "/sink", LARGE.length))).toContainEqual({ event: "response", code: "2.04 Changed", length: 5, text: `${LARGE.length}` });
    expect(Buffer.compare(server.requests[0]?.payload ?? Buffer.alloc(0), LARGE)).toBe(0);
    expect(events(await ask(server, "GET", "/large"))).toContainEqual({ event: "response", code: "2.05 Content", length: LARGE.length, text: LARGE.toString() });
  });
});

describe("aiocoap's server and our client with C0A8", () => {
  const row = rows.row("server", "C0A8");

  async function serving(): Promise<{ readonly port: number; readonly process: RunningProcess }> {
    const port = await freeUdpPortPair();
    const process = await start(PYTHON, [join(import.meta.dirname, "..", "aiocoap", "server.py"), `${port}`, IDENTITY, KEY_HEX], {
      ready: async (output) => output.includes('"ready"') && (await bound(port + 1)),
    });
    open.push(() => process.stop());
    return { port: port + 1, process };
  }

  it("exchange a GET and its answer", async (test) => {
    row.shows(test, "EMS");
    const { port, process } = await serving();
    const client = await ourCoapClient(port);
    open.push(() => client.close());
    expect(client.info).toMatchObject({ suite: SUITES.C0A8, resumed: false, extendedMasterSecret: true });
    expect(text((await client.get("/hello")).payload)).toBe("hello from aiocoap");
    expect(await eventFrom(process, ({ path }) => path === "/hello")).toMatchObject({ claims: [":client"] });
    expect(recordsPerDatagram(client.wire, port)).toBe(1);
    expect(extensionsOf(lastHello(client.wire, MessageType.ServerHello))).toBeDefined();
  });

  it("move 10 KiB in blocks each way", async (test) => {
    row.shows(test, "Block1 and Block2");
    const { port, process } = await serving();
    const client = await ourCoapClient(port);
    open.push(() => client.close());
    expect((await client.put("/sink", LARGE)).code).toBe(Codes.Changed);
    expect(await eventFrom(process, ({ path }) => path === "/sink")).toMatchObject({ length: LARGE.length, whole: true });
    expect(Buffer.compare(Buffer.from((await client.get("/large")).payload ?? []), LARGE)).toBe(0);
  });
});
