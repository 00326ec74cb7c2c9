import { Codes, ContentFormat, formatCode } from "../../../src/coap/index.js";
import type { Code, IncomingRequest, Peer, RequestHandler, Response } from "../../../src/coap/index.js";
import { timing } from "../../../src/config/index.js";
import type { CoapTiming } from "../../../src/config/index.js";
import { RequestError, bootstrapRequest, classifyBootstrapOperation, decodeWrite, encodeContent, formatBootstrapList, instance, object, valueOf } from "../../../src/lwm2m/index.js";
import type { BootstrapOperation, BootstrapInstance, InstanceNode, LwM2mVersion, ResourceNode } from "../../../src/lwm2m/index.js";
import type { Address, Ports } from "../../../src/ports/index.js";
import type { ClientCredential } from "../../../src/dtls/index.js";
import { secureEndpoint, udpEndpoint } from "../../../src/transport/index.js";
import type { UdpEndpoint } from "../../../src/transport/index.js";

/** What a script does with one bootstrap operation: another answer, none at all, or the usual (undefined). */
export type Script = (operation: BootstrapOperation["operation"], path: string, device: ScriptedDevice) => Response | "silence" | "hold" | undefined;

/** A device with object instances and nothing else: it answers bootstrap operations, or what its script says instead. */
export class ScriptedDevice implements RequestHandler {
  /** `/1/0` to its resources. */
  readonly instances = new Map<string, InstanceNode>();
  /** `write /0/1 2.04`, in the order they were answered; operations never answered have `-`. */
  readonly log: string[] = [];
  version: LwM2mVersion = "1.1";
  script: Script = () => undefined;
  readonly held: IncomingRequest[] = [];
  /** How its latest session or handshake ended: `alert-received 46`. */
  lastEnd: string | undefined;
  #finishes = 0;

  private constructor(
    readonly endpointName: string,
    private readonly endpoint: UdpEndpoint,
    private readonly bootstrapServer: Peer,
  ) {}

  static async start(ports: Ports, options: { readonly endpoint: string; readonly host: string; readonly server: Address; readonly coap: CoapTiming; readonly credential?: ClientCredential | undefined }): Promise<ScriptedDevice> {
    const late: { device?: ScriptedDevice } = {};
    const handler: RequestHandler = { onRequest: (request) => late.device?.onRequest(request) };
    const common = { host: options.host, connect: options.server, transmission: options.coap };
    const { credential } = options;
    const endpoint =
      credential === undefined
        ? await udpEndpoint(ports, common, handler)
        : await secureEndpoint(ports, { ...common, credential, settings: { retransmission: timing("lab").dtls } }, handler, {
            onSession: () => {},
            onSessionEnd: ({ why, alert }) => {
              if (late.device !== undefined) late.device.lastEnd = alert === undefined ? why : `${why} ${alert}`;
            },
          });
    const device = (late.device = new ScriptedDevice(options.endpoint, endpoint, endpoint.peer(options.server)));
    device.put(0, 0, []);
    device.put(3, 0, []);
    return device;
  }

  get finished(): number {
    return this.#finishes;
  }

  put(objectId: number, id: number, resources: readonly ResourceNode[]): void {
    this.instances.set(`/${objectId}/${id}`, instance(id, resources));
  }

  /** Short Server IDs of the accounts whose two halves are both there. */
  get accounts(): number[] {
    const servers = this.#of(1).map((node) => valueOf(node, 0));
    return this.#of(0).flatMap((node) => {
      const ssid = valueOf(node, 10);
      return typeof ssid === "number" && servers.includes(ssid) ? [ssid] : [];
    });
  }

  records(): readonly InstanceNode[] {
    return this.#of(2);
  }

  server(ssid: number): InstanceNode | undefined {
    return this.#of(1).find((node) => valueOf(node, 0) === ssid);
  }

  security(ssid: number): InstanceNode | undefined {
    return this.#of(0).find((node) => valueOf(node, 10) === ssid);
  }

  /** The code of the answer; `timeout` and the like when there is none. */
  async bootstrap(query?: readonly string[]): Promise<string> {
    const request = bootstrapRequest({ endpoint: this.endpointName }, this.version);
    try {
      return formatCode((await this.endpoint.request(this.bootstrapServer, query === undefined ? request : { ...request, query })).code);
    } catch (error) {
      return error instanceof Error && "reason" in error ? String(error.reason) : "failed";
    }
  }

  async request(request: Parameters<UdpEndpoint["request"]>[1]): Promise<string> {
    return formatCode((await this.endpoint.request(this.bootstrapServer, request)).code);
  }

  close(): Promise<void> {
    return this.endpoint.close();
  }

  onRequest(request: IncomingRequest): void {
    let operation: BootstrapOperation;
    try {
      operation = classifyBootstrapOperation(request, this.version);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return request.respond({ code: error.code });
    }
    const path = operation.operation === "finish" ? "/bs" : `/${request.path.join("/")}`;
    const scripted = this.script(operation.operation, path, this);
    if (scripted === "silence" || scripted === "hold") {
      this.log.push(`${operation.operation} ${path} -`);
      if (scripted === "hold") this.held.push(request);
      else request.ignore();
      return;
    }
    const response = scripted ?? this.#carryOut(operation);
    this.log.push(`${operation.operation} ${path} ${formatCode(response.code)}`);
    request.respond(response);
  }

  #carryOut(operation: BootstrapOperation): Response {
    switch (operation.operation) {
      case "discover":
        return content(ContentFormat.Link, Buffer.from(formatBootstrapList(this.#list(), this.version)));
      case "read": {
        const id = operation.path.object ?? 0;
        return content(ContentFormat.Tlv, encodeContent(ContentFormat.Tlv, { object: id }, object(id, this.#of(id)), "1.1"));
      }
      case "write":
        return this.#write(decodeWrite(operation, "1.1"), operation.path.object ?? 0, operation.path.instance ?? 0);
      case "delete": {
        const { object: id, instance: at } = operation.path;
        for (const key of [...this.instances.keys()]) if (key === `/${id}/${at}` || (at === undefined && key.startsWith(`/${id}/`))) this.instances.delete(key);
        return { code: Codes.Deleted };
      }
      case "finish":
        this.#finishes += 1;
        return { code: Codes.Changed };
    }
  }

  #write(node: ReturnType<typeof decodeWrite>, objectId: number, at: number): Response {
    if (node.kind === "object") for (const one of node.instances) this.put(objectId, one.id, one.resources);
    else if (node.kind === "instance") this.put(objectId, node.id, node.resources);
    else if (node.kind === "resource") this.put(objectId, at, [...(this.instances.get(`/${objectId}/${at}`)?.resources ?? []), node]);
    return { code: Codes.Changed };
  }

  #of(objectId: number): InstanceNode[] {
    return [...this.instances].filter(([key]) => key.startsWith(`/${objectId}/`)).map(([, node]) => node);
  }

  #list(): { object: number; instances: BootstrapInstance[] }[] {
    const ids = [...new Set([...this.instances.keys()].map((key) => Number(key.split("/")[1])))].sort((a, b) => a - b);
    return ids.map((id) => ({
      object: id,
      instances: this.#of(id).map((node): BootstrapInstance => {
        const ssid = id === 0 ? valueOf(node, 10) : id === 1 ? valueOf(node, 0) : undefined;
        const uri = id === 0 && ssid !== undefined ? valueOf(node, 0) : undefined;
        return { instance: node.id, ...(typeof ssid === "number" ? { shortServerId: ssid } : {}), ...(typeof uri === "string" ? { uri } : {}) };
      }),
    }));
  }
}

const content = (contentFormat: number, payload: Uint8Array): Response => ({ code: Codes.Content, contentFormat, payload });

export const answer = (code: Code): Response => ({ code });
