import { Codes, ContentFormat, formatCode, type IncomingRequest, type Observer, type Response } from "../../../src/coap/index.js";
import { encodeContent, formatPath, parsePath, registerRequest, tryParsePath, updateRequest, deregisterRequest, locationOf, type Binding, type LwM2mVersion } from "../../../src/lwm2m/index.js";
import type { Address, Ports } from "../../../src/ports/index.js";
import { timing } from "../../../src/config/index.js";
import type { ClientCredential } from "../../../src/dtls/index.js";
import { secureEndpoint, udpEndpoint, type SecureEndpoint, type UdpEndpoint } from "../../../src/transport/index.js";

export interface ScriptedDeviceOptions {
  readonly endpoint: string;
  readonly server: Address;
  /** Comes by the DTLS port, whose address `server` then is. */
  readonly credential?: ClientCredential;
  readonly serverName?: string;
  readonly host?: string;
  readonly version?: LwM2mVersion;
  readonly binding?: Binding;
  readonly lifetime?: number;
  readonly objects?: string;
  /** Instance of object 1 by Short Server ID. */
  readonly serverInstances?: Readonly<Record<number, number>>;
}

export type Answer = Response | "silence" | undefined;

/** A device that does what a test tells it, and remembers every request it got. */
export class ScriptedDevice {
  readonly seen: string[] = [];
  location: readonly string[] | undefined;
  /** Asked before the device's own answers. */
  script: (operation: string, request: IncomingRequest) => Answer = () => undefined;
  readonly observers: Observer[] = [];

  private constructor(
    readonly coap: UdpEndpoint,
    /** The same, where it is secured. */
    readonly secure: SecureEndpoint | undefined,
    /** Its sessions, how they came and went. */
    readonly heard: readonly string[],
    readonly options: ScriptedDeviceOptions,
  ) {}

  static async start(ports: Ports, options: ScriptedDeviceOptions): Promise<ScriptedDevice> {
    const started: { device?: ScriptedDevice } = {};
    const handler = { onRequest: (request: IncomingRequest): void => started.device?.onRequest(request) };
    const heard: string[] = [];
    const { credential, host = "10.0.1.1", server } = options;
    const { coap: transmission, dtls: retransmission } = timing("lab");
    const secure =
      credential === undefined
        ? undefined
        : await secureEndpoint(ports, { host, connect: server, transmission, credential, settings: { retransmission, ...(options.serverName === undefined ? {} : { serverName: options.serverName }) } }, handler, {
            onSession: ({ resumed }) => heard.push(resumed ? "resumed" : "session"),
            onSessionEnd: ({ during, why, alert }) => heard.push(`${during} ${why}${alert === undefined ? "" : ` ${alert}`}`),
          });
    return (started.device = new ScriptedDevice(secure ?? (await udpEndpoint(ports, { host, connect: server, transmission }, handler)), secure, heard, options));
  }

  get version(): LwM2mVersion {
    return this.options.version ?? "1.1";
  }

  async register(): Promise<string> {
    const { endpoint, binding, lifetime = 60, objects = "</1/0>,</3/0>" } = this.options;
    const response = await this.#ask(registerRequest({ endpoint, lifetime, version: this.version, ...(binding === undefined ? {} : { binding }) }, objects));
    this.location = locationOf(response);
    return formatCode(response.code);
  }

  async update(lifetime?: number): Promise<string> {
    return formatCode((await this.#ask(updateRequest(this.location ?? ["rd", "nowhere"], this.version, lifetime === undefined ? {} : { lifetime }))).code);
  }

  async deregister(): Promise<string> {
    return formatCode((await this.#ask(deregisterRequest(this.location ?? ["rd", "nowhere"]))).code);
  }

  async raw(query: readonly string[], path: readonly string[] = ["rd"]): Promise<Response> {
    return this.#ask({ code: Codes.POST, path, query, contentFormat: ContentFormat.Link, payload: Buffer.from("</1/0>,</3/0>") });
  }

  stop(): Promise<void> {
    return this.coap.close();
  }

  #ask(request: Parameters<UdpEndpoint["request"]>[1]): Promise<Response> {
    return this.coap.request(this.coap.peer(this.options.server), request);
  }

  onRequest(request: IncomingRequest): void {
    const operation = `${["", "GET", "POST", "PUT", "DELETE"][request.code] ?? "?"} /${request.path.join("/")}${request.observe === undefined ? "" : ` observe=${request.observe}`}`;
    this.seen.push(operation);
    const scripted = this.script(operation, request);
    if (scripted === "silence") request.ignore();
    else if (scripted !== undefined) request.respond(scripted);
    else if (request.observe === 0) this.observers.push(request.observed(this.#read(request), () => {}));
    else request.respond(this.#answer(request));
  }

  #answer(request: IncomingRequest): Response {
    if (request.code === Codes.GET && request.accept === ContentFormat.Link) return this.#discover(request);
    if (request.code === Codes.GET) return this.#read(request);
    return { code: request.code === Codes.DELETE ? Codes.Deleted : Codes.Changed };
  }

  #discover(request: IncomingRequest): Response {
    const text = formatPath(parsePath(request.path));
    return { code: Codes.Content, contentFormat: ContentFormat.Link, payload: Buffer.from(`<${text}>,<${text}/0>,<${text}/8>,<${text}/9>`) };
  }

  #read(request: IncomingRequest): Response {
    const at = tryParsePath(request.path);
    const instances = this.options.serverInstances ?? { 101: 0 };
    if (at?.object === 1 && at.resource === 0) {
      const ssid = Object.entries(instances).find(([, instance]) => instance === at.instance)?.[0];
      if (ssid === undefined) return { code: Codes.NotFound };
      return { code: Codes.Content, contentFormat: ContentFormat.Tlv, payload: encodeContent(ContentFormat.Tlv, at, { kind: "resource", id: 0, value: Number(ssid) }, this.version) };
    }
    if (at?.object === 1 && at.instance === undefined) {
      const nodes = Object.entries(instances).map(([ssid, id]) => ({ kind: "instance" as const, id, resources: [{ kind: "resource" as const, id: 0, value: Number(ssid) }] }));
      return { code: Codes.Content, contentFormat: ContentFormat.Tlv, payload: encodeContent(ContentFormat.Tlv, at, { kind: "object", id: 1, instances: nodes }, this.version) };
    }
    if (at?.object === 3 && at.resource === 0) return { code: Codes.Content, contentFormat: ContentFormat.Tlv, payload: encodeContent(ContentFormat.Tlv, at, { kind: "resource", id: 0, value: "Muster" }, this.version) };
    return { code: Codes.NotFound };
  }
}

