import { Codes, type Request } from "../../src/coap/index.js";
import { isLwM2mVersion, parseRegister, parseUpdate, RequestError, type RegisterOptions } from "../../src/lwm2m/index.js";
import type { PlantedFaults } from "./plants.js";
import type { Registration, RegistrationChange, RegistrationFacts } from "./registry.js";

export interface AdmissionRules {
  readonly plants: PlantedFaults;
  /** Whether an endpoint may register now that shows no more than its name. */
  admits(endpoint: string): boolean;
}

const withoutIdentity: RegisterOptions = {};

/**
 * The rules of Register (LwM2M Core 1.1 §6.2.1): what it says, if it is to be accepted. `identity` is the endpoint name that the
 * security layer vouches for: whoever has a session was admitted by its handshake, under that name and no other. Throws `RequestError`: 4.00 for
 * what is missing or wrong, another name among it, 4.12 for a version, 4.03 where admission refuses.
 */
export function readRegister(request: Request, rules: AdmissionRules, identity?: string): RegistrationFacts {
  const anyName = rules.plants.has("ep-not-bound-to-credential") && statedEndpoint(request.query ?? []) !== undefined;
  const { version, endpoint, lifetime, binding, objects } = parseRegister(rules.plants.size === 0 ? request : lenient(request, rules.plants, identity), identity === undefined || anyName ? withoutIdentity : { identity });
  if (identity === undefined && !rules.admits(endpoint) && !(endpoint === nameless && rules.plants.has("missing-endpoint-accepted"))) throw new RequestError(Codes.Forbidden, "no active credential admits this endpoint");
  return { endpoint, lifetime, version, binding, objects };
}

/** The rules of Update (LwM2M Core 1.1 §6.2.2). Throws `RequestError` 4.00. */
export function readUpdate(request: Request, registration: Registration): RegistrationChange {
  return parseUpdate(request, registration.version, registration.binding);
}

/** Planted fault: what a device without a name is registered under. */
const nameless = "nameless";

/** A Register with what it lacks filled in, as a server would read it that does not care. */
function lenient(request: Request, plants: PlantedFaults, identity: string | undefined): Request {
  let query = request.query ?? [];
  const has = (name: string): boolean => query.some((parameter) => parameter.startsWith(`${name}=`));
  if (plants.has("missing-endpoint-accepted") && identity === undefined && !has("ep")) query = [...query, `ep=${nameless}`];
  if (plants.has("missing-lifetime-accepted") && !has("lt")) query = [...query, "lt=86400"];
  if (plants.has("register-without-lwm2m-accepted") && !has("lwm2m")) query = [...query, "lwm2m=1.0"];
  if (plants.has("unsupported-version-accepted")) query = query.map((parameter) => (parameter.startsWith("lwm2m=") && !isLwM2mVersion(parameter.slice(6)) ? "lwm2m=1.1" : parameter));
  if (plants.has("invalid-parameters-accepted")) query = query.map((parameter) => parameter.replace(/^lt=\D.*$/, "lt=86400").replace(/^b=X$/, "b=U"));
  return { ...request, query };
}

/** `ep` as a Register states it, before anything is checked: what traces are filed under. */
export function statedEndpoint(query: readonly string[]): string | undefined {
  for (const parameter of query) if (parameter.startsWith("ep=") && parameter.length > 3) return parameter.slice(3);
  return undefined;
}
