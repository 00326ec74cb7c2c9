import { request } from "undici";
import type { CoapTiming } from "../../config/index.js";
import { DtlsClient } from "../../dtls/index.js";
import { adapterFor, knock } from "../../harness/index.js";
import type { AdaptedTarget, RoleTarget, RunningTarget, Target } from "../../harness/index.js";
import { OperatorClient } from "../../operator/index.js";
import type { RoleHealth } from "../../operator/index.js";
import type { Address, Ports } from "../../ports/index.js";
import { parseCoapUri, udpEndpoint } from "../../transport/index.js";
import { ok, problem, warning } from "./finding.js";
import type { Finding } from "./finding.js";

/** Patient enough for another machine, over in five seconds when nobody is there. */
const pingTiming: Partial<CoapTiming> = { ackTimeoutMs: 500, ackRandomFactor: 1.5, maxRetransmit: 2 };
const helloTiming = { initialMs: 500, giveUpMs: 3_500 };
const httpTimeoutMs = 5_000;

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && "code" in error ? String(error.code) : error.message;
};

/** An empty CON, which every CoAP endpoint answers with an RST (RFC 7252 §4.3). */
async function coapPing(id: string, uri: string, ports: Ports, timing: CoapTiming): Promise<Finding> {
  const repair = "start it, or correct the address in the target file; a firewall may be in between";
  try {
    const { host, port } = parseCoapUri(uri);
    const endpoint = await udpEndpoint(ports, { host: host.includes(":") ? "::1" : "127.0.0.1", connect: { host, port }, transmission: { ...timing, ...pingTiming } }, { onRequest: (incoming) => incoming.reset() });
    try {
      return (await endpoint.ping(endpoint.peer({ host, port }))) ? ok(id, `${uri} answers`) : problem(id, `${uri} does not answer a CoAP ping`, repair);
    } finally {
      await endpoint.close();
    }
  } catch (error) {
    return problem(id, `${uri} cannot be reached: ${reasonOf(error)}`, repair);
  }
}

/** A server of another make: whether somebody is there, which a ping without an answer leaves open. */
async function somebodyListens(id: string, uri: string, ports: Ports): Promise<Finding> {
  const repair = "start it, or correct the address in the target file; a firewall may be in between";
  try {
    const outcome = await knock(parseCoapUri(uri), ports);
    if (outcome === "answers") return ok(id, `${uri} answers`);
    return outcome === "refuses" ? problem(id, `nobody listens at ${uri}`, repair) : warning(id, `${uri} does not answer a CoAP ping`, `where it is running and its stack answers none, all is well; else ${repair}`);
  } catch (error) {
    return problem(id, `${uri} cannot be reached: ${reasonOf(error)}`, repair);
  }
}

/** A ClientHello, which every DTLS server answers whoever sends it (RFC 6347 §4.2.1); there is no more to the handshake. */
async function dtlsAnswers(id: string, uri: string, ports: Ports): Promise<Finding> {
  const repair = "start it, or correct the address in the target file; a firewall may be in between";
  try {
    const { host, port } = parseCoapUri(uri);
    const answered = await helloAnswered({ host, port }, ports);
    return answered ? ok(id, `${uri} answers`) : problem(id, `${uri} does not answer a ClientHello`, repair);
  } catch (error) {
    return problem(id, `${uri} cannot be reached: ${reasonOf(error)}`, repair);
  }
}

async function helloAnswered(server: Address, ports: Ports): Promise<boolean> {
  let settle: (answered: boolean) => void = () => {};
  const settled = new Promise<boolean>((resolve) => (settle = resolve));
  const socket = await ports.network.bind({ host: server.host.includes(":") ? "::1" : "127.0.0.1", connect: server }, { onDatagram: () => settle(true), onSocketError: () => settle(false) });
  const nobody = { identity: Buffer.from("muster-doctor"), key: ports.secrets.bytes(16) };
  const client = new DtlsClient(ports, (datagram) => socket.send(datagram), server, nobody, { onConnected: () => {}, onData: () => {}, onClosed: () => settle(false) }, { retransmission: helloTiming });
  try {
    client.connect();
    return await settled;
  } finally {
    client.close();
    await socket.close();
  }
}

async function smpAnswers(id: string, base: string): Promise<Finding> {
  try {
    const { statusCode, body } = await request(`${base}/smp/v1/capabilities`, { headersTimeout: httpTimeoutMs, bodyTimeout: httpTimeoutMs });
    await body.dump();
    if (statusCode === 200 || statusCode === 401) return ok(id, `${base} answers`);
    return problem(id, `${base}/smp/v1/capabilities was answered ${statusCode}`, "give the base URL under which /smp/v1 is found");
  } catch (error) {
    return problem(id, `${base} cannot be reached: ${reasonOf(error)}`, "start it, or correct smp in the target file");
  }
}

async function operatorAnswers(id: string, operator: NonNullable<RunningTarget["operator"]>): Promise<{ readonly finding: Finding; readonly health?: RoleHealth }> {
  const client = new OperatorClient({ baseUrl: operator.url, token: operator.token, timeoutMs: httpTimeoutMs });
  try {
    const health = await client.health();
    return { finding: ok(id, `${operator.url} answers as ${health.name}, timing ${health.timing}`), health };
  } catch (error) {
    const { status } = error instanceof Error && "status" in error ? error : { status: undefined };
    return { finding: problem(id, reasonOf(error), status === 401 ? "give the role's operator token in the environment variable that the target file names" : "start it, or correct operator in the target file") };
  } finally {
    await client.close();
  }
}

/** A system that the run starts itself is not started for a look; one that is running is asked. */
async function adapted(id: string, { entry, facts, secrets }: AdaptedTarget, ports: Ports): Promise<Finding[]> {
  if (entry.start !== undefined) return [ok(id, `${facts.name}, started by the run: ${entry.start.command.join(" ").slice(0, 120)}`)];
  const means = { clock: ports.clock, secrets, ask: undefined };
  const adapter = id.endsWith("bootstrapServer") ? adapterFor.bootstrapServer(entry, means) : adapterFor.server(entry, means);
  try {
    const [found, ...reached] = await Promise.all([adapter.check(), somebodyListens(`${id}.coap`, entry.coap, ports), ...(entry.coaps === undefined ? [] : [dtlsAnswers(`${id}.coaps`, entry.coaps, ports)])]);
    const api = found.map(({ what, ok: good, detail, repair }) => (good ? ok(`${id}.api`, `${what} ${detail}`) : problem(`${id}.api`, `${what} ${detail}`, repair ?? "correct the target file")));
    return [...reached, ...api];
  } finally {
    await adapter.close();
  }
}

export interface Reached {
  readonly findings: readonly Finding[];
  /** Roles with an address that does not answer as it should. */
  readonly silent: readonly string[];
  /** What server A says of its admission. */
  readonly admission: "open" | "credential" | undefined;
}

/** Tries every address of a target that is already running. */
export async function reach(target: Target, ports: Ports): Promise<Reached> {
  const roles: readonly (readonly [string, RoleTarget])[] = [
    ["bootstrapServer", target.bootstrapServer],
    ["serverA", target.servers.A],
    ["serverB", target.servers.B],
  ];
  let admission: "open" | "credential" | undefined;
  const findings = await Promise.all(
    roles.map(async ([name, role]): Promise<Finding[]> => {
      if (role.kind === "reference") return [ok(`target.${name}`, `${name} is our reference, started by the run`)];
      if (role.kind === "adapted") return adapted(`target.${name}`, role, ports);
      const { uris, smp, operator } = role;
      const found = [...(uris.nosec === undefined ? [] : [coapPing(`target.${name}.coap`, uris.nosec, ports, target.timing.coap)]), ...(uris.psk === undefined ? [] : [dtlsAnswers(`target.${name}.coaps`, uris.psk, ports)]), smpAnswers(`target.${name}.smp`, smp)];
      if (operator === undefined) return [...(await Promise.all(found)), warning(`target.${name}.operator`, `${name} has no operator API`, "scenarios that must steer or watch it will be not-applicable; give operator in the target file if it has one")];
      const { finding, health } = await operatorAnswers(`target.${name}.operator`, operator);
      if (name === "serverA") admission = health?.admission;
      return [...(await Promise.all(found)), finding];
    }),
  );
  const silent = roles.flatMap(([name], index) => (findings[index]?.some(({ grade }) => grade === "problem") === true ? [name] : []));
  return { findings: findings.flat(), silent, admission };
}
