import { lwm2mServerConfig, timing, type LwM2mServerInput } from "../../../src/config/index.js";
import { simulatedPorts, type SimulatedPorts } from "../../../src/ports/simulated/index.js";
import { serverEndpoint } from "../../../src/transport/index.js";
import { LateDirectory, LateHandler } from "../../../src/operator/index.js";
import type { CredentialVersion } from "../credential-record.js";
import { LwM2mServer } from "../role.js";
import { ScriptedDevice, type ScriptedDeviceOptions } from "./scripted-device.js";

export const tokens = { a: "token-of-peer-a-0123456789", b: "token-of-peer-b-0123456789", operator: "token-of-operator-0123456789" };
export const callerA = { peerId: "bs-a", tenant: "a" };
export const callerB = { peerId: "bs-b", tenant: "b" };

export const labConfig = (input: Partial<LwM2mServerInput> = {}) =>
  lwm2mServerConfig({
    name: "server-a",
    coap: "127.0.0.1:0",
    http: "127.0.0.1:0",
    peers: [
      { id: "bs-a", tenant: "a", token: tokens.a, endpoints: ["ab-*", "a-*"] },
      { id: "bs-b", tenant: "b", token: tokens.b, endpoints: ["ab-*", "b-*"] },
    ],
    operatorToken: tokens.operator,
    shortServerId: 101,
    admission: "open",
    lab: true,
    timing: "lab",
    ...input,
  });

export interface ServerBench {
  readonly ports: SimulatedPorts;
  readonly server: LwM2mServer;
  readonly device: (options: Omit<ScriptedDeviceOptions, "server">) => Promise<ScriptedDevice>;
  /** Lets virtual time pass until the promise is settled. */
  readonly settle: <T>(promise: Promise<T>, limitMs?: number) => Promise<T>;
}

/** The stub on the simulated network, without HTTP. */
export async function serverBench(input: Partial<LwM2mServerInput> = {}, seed = 1): Promise<ServerBench> {
  const ports = simulatedPorts(seed);
  const late = new LateHandler();
  const directory = new LateDirectory<CredentialVersion>();
  const host = "10.0.0.1";
  const coaps = { host, port: 5684, directory, settings: { retransmission: timing("lab").dtls } };
  const endpoint = await serverEndpoint<CredentialVersion>(ports, { coap: { host, port: 5683 }, coaps, transmission: timing("lab").coap }, late);
  const server = new LwM2mServer(labConfig(input), ports, endpoint);
  late.handler = server.registrations;
  directory.directory = server.security;
  endpoint.tap = server.trace.tapFor(endpoint.local, endpoint.secureLocal);
  let hosts = 0;
  return {
    ports,
    server,
    device: (options) => ScriptedDevice.start(ports, { host: `10.0.1.${(hosts += 1)}`, ...options, server: options.credential === undefined ? endpoint.local : { host, port: 5684 } }),
    settle: async (promise, limitMs = 60_000) => {
      let settled = false;
      const watched = promise.finally(() => (settled = true));
      watched.catch(() => undefined);
      if (!(await ports.clock.advanceUntil(() => settled, limitMs))) throw new Error(`not settled within ${limitMs} ms of virtual time`);
      return watched;
    },
  };
}
