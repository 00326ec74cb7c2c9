import type { SecurityMode } from "../actors/types.js";
import { inexpressible, type AdapterFacts } from "../adapters/index.js";
import { missingCapabilities, steeredRoles, type Capability, type Lack, type Target } from "../targets/index.js";
import type { PlannedScenario } from "./plan.js";

/** Where devices come from, as far as it decides what can run. */
export interface DeviceMeans {
  readonly name: string;
  /** They are of our fleet. */
  readonly ours: boolean;
  readonly can: { readonly misbehave: boolean; readonly psk: boolean; readonly publicKeys: boolean };
  readonly facts?: AdapterFacts | undefined;
}

/** Why a scenario is not carried out against a target; undefined when it is. Known before anything is sent. */
export function declinedBefore(planned: PlannedScenario, target: Target, devices: DeviceMeans, security: SecurityMode, missing: ReadonlyMap<Capability, Lack> = missingCapabilities(target, security)): Lack | undefined {
  for (const need of new Set([...planned.declared.needs, security])) {
    if (need === "misbehaviour") {
      if (!devices.can.misbehave) return { as: "not-applicable", reason: `devices on ${devices.name} cannot be made to misbehave` };
    } else if (need === "raw-requests") {
      const lack = devices.facts?.lacks.get("raw-request");
      if (lack !== undefined) return { as: "not-applicable", reason: `devices on ${devices.name} cannot be told what to send: ${lack}` };
    } else if (need === "psk" && !devices.can.psk) {
      return { as: "not-applicable", reason: `devices on ${devices.name} speak no DTLS` };
    } else if ((need === "rpk" || need === "x509" || need === "cid") && !devices.can.publicKeys) {
      return { as: "not-applicable", reason: `devices on ${devices.name} have pre-shared keys only` };
    } else if (need === "fleet") {
      if (!devices.ours) return { as: "not-applicable", reason: `devices on ${devices.name} are no fleet` };
    } else if (need !== "fleet-beside") {
      const lack = missing.get(need);
      if (lack !== undefined) return lack;
    }
  }
  return inexpressible({ steps: planned.steps, rules: planned.declared.rules }, { ...watched(steeredRoles(target), security), ...(devices.facts === undefined ? {} : { device: devices.facts }) });
}

type Steered = ReturnType<typeof steeredRoles>;

/** Over DTLS nobody but the devices sees what was said: the tap in front of a system has none of its keys. And a device gets its key there with its configuration. */
function watched(roles: Steered, security: SecurityMode): Steered {
  if (security === "nosec") return roles;
  return Object.fromEntries(Object.entries(roles).map(([name, facts]) => [name, { ...facts, lacks: new Map([...facts.lacks, ["coap-log", "its records are encrypted to others"] as const, ...(name === "bootstrapServer" ? [["known-devices", "a device gets its key there with its configuration"] as const] : [])]) }]));
}
