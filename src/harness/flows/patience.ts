import { coapExchanges, deviceSessions, handshakesSeen, isOperation, ofRole, refOf, timeOf, type CoapExchange } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { awaitFrom, exchangesAt } from "./registration.js";

/** Bootstrap-Requests of the device, as the Bootstrap Server saw them. */
async function bootstrapRequests(scenario: Scenario, alias: string): Promise<CoapExchange[]> {
  return coapExchanges(ofRole(await scenario.events(), scenario.bootstrapServer.role, scenario.endpoint(alias))).filter((exchange) => exchange.direction === "in" && isOperation("bootstrap-request")(exchange));
}

/** Judges that a message which nobody answered made the device try again, in another session perhaps or by a Register, and not ask its Bootstrap Server. */
export async function checkTriesAgain(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { exchangeMs, registerMs } = scenario.run.deadlines;
  const accepted = async (): Promise<CoapExchange | undefined> => (await exchangesAt(scenario, operator, alias)).findLast((exchange) => (isOperation("register")(exchange) && exchange.answer === "2.01") || (isOperation("update")(exchange) && exchange.answer === "2.04"));
  const lost = (await exchangesAt(scenario, operator, alias)).findLast((exchange) => exchange.answer === undefined && (isOperation("register")(exchange) || isOperation("update")(exchange)));
  const since = lost === undefined ? 0n : timeOf(lost.request);
  const came = await scenario.until(2 * exchangeMs + registerMs, async () => {
    const register = await accepted();
    return (register !== undefined && timeOf(register.request) > since) || (await bootstrapRequests(scenario, alias)).length > 0 ? true : undefined;
  });
  const [asked] = await bootstrapRequests(scenario, alias);
  scenario.check({
    rule: "device-tries-again",
    text: `"${alias}" after a message that stayed without an answer`,
    expected: "another one that is answered, and no Bootstrap-Request",
    actual: asked !== undefined ? "a Bootstrap-Request" : came === undefined ? "neither" : "another one that is answered, and no Bootstrap-Request",
    ok: asked === undefined && came === true,
    timing: came === undefined,
    evidence: [...(lost === undefined ? [] : [refOf(lost.request)]), ...(asked === undefined ? [] : [refOf(asked.request)])],
  });
}

/** Judges that the device does not wait for a Finish for ever: it sends another Bootstrap-Request. */
export async function checkGivesBootstrapUp(scenario: Scenario, alias: string): Promise<void> {
  const { device } = scenario.run.timing;
  const before = (await bootstrapRequests(scenario, alias)).length;
  const again = await scenario.until(device.bootstrapTimeoutMs + device.bootstrapRetryMaxMs + scenario.run.deadlines.exchangeMs, async () => (await bootstrapRequests(scenario, alias))[before]);
  scenario.check({
    rule: "device-gives-bootstrap-up",
    text: `"${alias}", whose bootstrap is not finished`,
    expected: "another Bootstrap-Request",
    actual: again === undefined ? "none came" : "another Bootstrap-Request",
    ok: again !== undefined,
    timing: again === undefined,
    evidence: again === undefined ? [] : [refOf(again.request)],
  });
}

/** Judges that the device made a session after the Finish that gave it another key, and registered in it. */
export async function checkComesWithNewKey(scenario: Scenario, alias: string, server: ServerName): Promise<void> {
  const finish = deviceSessions(await scenario.events(), scenario.endpoint(alias)).findLast((session) => session.finish !== undefined)?.finish;
  scenario.precondition(`"${alias}" gets another key`, finish !== undefined, "no bootstrap of it was finished");
  if (finish === undefined) return;
  const since = timeOf(finish.request);
  const { role } = scenario.server(server);
  const handshake = await scenario.until(scenario.run.deadlines.registerMs, async () => handshakesSeen(await scenario.events(), role, scenario.endpoint(alias)).find((event) => timeOf(event) > since));
  const register = handshake === undefined ? undefined : await awaitFrom(scenario, server, alias, "register", timeOf(handshake));
  scenario.check({
    rule: "device-new-key",
    text: `"${alias}" at server ${server} after its Finish`,
    expected: "a handshake, and a Register",
    actual: handshake === undefined ? "no handshake" : register === undefined ? "a handshake, and no Register" : "a handshake, and a Register",
    ok: register !== undefined,
    timing: register === undefined,
    evidence: [refOf(finish.request), ...(handshake === undefined ? [] : [refOf(handshake)]), ...(register === undefined ? [] : [refOf(register.request)])],
  });
}
