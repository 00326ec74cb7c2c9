import type { ItemView } from "../actors/operator.js";
import { bootstrapTriggers, refOf, timeOf, type CoapExchange } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { inspect } from "./devices.js";

/** States of a trigger record that rest on a 2.04 of the device. */
const acknowledged: ReadonlySet<string> = new Set(["acknowledged", "confirmed", "unconfirmed"]);

const addressOf = (uri: string): string => uri.replace(/^coaps?:\/\//, "").replace(/\/.*$/, "");

/** Executes of /1/x/9 that reached the device since an order or a trigger was last asked for, from one server or from any. */
export async function executesOf(scenario: Scenario, alias: string, operator?: ServerName): Promise<CoapExchange[]> {
  const since = BigInt(scenario.askedAt);
  const from = operator === undefined ? [] : [...Object.values(scenario.server(operator).uris), ...Object.values(scenario.server(operator).secondUris)].map(addressOf);
  return bootstrapTriggers(await scenario.events(), scenario.endpoint(alias)).filter(({ request }) => timeOf(request) >= since && (operator === undefined || from.includes(request.event.peer)));
}

/**
 * What an item says of its trigger rests on what the LwM2M Server reported. Before the Bootstrap Server is judged by it: the device got the Execute that was
 * reported, at the instance of that server's own account. Otherwise the report was wrong, and the Bootstrap Server cannot know better.
 */
export async function checkReportWitnessed(scenario: Scenario, alias: string, { trigger }: ItemView): Promise<void> {
  if (trigger?.state === undefined) return;
  const executes = await executesOf(scenario, alias);
  if (acknowledged.has(trigger.state)) {
    scenario.check({
      rule: "trigger-executes",
      text: `the acknowledged trigger of "${alias}"`,
      expected: "an Execute of /1/x/9",
      actual: executes.length === 0 ? "none arrived" : "an Execute of /1/x/9",
      ok: executes.length > 0,
      evidence: executes.slice(-1).map((exchange) => refOf(exchange.request)),
    });
  }
  const last = executes.at(-1);
  if (last === undefined) return;
  const instance = Number((last.request.event.coap.path ?? "").split("/")[2]);
  const { accounts } = await inspect(scenario, alias);
  // An account that the bootstrap took away or moved since tells nothing.
  const own = accounts.find((account) => addressOf(account.uri) === last.request.event.peer);
  if (own === undefined) return;
  scenario.check({
    rule: "trigger-server-instance",
    text: `the Execute for "${alias}"`,
    expected: `/1/${own.serverInstance}/9`,
    actual: `/1/${instance}/9`,
    ok: own.serverInstance === instance,
    at: last.request.at,
    evidence: [refOf(last.request)],
  });
}
