import { Given, When } from "@cucumber/cucumber";
import type { FaultAction } from "../../src/operator/index.js";
import type { ServedActor } from "../../src/harness/index.js";
import type { MusterWorld } from "./world.js";

const actorNamed = (world: MusterWorld, role: string): ServedActor =>
  role === "the Bootstrap Server" ? world.scenario.bootstrapServer : world.scenario.server(role.endsWith("B") ? "B" : "A");

/** What a role does wrong; operations are those of the operator API, such as "smp.activation.put", "register", "bootstrap-finish". */
const setFault = async (world: MusterWorld, role: string, operation: string, alias: string, action: FaultAction, times?: number): Promise<void> => {
  const { scenario } = world;
  await scenario.setFault(actorNamed(world, role), { operation, endpoint: scenario.endpoint(alias), action, ...(times === undefined ? {} : { times }) });
};

Given(/^(the Bootstrap Server|server [AB]) refuses "([^"]+)" of "([^"]+)" with (\d\d\d|\d\.\d\d)$/, function (this: MusterWorld, role: string, operation: string, alias: string, code: string) {
  return setFault(this, role, operation, alias, code.includes(".") ? { kind: "refuse", code } : { kind: "refuse", status: Number(code) });
});

Given(/^(the Bootstrap Server|server [AB]) does not answer "([^"]+)" of "([^"]+)"$/, function (this: MusterWorld, role: string, operation: string, alias: string) {
  return setFault(this, role, operation, alias, { kind: "silence" });
});

Given(/^(the Bootstrap Server|server [AB]) does not answer the first "([^"]+)" of "([^"]+)"$/, function (this: MusterWorld, role: string, operation: string, alias: string) {
  return setFault(this, role, operation, alias, { kind: "silence" }, 1);
});

Given(/^(the Bootstrap Server|server [AB]) loses the first answer to "([^"]+)" of "([^"]+)"$/, function (this: MusterWorld, role: string, operation: string, alias: string) {
  return setFault(this, role, operation, alias, { kind: "lose-answer" }, 1);
});

Given(/^(the Bootstrap Server|server [AB]) resets the connection on "([^"]+)" of "([^"]+)"$/, function (this: MusterWorld, role: string, operation: string, alias: string) {
  return setFault(this, role, operation, alias, { kind: "reset-connection" });
});

Given(/^(the Bootstrap Server|server [AB]) holds "([^"]+)" of "([^"]+)"$/, function (this: MusterWorld, role: string, operation: string, alias: string) {
  return setFault(this, role, operation, alias, { kind: "hold" });
});

Given(/^(the Bootstrap Server|server [AB]) holds the first "([^"]+)" of "([^"]+)"$/, function (this: MusterWorld, role: string, operation: string, alias: string) {
  return setFault(this, role, operation, alias, { kind: "hold" }, 1);
});

// Waits until something is held, then lets it go.
When(/^(?:the Bootstrap Server|server [AB]) lets "([^"]+)" go$/, async function (this: MusterWorld, operation: string) {
  const { scenario } = this;
  const { id, actor } = scenario.faultOn(operation);
  await scenario.until(scenario.run.deadlines.itemMs, async () => (((await actor.fault(id))?.fired ?? 0) > 0 ? true : undefined));
  await actor.releaseFault(id);
});

// Until the fault has fired: what is judged afterwards was provoked.
When(/^(?:the Bootstrap Server|server [AB]) is held at "([^"]+)"$/, async function (this: MusterWorld, operation: string) {
  const { scenario } = this;
  const { id, actor } = scenario.faultOn(operation);
  const fired = await scenario.until(scenario.run.deadlines.itemMs, async () => (((await actor.fault(id))?.fired ?? 0) > 0 ? true : undefined));
  scenario.precondition(`${operation} is held`, fired === true, "it did not come");
});
