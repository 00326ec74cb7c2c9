import { execFile, fork, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Codes, type Endpoint } from "../src/coap/index.js";
import { packageRoot, realPorts } from "../src/ports/real/index.js";
import type { ClientCredential } from "../src/dtls/index.js";
import { secureEndpoint } from "../src/transport/index.js";
import { benchTransmission, CLIENTS, clientsOf, cpuPerExchange, ourClients, startResponder, type Clients } from "./coap.js";
import { benchIdentities, written, type BenchIdentities, type BenchServerKeys } from "./dtls-credentials.js";
import { median, type Figure } from "./figure.js";

const key = Buffer.from("secretPSK").toString("hex");
const psk: ClientCredential = { identity: Buffer.from("Client_identity"), key: Buffer.from(key, "hex") };
const run = promisify(execFile);

export interface Responder {
  readonly port: number;
  stop(): void;
}

/** Our DTLS server as a process of its own, so that only the client's work is measured here. */
export async function startDtlsResponder(keys?: BenchServerKeys): Promise<Responder> {
  const child: ChildProcess = fork(fileURLToPath(new URL("dtls-responder.js", import.meta.url)), [key, ...(keys === undefined ? [] : [written(keys)])]);
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => (typeof message === "number" ? resolve(message) : reject(new Error("the responder named no port"))));
    child.once("exit", (code) => reject(new Error(`the responder ended with ${code ?? "a signal"}`)));
  });
  return { port, stop: () => child.disconnect() };
}

interface Cost {
  readonly handshakesPerCpuSecond: number;
  readonly bytesPerSession: number;
}

/** The last line of a client program says what its handshakes cost. */
function costIn(output: string): Cost {
  const line: unknown = JSON.parse(output.trim().split("\n").at(-1) ?? "");
  if (typeof line === "object" && line !== null && "handshakesPerCpuSecond" in line && "bytesPerSession" in line && typeof line.handshakesPerCpuSecond === "number" && typeof line.bytesPerSession === "number") {
    return { handshakesPerCpuSecond: line.handshakesPerCpuSecond, bytesPerSession: line.bytesPerSession };
  }
  throw new Error(`the client said ${output.trim().slice(-200)}`);
}

async function ourCost(port: number, credential: ClientCredential, count: number): Promise<Cost> {
  const program = fileURLToPath(new URL("dtls-client-process.js", import.meta.url));
  return costIn((await run(process.execPath, ["--expose-gc", program, String(port), written(credential), String(count), "16"])).stdout);
}

interface Competitor {
  readonly name: string;
  /** Undefined where it is not installed. */
  readonly cost: (port: number) => Promise<Cost> | undefined;
}

const cache = join(packageRoot, "interop", ".cache");
const handshakes = 4_000;

const competitors: readonly Competitor[] = [
  {
    name: "ours",
    cost: (port) => ourCost(port, psk, handshakes),
  },
  {
    name: "node-dtls-client",
    cost: (port) =>
      existsSync(join(cache, "node-dtls-client"))
        ? run(process.execPath, ["--expose-gc", join(packageRoot, "interop", "node-dtls-client", "client.mjs"), String(port), "TLS_PSK_WITH_AES_128_CCM_8", "Client_identity", "secretPSK", "", "500"]).then(({ stdout }) => costIn(stdout))
        : undefined,
  },
  {
    name: "pion",
    cost: (port) => {
      const program = join(cache, "pion", "muster-pion");
      return existsSync(program) ? run(program, ["bench-client", "-address", `127.0.0.1:${port}`, "-psk", key, "-handshakes", String(handshakes), "-concurrency", "16"]).then(({ stdout }) => costIn(stdout)) : undefined;
    },
  },
];

interface Measured {
  readonly rate: number;
  readonly kib: number;
}

const isOrNot = (is: boolean): string => (is ? "" : "NOT ");

/** What is aimed at beside the peers, in words: ahead of node-dtls-client in speed and memory; half of pion's speed at least, and half its memory at most. */
export function besidePeers(ours: Measured, nodeDtlsClient: Measured | undefined, pion: Measured | undefined): string[] {
  return [
    ...(nodeDtlsClient === undefined ? [] : [`${isOrNot(ours.rate > nodeDtlsClient.rate)}ahead of node-dtls-client in speed, ${isOrNot(ours.kib < nodeDtlsClient.kib)}in memory`]),
    ...(pion === undefined ? [] : [`${isOrNot(ours.rate >= pion.rate / 2)}half of pion's speed, ${isOrNot(ours.kib <= pion.kib / 2)}within half its memory`]),
    ...(nodeDtlsClient === undefined || pion === undefined ? ["no verdict on a peer that is not installed"] : []),
  ];
}

/** Client-side CPU and memory of a full handshake, ours and the peers' in turns against one server. */
export async function pskHandshake(rounds = 3): Promise<Figure[]> {
  const responder = await startDtlsResponder();
  try {
    const costs = new Map<string, Cost[]>();
    for (let round = 0; round < rounds; round++) {
      for (const { name, cost } of competitors) {
        const found = await cost(responder.port);
        if (found !== undefined) costs.set(name, [...(costs.get(name) ?? []), found]);
      }
    }
    const of = (name: string): Measured | undefined => {
      const found = costs.get(name);
      return found === undefined ? undefined : { rate: median(found.map((one) => one.handshakesPerCpuSecond)), kib: median(found.map((one) => one.bytesPerSession)) / 1024 };
    };
    const [ours, first, second] = [of("ours"), of("node-dtls-client"), of("pion")];
    const words = ours === undefined ? [] : besidePeers(ours, first, second);
    const described = competitors.map(({ name }) => {
      const found = of(name);
      return found === undefined ? `${name} not installed` : `${name} ${Math.round(found.rate)}/s, ${found.kib.toFixed(1)} KiB a session`;
    });
    return [{ id: "psk-handshake", value: of("ours")?.rate ?? Number.NaN, unit: "handshakes/CPU s", floor: ">= 1500", aim: ">= 5000", against: `client side, cookie included: ${described.join("; ")}; ${words.join("; ")}; median of ${rounds}` }];
  } finally {
    responder.stop();
  }
}

const pem = (label: string, der: Uint8Array): string => `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

/** The same handshake with certificates by pion, undefined where it is not installed. */
async function pionCost(port: number, { x509, server }: BenchIdentities, count: number): Promise<Cost | undefined> {
  const program = join(cache, "pion", "muster-pion");
  if (!existsSync(program) || x509.mode !== "x509") return undefined;
  const folder = await mkdtemp(join(tmpdir(), "muster-bench-"));
  try {
    const files = { cert: pem("CERTIFICATE", x509.chain[0] ?? new Uint8Array()), key: pem("PRIVATE KEY", x509.privateKey), ca: pem("CERTIFICATE", server.authority) };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.pem`), text, { mode: 0o600 });
    const args = Object.keys(files).flatMap((name) => [`-${name}`, join(folder, `${name}.pem`)]);
    const { stdout } = await run(program, ["bench-client", "-address", `127.0.0.1:${port}`, "-suites", "C0AE", ...args, "-handshakes", String(count), "-concurrency", "16"]);
    return costIn(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Client-side CPU of a full mutual handshake with ECDHE_ECDSA CCM_8, with raw public keys or with certificates (a chain of two at each end), pion's with certificates beside it. */
async function signedHandshake(mode: "rpk" | "x509", floor: number, aim: number, rounds = 3): Promise<Figure[]> {
  const identities = await benchIdentities();
  const responder = await startDtlsResponder(identities.server);
  try {
    const costs: Cost[] = [];
    const peers: Cost[] = [];
    for (let round = 0; round < rounds; round++) {
      costs.push(await ourCost(responder.port, identities[mode], 2_000));
      const theirs = await pionCost(responder.port, identities, 2_000);
      if (theirs !== undefined) peers.push(theirs);
    }
    const kib = (all: readonly Cost[]): string => `${(median(all.map((cost) => cost.bytesPerSession)) / 1024).toFixed(1)} KiB a session`;
    const pion = peers.length === 0 ? "pion not installed" : `pion with certificates ${Math.round(median(peers.map((cost) => cost.handshakesPerCpuSecond)))}/s, ${kib(peers)}`;
    return [
      {
        id: `${mode}-handshake`,
        value: median(costs.map((cost) => cost.handshakesPerCpuSecond)),
        unit: "handshakes/CPU s",
        floor: `>= ${floor}`,
        aim: `>= ${aim}`,
        against: `client side, cookie included, ${kib(costs)}; ${pion}; median of ${rounds}`,
      },
    ];
  } finally {
    responder.stop();
  }
}

export const rpkHandshake = (): Promise<Figure[]> => signedHandshake("rpk", 400, 1_000);
export const x509Handshake = (): Promise<Figure[]> => signedHandshake("x509", 300, 700);

async function secureClients(port: number): Promise<Clients> {
  const ports = realPorts("bench");
  const connect = { host: "127.0.0.1", port };
  const credential = { identity: Buffer.from("Client_identity"), key: Buffer.from(key, "hex") };
  const endpoints: Endpoint[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const options = { host: "127.0.0.1", connect, credential, transmission: benchTransmission };
    endpoints.push(await secureEndpoint(ports, options, { onRequest: (request) => request.respond({ code: Codes.NotFound }) }, { onSession: () => {}, onSessionEnd: () => {} }));
  }
  return clientsOf(endpoints, connect);
}

/** Client-side CPU of a CON exchange in a DTLS session and of the same one without, in turns; the figure is the share of the plain rate that is left. */
export async function encryptedVsPlain(rounds = 5): Promise<Figure[]> {
  const [responder, secured] = [await startResponder(), await startDtlsResponder()];
  try {
    const [plain, encrypted] = [await ourClients(responder.address), await secureClients(secured.port)];
    await plain.run(10_000);
    await encrypted.run(10_000);
    const costs: { readonly plain: number; readonly encrypted: number }[] = [];
    for (let round = 0; round < rounds; round++) costs.push({ plain: await cpuPerExchange(30_000, plain), encrypted: await cpuPerExchange(30_000, encrypted) });
    await Promise.all([plain.close(), encrypted.close()]);
    const us = (pick: (cost: (typeof costs)[number]) => number): string => `${median(costs.map(pick)).toFixed(1)} us`;
    return [
      {
        id: "encrypted-vs-plain",
        value: median(costs.map((cost) => cost.plain / cost.encrypted)),
        unit: "of the plain rate",
        floor: ">= 0.333",
        aim: ">= 0.5",
        against: `client side, PSK CCM_8 ${us((cost) => cost.encrypted)}, NoSec ${us((cost) => cost.plain)}, median of ${rounds}`,
      },
    ];
  } finally {
    responder.process.disconnect();
    secured.stop();
  }
}
