import { isSuccess, type Endpoint, type Observation, type Response } from "../../src/coap/index.js";
import { observeRequest, underRoot, formatPath, type Path } from "../../src/lwm2m/index.js";
import type { FailureReason } from "../../src/coap/index.js";
import { DeliveryError, type DeviceLink } from "./device-link.js";
import type { Registration } from "./registry.js";

interface Watched {
  readonly registration: Registration;
  readonly path: Path;
  /** Set right after `Endpoint.observe` returned it. */
  observation: Observation | undefined;
}

export interface ObservationsOptions {
  readonly endpoint: Endpoint;
  readonly link: DeviceLink;
  readonly maxPerDevice: number;
  notified(registration: Registration, path: Path, response: Response): void;
  ended(endpoint: string, path: Path, why: string): void;
}

/** What is observed on registered devices. A new registration voids the observations of the one before (LwM2M Core 1.1 §6.2.1). */
export class Observations {
  readonly #byDevice = new Map<string, Map<string, Watched>>();

  constructor(readonly options: ObservationsOptions) {}

  /** Resolves with the first answer. An observation of the same path is replaced. Rejects with `DeliveryError`. */
  observe(registration: Registration, path: Path, accept: number): Promise<Response> {
    return this.options.link.inTurn(registration, (current) => this.#begin(current, path, accept));
  }

  /** Resolves with the answer to the cancellation, undefined for a reset; rejects with `DeliveryError`. Undefined at once when nothing is observed there. */
  cancel(endpoint: string, path: Path, how: "reset" | "deregister"): Promise<Response | undefined> | undefined {
    const watched = this.#byDevice.get(endpoint)?.get(formatPath(path));
    if (watched === undefined) return undefined;
    this.#forget(endpoint, watched);
    if (how === "reset") return watched.observation?.cancel("reset") ?? Promise.resolve(undefined);
    return this.options.link.inTurn(watched.registration, () => watched.observation?.cancel("deregister") ?? Promise.resolve(undefined));
  }

  /** The registration is over: whatever still comes is answered with a reset. */
  drop(endpoint: string): void {
    const watched = this.#byDevice.get(endpoint);
    if (watched === undefined) return;
    this.#byDevice.delete(endpoint);
    for (const { observation } of watched.values()) void observation?.cancel("reset");
  }

  #begin(registration: Registration, path: Path, accept: number): Promise<Response> {
    const { endpoint, link, maxPerDevice } = this.options;
    if (!registration.reachable) return Promise.reject(new DeliveryError("unreachable"));
    const name = registration.endpoint;
    const observed = this.#byDevice.get(name) ?? new Map<string, Watched>();
    const key = formatPath(path);
    const before = observed.get(key);
    if (before === undefined && observed.size >= maxPerDevice) return Promise.reject(new DeliveryError("cancelled"));
    this.#byDevice.set(name, observed);
    void before?.observation?.cancel("reset");
    const watched: Watched = { registration, path, observation: undefined };
    observed.set(key, watched);
    return new Promise<Response>((resolve, reject) => {
      let answered = false;
      watched.observation = endpoint.observe(registration.peer, underRoot(observeRequest(path, accept), registration.objects.rootPath), {
        onNotification: (response) => {
          link.heard(registration);
          if (answered) this.options.notified(registration, path, response);
          answered = true;
          resolve(response);
          if (!isSuccess(response.code)) this.#forget(name, watched);
        },
        onEnd: (reason, response) => {
          this.#forget(name, watched);
          if (answered) this.options.ended(name, path, reason);
          else if (response !== undefined) resolve(response);
          else reject(new DeliveryError(reasonOf(reason)));
        },
      });
    });
  }

  #forget(endpoint: string, watched: Watched): void {
    const observed = this.#byDevice.get(endpoint);
    const key = formatPath(watched.path);
    if (observed?.get(key) !== watched) return;
    observed.delete(key);
    if (observed.size === 0) this.#byDevice.delete(endpoint);
  }
}

const reasonOf = (reason: FailureReason | "refused" | "ended"): FailureReason => (reason === "refused" || reason === "ended" ? "cancelled" : reason);
