import { Codes, formatCode, parseCode, type Code, type IncomingRequest, type Peer, type RequestHandler, type Response } from "../../src/coap/index.js";
import { classifyRegistrationOperation, RequestError } from "../../src/lwm2m/index.js";
import type { Metrics, OperationMetrics } from "../../src/metrics/index.js";
import type { FaultBoard, FaultOutcome, FiredFault } from "../../src/operator/index.js";
import type { Clock } from "../../src/ports/index.js";
import type { DeviceSession } from "./credential-record.js";
import type { PlantedFaults } from "./plants.js";
import { readRegister, readUpdate, statedEndpoint, type AdmissionRules } from "./registration.js";
import { RegistryFullError, type Registration, type Registry } from "./registry.js";

const deleted: Response = { code: Codes.Deleted };
const changed: Response = { code: Codes.Changed };
const notFound: Response = { code: Codes.NotFound };

export interface RegistrationInterfaceOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly rules: AdmissionRules;
  readonly plants: PlantedFaults;
  readonly faults: FaultBoard;
  readonly metrics: Metrics;
  /** The DTLS session that a peer is the other end of; undefined for one without security. */
  readonly sessionOf: (peer: Peer) => DeviceSession | undefined;
  /** After the answer is on its way: a device that was heard of listens now. */
  heard(registration: Registration, operation: "register" | "update"): void;
}

type Operation = "register" | "update" | "deregister";

/** The registration interface as CoAP requests reach it: `/rd` and the locations below it. */
export class RegistrationInterface implements RequestHandler {
  readonly #cells: Readonly<Record<Operation, OperationMetrics>>;

  constructor(readonly options: RegistrationInterfaceOptions) {
    const { metrics } = options;
    this.#cells = { register: metrics.operation("register"), update: metrics.operation("update"), deregister: metrics.operation("deregister") };
  }

  onRequest(request: IncomingRequest): void {
    let operation: Operation;
    try {
      const classified = classifyRegistrationOperation(request);
      if (classified === undefined) {
        request.respond(notFound);
        return;
      }
      operation = classified.operation;
    } catch (error) {
      request.respond({ code: error instanceof RequestError ? error.code : Codes.InternalServerError });
      return;
    }
    const { faults } = this.options;
    if (!faults.empty) {
      const fault = faults.match(operation, this.#endpointOf(operation, request));
      if (fault !== undefined) {
        void this.#misbehave(operation, request, fault);
        return;
      }
    }
    this.#serve(operation, request, undefined);
  }

  #endpointOf(operation: Operation, request: IncomingRequest): string | undefined {
    if (operation !== "register") return this.#located(request)?.endpoint;
    return statedEndpoint(request.query) ?? this.#endpointIn(request);
  }

  /** A location is its device's own: on the session of another, or without one, it is not there. */
  #located(request: IncomingRequest): Registration | undefined {
    const { registry, plants } = this.options;
    const registration = request.path.length === 2 ? registry.byLocation(request.path[1] ?? "") : undefined;
    if (registration === undefined || plants.has("foreign-session-accepted")) return registration;
    return this.#endpointIn(request) === registration.credential?.record.endpoint ? registration : undefined;
  }

  /** Whose session a request came in; undefined without security. */
  #endpointIn({ peer }: IncomingRequest): string | undefined {
    return this.options.sessionOf(peer)?.context.record.endpoint;
  }

  async #misbehave(operation: Operation, request: IncomingRequest, fault: FiredFault): Promise<void> {
    const outcome = await this.options.faults.carryOut(fault, this.#endpointOf(operation, request));
    switch (outcome?.kind) {
      case "silence":
        request.ignore();
        return;
      case "reset-connection":
        request.reset();
        return;
      case "refuse":
        this.#answer(operation, request, { code: codeOf(outcome.code) }, undefined);
        return;
      default:
        this.#serve(operation, request, outcome);
    }
  }

  #serve(operation: Operation, request: IncomingRequest, outcome: FaultOutcome | undefined): void {
    if (request.peer.secured === true && this.#endpointIn(request) === undefined) {
      // Its session ended while it was held: without it, it is nobody's.
      request.ignore();
      return;
    }
    switch (operation) {
      case "register":
        this.#register(request, outcome);
        return;
      case "update":
        this.#update(request, outcome);
        return;
      case "deregister":
        this.#deregister(request, outcome);
    }
  }

  #register(request: IncomingRequest, outcome: FaultOutcome | undefined): void {
    const { registry, rules, plants, sessionOf } = this.options;
    const { peer } = request;
    const session = sessionOf(peer);
    const stated = statedEndpoint(request.query);
    // A session is filed under the endpoint that it is for, whatever it states.
    if (stated !== undefined && session === undefined) peer.label = stated;
    let registration: Registration;
    try {
      const facts = readRegister(request, rules, session?.context.record.endpoint);
      peer.label = facts.endpoint;
      registration = registry.register(facts, peer, session);
    } catch (error) {
      this.#answer("register", request, { code: refusalOf(error) }, outcome);
      return;
    }
    const created = plants.has("location-path-missing") ? { code: Codes.Created } : { code: Codes.Created, locationPath: ["rd", registration.id] };
    this.#answer("register", request, created, outcome);
    this.options.heard(registration, "register");
  }

  #update(request: IncomingRequest, outcome: FaultOutcome | undefined): void {
    const registration = this.#located(request);
    if (registration === undefined) {
      this.#answer("update", request, this.options.plants.has("update-unknown-location-accepted") ? changed : notFound, outcome);
      return;
    }
    // Without a security layer a device behind a NAT may come from another address; its location is what it knows.
    request.peer.label = registration.endpoint;
    try {
      this.options.registry.update(registration, readUpdate(request, registration), request.peer, this.options.sessionOf(request.peer));
    } catch (error) {
      this.#answer("update", request, { code: refusalOf(error) }, outcome);
      return;
    }
    this.#answer("update", request, changed, outcome);
    this.options.heard(registration, "update");
  }

  #deregister(request: IncomingRequest, outcome: FaultOutcome | undefined): void {
    const registration = this.#located(request);
    if (registration === undefined) {
      this.#answer("deregister", request, this.options.plants.has("deregister-unknown-location-accepted") ? deleted : notFound, outcome);
      return;
    }
    request.peer.label = registration.endpoint;
    if (!this.options.plants.has("deregistered-kept")) this.options.registry.remove(registration, "deregistered");
    this.#answer("deregister", request, deleted, outcome);
  }

  #answer(operation: Operation, request: IncomingRequest, response: Response, outcome: FaultOutcome | undefined): void {
    const answered = outcome?.kind === "wrong-code" ? { ...response, code: codeOf(outcome.code) } : response;
    this.#cells[operation].done(formatCode(answered.code), this.options.clock.now() - request.arrivedAt);
    if (outcome?.kind === "lose-answer") request.ignore();
    else request.respond(answered);
  }
}

/** The code of a fault; 5.00 where it names none that CoAP has. */
export function codeOf(text: string | undefined): Code {
  try {
    return text === undefined ? Codes.InternalServerError : parseCode(text);
  } catch {
    return Codes.InternalServerError;
  }
}

function refusalOf(error: unknown): Code {
  if (error instanceof RequestError) return error.code;
  if (error instanceof RegistryFullError) return Codes.ServiceUnavailable;
  throw error;
}
