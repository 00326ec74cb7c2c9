import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { Codes } from "../../src/coap/index.js";
import { Alerts, type ClientCredential, type CloseReason, type Identity, type ServerKeys } from "../../src/dtls/index.js";
import { eventually } from "../process.js";
import { certifiedAs, coapClient, coapServer, keyedAs, type Build } from "./peers/libcoap.js";
import { admitting, certified, keyed, makeParties, preferring } from "./rig/certificates.js";
import { LARGE, ourCoapClient, ourCoapServer, text, type OurCoapClient, type OurCoapClientOptions, type OurCoapServer, type OurCoapServerOptions } from "./rig/coap.js";
import { askVersion, needs } from "./rig/installed.js";
import { isCbc, SUITES } from "./rig/keys.js";
import { table, type Keys, type PeerTable } from "./rig/table.js";
import { curveOf, CURVES, fragmented, MessageType } from "./rig/wire.js";

const folder = mkdtempSync(join(tmpdir(), "muster-libcoap-keys-"));
const parties = await makeParties(folder);
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function served(options: OurCoapServerOptions): Promise<OurCoapServer> {
  const server = await ourCoapServer({ keys: parties.server.serverKeys, findPeer: admitting(parties), ...options });
  open.push(() => server.close());
  return server;
}

async function serving(build: Build, keys: readonly string[]): Promise<number> {
  const { port, process } = await coapServer(build, keys);
  open.push(() => process.stop());
  return port;
}

async function visiting(port: number, options: OurCoapClientOptions): Promise<OurCoapClient> {
  const client = await ourCoapClient(port, options);
  open.push(() => client.close());
  return client;
}

const refused = (why: CloseReason["why"], description: number): unknown => expect.objectContaining({ why, alert: { level: 2, description } });

interface Peer {
  readonly build: Build;
  readonly name: string;
  readonly version: string | undefined;
}

function peer(build: Build, name: string): Peer {
  return { build, name, version: askVersion(`coap-client-${build}`, ["-h"], new RegExp(`coap-client-${build} v(\\S+)`)) };
}

const peers = { openssl: peer("openssl", "libcoap on OpenSSL"), gnutls: peer("gnutls", "libcoap on GnuTLS") };
const rowsOf = ({ name, version = "" }: Peer, keys: Keys): PeerTable => table(name, version, keys);

interface Meeting {
  readonly peer: Peer;
  readonly keys: Exclude<Keys, "PSK">;
  readonly rows: PeerTable;
  readonly asClient: readonly string[];
  readonly asServer: readonly string[];
  readonly serverKeys: ServerKeys;
  readonly credential: ClientCredential;
  readonly identity: Identity;
}

const certificates = {
  keys: "X.509",
  asClient: certifiedAs(parties.device, parties),
  asServer: certifiedAs(parties.server, parties),
  serverKeys: parties.server.serverKeys,
  credential: certified(parties),
  identity: { mode: "x509", bytes: parties.device.own.certificate },
} as const;

const meetings: readonly Meeting[] = [
  {
    peer: peers.gnutls,
    keys: "RPK",
    rows: rowsOf(peers.gnutls, "RPK"),
    asClient: keyedAs(parties.device),
    asServer: keyedAs(parties.server),
    // It offers X.509 before raw public keys, and takes a raw public key alone.
    serverKeys: { privateKey: parties.server.own.privateKey },
    credential: keyed(parties),
    identity: { mode: "rpk", bytes: parties.device.own.publicKey },
  },
  { peer: peers.gnutls, rows: rowsOf(peers.gnutls, "X.509"), ...certificates },
  { peer: peers.openssl, rows: rowsOf(peers.openssl, "X.509"), ...certificates },
];
const suites = ["C0AE", "C0AC", "C02B", "C023"] as const;
const curves = ["secp256r1", "x25519"] as const;

describe.each(meetings)("$peer.name with $keys", ({ peer: { build, name, version }, keys, rows, asClient, asServer, serverKeys, credential, identity }) => {
  needs(name, version);

  describe.each(suites)("as client of our server with %s", (suite) => {
    it("gets over either curve, is known by what it shows, and takes its leave", async (test) => {
      rows.row("client", suite).shows(test, "EMS", "close_notify", ...curves);
      for (const group of curves) {
        const server = await served({ keys: serverKeys, suites: [SUITES[suite]], groups: [group] });
        expect((await coapClient(build, asClient, server.port, "/hello")).output()).toContain("hello ");
        expect(server.sessions[0]?.info).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true, encryptThenMac: isCbc(suite), identity });
        expect(await eventually(3_000, () => server.ends[0])).toEqual({ why: "peer-closed" });
      }
    });
  });

  describe.each(suites)("as server of our client with %s", (suite) => {
    it("answers GET and PUT over either curve, in blocks where it is much", async (test) => {
      rows.row("server", suite).shows(test, "EMS", ...curves, "Block1 and Block2");
      const port = await serving(build, asServer);
      for (const group of curves) {
        const client = await visiting(port, { credential, suites: [SUITES[suite]], groups: preferring(group) });
        expect(client.info).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true, encryptThenMac: isCbc(suite), identity });
        expect(curveOf(client.wire)).toBe(CURVES[group]);
        expect((await client.put("/example_data", LARGE)).code).toBe(group === "x25519" ? Codes.Changed : Codes.Created);
        expect(Buffer.compare(Buffer.from((await client.get("/example_data")).payload ?? []), LARGE)).toBe(0);
      }
    });
  });

  it("sends 10 KiB in blocks and gets them back in blocks as client of our server", async (test) => {
    rows.row("client", "C0AE").shows(test, "Block1 and Block2", "choice of the server");
    const server = await served({ keys: serverKeys });
    const [from, to] = [join(folder, `${build}-from`), join(folder, `${build}-to`)];
    writeFileSync(from, LARGE);
    expect((await coapClient(build, asClient, server.port, "/sink", ["-m", "put", "-f", from])).output()).toContain(`${LARGE.length}`);
    await coapClient(build, asClient, server.port, "/large", ["-o", to]);
    expect(Buffer.compare(readFileSync(to), LARGE)).toBe(0);
    // It offers everything it has.
    expect(server.sessions.map(({ info }) => info.suite)).toEqual([SUITES.C0AE, SUITES.C0AE]);
  });

  it("comes to a session over fragments of ours in either role", async (test) => {
    for (const role of ["client", "server"] as const) rows.row(role, "C0AE").shows(test, "fragments of ours");
    const server = await served({ keys: serverKeys, maxDatagram: 100 });
    expect((await coapClient(build, asClient, server.port, "/hello")).output()).toContain("hello ");
    expect(fragmented(server.wire, server.port)).toContain(MessageType.ServerKeyExchange);
    const client = await visiting(await serving(build, asServer), { credential, maxDatagram: 100 });
    expect(text((await client.get("/")).payload)).toContain("made with libcoap");
    expect(fragmented(client.wire, client.endpoint.local.port)).toContain(MessageType.Certificate);
  });

  if (keys === "RPK")
    it("is refused for another public key than the one that is known, in either role", async (test) => {
      for (const role of ["client", "server"] as const) rows.row(role, "C0AE").shows(test, "unknown key refused by us");
      const server = await served({ keys: serverKeys });
      await coapClient(build, keyedAs(parties.strangeDevice), server.port, "/hello");
      expect(server.failures).toEqual([refused("alert-sent", Alerts.bad_certificate)]);
      await expect(visiting(await serving(build, keyedAs(parties.strangeServer)), { credential })).rejects.toThrow(`"alert":${Alerts.bad_certificate}`);
    });
  else {
    it("comes to a session over chains with an intermediate authority in either role", async (test) => {
      for (const role of ["client", "server"] as const) rows.row(role, "C0AE").shows(test, "intermediate authorities");
      // On OpenSSL it sends the first certificate of its file alone.
      const [device, itsServer] = build === "gnutls" ? [parties.deepDevice, parties.deepServer] : [parties.device, parties.server];
      const server = await served({ keys: parties.deepServer.serverKeys });
      expect((await coapClient(build, certifiedAs(device, parties), server.port, "/hello")).output()).toContain(`hello ${device.name}`);
      const client = await visiting(await serving(build, certifiedAs(itsServer, parties)), { credential: certified(parties, parties.deepDevice) });
      expect(text((await client.get("/")).payload)).toContain("made with libcoap");
    });

    it("and our end refuse a certificate of an authority that is not trusted, whoever shows it and in either role", async (test) => {
      for (const role of ["client", "server"] as const) rows.row(role, "C0AE").shows(test, "unknown authority refused both ways");
      const server = await served({});
      await coapClient(build, certifiedAs(parties.strangeDevice, parties), server.port, "/hello");
      expect(server.failures).toEqual([refused("alert-sent", Alerts.unknown_ca)]);
      const strange = await served({ keys: parties.strangeServer.serverKeys });
      await coapClient(build, asClient, strange.port, "/hello");
      expect(strange.failures).toEqual([refused("alert-received", Alerts.unknown_ca)]);

      const strangePort = await serving(build, certifiedAs(parties.strangeServer, parties));
      await expect(visiting(strangePort, { credential })).rejects.toThrow(`"why":"alert-sent","alert":${Alerts.unknown_ca}`);
      await expect(visiting(await serving(build, asServer), { credential: certified(parties, parties.strangeDevice) })).rejects.toThrow(`"why":"alert-received","alert":${Alerts.unknown_ca}`);
    });

    it("is refused for a certificate that has expired in either role, and takes one itself", async (test) => {
      for (const role of ["client", "server"] as const) rows.row(role, "C0AE").shows(test, "expired certificate refused by us");
      const server = await served({});
      await coapClient(build, certifiedAs(parties.expiredDevice, parties), server.port, "/hello");
      expect(server.failures).toEqual([refused("alert-sent", Alerts.certificate_expired)]);
      await expect(visiting(await serving(build, certifiedAs(parties.expiredServer, parties)), { credential })).rejects.toThrow(`"why":"alert-sent","alert":${Alerts.certificate_expired}`);
      // Its command lines allow it.
      const expired = await served({ keys: parties.expiredServer.serverKeys });
      expect((await coapClient(build, asClient, expired.port, "/hello")).output()).toContain("hello device");
    });
  }
});
