import { itemOutcome, type AccountFields } from "../actors/operator.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { awaitBootstrapped, configure } from "./bootstrap.js";
import { act, awaitRegistered, bootstrapAccount } from "./devices.js";
import { awaitItem, placeOrder, startDevice, supplyAccount } from "./provisioning.js";

/** At a Bootstrap Server that knows configurations of devices in place of accounts and orders. */
async function provisionByConfiguration(scenario: Scenario, alias: string, operator: ServerName, fields: AccountFields): Promise<void> {
  await configure(scenario, alias, [operator], fields);
  if (scenario.started.has(alias)) await act(scenario, alias, { do: "bootstrap" });
  else await startDevice(scenario, alias);
  const session = await awaitBootstrapped(scenario, alias);
  scenario.precondition(`"${alias}" is given the account of operator ${operator}`, session !== undefined, "its bootstrap was not finished");
  const account = await awaitRegistered(scenario, alias, operator);
  scenario.precondition(`"${alias}" is registered with operator ${operator}`, account !== undefined, "the device is not registered");
}

/** How the order is placed, with this policy. */
type Order = (policy: Readonly<Record<string, unknown>>) => Promise<void>;

/** A precondition in one sentence: the device gets the operator's account through the Bootstrap Server and registers. */
export async function provision(scenario: Scenario, alias: string, operator: ServerName, fields: AccountFields = {}, order: Order = (policy) => placeOrder(scenario, operator, "provision", [alias], policy)): Promise<void> {
  const { bootstrapServer } = scenario.run.target;
  if (bootstrapServer.kind === "adapted" && bootstrapServer.facts.lacks.has("orders")) return provisionByConfiguration(scenario, alias, operator, fields);
  if (!scenario.accounts.has(operator)) await supplyAccount(scenario, operator, fields);
  const known = scenario.specOf(alias);
  if (known?.bootstrap === undefined) bootstrapAccount(scenario, alias);
  const running = (known?.servers?.length ?? 0) > 0 || scenario.started.has(alias);
  await order({ trigger: running ? "via-server" : "wait-for-client" });
  if (!scenario.started.has(alias)) {
    await awaitItem(scenario, alias, ["staged", "awaiting-client"], operator);
    await startDevice(scenario, alias);
  }
  const view = await awaitItem(scenario, alias, ["confirmed"], operator);
  scenario.precondition(`"${alias}" is provisioned by operator ${operator}`, view.state === "confirmed", `its item is ${itemOutcome(view)}`);
  const account = await awaitRegistered(scenario, alias, operator);
  scenario.precondition(`"${alias}" is registered with operator ${operator}`, account !== undefined, "the device is not registered");
}
