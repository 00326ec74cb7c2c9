import type { IncomingRequest, Peer, Request, Response } from "../../coap/index.js";
import { Codes, ExchangeError, formatCode, rfcTransmission } from "../../coap/index.js";
import type { CloseReason, KeyAnswer, PskCredential } from "../../dtls/index.js";
import { simulatedPorts, type Impairment, type SimulatedPorts } from "../../ports/simulated/index.js";
import { secureEndpoint, serverEndpoint, type SecureEndpoint, type SecureEndpointOptions, type ServerEndpoint, type SessionDirectory, type SessionEnd } from "../index.js";

export const transmission = { ...rfcTransmission, ackRandomFactor: 1 };
export const retransmission = { initialMs: 1_000, maximumMs: 60_000, giveUpMs: 63_000 };
export const key = Buffer.from("00112233445566778899aabbccddeeff", "hex");
export const credential = (identity = "dev-1", secret: Uint8Array = key): PskCredential => ({ identity: Buffer.from(identity), key: secret });

/** Keys by identity; hears of sessions. */
export class TestDirectory implements SessionDirectory<string> {
  readonly keys = new Map<string, KeyAnswer<string>>([["dev-1", { key, context: "record 1" }]]);
  readonly sessions: Peer[] = [];
  readonly ends: CloseReason["why"][] = [];
  readonly failures: (string | undefined)[] = [];
  /** Contexts that are no longer when their sessions are taken up. */
  readonly over = new Set<string>();
  readonly restored: Peer[] = [];
  resumable = true;

  findKey(identity: Buffer): KeyAnswer<string> {
    return this.keys.get(identity.toString()) ?? { refuse: 115 };
  }

  mayResume(): boolean {
    return this.resumable;
  }

  putAway(context: string): Uint8Array {
    return Buffer.from(context);
  }

  takeUp(saved: Buffer): string | undefined {
    return this.over.has(saved.toString()) ? undefined : saved.toString();
  }

  onSession(peer: Peer): void {
    this.sessions.push(peer);
  }

  onSessionRestored(peer: Peer): void {
    this.restored.push(peer);
  }

  onSessionEnd(_peer: Peer, { why }: CloseReason): void {
    this.ends.push(why);
  }

  onHandshakeFailed(...[, { why }, identity]: Parameters<NonNullable<SessionDirectory<string>["onHandshakeFailed"]>>): void {
    this.failures.push(`${why} ${identity?.name ?? "?"}`);
  }
}

export interface SecuredPair {
  readonly ports: SimulatedPorts;
  readonly server: ServerEndpoint<string>;
  readonly directory: TestDirectory;
  readonly client: SecureEndpoint;
  /** The server as the client sees it. */
  readonly peer: Peer;
  readonly requests: IncomingRequest[];
  /** What the client heard of sessions: `full`, `resumed`, or how one ended. */
  readonly heard: string[];
  /** The client's outcome of a request, as a code or the reason that there is none, when time has passed. */
  readonly ask: (request?: Partial<Request>) => Promise<string>;
}

const describeEnd = ({ during, why, alert }: SessionEnd): string => `${during} ${why}${alert === undefined ? "" : ` ${alert}`}`;

/** A server with both ports at 10.0.0.2 and a client at 10.0.0.1 that has a credential for it. */
export async function securedPair(options: { readonly seed?: number; readonly impairment?: Impairment; readonly onRequest?: (request: IncomingRequest) => void; readonly client?: Partial<SecureEndpointOptions> } = {}): Promise<SecuredPair> {
  const ports = simulatedPorts(options.seed ?? 1, options.impairment);
  const directory = new TestDirectory();
  const requests: IncomingRequest[] = [];
  const server = await serverEndpoint<string>(
    ports,
    { coap: { host: "10.0.0.2", port: 5683 }, coaps: { host: "10.0.0.2", port: 5684, directory, settings: { retransmission } }, transmission },
    {
      onRequest: (request) => {
        requests.push(request);
        if (options.onRequest === undefined) request.respond({ code: Codes.Changed });
        else options.onRequest(request);
      },
    },
  );
  const heard: string[] = [];
  const client = await secureEndpoint(
    ports,
    { host: "10.0.0.1", connect: { host: "10.0.0.2", port: 5684 }, credential: credential(), settings: { retransmission }, transmission, ...options.client },
    { onRequest: (request) => request.respond({ code: Codes.Content, payload: Buffer.from("device") }) },
    { onSession: ({ resumed }) => heard.push(resumed ? "resumed" : "full"), onSessionEnd: (end) => heard.push(describeEnd(end)) },
  );
  const peer = client.peer(server.local);
  return { ports, server, directory, client, peer, requests, heard, ask: (request) => outcomeOf(ports, client.request(peer, { code: Codes.POST, path: ["rd"], ...request })) };
}

/** What a promised response came to, once enough time has passed. */
export async function outcomeOf(ports: SimulatedPorts, response: Promise<Response>): Promise<string> {
  let outcome: string | undefined;
  response.then(
    ({ code }) => (outcome = formatCode(code)),
    (error: unknown) => (outcome = error instanceof ExchangeError ? error.reason : String(error)),
  );
  await ports.clock.advanceUntil(() => outcome !== undefined, 1_000_000);
  return outcome ?? "nothing";
}
