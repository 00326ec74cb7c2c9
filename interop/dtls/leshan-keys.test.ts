import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { Codes, type IncomingRequest } from "../../src/coap/index.js";
import { Alerts, type ClientCredential, type CloseReason, type Identity, type Resumption } from "../../src/dtls/index.js";
import { eventually } from "../process.js";
import { leshanDevices, leshanServer, type LeshanAccount, type LeshanDevices, type LeshanServer } from "./peers/leshan.js";
import { admitting, certified, keyed, makeParties, type Party } from "./rig/certificates.js";
import { ourCoapClient, ourCoapServer, type OurCoapClient, type OurCoapServer, type OurCoapServerOptions } from "./rig/coap.js";
import { cachedVersion, needs } from "./rig/installed.js";
import { SUITES } from "./rig/keys.js";
import { LOOPBACK } from "./rig/ours.js";
import { table } from "./rig/table.js";
import { fragmented, MessageType } from "./rig/wire.js";

const version = needs("Leshan", cachedVersion("2.0.0-M18", "leshan", "server", "classes", "Main.class") === undefined ? undefined : cachedVersion("2.0.0-M18", "leshan", "client", "classes", "Main.class"));
const rows = {
  client: { RPK: table("Leshan's client library", version, "RPK"), "X.509": table("Leshan's client library", version, "X.509") },
  server: { RPK: table("Leshan's server library", version, "RPK"), "X.509": table("Leshan's server library", version, "X.509") },
};
const folder = mkdtempSync(join(tmpdir(), "muster-leshan-keys-"));
const parties = await makeParties(folder);
const suites = ["C0AE", "C0AC", "C02B"] as const;
const LINK_FORMAT = 40;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const leshan: { server?: LeshanServer; devices?: LeshanDevices } = {};
beforeAll(async () => {
  if (version !== "") await Promise.all([leshanServer(parties, folder).then((server) => (leshan.server = server)), leshanDevices().then((devices) => (leshan.devices = devices))]);
}, 70_000);
afterAll(async () => {
  await Promise.all([leshan.server?.stop(), leshan.devices?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function started<T>(role: T | undefined): T {
  if (role === undefined) throw new Error("Leshan was not started");
  return role;
}

const identities = {
  RPK: { mode: "rpk", bytes: parties.device.own.publicKey },
  "X.509": { mode: "x509", bytes: parties.device.own.certificate },
} as const satisfies Record<string, Identity>;

describe("Leshan's server and our client", () => {
  const asked = (): LeshanServer => started(leshan.server);

  async function visiting(credential: ClientCredential, suite: (typeof suites)[number] = "C0AE", resume?: Resumption, maxDatagram = 1_200): Promise<OurCoapClient> {
    const client = await ourCoapClient(asked().port, { credential, suites: [SUITES[suite]], resume, maxDatagram });
    open.push(() => client.close());
    return client;
  }

  describe.each([
    { keys: "RPK", endpoint: "device-with-key", credential: keyed(parties), tls: { mode: "rpk", details: { key: parties.device.own.publicKey.toString("hex") } } },
    // The common name of the certificate.
    { keys: "X.509", endpoint: "device", credential: certified(parties), tls: { mode: "x509" } },
  ] as const)("with $keys", ({ keys, endpoint, credential, tls }) => {
    beforeAll(() => leshan.server?.admit(endpoint, tls));

    it.for(suites)("register, update and deregister in a session with %s", async (suite, test) => {
      rows.server[keys].row("server", suite).shows(test, "register, update, deregister");
      const client = await visiting(credential, suite);
      expect(client.info).toMatchObject({ suite: SUITES[suite], identity: identities[keys] });
      const { endpoint: coap, peer } = client;
      const registered = await coap.request(peer, { code: Codes.POST, path: ["rd"], query: [`ep=${endpoint}`, "lt=60", "lwm2m=1.1", "b=U"], contentFormat: LINK_FORMAT, payload: Buffer.from("</1/0>,</3/0>") });
      expect(registered.code).toBe(Codes.Created);
      expect(await asked().knows(endpoint)).toBe(true);
      const path = [...(registered.locationPath ?? [])];
      expect((await coap.request(peer, { code: Codes.POST, path })).code).toBe(Codes.Changed);
      expect((await coap.request(peer, { code: Codes.DELETE, path })).code).toBe(Codes.Deleted);
      expect(await asked().knows(endpoint)).toBe(false);
    });
  });

  it("resume a session with a certificate by its id", async (test) => {
    rows.server["X.509"].row("server", "C0AE").shows(test, "EMS", "resumption");
    const first = await visiting(certified(parties));
    await first.close();
    const second = await visiting(certified(parties), "C0AE", first.info.resumption);
    expect(second.info).toMatchObject({ resumed: true, extendedMasterSecret: true });
  });

  it("come together when our handshake messages are in fragments and it has to be one certificate that it shows", async (test) => {
    rows.server["X.509"].row("server", "C0AE").shows(test, "intermediate authorities", "fragments of ours", "certificate usage 3");
    const usage3 = (certificate: Uint8Array): ClientCredential => ({ ...certified(parties, parties.deepDevice), server: { usage: 3 as const, certificate, name: LOOPBACK } });
    const client = await visiting(usage3(parties.server.own.certificate), "C0AE", undefined, 256);
    expect(fragmented(client.wire, client.endpoint.local.port)).toContain(MessageType.Certificate);
    await expect(visiting(usage3(parties.deepServer.own.certificate))).rejects.toThrow(`"why":"alert-sent","alert":${Alerts.bad_certificate}`);
  });

  it("do not come together when the server has another public key than the account", async (test) => {
    rows.server.RPK.row("server", "C0AE").shows(test, "unknown key refused by us");
    await expect(visiting({ ...keyed(parties), serverPublicKey: parties.strangeServer.own.publicKey })).rejects.toThrow(`"why":"alert-sent","alert":${Alerts.bad_certificate}`);
  });

  it.for([
    // It does not say unknown_ca.
    ["nobody trusted has certified", "strangeDevice", Alerts.bad_certificate],
    ["has expired", "expiredDevice", Alerts.certificate_expired],
  ] as const)("do not come together when our certificate is one that %s: the server says so", async ([, as, alert], test) => {
    rows.server["X.509"].row("server", "C0AE").shows(test, "unknown authority and expired certificates refused by it");
    await expect(visiting(certified(parties, parties[as]))).rejects.toThrow(`"why":"alert-received","alert":${alert}`);
  });
});

describe("Leshan's client and our server", () => {
  const asked = (): LeshanDevices => started(leshan.devices);

  /** What a LwM2M Server does first and last: Register is answered 2.01, Update 2.04, De-register 2.02. */
  function registry(request: IncomingRequest): void {
    if (request.code === Codes.DELETE) request.respond({ code: Codes.Deleted });
    else if (request.path.length > 1) request.respond({ code: Codes.Changed });
    else request.respond({ code: Codes.Created, locationPath: ["rd", "0"] });
  }

  async function served(options: OurCoapServerOptions = {}): Promise<OurCoapServer> {
    const server = await ourCoapServer({ keys: parties.server.serverKeys, findPeer: admitting(parties), ...options }, registry);
    open.push(() => server.close());
    return server;
  }

  async function starting(endpoint: string, server: OurCoapServer, keys: Partial<LeshanAccount>): Promise<void> {
    await asked().create(endpoint, { uri: `coaps://127.0.0.1:${server.port}`, shortServerId: 1, lifetime: 300, ...keys });
    await asked().start(endpoint);
  }

  const registered = async (endpoint: string): Promise<void> => expect(await eventually(10_000, async () => ((await asked().isRegistered(endpoint)) ? true : undefined))).toBe(true);

  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const withKey = ({ own }: Party, server = parties.server): Partial<LeshanAccount> => ({
    rpk: { publicKey: hex(own.publicKey), privateKey: hex(own.privateKey), serverPublicKey: hex(server.own.publicKey) },
  });
  const withCertificate = ({ own }: Party, usage = 2, serverCertificate: Uint8Array = parties.authority): Partial<LeshanAccount> => ({
    x509: { certificate: hex(own.certificate), privateKey: hex(own.privateKey), serverCertificate: hex(serverCertificate), usage },
  });

  describe.each([
    { keys: "RPK", account: withKey(parties.device) },
    { keys: "X.509", account: withCertificate(parties.device) },
  ] as const)("with $keys", ({ keys, account }) => {
    it.for(suites)("register and deregister in a session with %s", async (suite, test) => {
      rows.client[keys].row("client", suite).shows(test, "EMS", "register, deregister");
      const server = await served({ suites: [SUITES[suite]] });
      const endpoint = `device-${keys}-${suite}`;
      await starting(endpoint, server, account);
      await registered(endpoint);
      expect(server.requests[0]).toMatchObject({ code: Codes.POST, path: ["rd"] });
      expect(server.sessions[0]?.info).toMatchObject({ suite: SUITES[suite], extendedMasterSecret: true, identity: identities[keys] });
      await asked().remove(endpoint);
      expect(server.requests.at(-1)).toMatchObject({ code: Codes.DELETE, path: ["rd", "0"] });
    });
  });

  it("come together over a chain with an intermediate authority in fragments", async (test) => {
    rows.client["X.509"].row("client", "C0AE").shows(test, "intermediate authorities", "fragmented certificate of ours", "certificate usage 3");
    for (const [usage, certificate] of [[2, parties.authority], [3, parties.deepServer.own.certificate]] as const) {
      const server = await served({ keys: parties.deepServer.serverKeys, maxDatagram: 256 });
      await starting(`deep-${usage}`, server, withCertificate(parties.device, usage, certificate));
      await registered(`deep-${usage}`);
      expect(fragmented(server.wire, server.port)).toContain(MessageType.Certificate);
      await asked().remove(`deep-${usage}`);
    }
  });

  const wrong = (keys: "RPK" | "X.509", what: string, why: CloseReason["why"], alert: number, account: Partial<LeshanAccount>, options: OurCoapServerOptions = {}) => ({ keys, what, why, alert, account, options });
  it.for([
    wrong("RPK", "our server does not know its key", "alert-sent", Alerts.bad_certificate, withKey(parties.strangeDevice)),
    wrong("RPK", "our server has another key than its account", "alert-received", Alerts.bad_certificate, withKey(parties.device, parties.strangeServer)),
    wrong("X.509", "nobody trusted has certified it", "alert-sent", Alerts.unknown_ca, withCertificate(parties.strangeDevice)),
    wrong("X.509", "its certificate has expired", "alert-sent", Alerts.certificate_expired, withCertificate(parties.expiredDevice)),
    // Whatever is wrong with a certificate.
    wrong("X.509", "nobody trusted has certified our server", "alert-received", Alerts.bad_certificate, withCertificate(parties.device), { keys: parties.strangeServer.serverKeys }),
    wrong("X.509", "our server's certificate has expired", "alert-received", Alerts.bad_certificate, withCertificate(parties.device), { keys: parties.expiredServer.serverKeys }),
  ])("do not come together with $keys when $what: $why $alert", async ({ keys, what, why, alert, account, options }, test) => {
    rows.client[keys].row("client", "C0AE").shows(test, keys === "RPK" ? "unknown keys refused both ways" : "unknown authority and expired certificates refused both ways");
    const server = await served(options);
    await starting(what, server, account);
    expect(await eventually(5_000, () => server.failures[0])).toMatchObject({ why, alert: { level: 2, description: alert } });
    await asked().remove(what);
  });
});
