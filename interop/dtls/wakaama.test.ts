import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";

import { Codes, type IncomingRequest } from "../../src/coap/index.js";
import { events, eventually, freeUdpPort, start, type RunningProcess } from "../process.js";
import { ourCoapServer, text, type OurCoapServer } from "./rig/coap.js";
import { boundToLoopback, cachedVersion, needs } from "./rig/installed.js";
import { IDENTITY, KEY_HEX, SUITES } from "./rig/keys.js";
import { table } from "./rig/table.js";
import { extensionsOf, lastHello, MessageType, recordsPerDatagram } from "./rig/wire.js";

const version = needs("Wakaama", cachedVersion("2.12.3 (npm)", "wakaama", "node_modules", "node-red-contrib-lwm2m"));
const row = table("Wakaama (old tinydtls)", version).row("client", "C0A8");

/** It may keep a file of credentials in its working directory. */
const folder = mkdtempSync(join(tmpdir(), "muster-wakaama-"));
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Enough of an LwM2M Server's registration interface for one client. */
function register(request: IncomingRequest): void {
  if (request.code === Codes.POST && request.path.join("/") === "rd") request.respond({ code: Codes.Created, locationPath: ["rd", "1"] });
  else if (request.code === Codes.DELETE) request.respond({ code: Codes.Deleted });
  else request.respond({ code: Codes.Changed });
}

async function served(): Promise<{ server: OurCoapServer; client: RunningProcess }> {
  const server = await ourCoapServer({}, register);
  open.push(() => server.close());
  const client = await start(
    process.execPath,
    [join(import.meta.dirname, "..", "wakaama", "client.mjs"), `coaps://127.0.0.1:${server.port}`, "urn:muster:wakaama", `${await freeUdpPort()}`, IDENTITY, KEY_HEX],
    { cwd: folder, env: boundToLoopback },
  );
  open.push(() => client.stop());
  const ready = await eventually(15_000, () => events(client).find(({ state }) => state === "ready"));
  expect(ready, client.output()).toBeDefined();
  return { server, client };
}

it("Wakaama registers, is read in TLV and deregisters over our server's session", async (test) => {
  row.shows(test, "register, read in TLV, deregister", "no EMS");
  const { server, client } = await served();
  const [registration] = server.requests;
  expect(registration?.query).toContain("ep=urn:muster:wakaama");
  expect(registration?.peer.identity).toMatchObject({ mode: "psk", name: IDENTITY });
  expect(server.sessions[0]?.info).toMatchObject({ suite: SUITES.C0A8, extendedMasterSecret: false, serverName: undefined });
  const peer = registration?.peer;
  if (peer === undefined) throw new Error("there is no peer");
  const read = await server.endpoint.request(peer, { code: Codes.GET, path: ["3", "0", "0"] });
  expect(read).toMatchObject({ code: Codes.Content, contentFormat: 11_542 });
  expect(text(read.payload)).toContain("Wakaama");
  client.signal("SIGTERM");
  await client.exited;
  expect(server.requests.at(-1)).toMatchObject({ code: Codes.DELETE, path: ["rd", "1"] });
});

it("Wakaama's ClientHello has no extensions at all, so our ServerHello has none either", async (test) => {
  row.shows(test, "ClientHello without extensions", "a message a datagram");
  const { server } = await served();
  expect(extensionsOf(lastHello(server.wire, MessageType.ClientHello))).toBeUndefined();
  expect(extensionsOf(lastHello(server.wire, MessageType.ServerHello))).toBeUndefined();
  expect(recordsPerDatagram(server.wire, server.sessions[0]?.peer.port ?? 0)).toBe(1);
});
