import type { SecurityMode } from "../actors/types.js";
import type { JudgedRole, Level } from "../verdict.js";
import { ruleNamed } from "../rules.js";
import { capabilityNames, type Capability } from "../targets/index.js";

/**
 * What a scenario needs beyond roles and devices. `misbehaviour`: devices that do what no well-behaved client does; `raw-requests`: devices that send a request as a step spells it
 * out, right or wrong; `fleet`: devices that are our fleet; `fleet-beside`: our fleet beside its own devices, whatever these run on.
 */
export type Need = Capability | "misbehaviour" | "raw-requests" | "fleet" | "fleet-beside";
const needNames: readonly Need[] = [...capabilityNames, "misbehaviour", "raw-requests", "fleet", "fleet-beside"];
const isNeed = (text: string): text is Need => needNames.some((name) => name === text);

/** What a scenario's tags declare. */
export interface ScenarioTags {
  readonly requirements: readonly string[];
  readonly judges: JudgedRole;
  readonly level: Level;
  readonly rules: readonly string[];
  readonly needs: readonly Need[];
  /** What the scenario's devices must speak; absent: whatever the run's devices do. */
  readonly security?: SecurityMode;
  /** Runs while nothing else does. */
  readonly alone: boolean;
  /** Runs after the functional scenarios, with the fleet, one after the other. */
  readonly load: boolean;
  /** Of load scenarios: has devices of its own, and runs beside those that hand on the run's fleet. */
  readonly beside: boolean;
  /** Runs first and again last: proof that the target lives before and after everything else. */
  readonly sanity: boolean;
}

/** Tags that do not add up; the message says which and what to write instead. */
export class TagError extends Error {
  override readonly name = "TagError";
}

const judged: Readonly<Record<string, JudgedRole | undefined>> = {
  "@judges:bootstrap-server": "bootstrap-server",
  "@judges:lwm2m-server": "lwm2m-server",
  "@judges:device": "device",
};
const levels: Readonly<Record<string, Level | undefined>> = { "@must": "must", "@should": "should", "@profile": "profile", "@info": "info" };

const isRequirement = (tag: string): boolean => /^@(SM-\d+|bootstrap|registration|management|reporting|security|resilience|ETS:.+)$/.test(tag);
const valuesOf = (tags: readonly string[], prefix: string): string[] => tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));

function securityOf(tags: readonly string[], needs: readonly Need[]): { readonly security?: SecurityMode } {
  const isNosec = tags.includes("@nosec");
  if (isNosec && needs.includes("psk")) throw new TagError("is @nosec and @needs:psk; it can be one of them");
  return isNosec ? { security: "nosec" } : needs.includes("psk") ? { security: "psk" } : {};
}

/** Reads the tags of one scenario (inherited ones included). Throws `TagError`. */
export function readTags(tags: readonly string[]): ScenarioTags {
  const judges = tags.flatMap((tag) => judged[tag] ?? []);
  const level = tags.flatMap((tag) => levels[tag] ?? []);
  const named = valuesOf(tags, "@rule:");
  const requirements = tags.filter(isRequirement).map((tag) => tag.slice(1));
  const role = judges[0];
  // A scenario tag may sharpen the level its feature gave: the last one wins.
  const binding = level[level.length - 1];
  if (role === undefined || new Set(judges).size > 1) throw new TagError("needs exactly one of @judges:bootstrap-server, @judges:lwm2m-server, @judges:device");
  if (binding === undefined) throw new TagError("needs one of @must, @should, @profile, @info");
  if (named.length === 0) throw new TagError("needs at least one @rule:NAME, the rule it judges");
  if (requirements.length === 0) throw new TagError("needs the requirement it covers: @SM-1, @SM-2, @SM-3, @bootstrap, @registration, @management, @reporting or @ETS:...");
  for (const name of named) {
    const rule = ruleNamed(name);
    if (rule === undefined) throw new TagError(`names the rule ${name}, which the catalogue (src/harness/rules.ts) does not have`);
  }
  if (!named.some((name) => ruleNamed(name)?.about.includes(role))) throw new TagError(`judges the ${role}, but none of its rules (${named.join(", ")}) speaks about it`);
  if (requirements.some((name) => name.startsWith("ETS:")) && !tags.includes("@needs:psk")) throw new TagError("covers an @ETS: case outside the case's own configuration, which is DTLS-PSK: add @needs:psk, or write @like:int-N");
  const needs = valuesOf(tags, "@needs:").map((need) => {
    if (!isNeed(need)) throw new TagError(`needs "${need}", which is none of ${needNames.join(", ")}`);
    return need;
  });
  return {
    requirements: [...new Set(requirements)],
    judges: role,
    level: binding,
    rules: [...new Set(named)],
    needs: [...new Set(needs)],
    ...securityOf(tags, needs),
    alone: tags.includes("@alone"),
    load: tags.includes("@load"),
    beside: tags.includes("@beside"),
    sanity: tags.includes("@sanity"),
  };
}
