import { bootstrapServerConfig, lwm2mServerConfig, seedNumber, testPsk, type BootstrapServerConfig, type LwM2mServerConfig, type PeerConfig } from "../../config/index.js";
import { OperatorClient } from "../../operator/index.js";
import { formatAddress, type Address, type BindOptions, type Clock, type Network, type Programs, type Secrets } from "../../ports/index.js";
import { parseCoapUri } from "../../transport/index.js";
import { ServedBootstrapServer, ServedLwM2mServer, type SmpCaller } from "../actors/served.js";
import { securityModes, type BootstrapServerActor, type LwM2mServerActor, type ServerUris } from "../actors/types.js";
import type { AdapterFront, Ask } from "../adapters/index.js";
import type { AdaptedTarget, RoleTarget, RunningTarget, ServerName, Target } from "../targets/index.js";
import { adaptedRole } from "./adapted-role.js";
import { forwardPort } from "./port-forward.js";
import { startRoleThread, type RoleThread } from "./role-thread.js";
import type { ErrorOf } from "../verdict.js";

/** Who may do what in a run with references; docs/writing-scenarios.md tells it to authors. */
export const operators = {
  // 1 is the Short Server ID of the enabler test cases; accounts of other scenarios get theirs from the pool.
  A: { peer: "operator-a", tenant: "a", endpoints: ["ab-*", "a-*"], shortServerIds: [1, 199], pool: [100, 199] },
  B: { peer: "operator-b", tenant: "b", endpoints: ["ab-*", "b-*"], shortServerIds: [200, 299], pool: [200, 299] },
} as const satisfies Record<ServerName, { peer: string; tenant: string; endpoints: readonly string[]; shortServerIds: readonly [number, number]; pool: readonly [number, number] }>;

/** Endpoint names that the Bootstrap Server of a run knows; `x-...` are strangers. */
const knownClients = ["ab-*", "a-*", "b-*"];
/** Both ways that a server can take a new version of a credential: the old one overlaps, or gives way. */
const credentialSlots = { A: 2, B: 1 } as const satisfies Record<ServerName, 1 | 2>;
/** The keys of the run's devices, which follow from the seed and their names. */
const testDevicesOf = (seed: string) => knownClients.map((pattern) => ({ testDevices: { seed: seedNumber(seed), pattern } }));
const bootstrapPeer = "bootstrap-server";
const loopback = "127.0.0.1";
const operatorTimeoutMs = 60_000;

export interface RoleScripts {
  readonly bootstrapServer: URL;
  readonly lwm2mServer: URL;
}

export interface RolesEnvironment {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly network: Network;
  readonly scripts: RoleScripts;
  readonly seed: string;
  /** Unlike that of any other run. */
  readonly nonce: string;
  readonly freePorts: (host: string, count: number) => Promise<number[]>;
  /** Starts the systems that a target file tells how to start. */
  readonly programs: Programs;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  readonly ask?: Ask | undefined;
  readonly smpCaller: (baseUrl: string, token: string, nonce: string) => SmpCaller;
  readonly onLost: (reason: string, of?: ErrorOf) => void;
}

/** `127.0.0.1:40001` each. */
export interface RoleAddresses {
  readonly coap?: string;
  readonly coaps?: string;
  readonly http: string;
}

export interface Roles {
  readonly bootstrapServer: BootstrapServerActor;
  readonly servers: Readonly<Record<ServerName, LwM2mServerActor>>;
  /** By role name; only roles with a known address. */
  readonly addresses: Readonly<Record<string, RoleAddresses>>;
  /** Tokens of the pairs of peers: no answer may ever hold one. */
  readonly secrets: readonly string[];
  stop(): Promise<void>;
}

const urisOf = (coap: Address, coaps: Address | undefined): ServerUris => ({ nosec: `coap://${formatAddress(coap)}`, ...(coaps === undefined ? {} : { psk: `coaps://${formatAddress(coaps)}` }) });
const httpUrl = (port: number): string => `http://${loopback}:${port}`;
const roleName = (name: ServerName): string => `server-${name.toLowerCase()}`;

/** What the start of one role leaves. */
interface Started {
  readonly uris: ServerUris;
  readonly secondUris: ServerUris;
  readonly smpUrl: string;
  readonly operator: OperatorClient | undefined;
}

const operatorOf = (url: string, token: string): OperatorClient => new OperatorClient({ baseUrl: url, token, timeoutMs: operatorTimeoutMs, connections: 16 });

function running(target: RunningTarget): Started {
  return {
    uris: target.uris,
    secondUris: target.secondUris,
    smpUrl: target.smp,
    operator: target.operator === undefined ? undefined : operatorOf(target.operator.url, target.operator.token),
  };
}

/** Starts the references of a target, each in a thread of its own, and takes the others as they are. Rejects with `RoleError`; nothing is left running then. */
export async function startRoles(target: Target, environment: RolesEnvironment): Promise<Roles> {
  const { secrets, network, clock, onLost } = environment;
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    await Promise.allSettled(started.reverse().map((end) => end()));
  };
  try {
    const pairTokens = { A: target.pairTokens.A ?? secrets.token(), B: target.pairTokens.B ?? secrets.token() };
    const [bsPort = 0, aPort = 0, bPort = 0] = await environment.freePorts(loopback, 3);
    const smpOf = (role: RoleTarget, port: number): string => (role.kind === "running" ? role.smp : httpUrl(port));
    const bsUrl = smpOf(target.bootstrapServer, bsPort);
    const thread = async (name: string, script: URL, config: BootstrapServerConfig | LwM2mServerConfig): Promise<{ readonly thread: RoleThread; readonly operator: OperatorClient }> => {
      const role = await startRoleThread(name, script, config, clock, onLost);
      started.push(() => role.stop());
      return { thread: role, operator: operatorOf(`http://${formatAddress(role.http)}`, config.operatorToken) };
    };

    const adapted = (role: AdaptedTarget, name: string, httpPort: number, peers: readonly PeerConfig[]): Promise<AdapterFront> =>
      adaptedRole(role, { name, httpPort, peers, timing: target.timing.profile, deviceKey: (endpoint) => testPsk(seedNumber(environment.seed), endpoint, "bootstrap", endpoint) }, environment, (end) => started.push(end));
    const forward = async (at: BindOptions, to: Address): Promise<Address> => {
      const forwarded = await forwardPort(network, at, to);
      started.push(() => forwarded.close());
      return forwarded.local;
    };

    const startServer = async (name: ServerName, port: number): Promise<Started> => {
      const role = target.servers[name];
      if (role.kind === "running") {
        if (role.forwardSecondCoap) {
          for (const mode of securityModes) {
            const [second, first] = [role.secondUris[mode], role.uris[mode]];
            if (second !== undefined && first !== undefined) await forward(parseCoapUri(second), parseCoapUri(first));
          }
        }
        return running(role);
      }
      if (role.kind === "adapted") {
        const front = await adapted(role, roleName(name), port, [{ id: bootstrapPeer, tenant: operators[name].tenant, smp: bsUrl, token: pairTokens[name], endpoints: ["*"], uris: ["*"], shortServerIds: operators[name].shortServerIds }]);
        const [coap, coaps] = [await forward({ host: loopback }, front.coap), front.coaps === undefined ? undefined : await forward({ host: loopback }, front.coaps)];
        return { uris: urisOf(front.coap, front.coaps), secondUris: urisOf(coap, coaps), smpUrl: httpUrl(port), operator: operatorOf(httpUrl(port), front.operatorToken) };
      }
      const { endpoints, shortServerIds, tenant } = operators[name];
      const config = lwm2mServerConfig({
        name: roleName(name),
        coap: `${loopback}:0`,
        coaps: `${loopback}:0`,
        http: `${loopback}:${port}`,
        peers: [{ id: bootstrapPeer, tenant, smp: bsUrl, token: pairTokens[name], endpoints: [...endpoints], shortServerIds: [...shortServerIds] }],
        operatorToken: secrets.token(),
        lab: true,
        admission: "credential",
        credentialSlots: credentialSlots[name],
        plants: [...target.plants.lwm2mServer],
      });
      const { thread: server, operator } = await thread(roleName(name), environment.scripts.lwm2mServer, { ...config, timing: target.timing });
      const [coap, coaps] = [await forward({ host: loopback }, server.coap), server.coaps === undefined ? undefined : await forward({ host: loopback }, server.coaps)];
      return { uris: urisOf(server.coap, server.coaps), secondUris: urisOf(coap, coaps), smpUrl: httpUrl(port), operator };
    };

    // The servers come first: their CoAP addresses are what their operators' accounts may name at the Bootstrap Server.
    const [a, b] = await Promise.all([startServer("A", aPort), startServer("B", bPort)]);
    const servers = { A: a, B: b };
    const peerOf = (name: ServerName) => {
      const { peer, tenant, endpoints, shortServerIds } = operators[name];
      const uris = [...Object.values(servers[name].uris), ...Object.values(servers[name].secondUris)].flatMap((uri) => [uri, `${uri}/*`]);
      return { id: peer, tenant, smp: servers[name].smpUrl, token: pairTokens[name], endpoints: [...endpoints], uris, shortServerIds: [...shortServerIds] as [number, number] };
    };
    const startBootstrapServer = async (): Promise<Started> => {
      const role = target.bootstrapServer;
      if (role.kind === "running") return running(role);
      if (role.kind === "adapted") {
        const front = await adapted(role, bootstrapPeer, bsPort, [peerOf("A"), peerOf("B")]);
        return { uris: urisOf(front.coap, front.coaps), secondUris: {}, smpUrl: bsUrl, operator: operatorOf(bsUrl, front.operatorToken) };
      }
      const config = bootstrapServerConfig({
        name: bootstrapPeer,
        coap: `${loopback}:0`,
        coaps: `${loopback}:0`,
        http: `${loopback}:${bsPort}`,
        peers: [peerOf("A"), peerOf("B")],
        clients: [...knownClients, ...testDevicesOf(environment.seed)],
        nosec: "always",
        operatorToken: secrets.token(),
        lab: true,
        plants: [...target.plants.bootstrapServer],
      });
      const { thread: server, operator } = await thread(bootstrapPeer, environment.scripts.bootstrapServer, { ...config, timing: target.timing });
      return { uris: urisOf(server.coap, server.coaps), secondUris: {}, smpUrl: bsUrl, operator };
    };
    const bs = await startBootstrapServer();

    const actor = (name: ServerName): LwM2mServerActor => {
      const { uris, secondUris, smpUrl, operator } = servers[name];
      return new ServedLwM2mServer(name, { role: roleName(name), uris, smpUrl, operator }, secondUris, environment.smpCaller(smpUrl, pairTokens[name], `${environment.nonce}-${name}`));
    };
    const bootstrapServer = new ServedBootstrapServer({ role: bootstrapPeer, uris: bs.uris, smpUrl: bs.smpUrl, operator: bs.operator });
    const serverActors = { A: actor("A"), B: actor("B") };
    started.push(() => bootstrapServer.close(), () => serverActors.A.close(), () => serverActors.B.close());
    const hostPort = (uri: string): string => uri.replace(/^[a-z]+:\/\//, "");
    const addressOf = ({ uris, smpUrl }: Started): RoleAddresses => ({
      ...(uris.nosec === undefined ? {} : { coap: hostPort(uris.nosec) }),
      ...(uris.psk === undefined ? {} : { coaps: hostPort(uris.psk) }),
      http: hostPort(smpUrl),
    });
    return { bootstrapServer, servers: serverActors, addresses: { [bootstrapPeer]: addressOf(bs), "server-a": addressOf(a), "server-b": addressOf(b) }, secrets: [pairTokens.A, pairTokens.B], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
