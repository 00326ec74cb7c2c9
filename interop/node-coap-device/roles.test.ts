import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { bootstrapServerConfig, lwm2mServerConfig, timing } from "../../src/config/index.js";
import { OperatorClient } from "../../src/operator/index.js";
import { realPorts } from "../../src/ports/real/index.js";
import { SmpClient } from "../../src/smp/index.js";
import { startBootstrapServer } from "../../simulators/bootstrap-server/index.js";
import type { DeviceSpec } from "../../simulators/device/index.js";
import { startLwM2mServer } from "../../simulators/lwm2m-server/index.js";
import { freeTcpPort } from "../process.js";
import { serve } from "./service.js";
import { HostClient } from "./testing/host-client.js";
import { eventually } from "./testing/scripted-servers.js";

const ports = realPorts("node-coap-device");
const lab = timing("lab");
const tokens = { peers: "token-between-the-two-roles", operator: "token-of-the-test-operator" };
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function roles() {
  const serverHttp = await freeTcpPort();
  const common = { http: "127.0.0.1:0", coap: "127.0.0.1:0", lab: true, timing: "lab", operatorToken: tokens.operator } as const;
  const bootstrapServer = await startBootstrapServer(
    bootstrapServerConfig({ ...common, peers: [{ id: "operator-a", tenant: "a", token: tokens.peers, smp: `http://127.0.0.1:${serverHttp}`, uris: ["coap://127.0.0.1:*"], shortServerIds: [100, 199] }] }),
    ports,
  );
  stops.push(() => bootstrapServer.stop());
  const base = `http://127.0.0.1:${bootstrapServer.http.port}`;
  const server = await startLwM2mServer(lwm2mServerConfig({ ...common, http: `127.0.0.1:${serverHttp}`, admission: "credential", peers: [{ id: "bootstrap-server", tenant: "a", token: tokens.peers, smp: base }] }), ports);
  stops.push(() => server.stop());
  const smp = new SmpClient({ base, token: tokens.peers, peer: "bootstrap-server", clock: ports.clock, newKey: () => ports.secrets.token() });
  const operator = new OperatorClient({ baseUrl: `http://127.0.0.1:${serverHttp}`, token: tokens.operator });
  stops.push(() => smp.close(), () => operator.close());
  return { smp, operator, bootstrapUri: `coap://127.0.0.1:${bootstrapServer.coap.port}`, serverUri: `coap://127.0.0.1:${server.coap.port}` };
}

async function hosted(): Promise<HostClient> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const host = new HostClient(input, output);
  const served = serve(input, output);
  stops.push(() => {
    input.end();
    return served;
  });
  await host.ready;
  return host;
}

describe("20 devices on node-coap between the reference Bootstrap Server and LwM2M Server", () => {
  it("are provisioned by one order, managed, and bootstrap again when the account changes", async () => {
    const { smp, operator, bootstrapUri, serverUri } = await roles();
    const host = await hosted();
    const endpoints = Array.from({ length: 20 }, (_, index) => `nc-${index}`);
    const spec = (endpoint: string): DeviceSpec => ({ endpoint, lwm2m: "1.1", personality: "default", seed: 1, bootstrap: { uri: bootstrapUri }, timing: { coap: lab.coap, device: lab.device } });

    const { accountId } = (await smp.createAccount({ uri: serverUri, securityMode: "nosec", ssid: 101, lifetime: 300 })).value;
    const provision = (await smp.createOrder({ type: "provision", accountId, targets: { endpoints }, policy: { trigger: "wait-for-client" } })).value;
    const stateOf = async (orderId: string, endpoint: string) => (await smp.getItem(orderId, endpoint)).value.state;
    for (const endpoint of endpoints) await eventually(() => stateOf(provision.orderId, endpoint), (state) => state === "awaiting-client");
    for (const endpoint of endpoints) await host.create(spec(endpoint));
    for (const endpoint of endpoints) await eventually(() => stateOf(provision.orderId, endpoint), (state) => state === "confirmed");

    expect(await operator.operate("nc-7", { operation: "read", path: "/3/0/2" })).toMatchObject({ code: "2.05" });
    expect(await operator.operate("nc-7", { operation: "write", path: "/3/0/14", value: "+04" })).toMatchObject({ code: "2.04" });
    expect((await host.inspect("nc-7")).objects["3"]?.["0"]?.["14"]).toBe("+04");
    expect(await operator.observe("nc-7", "/3303/0/5700")).toMatchObject({ code: "2.05" });
    await host.act("nc-7", { do: "set-resource", path: "/3303/0/5700", value: 30.5 });
    await eventually(() => host.inspect("nc-7"), ({ observations }) => observations[0]?.notifications === 1);

    const { etag } = await smp.getAccount(accountId);
    await smp.replaceAccount(accountId, { uri: serverUri, securityMode: "nosec", ssid: 101, lifetime: 120 }, etag ?? "");
    const update = (await smp.createOrder({ type: "update", accountId, targets: { endpoints }, policy: { trigger: "via-server" } })).value;
    for (const endpoint of endpoints) await eventually(() => stateOf(update.orderId, endpoint), (state) => state === "confirmed", 10_000);
    const snapshots = await Promise.all(endpoints.map((endpoint) => host.inspect(endpoint)));
    expect(new Set(snapshots.map(({ lastBootstrapCause, accounts }) => `${lastBootstrapCause ?? ""} ${accounts[0]?.lifetime ?? 0} ${accounts[0]?.state ?? ""}`))).toEqual(new Set(["trigger 120 registered"]));
  }, 30_000);
});
