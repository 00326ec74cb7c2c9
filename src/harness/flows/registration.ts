import { decode, OptionNumber } from "../../coap/index.js";
import { expiredAfterMs } from "../deadlines.js";
import { coapExchanges, ofRole, operationOf, refOf, timeOf, type CoapEvent, type CoapExchange, type Operation } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { act, actAt, awaitListed, exchangesOf, latestOwn, shortServerIdOf } from "./devices.js";

/** How long before the end of a lifetime "shortly before" is: early enough to be sure, late enough to notice a registration that ends too soon. */
const shortlyMs = 1000;
/** A machine that is busy does things this much later than they were meant. */
const busyMs = 1500;

/** What a server saw of a device, oldest first. */
export async function exchangesAt(scenario: Scenario, server: ServerName, alias: string): Promise<CoapExchange[]> {
  return coapExchanges(ofRole(await scenario.events(), scenario.server(server).role, scenario.endpoint(alias)));
}

/** The newest request of a kind that the server got from the device, once there is one that came after `sinceNs`. */
export async function awaitFrom(scenario: Scenario, server: ServerName, alias: string, operation: Operation, sinceNs = 0n, deadlineMs = scenario.run.deadlines.exchangeMs): Promise<CoapExchange | undefined> {
  return scenario.until(deadlineMs, async () =>
    (await exchangesAt(scenario, server, alias)).findLast((exchange) => exchange.direction === "in" && operationOf(exchange.request.event.coap) === operation && timeOf(exchange.request) > sinceNs),
  );
}

/** Location-Path of a response, `/rd/abc`. */
export function locationIn({ event }: CoapEvent): string | undefined {
  const segments = decode(Buffer.from(event.hex, "hex")).options.filter(({ number }) => number === OptionNumber.LocationPath);
  return segments.length === 0 ? undefined : `/${segments.map(({ value }) => Buffer.from(value).toString("utf8")).join("/")}`;
}

/** The newest Register of the device (to this server), answered if it comes to that. */
async function answeredRegister(scenario: Scenario, alias: string, server?: ServerName): Promise<CoapExchange | undefined> {
  const address = server === undefined ? undefined : scenario.uriOf(server).replace(/^coaps?:\/\//, "").replace(/\/$/, "");
  const newest = async (): Promise<CoapExchange | undefined> =>
    (await exchangesOf(scenario, alias)).findLast(
      (exchange) => exchange.direction === "out" && operationOf(exchange.request.event.coap) === "register" && (address === undefined || exchange.request.event.peer === address),
    );
  const answered = await scenario.until(scenario.run.deadlines.exchangeMs, async () => {
    const register = await newest();
    return register?.answer === undefined ? undefined : register;
  });
  return answered ?? newest();
}

/** Judges the answer to the device's newest Register. */
export async function checkRegisterAnswered(scenario: Scenario, alias: string, code: string): Promise<void> {
  const register = await answeredRegister(scenario, alias);
  scenario.check({
    rule: "register-accepted",
    text: `the answer to the Register of "${alias}"`,
    expected: code,
    actual: register === undefined ? "no Register was sent" : (register.answer ?? "none"),
    ok: register?.answer === code,
    evidence: register === undefined ? [] : [refOf(register.response ?? register.request)],
  });
}

/** Judges that the 2.01 of the newest Register at the server named a location below /rd. */
export async function checkLocationGiven(scenario: Scenario, alias: string, server: ServerName): Promise<void> {
  const response = (await answeredRegister(scenario, alias, server))?.response;
  const location = response === undefined ? undefined : locationIn(response);
  if (location !== undefined) scenario.located(alias, location);
  scenario.check({
    rule: "register-location",
    text: `the location of "${alias}"`,
    expected: "/rd/...",
    actual: location ?? "none",
    ok: location !== undefined && /^\/rd\/./.test(location),
    evidence: response === undefined ? [] : [refOf(response)],
  });
}

/** An Update (POST) or De-register (DELETE) of any location, from the socket that the device has towards the server. Resolves with the code. */
export async function sendToLocation(scenario: Scenario, alias: string, server: ServerName, method: "POST" | "DELETE", location: string): Promise<string> {
  const path = location.split("/").filter((segment) => segment !== "");
  const { code, failure } = await act(scenario, alias, { do: "request", to: shortServerIdOf(scenario, server), method, path });
  return code ?? `no answer (${failure ?? "unknown"})`;
}

const nowhere = (scenario: Scenario): string => `/rd/nowhere-${scenario.key}`;

/** What "gone" is told by: the server answers 4.04 where it has no registration. A precondition of every check that rests on it. */
export async function tellsUnknownLocations(scenario: Scenario, alias: string, server: ServerName): Promise<void> {
  const code = await sendToLocation(scenario, alias, server, "POST", nowhere(scenario));
  scenario.equal("update-unknown-location", `the answer to an Update of "${alias}" at a location that nobody was given`, "4.04", code);
}

/** Judges that nothing is registered where the device was: an Update there is answered 4.04. */
export async function checkFormerLocation(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const [former] = scenario.locations.get(alias) ?? [];
  scenario.precondition(`"${alias}" had a location`, former !== undefined, "it was given none");
  const code = await sendToLocation(scenario, alias, server, "POST", former ?? nowhere(scenario));
  const update = await latestOwn(scenario, alias, "update");
  scenario.equal(rule, `an Update of "${alias}" at its former location ${former ?? ""}`, "4.04", code, update === undefined ? {} : { evidence: [refOf(update.response ?? update.request)] });
}

/** Judges a second Register: the location it was answered with is served, and the one before, where it is another one, is not. */
export async function checkReplaced(scenario: Scenario, alias: string, server: ServerName): Promise<void> {
  const locations = scenario.locations.get(alias) ?? [];
  const newest = locations.at(-1);
  scenario.precondition(`"${alias}" was given a location`, newest !== undefined, "it was given none");
  if (newest === undefined) return;
  scenario.equal("register-again", `an Update of "${alias}" at its location ${newest}`, "2.04", await sendToLocation(scenario, alias, server, "POST", newest));
  if (locations.length > 1) await checkFormerLocation(scenario, alias, server, "register-again");
}

/** The newest Register or Update of the device that was answered 2.xx: its lifetime runs from there. */
async function lastRenewal(scenario: Scenario, alias: string): Promise<CoapExchange & { readonly response: CoapEvent }> {
  const found = (await exchangesOf(scenario, alias)).findLast((exchange) => exchange.direction === "out" && ["register", "update"].includes(operationOf(exchange.request.event.coap)) && exchange.answer?.startsWith("2.") === true);
  if (found?.response === undefined) throw new Error(`no Register or Update of "${alias}" was answered 2.xx`);
  return { ...found, response: found.response };
}

const msFrom = (from: bigint, to: bigint): number => Number(to - from) / 1e6;

async function updateNow(scenario: Scenario, alias: string, server: ServerName): Promise<CoapExchange> {
  await actAt(scenario, alias, server, { do: "update" });
  const update = await latestOwn(scenario, alias, "update");
  if (update === undefined) throw new Error(`"${alias}" sent no Update`);
  return update;
}

/** Sends an Update shortly before the lifetime is over; a busy machine that makes it too late leaves the scenario without a verdict. */
export async function updateInTime(scenario: Scenario, alias: string, server: ServerName, lifetime: number): Promise<void> {
  const last = await lastRenewal(scenario, alias);
  await scenario.pause(Math.max(0, lifetime * 1000 - shortlyMs - msFrom(timeOf(last.response), scenario.run.clock.hrtime())));
  const update = await updateNow(scenario, alias, server);
  const took = msFrom(timeOf(last.request), timeOf(update.response ?? update.request));
  scenario.precondition(`the Update of "${alias}" is answered within the lifetime of ${lifetime} s`, took < lifetime * 1000, `${took.toFixed(0)} ms after the message before it`);
}

/** Sends an Update once the lifetime and the declared grace are over; one that leaves much later says nothing about the grace. */
export async function updateTooLate(scenario: Scenario, alias: string, server: ServerName, lifetime: number): Promise<void> {
  const { clock, timing } = scenario.run;
  const last = await lastRenewal(scenario, alias);
  const limit = expiredAfterMs(lifetime, timing);
  await scenario.pause(Math.max(0, limit - msFrom(timeOf(last.response), clock.hrtime())));
  const update = await updateNow(scenario, alias, server);
  const left = msFrom(timeOf(last.response), timeOf(update.request));
  scenario.precondition(`the Update of "${alias}" leaves when ${limit} ms have passed, and not long after`, left >= limit && left < limit + busyMs, `it left after ${left.toFixed(0)} ms`);
}

// Of the device, as its server saw it

const stated = ["lwm2m", "lifetime", "binding", "queueMode"] as const;

/** Judges what the server was told of the device, by Register and Updates: `lwm2m`, `lifetime`, `binding`, `queueMode`. */
export async function checkRegisteredAs(scenario: Scenario, alias: string, server: ServerName, expected: Readonly<Record<string, string>>, rule: RuleName): Promise<void> {
  const view = await awaitListed(scenario, alias, server);
  for (const [name, value] of Object.entries(expected)) {
    const field = stated.find((known) => known === name);
    if (field === undefined) throw new Error(`a registration has no "${name}"; there are ${stated.join(", ")}`);
    scenario.equal(rule, `${field} of "${alias}" at server ${server}`, value, view === undefined ? "no Register came" : String(view[field]));
  }
}

/** Judges that a Register of the device reaches the server. */
export async function checkRegisters(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const { bootstrapMs, registerMs } = scenario.run.deadlines;
  const came = await awaitFrom(scenario, server, alias, "register", 0n, bootstrapMs + registerMs);
  scenario.check({
    rule,
    text: `"${alias}" towards server ${server}`,
    expected: "a Register",
    actual: came === undefined ? "none came" : "a Register",
    ok: came !== undefined,
    timing: came === undefined,
    evidence: came === undefined ? [] : [refOf(came.request)],
  });
}

/** Judges which objects the device announces: `/3/0` must be there; an object of `hidden` must not. */
export async function checkObjectList(scenario: Scenario, alias: string, server: ServerName, wanted: readonly string[], hidden: readonly number[]): Promise<void> {
  const view = await awaitListed(scenario, alias, server);
  const links = (view?.objects ?? []).map((link) => /<([^>]*)>/.exec(link)?.[1] ?? link);
  const absent = wanted.filter((path) => !links.includes(path));
  const leaked = links.filter((path) => hidden.includes(Number(path.split("/")[1])));
  scenario.check({
    rule: "device-registers",
    text: `the object list of "${alias}"`,
    expected: `with ${wanted.join(", ")}, without ${hidden.map((object) => `/${object}`).join(", ")}`,
    actual: absent.length > 0 ? `without ${absent.join(", ")}` : leaked.length > 0 ? `with ${leaked.join(", ")}` : `with ${wanted.join(", ")}, without ${hidden.map((object) => `/${object}`).join(", ")}`,
    ok: view !== undefined && absent.length === 0 && leaked.length === 0,
  });
}

/** Judges that the device renews by itself: an Update reaches the server before the lifetime of its Register is over. */
export async function checkUpdatesItself(scenario: Scenario, alias: string, server: ServerName, lifetime: number): Promise<void> {
  const register = await awaitFrom(scenario, server, alias, "register");
  scenario.precondition(`"${alias}" has registered with server ${server}`, register !== undefined, "no Register came");
  if (register === undefined) return;
  const left = lifetime * 1000 - msFrom(timeOf(register.request), scenario.run.clock.hrtime());
  const update = await awaitFrom(scenario, server, alias, "update", timeOf(register.request), Math.max(0, left) + scenario.run.deadlines.quietMs);
  const after = update === undefined ? undefined : msFrom(timeOf(register.request), timeOf(update.request));
  scenario.check({
    rule: "device-updates",
    text: `the Update of "${alias}"`,
    expected: `within ${lifetime} s of its Register`,
    actual: after === undefined ? "none came" : `after ${(after / 1000).toFixed(2)} s`,
    ok: after !== undefined && after < lifetime * 1000,
    // Early is early on any machine; late may be the machine's fault.
    timing: after === undefined || after >= lifetime * 1000,
    evidence: [refOf(register.request), ...(update === undefined ? [] : [refOf(update.request)])],
  });
}

/** Timers may be early by the grain of a clock. */
const grainMs = 20;

/** Judges that a request of this kind comes from the device after the newest one of another kind, not sooner than `seconds` after it. */
export async function checkFollows(scenario: Scenario, alias: string, server: ServerName, operation: Operation, cause: Operation, rule: RuleName, seconds = 0): Promise<void> {
  const before = (await exchangesAt(scenario, server, alias)).findLast((exchange) => operationOf(exchange.request.event.coap) === cause);
  scenario.precondition(`${cause} between server ${server} and "${alias}"`, before !== undefined, "there was none");
  if (before === undefined) return;
  const came = await awaitFrom(scenario, server, alias, operation, timeOf(before.request), seconds * 1000 + scenario.run.deadlines.exchangeMs);
  const after = came === undefined ? undefined : msFrom(timeOf(before.request), timeOf(came.request));
  scenario.check({
    rule,
    text: `"${alias}" after ${cause}`,
    expected: seconds === 0 ? operation : `${operation}, not sooner than ${seconds} s`,
    actual: after === undefined ? "nothing came" : seconds === 0 ? operation : `${operation} after ${(after / 1000).toFixed(2)} s`,
    ok: after !== undefined && after >= seconds * 1000 - grainMs,
    timing: after === undefined,
    evidence: [refOf(before.request), ...(came === undefined ? [] : [refOf(came.request)])],
  });
}

/** Judges that no Register of the device reached the server in a quiet window. */
export async function checkNoRegister(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  await scenario.pause(scenario.run.deadlines.quietMs);
  const came = (await exchangesAt(scenario, server, alias)).find((exchange) => exchange.direction === "in" && operationOf(exchange.request.event.coap) === "register");
  scenario.check({
    rule,
    text: `"${alias}" towards server ${server}`,
    expected: "no Register",
    actual: came === undefined ? "no Register" : came.request.event.summary,
    ok: came === undefined,
    ...(came === undefined ? {} : { at: came.request.at }),
    evidence: came === undefined ? [] : [refOf(came.request)],
  });
}
