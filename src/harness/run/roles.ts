import { bootstrapServerConfig, lwm2mServerConfig, type BootstrapServerConfig, type LwM2mServerConfig, type PeerConfig } from "../../config/index.js";
import { OperatorClient } from "../../operator/index.js";
import { formatAddress, type Address, type Clock, type Network, type Programs, type Secrets } from "../../ports/index.js";
import { parseCoapUri } from "../../transport/index.js";
import { ServedBootstrapServer, ServedLwM2mServer, type SmpCaller } from "../actors/served.js";
import type { BootstrapServerActor, LwM2mServerActor } from "../actors/types.js";
import type { AdapterFront, Ask } from "../adapters/index.js";
import type { AdaptedTarget, RoleTarget, RunningTarget, ServerName, Target } from "../targets/index.js";
import { adaptedRole } from "./adapted-role.js";
import { forwardPort } from "./port-forward.js";
import { startRoleThread, type RoleThread } from "./role-thread.js";

/** Who may do what in a run with references; docs/writing-scenarios.md tells it to authors. */
export const operators = {
  A: { peer: "operator-a", tenant: "a", endpoints: ["ab-*", "a-*"], shortServerIds: [100, 199] },
  B: { peer: "operator-b", tenant: "b", endpoints: ["ab-*", "b-*"], shortServerIds: [200, 299] },
} as const satisfies Record<ServerName, { peer: string; tenant: string; endpoints: readonly string[]; shortServerIds: readonly [number, number] }>;

/** Endpoint names that the Bootstrap Server of a run knows; `x-...` are strangers. */
const knownClients = ["ab-*", "a-*", "b-*"];
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
  /** Unlike that of any other run. */
  readonly nonce: string;
  readonly freePorts: (host: string, count: number) => Promise<number[]>;
  /** Starts the systems that a target file tells how to start. */
  readonly programs: Programs;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  readonly ask?: Ask | undefined;
  readonly smpCaller: (baseUrl: string, token: string, nonce: string) => SmpCaller;
  readonly onLost: (reason: string) => void;
}

export interface Roles {
  readonly bootstrapServer: BootstrapServerActor;
  readonly servers: Readonly<Record<ServerName, LwM2mServerActor>>;
  /** By role name; only roles with a known address. */
  readonly addresses: Readonly<Record<string, { readonly coap: string; readonly http: string }>>;
  /** Tokens of the pairs of peers: no answer may ever hold one. */
  readonly secrets: readonly string[];
  stop(): Promise<void>;
}

const coapUri = (address: Address): string => `coap://${formatAddress(address)}`;
const httpUrl = (port: number): string => `http://${loopback}:${port}`;
const roleName = (name: ServerName): string => `server-${name.toLowerCase()}`;

/** What the start of one role leaves. */
interface Started {
  readonly uri: string;
  readonly secondUri: string | undefined;
  readonly smpUrl: string;
  readonly operator: OperatorClient | undefined;
}

const operatorOf = (url: string, token: string): OperatorClient => new OperatorClient({ baseUrl: url, token, timeoutMs: operatorTimeoutMs, connections: 16 });

function running(target: RunningTarget): Started {
  return {
    uri: target.coap,
    secondUri: target.secondCoap,
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
      adaptedRole(role, { name, httpPort, peers, timing: target.timing.profile }, environment, (end) => started.push(end));

    const startServer = async (name: ServerName, port: number): Promise<Started> => {
      const role = target.servers[name];
      if (role.kind === "running") {
        if (role.forwardSecondCoap && role.secondCoap !== undefined) {
          const second = await forwardPort(network, parseCoapUri(role.secondCoap), parseCoapUri(role.coap));
          started.push(() => second.close());
        }
        return running(role);
      }
      if (role.kind === "adapted") {
        const front = await adapted(role, roleName(name), port, [{ id: bootstrapPeer, tenant: operators[name].tenant, smp: bsUrl, token: pairTokens[name], endpoints: ["*"], uris: ["*"], shortServerIds: operators[name].shortServerIds }]);
        const second = await forwardPort(network, { host: loopback }, front.coap);
        started.push(() => second.close());
        return { uri: coapUri(front.coap), secondUri: coapUri(second.local), smpUrl: httpUrl(port), operator: operatorOf(httpUrl(port), front.operatorToken) };
      }
      const { endpoints, shortServerIds, tenant } = operators[name];
      const config = lwm2mServerConfig({
        name: roleName(name),
        coap: `${loopback}:0`,
        http: `${loopback}:${port}`,
        peers: [{ id: bootstrapPeer, tenant, smp: bsUrl, token: pairTokens[name], endpoints: [...endpoints], shortServerIds: [...shortServerIds] }],
        operatorToken: secrets.token(),
        lab: true,
        admission: "credential",
        plants: [...target.plants.lwm2mServer],
      });
      const { thread: server, operator } = await thread(roleName(name), environment.scripts.lwm2mServer, { ...config, timing: target.timing });
      const second = await forwardPort(network, { host: loopback }, server.coap);
      started.push(() => second.close());
      return { uri: coapUri(server.coap), secondUri: coapUri(second.local), smpUrl: httpUrl(port), operator };
    };

    // The servers come first: their CoAP addresses are what their operators' accounts may name at the Bootstrap Server.
    const [a, b] = await Promise.all([startServer("A", aPort), startServer("B", bPort)]);
    const servers = { A: a, B: b };
    const peerOf = (name: ServerName) => {
      const { peer, tenant, endpoints, shortServerIds } = operators[name];
      const uris = [servers[name].uri, ...(servers[name].secondUri === undefined ? [] : [servers[name].secondUri])].flatMap((uri) => [uri, `${uri}/*`]);
      return { id: peer, tenant, smp: servers[name].smpUrl, token: pairTokens[name], endpoints: [...endpoints], uris, shortServerIds: [...shortServerIds] as [number, number] };
    };
    const startBootstrapServer = async (): Promise<Started> => {
      const role = target.bootstrapServer;
      if (role.kind === "running") return running(role);
      if (role.kind === "adapted") {
        const front = await adapted(role, bootstrapPeer, bsPort, [peerOf("A"), peerOf("B")]);
        return { uri: coapUri(front.coap), secondUri: undefined, smpUrl: bsUrl, operator: operatorOf(bsUrl, front.operatorToken) };
      }
      const config = bootstrapServerConfig({
        name: bootstrapPeer,
        coap: `${loopback}:0`,
        http: `${loopback}:${bsPort}`,
        peers: [peerOf("A"), peerOf("B")],
        clients: knownClients,
        operatorToken: secrets.token(),
        lab: true,
        plants: [...target.plants.bootstrapServer],
      });
      const { thread: server, operator } = await thread(bootstrapPeer, environment.scripts.bootstrapServer, { ...config, timing: target.timing });
      return { uri: coapUri(server.coap), secondUri: undefined, smpUrl: bsUrl, operator };
    };
    const bs = await startBootstrapServer();

    const actor = (name: ServerName): LwM2mServerActor => {
      const { uri, secondUri, smpUrl, operator } = servers[name];
      return new ServedLwM2mServer(name, { role: roleName(name), uri, smpUrl, operator }, secondUri, environment.smpCaller(smpUrl, pairTokens[name], `${environment.nonce}-${name}`));
    };
    const bootstrapServer = new ServedBootstrapServer({ role: bootstrapPeer, uri: bs.uri, smpUrl: bs.smpUrl, operator: bs.operator });
    const serverActors = { A: actor("A"), B: actor("B") };
    started.push(() => bootstrapServer.close(), () => serverActors.A.close(), () => serverActors.B.close());
    const addressOf = ({ uri, smpUrl }: Started): { coap: string; http: string } => ({ coap: uri.replace(/^coap:\/\//, ""), http: smpUrl.replace(/^https?:\/\//, "") });
    return { bootstrapServer, servers: serverActors, addresses: { [bootstrapPeer]: addressOf(bs), "server-a": addressOf(a), "server-b": addressOf(b) }, secrets: [pairTokens.A, pairTokens.B], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
