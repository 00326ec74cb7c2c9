import type { DeviceOperation, OperationResult, RegistrationView } from "../../../operator/index.js";
import { AdapterError, DeviceAsleep, type AdapterCredential, type AdapterFacts, type AdapterFinding, type Lacks, type Property, type ServerAdapter, type TriggerAnswer } from "../adapter.js";
import { AdapterHttp, saidOf, type HttpAnswer } from "../http.js";
import { Unsupported } from "../../scenario/recorder.js";
import { bodyOf, linksIn, resourcesIn } from "./nodes.js";

/** `M4`: the demo of 2.0.0-M4 and before. `M15`: from 2.0.0-M15 on. */
export type LeshanDialect = "M4" | "M15";

export interface LeshanOptions {
  /** `http://127.0.0.1:8080`; `/api` is added. */
  readonly url: string;
  readonly dialect: LeshanDialect;
}

const contentFormats: Readonly<Record<number, string>> = { 0: "TEXT", 40: "LINK", 42: "OPAQUE", 60: "CBOR", 110: "SENML_JSON", 112: "SENML_CBOR", 11542: "TLV", 11543: "JSON" };

/** Seconds the demo waits for a device. */
const deviceTimeout = 10;

/** Demos from 2.0.0-M15 on are not published as programs: what answered the adapter's calls in its tests is our imitation of them. */
export const ourFacade = "our facade";

/** What the demo cannot be asked for, known before it is started. */
export function leshanServerFacts(dialect: LeshanDialect): AdapterFacts {
  const lacks: (readonly [Property, string])[] = [
    ["faults", "the demo does nothing wrong on purpose"],
    ["admission", "without a credential for a device the demo lets it in over NoSec"],
    ["trigger-instance", "the demo's call names the path of the Execute: which instance is the server's own is found by the adapter"],
    ["trigger-queued", "the demo has no trigger that waits: an Execute for a device that sleeps is refused, or kept without a record"],
    ["trigger-lifetime", "the demo has no trigger that can expire or be withdrawn"],
    ["trigger-coalesced", "the demo has no triggers, each call is an Execute"],
    ["two-slots", "the demo keeps one credential of a device: no versions, no overlap"],
    ["session-loss", "the demo has no call for it"],
    ["contradictory-attributes", "the library refuses to send them"],
    ["smp-server", "the demo has no Server Management interface: no staging, no versions, no entity tags, no idempotency, no events of it"],
  ];
  if (dialect === "M4") lacks.push(["cancel-observation", "the demo of 2.0.0-M4 ends an observation by forgetting it only"]);
  return { name: `leshan ${dialect}`, lacks: new Map(lacks), formats: new Set(Object.keys(contentFormats).map(Number)), ...(dialect === "M4" ? {} : { verifiedAgainst: ourFacade }) };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);
const textIn = (body: unknown, name: string): string | undefined => (isObject(body) && typeof body[name] === "string" ? body[name] : undefined);

/** A LwM2M Server that is Leshan's server demo, steered by its REST calls. */
export class LeshanServer implements ServerAdapter {
  readonly name: string;
  readonly lacks: Lacks;
  readonly formats: ReadonlySet<number> | undefined;
  readonly #http: AdapterHttp;

  constructor(private readonly options: LeshanOptions) {
    const { name, lacks, formats } = leshanServerFacts(options.dialect);
    this.name = name;
    this.lacks = lacks;
    this.formats = formats;
    this.#http = new AdapterHttp(`${options.url.replace(/\/+$/, "")}/api`);
  }

  async check(): Promise<readonly AdapterFinding[]> {
    const what = `${this.options.url}/api/clients`;
    try {
      const answer = await this.#http.call({ method: "GET", path: "/clients" });
      if (answer.status === 200 && Array.isArray(answer.body)) return [{ what, ok: true, detail: `answers, ${answer.body.length} registered` }];
      const repair = answer.status === 500 ? "start the demo with --add-opens java.base/java.util=ALL-UNNAMED" : "give the base URL of the demo's web server, without /api";
      return [{ what, ok: false, detail: `was answered ${saidOf(answer)}`, repair }];
    } catch (error) {
      return [{ what, ok: false, detail: error instanceof Error ? error.message : String(error), repair: "start it, or correct url in the target file" }];
    }
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  // Registrations

  async registration(endpoint: string): Promise<RegistrationView | undefined> {
    const answer = await this.#http.call({ method: "GET", path: `/clients/${encodeURIComponent(endpoint)}` });
    // M4 knows no such client with 400 on some paths and 404 on this one.
    if (answer.status === 404 || answer.status === 400 || answer.body === null) return undefined;
    expect(answer, [200], "GET /clients/{endpoint}");
    return registrationOf(answer.body);
  }

  async registrations(): Promise<readonly RegistrationView[]> {
    const answer = await this.#http.call({ method: "GET", path: "/clients" });
    expect(answer, [200], "GET /clients");
    return Array.isArray(answer.body) ? answer.body.map((one: unknown) => registrationOf(one)) : [];
  }

  // Credentials (SM-3)

  async install(credential: AdapterCredential): Promise<void> {
    // The demo asks for none of a device without security.
    if (credential.mode === "nosec") return;
    const { endpoint, identity, key } = credential;
    const details = { identity, key: Buffer.from(key).toString("hex") };
    const body = this.options.dialect === "M4" ? { endpoint, psk: details } : { endpoint, tls: { mode: "psk", details } };
    // The trailing slash is the older demo's; what it says of a refusal could hold the key.
    const answer = await this.#http.call({ method: "PUT", path: "/security/clients/", body });
    if (answer.status !== 200 && answer.status !== 204) throw new AdapterError(`PUT /security/clients/ was answered ${answer.status}`);
  }

  async uninstall(endpoint: string): Promise<void> {
    const answer = await this.#http.call({ method: "DELETE", path: `/security/clients/${encodeURIComponent(endpoint)}` });
    expect(answer, [200, 204, 404], "DELETE /security/clients/{endpoint}");
  }

  // Triggers (SM-2)

  async trigger(endpoint: string, shortServerId: number | undefined): Promise<TriggerAnswer> {
    try {
      const instance = await this.#ownInstance(endpoint, shortServerId);
      if (instance === undefined) return { kind: "not-registered" };
      const result = await this.operate(endpoint, { operation: "execute", path: `/1/${instance}/9` });
      if (result === undefined) return { kind: "not-registered" };
      return result.code === undefined ? { kind: "no-answer" } : { kind: "answered", code: result.code };
    } catch (error) {
      if (error instanceof DeviceAsleep) return { kind: "asleep" };
      throw error;
    }
  }

  /** The instance of /1 with the Short Server ID; the first one where the device does not tell. */
  async #ownInstance(endpoint: string, shortServerId: number | undefined): Promise<string | undefined> {
    const read = await this.operate(endpoint, { operation: "read", path: "/1" });
    if (read === undefined) return undefined;
    const found = Object.entries(read.resources ?? {}).find(([path, value]) => /^\/1\/\d+\/0$/.test(path) && (shortServerId === undefined || Number(value) === shortServerId));
    return found?.[0].split("/")[2] ?? "0";
  }

  // Operations

  async operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult | undefined> {
    const { path, format } = operation;
    const at = `/clients/${encodeURIComponent(endpoint)}${path.replace(/\/$/, "")}`;
    const name = format === undefined ? undefined : contentFormats[format];
    if (format !== undefined && name === undefined) throw new Unsupported(`Leshan's demo has no name for content format ${format}`);
    const query = `timeout=${deviceTimeout}${name === undefined ? "" : `&format=${name}`}`;
    const typed = this.options.dialect !== "M4";
    switch (operation.operation) {
      case "read":
        return this.#result(path, { method: "GET", path: `${at}?${query}` });
      case "discover":
        return this.#result(path, { method: "GET", path: `${at}/discover?${query}` });
      case "write": {
        const replace = operation.replace ?? operation.value !== undefined;
        return this.#result(path, { method: "PUT", path: `${at}?${query}${replace ? "" : "&replace=false"}`, body: bodyOf(operation, typed) });
      }
      case "execute":
        return this.#result(path, { method: "POST", path: `${at}?${query}`, ...(operation.argument === undefined ? {} : { body: operation.argument, headers: { "content-type": "text/plain" } }) });
      case "create":
        // The demo creates below the object; the instance's id is in the body.
        return this.#result(path, { method: "POST", path: `/clients/${encodeURIComponent(endpoint)}/${path.split("/")[1] ?? ""}?${query}`, body: bodyOf(operation, typed) });
      case "delete":
        return this.#result(path, { method: "DELETE", path: `${at}?${query}` });
      case "write-attributes": {
        const attributes = Object.entries(operation.attributes ?? {}).map(([attribute, value]) => `${attribute}=${String(value)}`);
        return this.#result(path, { method: "PUT", path: `${at}/attributes?${attributes.join("&")}${typed ? `&timeout=${deviceTimeout}` : ""}` });
      }
    }
  }

  observe(endpoint: string, path: string): Promise<OperationResult | undefined> {
    return this.#result(path, { method: "POST", path: `/clients/${encodeURIComponent(endpoint)}${path}/observe?timeout=${deviceTimeout}` });
  }

  async cancelObservation(endpoint: string, path: string, how: "reset" | "deregister"): Promise<OperationResult | undefined> {
    const at = `/clients/${encodeURIComponent(endpoint)}${path}/observe?timeout=${deviceTimeout}`;
    if (how === "deregister") {
      if (this.options.dialect === "M4") throw new Unsupported("Leshan's demo 2.0.0-M4 ends an observation by forgetting it only");
      return this.#result(path, { method: "DELETE", path: `${at}&active` });
    }
    const answer = await this.#http.call({ method: "DELETE", path: at });
    expect(answer, [200, 204], "DELETE .../observe");
    return {};
  }

  async #result(path: string, call: { readonly method: "GET" | "PUT" | "POST" | "DELETE"; readonly path: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }): Promise<OperationResult | undefined> {
    const answer = await this.#http.call(call);
    if (answer.status === 504) return { failure: "timeout" };
    // The device has registered anew meanwhile: what was under way with its registration before is given up.
    if (answer.status === 500 && answer.text.includes("RequestCanceledException")) return { failure: "cancelled" };
    if (answer.status === 400 && /no registered client/i.test(answer.text)) return undefined;
    // M18 keeps the newest request of a device that sleeps, and tells of its answer in its events only.
    const kept = isObject(answer.body) && answer.body["delayed"] === true;
    if (kept || (answer.status === 400 && /sleeping/i.test(answer.text))) throw new DeviceAsleep("the device sleeps, and Leshan's demo does not wait for it");
    expect(answer, [200], `${call.method} ${call.path.split("?")[0] ?? ""}`);
    const code = codeIn(textIn(answer.body, "status"));
    if (code === undefined) throw new AdapterError(`${call.method} ${call.path.split("?")[0] ?? ""} was answered without a status`);
    const content: unknown = isObject(answer.body) ? answer.body["content"] : undefined;
    const links: unknown = isObject(answer.body) ? answer.body["objectLinks"] : undefined;
    const location = textIn(answer.body, "location");
    return {
      code,
      ...(content === undefined || content === null ? {} : { resources: resourcesIn(path.replace(/\/$/, ""), content) }),
      ...(links === undefined || links === null ? {} : { links: linksIn(links) }),
      ...(location === undefined ? {} : { location }),
    };
  }
}

/** `METHOD_NOT_ALLOWED(405)`: 4.05. */
function codeIn(status: string | undefined): string | undefined {
  const digits = /\((\d)(\d\d)\)$/.exec(status ?? "");
  return digits?.[1] === undefined || digits[2] === undefined ? undefined : `${digits[1]}.${digits[2]}`;
}

function expect(answer: HttpAnswer, statuses: readonly number[], call: string): void {
  if (!statuses.includes(answer.status)) throw new AdapterError(`${call} was answered ${saidOf(answer)}`);
}

function registrationOf(body: unknown): RegistrationView {
  const number = (name: string): number => (isObject(body) && typeof body[name] === "number" ? body[name] : 0);
  const time = (name: string): number => {
    const text = textIn(body, name);
    const parsed = text === undefined ? Number.NaN : Date.parse(text);
    return Number.isNaN(parsed) ? 0 : parsed;
  };
  const lastSeen = time("lastUpdate");
  const lifetime = number("lifetime");
  return {
    endpoint: textIn(body, "endpoint") ?? "",
    location: `/rd/${textIn(body, "registrationId") ?? ""}`,
    address: textIn(body, "address") ?? "",
    lwm2m: textIn(body, "lwM2mVersion") ?? textIn(body, "lwM2MmVersion") ?? "",
    lifetime,
    binding: textIn(body, "bindingMode") ?? "",
    queueMode: (isObject(body) && body["queuemode"] === true) || /Q/.test(textIn(body, "bindingMode") ?? ""),
    awake: true,
    objects: linksIn(isObject(body) ? body["objectLinks"] : undefined),
    security: { mode: isObject(body) && body["secure"] === true ? "psk" : "nosec" },
    registeredAt: time("registrationDate"),
    lastSeen,
    ...(lifetime === 0 ? {} : { expiresAt: lastSeen + lifetime * 1000 }),
  };
}
