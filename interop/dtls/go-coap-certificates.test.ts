import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { Codes } from "../../src/coap/index.js";
import { Alerts, type CloseReason } from "../../src/dtls/index.js";
import { eventually, type RunningProcess } from "../process.js";
import { eventsOf, pionClient, pionServer } from "./peers/pion.js";
import { admitting, certified, makeParties, preferring, type Party } from "./rig/certificates.js";
import { LARGE, ourCoapClient, ourCoapServer, text, type OurCoapClient, type OurCoapClientOptions, type OurCoapServer, type OurCoapServerOptions } from "./rig/coap.js";
import { cachedVersion, needs } from "./rig/installed.js";
import { SUITES, type SuiteCode } from "./rig/keys.js";
import { table } from "./rig/table.js";
import { curveOf, CURVES, fragmented, MessageType } from "./rig/wire.js";

const version = needs("go-coap", cachedVersion("3.5.5", "pion", "muster-pion"));
const rows = table("go-coap on pion", version, "X.509");
const folder = mkdtempSync(join(tmpdir(), "muster-go-coap-certificates-"));
const parties = await makeParties(folder);
const suites = ["C0AE", "C0AC", "C02B"] as const;
const curves = ["secp256r1", "x25519"] as const;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refused = (why: CloseReason["why"], description: number): unknown => expect.objectContaining({ why, alert: { level: 2, description } });
const as = ({ chainFile, privateKeyFile }: Party): string[] => ["-cert", chainFile, "-key", privateKeyFile, "-ca", parties.authorityFile];

describe("go-coap's client and our server", () => {
  async function served(options: OurCoapServerOptions = {}): Promise<OurCoapServer> {
    const server = await ourCoapServer({ keys: parties.server.serverKeys, findPeer: admitting(parties), ...options });
    open.push(() => server.close());
    return server;
  }

  const visit = (server: OurCoapServer, suite: SuiteCode, party: Party, ...args: string[]): Promise<RunningProcess> => pionClient("coap-client", server.port, [suite], ...as(party), ...args);

  describe.each(suites)("with %s", (suite) => {
    const row = rows.row("client", suite);

    it.for(curves)("exchange a GET and its answer in a session over %s and in the same session resumed", async (group, test) => {
      row.shows(test, "EMS", "close_notify", group);
      const server = await served({ groups: [group] });
      const client = await visit(server, suite, parties.device, "-path", "/hello", "-resume", "-times", "2");
      expect(
        eventsOf(client, "response").map(({ text }) => text),
        client.output(),
      ).toEqual(["hello device", "hello device"]);
      const identity = { mode: "x509", bytes: parties.device.own.certificate };
      expect(server.sessions.map(({ info }) => info)).toMatchObject([false, true].map((resumed) => ({ suite: SUITES[suite], resumed, extendedMasterSecret: true, identity })));
      expect(await eventually(3_000, () => (server.ends.length === 2 ? server.ends : undefined))).toEqual([{ why: "peer-closed" }, { why: "peer-closed" }]);
    });

    it("move 10 KiB in blocks each way", async (test) => {
      row.shows(test, "resumption", "Block1 and Block2");
      const server = await served();
      const put = await visit(server, suite, parties.device, "-path", "/sink", "-payload", `@${LARGE.length}`);
      expect(eventsOf(put, "response")[0]).toMatchObject({ code: "Changed", text: `${LARGE.length}` });
      const got = await visit(server, suite, parties.device, "-path", "/large");
      expect(eventsOf(got, "response")[0]?.["text"]).toBe(LARGE.toString());
    });
  });

  it("come together over chains with an intermediate authority, whose certificates are in fragments both ways", async (test) => {
    rows.row("client", "C0AE").shows(test, "intermediate authorities", "fragmented certificates both ways");
    const server = await served({ keys: parties.deepServer.serverKeys, maxDatagram: 256 });
    // Its ClientHello would be cut too if this were much less.
    const client = await visit(server, "C0AE", parties.deepDevice, "-path", "/hello", "-mtu", "300");
    expect(eventsOf(client, "response")[0]?.["text"], client.output()).toBe("hello deep-device");
    const certificates = expect.arrayContaining([MessageType.Certificate]) as number[];
    expect(fragmented(server.wire, server.port)).toEqual(certificates);
    expect(fragmented(server.wire, server.sessions[0]?.peer.port ?? 0)).toEqual(certificates);
  });

  it.for([
    ["nobody trusted has certified", "strange", Alerts.unknown_ca],
    ["has expired", "expired", Alerts.certificate_expired],
  ] as const)("refuse each other's certificate that %s", async ([, which, alert], test) => {
    rows.row("client", "C0AE").shows(test, "unknown authority and expired certificates refused both ways");
    const server = await served();
    await visit(server, "C0AE", parties[`${which}Device`]);
    expect(server.failures).toEqual([refused("alert-sent", alert)]);
    const wrong = await served({ keys: parties[`${which}Server`].serverKeys });
    await visit(wrong, "C0AE", parties.device);
    // Whatever is wrong with it.
    expect(wrong.failures).toEqual([refused("alert-received", Alerts.bad_certificate)]);
  });
});

describe("go-coap's server and our client", () => {
  async function serving(suite: SuiteCode, party: Party, ...args: string[]): Promise<number> {
    const { port, process } = await pionServer("coap-server", [suite], ...as(party), ...args);
    open.push(() => process.stop());
    return port;
  }

  async function visiting(port: number, options: OurCoapClientOptions = {}): Promise<OurCoapClient> {
    const client = await ourCoapClient(port, { credential: certified(parties), ...options });
    open.push(() => client.close());
    return client;
  }

  describe.each(suites)("with %s", (suite) => {
    const row = rows.row("server", suite);

    it.for(curves)("exchange a GET and its answer in a session over %s, and in another when the client would resume", async (group, test) => {
      row.shows(test, "EMS", group);
      const port = await serving(suite, parties.server, "-resume");
      const settings = { suites: [SUITES[suite]], groups: preferring(group) };
      const first = await visiting(port, settings);
      expect(curveOf(first.wire)).toBe(CURVES[group]);
      expect(text((await first.get("/hello")).payload)).toBe("hello from go-coap");
      await first.close();
      const second = await visiting(port, { ...settings, resume: first.info.resumption });
      // It keeps no session of a client that has shown a certificate.
      expect(second.info).toMatchObject({ resumed: false, extendedMasterSecret: true });
      expect(text((await second.get("/hello")).payload)).toBe("hello from go-coap");
    });

    it("move 10 KiB in blocks each way", async (test) => {
      row.shows(test, "full handshake in place of resumption", "Block1 and Block2");
      const client = await visiting(await serving(suite, parties.server), { suites: [SUITES[suite]] });
      const put = await client.put("/sink", LARGE);
      expect(put.code).toBe(Codes.Changed);
      expect(text(put.payload)).toBe(`${LARGE.length}`);
      expect(Buffer.compare(Buffer.from((await client.get("/large")).payload ?? []), LARGE)).toBe(0);
    });
  });

  it("come together over chains with an intermediate authority, whose certificates are in fragments both ways", async (test) => {
    rows.row("server", "C0AE").shows(test, "intermediate authorities", "fragmented certificates both ways");
    const client = await visiting(await serving("C0AE", parties.deepServer, "-mtu", "300"), { credential: certified(parties, parties.deepDevice), maxDatagram: 256 });
    expect(text((await client.get("/hello")).payload)).toBe("hello from go-coap");
    const certificates = expect.arrayContaining([MessageType.Certificate]) as number[];
    expect(fragmented(client.wire, client.peer.address.port)).toEqual(certificates);
    expect(fragmented(client.wire, client.endpoint.local.port)).toEqual(certificates);
  });

  it.for([
    ["nobody trusted has certified", "strange", Alerts.unknown_ca],
    ["has expired", "expired", Alerts.certificate_expired],
  ] as const)("refuse each other's certificate that %s", async ([, which, alert], test) => {
    rows.row("server", "C0AE").shows(test, "unknown authority and expired certificates refused both ways");
    await expect(visiting(await serving("C0AE", parties[`${which}Server`]))).rejects.toThrow(`"why":"alert-sent","alert":${alert}`);
    // Whatever is wrong with it.
    await expect(visiting(await serving("C0AE", parties.server), { credential: certified(parties, parties[`${which}Device`]) })).rejects.toThrow(`"why":"alert-received","alert":${Alerts.bad_certificate}`);
  });
});
