import { Codes, ExchangeError, type Code, type IncomingRequest, type Peer, type Request, type RequestHandler, type Response } from "../../../src/coap/index.js";
import { formatCode } from "../../../src/coap/index.js";
import { timing } from "../../../src/config/index.js";
import { simulatedPorts, type Impairment } from "../../../src/ports/simulated/index.js";
import { TraceLog } from "../../../src/operator/index.js";
import type { CloseReason, KeyAnswer, PeerAnswer, PeerClaim, ServerSettings } from "../../../src/dtls/index.js";
import type { Psk } from "../../../src/config/index.js";
import { serverEndpoint, type ServerEndpoint, type SessionDirectory } from "../../../src/transport/index.js";
import { Device, DeviceHost, type DeviceListener, type DeviceSpec, type Measure } from "../index.js";

export type World = Awaited<ReturnType<typeof world>>;

/** A simulated network with a virtual clock, a trace, and a place for devices. */
export async function world(seed = 1, impairment: Impairment = {}) {
  const ports = simulatedPorts(seed, impairment);
  const trace = new TraceLog("device", ports.clock, 10_000);
  const measures: { measure: Measure; milliseconds: number }[] = [];
  const failures: string[] = [];
  const listener: DeviceListener = {
    onState: () => {},
    onMeasure: (_device, measure, milliseconds) => measures.push({ measure, milliseconds }),
    onFailure: (_device, reason) => failures.push(reason),
  };
  const host = new DeviceHost(ports, listener, trace);
  return { ports, clock: ports.clock, network: ports.network, trace, measures, failures, host };
}

export const lab = { coap: timing("lab").coap, dtls: timing("lab").dtls, device: timing("lab").device };

export const psk = (identity: string, key = `key of ${identity}`): Psk => ({ identity: Buffer.from(identity), key: Buffer.from(key) });

export const spec = (more: Partial<DeviceSpec> = {}): DeviceSpec => ({ endpoint: "dev-1", lwm2m: "1.1", personality: "default", seed: 7, timing: lab, ...more });

export function deviceIn(of: World, more: Partial<DeviceSpec> = {}): Device {
  return new Device(of.host, spec(more));
}

type Answer = (request: IncomingRequest) => Response | "ignore" | "reset" | undefined;

/** A peer that records what it hears and answers as told: by default as a LwM2M Server and Bootstrap Server that agree to everything. */
export class ScriptedPeer implements RequestHandler {
  readonly heard: { readonly at: number; readonly what: string; readonly request: IncomingRequest }[] = [];
  answer: Answer = () => undefined;
  endpoint!: ServerEndpoint<string>;
  /** Keys by identity, or what is done about an identity instead. */
  readonly keys = new Map<string, KeyAnswer<string>>();
  /** What is done about clients with raw public keys or certificates. */
  meets: (claim: PeerClaim) => PeerAnswer<string> = () => ({ context: "met" });
  /** Sessions in the order they came: `full dev-1`, `resumed dev-1`, `end: peer-closed`. */
  readonly sessions: string[] = [];
  #locations = 0;
  #now: () => number = () => 0;

  static async at(of: World, host: string, port = 5683, settings: ServerSettings = {}): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer();
    peer.#now = () => of.clock.now();
    peer.endpoint = await serverEndpoint<string>(of.ports, { coap: { host, port }, coaps: { host, port: port + 1, directory: peer.#directory(), settings: { retransmission: lab.dtls, ...settings } }, transmission: lab.coap }, peer);
    return peer;
  }

  #directory(): SessionDirectory<string> {
    return {
      findKey: (identity) => this.keys.get(identity.toString()) ?? { refuse: 115 },
      findPeer: (claim) => this.meets(claim),
      mayResume: () => true,
      onSession: (peer, { info: { resumed } }) => this.sessions.push(`${resumed ? "resumed" : "full"} ${peer.identity?.name ?? "?"}`),
      onSessionEnd: (_peer: Peer, { why }: CloseReason) => this.sessions.push(`end: ${why}`),
    };
  }

  /** Lets whoever has this key in. */
  knows({ identity, key }: Psk): void {
    this.keys.set(Buffer.from(identity).toString(), { key, context: "known" });
  }

  /** Its DTLS port. */
  get secureUri(): string {
    return `coaps://${this.endpoint.local.host}:${this.endpoint.local.port + 1}`;
  }

  get uri(): string {
    return `coap://${this.endpoint.local.host}:${this.endpoint.local.port}`;
  }

  onRequest(request: IncomingRequest): void {
    this.heard.push({ at: this.#now(), what: describe(request), request });
    const response = this.answer(request) ?? this.#agree(request);
    if (response === "ignore") request.ignore();
    else if (response === "reset") request.reset();
    else request.respond(response);
  }

  #agree({ code, path }: IncomingRequest): Response {
    if (path[0] === "bs") return { code: Codes.Changed };
    if (path.length === 1 && code === Codes.POST) return { code: Codes.Created, locationPath: ["rd", String(++this.#locations)] };
    return { code: code === Codes.DELETE ? Codes.Deleted : Codes.Changed };
  }

  /** `POST /rd`, `POST /rd/1`, `DELETE /rd/1`, `POST /bs` in order. */
  get story(): string[] {
    return this.heard.map(({ what }) => what);
  }

  last(what: string): IncomingRequest {
    const found = this.heard.findLast((each) => each.what === what);
    if (found === undefined) throw new Error(`no ${what} among: ${this.story.join(", ")}`);
    return found.request;
  }

  count(what: string): number {
    return this.heard.filter((each) => each.what === what).length;
  }

  /** Where the device last spoke from. */
  get device(): Peer {
    const last = this.heard.at(-1);
    if (last === undefined) throw new Error("nobody spoke yet");
    return last.request.peer;
  }

  /** Sends a request to the device and lets time pass until it is answered; the code, or why there was no answer. */
  async ask(of: World, request: Request, to: Peer = this.device): Promise<{ code: string; response: Response | undefined }> {
    let result: { code: string; response: Response | undefined } | undefined;
    this.endpoint.request(to, request).then(
      (response) => (result = { code: formatCode(response.code), response }),
      (error: unknown) => (result = { code: error instanceof ExchangeError ? error.reason : String(error), response: undefined }),
    );
    await of.clock.advanceUntil(() => result !== undefined, 60_000);
    return result ?? { code: "nothing", response: undefined };
  }
}

const names: Readonly<Record<number, string>> = { 1: "GET", 2: "POST", 3: "PUT", 4: "DELETE" };
const describe = ({ code, path }: { code: Code; path: readonly string[] }): string => `${names[code] ?? formatCode(code)} /${path.join("/")}`;
