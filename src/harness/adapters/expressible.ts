import { properties, type AdapterFacts, type Property } from "./adapter.js";

/** A role that is steered through an adapter, as steps name it. */
export type SteeredRoleName = "bootstrapServer" | "A" | "B" | "device";

export interface StepNeed {
  readonly role: SteeredRoleName;
  readonly property: Property;
  /** Content format that a call must be able to name. */
  readonly format?: number;
}

type Rule = readonly [RegExp, ...Property[]];

/** Sentences about a LwM2M Server; the letter of the server, or of the operator behind it, is the first group. */
const serverRules: readonly Rule[] = [
  [/^operator ([AB]) reads /, "read"],
  [/^operator ([AB]) wants to read /, "trigger-queued"],
  [/^operator ([AB]) writes "/, "write"],
  [/^operator ([AB]) (?:writes to|replaces) /, "write-instance"],
  [/^operator ([AB]) executes /, "execute"],
  [/^operator ([AB]) discovers /, "discover"],
  [/^operator ([AB]) creates /, "create"],
  [/^operator ([AB]) deletes /, "delete"],
  [/^operator ([AB]) sets the attributes /, "write-attributes"],
  [/^operator ([AB]) observes /, "observe"],
  [/^operator ([AB]) observes .* with "/, "observe-attributes"],
  [/^operator ([AB]) cancels the observation /, "cancel-observation"],
  [/^operator ([AB]) forgets the observation /, "cancel-by-reset"],
  [/^server ([AB]) (?:lists|does not list) /, "registrations"],
  [/^server ([AB]) lists "[^"]+" with a lifetime /, "registration-details"],
  [/ states to server ([AB]):$/, "registrations", "registration-details"],
  [/^the object list of "[^"]+" at server ([AB]) /, "registrations", "object-list"],
  [/ is not registered with operator ([AB]) any more$/, "registrations"],
  [/ has an account of operator ([AB]) that its server was not told$/, "admission"],
  [/ is not admitted by server ([AB])$/, "admission"],
  [/^server ([AB]) has dropped the registration /, "admission"],
  [/^the Bootstrap Server asks server ([AB]) to trigger /, "trigger"],
  [/^the Bootstrap Server asks server ([AB]) to trigger .* with:$/, "trigger-lifetime"],
  // Where an order is what asks for it.
  [/^server ([AB]) is asked (?:in its place )?to trigger "/, "trigger"],
  [/ is triggered by server ([AB])$/, "trigger"],
  [/^the Bootstrap Server asks server ([AB]) \d+ times at once /, "trigger-coalesced"],
  [/^the Bootstrap Server withdraws its trigger of "[^"]+" at server ([AB])$/, "trigger-lifetime"],
  [/^server ([AB]) says that the trigger of "[^"]+" (?:has expired|is withdrawn with the (?:order|credential))$/, "trigger-lifetime"],
  [/^server ([AB]) says that the trigger of "[^"]+" is "/, "trigger-outcome"],
  [/^server ([AB]) says that the trigger of "[^"]+" is "queued"/, "trigger-queued"],
  [/^server ([AB]) says that the trigger of "[^"]+" is "(?:expired|withdrawn)"/, "trigger-lifetime"],
  [/^server ([AB]) is asked to trigger every device of the fleet /, "trigger", "trigger-outcome"],
  [/^server ([AB]) (?:loses its (?:DTLS )?sessions|is restarted )/, "session-loss"],
  [/(?:^| )operator ([AB]) (?:orders to .* )?with a key that its server ma(?:kes|de)$/, "smp-server"],
  [/^server ([AB]) says of /, "smp-server"],
  [/^the Bootstrap Server sends to server ([AB]) /, "smp-server"],
  [/^the Bootstrap Server (?:stages|puts|takes) version \d+ of the credential of "[^"]+" (?:at|in force at) server ([AB])/, "smp-server"],
  [/^server ([AB]) (?:says|does not say) that the newest version of /, "smp-server"],
  [/^neither what server ([AB]) tells /, "smp-server"],
  [/^by "rotation-rolled-back" the activation of "[^"]+" at server ([AB]) is taken back$/, "two-slots"],
  [/ comes to server ([AB]) with its new key$/, "coap-log"],
  [/^server ([AB]) keeps a credential of /, "smp-server"],
  [/ (?:registers with|does not register with) server ([AB])(?: meanwhile)?$/, "coap-log"],
  [/ renews its registration with server ([AB]) /, "coap-log"],
  [/ sends an? (?:Register|Update|De-register) to server ([AB]) after /, "coap-log"],
  [/^server ([AB]) is notified /, "coap-log"],
  [/^the notifications of .* to server ([AB]) are /, "coap-log"],
  [/ until operator ([AB]) has answered a notification of it with a reset$/, "coap-log"],
  [/^nothing is notified of .* to server ([AB]) after /, "coap-log"],
  [/^server ([AB]) (?:refuses "|does not answer (?:the first )?"|loses the first answer to "|resets the connection on "|holds )/, "faults"],
];

const bootstrapRules: readonly Rule[] = [
  [/^the Bootstrap Server is configured to give /, "configuration"],
  [/^the Bootstrap Server is configured to give .* and to write:$/, "configuration-writes"],
  [/^the Bootstrap Server (?:refuses "|does not answer (?:the first )?"|loses the first answer to "|resets the connection on "|holds )/, "faults"],
  [/^operator [AB] (?:supplies an account|changes its account|moves its account|orders to |cancels its order|has ordered )/, "orders"],
  [/ is provisioned by operator [AB](?: with:)?$/, "configuration"],
  [/<[AB]\.(?:account|etag)>/, "orders"],
  [/^operator [AB] sends [A-Z]+ /, "smp-bootstrap-server"],
  [/(?:^|by "[^"]+" )the item of /, "items"],
  [/^the items of operator [AB]'s order /, "items"],
  [/^the (?:trigger) of "[^"]+" (?:ends as|comes to) /, "items"],
  [/^server [AB] is asked (?:in its place )?to trigger "/, "order-trigger"],
  [/^the (?:refused Write|unanswered Finish) of .* does not count as applied$/, "items"],
  [/^the capabilities list /, "smp-bootstrap-server"],
  [/ accepts the Writes of \/\d+$/, "coap-log"],
  [/^(?:by "[^"]+" )?"[^"]+" answers the (?:Writes|Finish|last Bootstrap-Discover) of its session /, "coap-log"],
  [/ falls back to its Bootstrap Server$/, "coap-log"],
  [/^the Bootstrap Server is configured to (?:give .*, and|write to .*):$/, "configuration-writes"],
  [/^"[^"]+" gets a session with the Bootstrap Server$/, "known-devices"],
  [/^"[^"]+" sends to the Bootstrap Server:$/, "known-devices"],
];

const deviceRules: readonly Rule[] = [
  [/^device "[^"]+" speaks LwM2M 1\.1$/, "lwm2m-1.1"],
  [/^"[^"]+" registers again with operator /, "register-again"],
  [/^"[^"]+" (?:updates its registration with operator |finds out with its next Update )/, "update"],
  [/^"[^"]+" (?:asks for a bootstrap$|is given version \d+ of its credential )/, "bootstrap-request"],
  [/^device "[^"]+" is provisioned by operator |^the Bootstrap Server is configured to (?:give|write to) |^the item of "[^"]+" ends as "confirmed"/, "bootstrap-discover"],
  [/^operator [AB] executes \/1\/[AB]\/9 of /, "bootstrap-trigger"],
  [/^"[^"]+" (?:asks for a bootstrap because of the trigger|is triggered by server [AB])$/, "bootstrap-trigger"],
  [/^server [AB] says that the trigger of "[^"]+" is "acknowledged"/, "bootstrap-trigger"],
  [/^"[^"]+" loses power /, "power-cycle"],
  [/^"[^"]+" sends to /, "raw-request"],
  [/^server [AB] serves the former location of |^server [AB] refuses Updates of "[^"]+" at unknown |^the newest location of /, "raw-request"],
  [/ has an account of operator [AB] that its server was not told$/, "factory-resources"],
  [/^"[^"]+" (?:falls asleep|sleeps|wakes)$/, "sleep"],
  [/^"[^"]+" (?:falls silent|speaks again)$/, "silence"],
  [/^operator [AB] executes \/1\/[AB]\/4 of /, "disable-resource"],
  [/^operator [AB] reads \/\d+\/\d+\/\d+\/\d+ of /, "resource-instances"],
  [/^operator [AB] (?:sets the attributes |observes .* with ")/, "keep-attributes"],
  [/^the value is "(?:Muster|simulated device)"$/, "values-of-ours"],
  [/ (?:has resumed|can resume|cannot resume) its session with | offers its session to /, "resume"],
  [/ gets (?:a|no) (?:new )?session with | registers with its key at | begins \d+ handshakes with | has begun no more than \d+ handshakes? with |^server [AB] (?:ends|goes on in) the session of /, "session-events"],
  [/^the keys of "[^"]+" came to server |^the key that "[^"]+" has for |^the accounts on "[^"]+" have different keys$|^"[^"]+" has (?:the key that server|a new key and a new identity) /, "held-keys"],
];

/** What a step needs of roles that an adapter steers. */
export function needsOf(step: string): StepNeed[] {
  const needs: StepNeed[] = [];
  const format = / in content format (\d+)$/.exec(step)?.[1];
  for (const [pattern, ...wanted] of serverRules) {
    const letter = pattern.exec(step)?.[1];
    if (letter !== "A" && letter !== "B") continue;
    for (const property of wanted) needs.push({ role: letter, property, ...(format === undefined ? {} : { format: Number(format) }) });
  }
  const attributes = /^operator ([AB]) sets the attributes "([^"]*)"/.exec(step);
  if (attributes?.[2] !== undefined && contradictory(attributes[2])) needs.push({ role: attributes[1] === "B" ? "B" : "A", property: "contradictory-attributes" });
  for (const [pattern, ...wanted] of bootstrapRules) if (pattern.test(step)) for (const property of wanted) needs.push({ role: "bootstrapServer", property });
  for (const [pattern, ...wanted] of deviceRules) if (pattern.test(step)) for (const property of wanted) needs.push({ role: "device", property });
  return needs;
}

/** pmin above pmax, or thresholds the wrong way round (LwM2M Core 1.1 §5.1.2). */
function contradictory(query: string): boolean {
  const values = new Map(query.split("&").map((pair) => pair.split("=")).map(([name = "", value = ""]) => [name, Number(value)] as const));
  const above = (low: string, high: string): boolean => (values.get(low) ?? Number.NEGATIVE_INFINITY) > (values.get(high) ?? Number.POSITIVE_INFINITY);
  return above("pmin", "pmax") || above("lt", "gt");
}

/** Rules that the adapter itself would be judged by, where one is the first that a scenario names. */
const ownRules: Readonly<Record<string, { readonly property: Property; readonly roles: readonly SteeredRoleName[] } | undefined>> = {
  "trigger-server-instance": { property: "trigger-instance", roles: ["A", "B"] },
  "instance-ids": { property: "instance-choice", roles: ["bootstrapServer"] },
};

const accountSentences = [/^(?:the Bootstrap Server is configured to give|device) "([^"]+)" (?:an account of|with a factory account of|is provisioned by|is registered with|has an account of) operator ([AB])/, /^operator ([AB]) orders to (?:provision|update|remove) "([^"]+)"/] as const;

/** The step that gives a device an account of a second operator, if there is one. */
function secondAccount(steps: readonly { readonly text: string }[]): string | undefined {
  const operators = new Map<string, string>();
  for (const { text } of steps) {
    const [device, operator] = [accountSentences[0].exec(text)?.slice(1, 3), accountSentences[1].exec(text)?.slice(1, 3).reverse()].find((found) => found !== undefined) ?? [];
    if (device === undefined || operator === undefined) continue;
    const before = operators.get(device);
    if (before !== undefined && before !== operator) return text;
    operators.set(device, operator);
  }
  return undefined;
}

/** The step that gives a device the account of one more operator by an order, if there is one. */
const provisionedTwice = (steps: readonly { readonly text: string }[]): string | undefined => {
  const step = secondAccount(steps);
  return step !== undefined && / is provisioned by operator [AB]/.test(step) ? step : undefined;
};

/** The step whose item is confirmed by the Register that a server tells of, and the server that cannot tell of any. */
function neverConfirmed(steps: readonly { readonly text: string }[], facts: Readonly<Partial<Record<SteeredRoleName, AdapterFacts>>>): { readonly step: string; readonly role: "A" | "B"; readonly why: string } | undefined {
  // Without orders there are no items.
  if (facts.bootstrapServer?.lacks.has("orders") === true) return undefined;
  const awaited = steps.some(({ text }) => /^(?:by "[^"]+" )?the items? of .* "[^"]*\bconfirmed\b/.test(text));
  for (const { text } of steps) {
    const letter = / is provisioned by operator ([AB])\b/.exec(text)?.[1] ?? (awaited ? /^operator ([AB]) orders to (?!remove )/.exec(text)?.[1] : undefined);
    const role = letter === "A" || letter === "B" ? letter : undefined;
    const why = role === undefined ? undefined : facts[role]?.lacks.get("registrations");
    if (role !== undefined && why !== undefined) return { step: text, role, why };
  }
  return undefined;
}

const roleTitles: Readonly<Record<SteeredRoleName, string>> = { bootstrapServer: "the Bootstrap Server", A: "server A", B: "server B", device: "the device" };

/** What a system is without, as against what only its interface cannot express. */
const absent: ReadonlySet<Property> = new Set<Property>(["smp-server", "smp-bootstrap-server", "disable-resource", "two-slots", "lwm2m-1.1", "resource-instances"]);

export interface Inexpressible {
  readonly as: "unsupported" | "not-applicable";
  readonly reason: string;
}

/**
 * Why a scenario cannot be carried out against these roles, naming the first step that cannot be expressed; undefined when it can. Known before anything is
 * sent.
 */
export function inexpressible(
  scenario: { readonly steps: readonly { readonly text: string }[]; readonly rules: readonly string[] },
  facts: Readonly<Partial<Record<SteeredRoleName, AdapterFacts>>>,
): Inexpressible | undefined {
  for (const { text } of scenario.steps) {
    for (const { role, property, format } of needsOf(text)) {
      const known = facts[role];
      if (known === undefined) continue;
      const why = known.lacks.get(property);
      const subject = `${roleTitles[role]} (${known.name})`;
      const step = `the step "${text}" cannot be expressed`;
      if (why !== undefined) return { as: absent.has(property) ? "not-applicable" : "unsupported", reason: `${step}: ${subject} cannot ${properties[property]}: ${why}` };
      if (format !== undefined && known.formats !== undefined && !known.formats.has(format)) return { as: "unsupported", reason: `${step}: ${subject} has no name for content format ${format}` };
    }
  }
  const open = neverConfirmed(scenario.steps, facts);
  if (open !== undefined) return { as: "unsupported", reason: `the step "${open.step}" cannot be expressed: ${roleTitles[open.role]} (${facts[open.role]?.name ?? ""}) cannot ${properties.registrations}, so nothing confirms the item: ${open.why}` };
  const alone = facts.device?.lacks.get("two-accounts");
  const second = alone === undefined ? undefined : secondAccount(scenario.steps);
  if (alone !== undefined && second !== undefined) return { as: "not-applicable", reason: `the step "${second}": ${roleTitles.device} (${facts.device?.name ?? ""}) cannot ${properties["two-accounts"]}: ${alone}` };
  const again = provisionedTwice(scenario.steps);
  const noOrders = facts.bootstrapServer?.lacks.get("orders");
  if (noOrders !== undefined && again !== undefined) return { as: "unsupported", reason: `the step "${again}" cannot be expressed: ${roleTitles.bootstrapServer} (${facts.bootstrapServer?.name ?? ""}) cannot ${properties.orders}: ${noOrders}` };
  const [rule = ""] = scenario.rules;
  const own = ownRules[rule];
  for (const role of own?.roles ?? []) {
    const why = own === undefined ? undefined : facts[role]?.lacks.get(own.property);
    if (why !== undefined && scenario.steps.some(({ text }) => needsOf(text).some((need) => need.role === role))) {
      return { as: "unsupported", reason: `${roleTitles[role]} (${facts[role]?.name ?? ""}) cannot be judged by ${rule}: ${why}` };
    }
  }
  return undefined;
}
