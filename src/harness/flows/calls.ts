import { describeAnswer } from "../actors/operator.js";
import { awaitRegistered, latestOwn, shortServerIdOf } from "./devices.js";
import { refOf } from "../evidence/index.js";
import { ruleNamed, isRuleName, type RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import type { SmpAnswer, SmpRequest } from "../actors/types.js";
import { valueOf } from "./management.js";

/** Fields of an account or a policy from a table: numbers and booleans as such, dotted names as nested members. */
export function fieldsOf(row: Readonly<Record<string, string>>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(row)) {
    const path = name.split(".");
    const last = path.pop() ?? name;
    let into = fields;
    for (const step of path) {
      const next: Record<string, unknown> = {};
      const known = into[step];
      into[step] = typeof known === "object" && known !== null ? known : next;
      into = (into[step] ?? next) as Record<string, unknown>;
    }
    into[last] = text.startsWith("[") ? (JSON.parse(text) as unknown) : valueOf(text);
  }
  return fields;
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const methodOf = (text: string): SmpRequest["method"] => {
  const found = methods.find((method) => method === text);
  if (found === undefined) throw new Error(`"${text}" is no method; there are ${methods.join(", ")}`);
  return found;
};

/**
 * Fills in what only the run knows: `<c1>` an endpoint name (percent-encoded in a path), `<A.account>` an account's id, `<A.ssid>` a Short Server ID, `<A.uri>`
 * a server's URI, `<order>` the newest order's id, `<c1.location>` the location that a device was given last.
 */
export function filledIn(scenario: Scenario, text: string, encode: (text: string) => string = (plain) => plain): string {
  return text.replaceAll(/<([^<>\s]+)>/g, (whole, name: string) => {
    const operator = /^([AB])\.(account|ssid|uri|etag)$/.exec(name);
    const letter: ServerName = operator?.[1] === "B" ? "B" : "A";
    if (operator?.[2] === "account") return encode(scenario.account(letter).id);
    if (operator?.[2] === "etag") return scenario.account(letter).etag;
    if (operator?.[2] === "ssid") return String(shortServerIdOf(scenario, letter));
    if (operator?.[2] === "uri") return encode(scenario.uriOf(letter));
    if (name === "unique") return `${scenario.run.nonce}-${scenario.key}`;
    if (name === "order") return encode(scenario.order().id);
    const device = /^(.+)\.location$/.exec(name)?.[1];
    if (device !== undefined) return scenario.locations.get(device)?.at(-1) ?? whole;
    return /^(?:(?:a|b|ab|x):)?[a-z][a-z0-9-]*$/.test(name) ? encode(scenario.endpoint(name)) : whole;
  });
}

/**
 * A docstring as a request: `Name: value` lines up to an empty line are headers, the rest is the body (JSON where it parses, else sent as text).
 */
function readRequest(scenario: Scenario, method: string, path: string, text: string | undefined): SmpRequest {
  const filled = filledIn(scenario, text ?? "");
  const lines = filled.split("\n");
  const headers: Record<string, string> = {};
  while (/^[A-Za-z-]+:(\s|$)/.test(lines[0] ?? "")) {
    const [name = "", ...value] = (lines.shift() ?? "").split(":");
    headers[name.toLowerCase()] = value.join(":").trim();
  }
  const body = lines.join("\n").trim();
  return { method: methodOf(method), path: filledIn(scenario, path, encodeURIComponent), headers, ...(body === "" ? {} : { body: jsonOr(body) }) };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Makes an answer of the interface the last answer. */
export function noteAnswer(scenario: Scenario, request: Pick<SmpRequest, "method" | "path">, answer: SmpAnswer): void {
  const body = typeof answer.body === "object" && answer.body !== null ? answer.body : {};
  const type = "type" in body && typeof body.type === "string" ? body.type.replace(/^.*:/, "") : undefined;
  const field = "field" in body && typeof body.field === "string" ? body.field : undefined;
  scenario.answerBefore = scenario.lastAnswer;
  scenario.lastAnswer = {
    text: `${request.method} ${request.path}`,
    code: String(answer.status),
    body: answer.body,
    headers: answer.headers,
    at: scenario.now(),
    ...(type === undefined ? {} : { problem: type }),
    ...(field === undefined ? {} : { field }),
  };
}

/** Any SM-1 call, sent by the operator's server. */
export async function sendAs(scenario: Scenario, operator: ServerName, method: string, path: string, text?: string): Promise<void> {
  const request = readRequest(scenario, method, path, text);
  noteAnswer(scenario, request, await scenario.operators[operator].call(request));
}

/** Any SM-2 or SM-3 call, sent by the harness in the place of the Bootstrap Server. */
export async function sendToServer(scenario: Scenario, server: ServerName, method: string, path: string, text?: string): Promise<void> {
  const request = readRequest(scenario, method, path, text);
  noteAnswer(scenario, request, await scenario.server(server).asBootstrapServer(request));
}

/** The first named rule about the judged role. */
export const judgedRule = (scenario: Scenario): RuleName => {
  const { rules, judges } = scenario.recorder.declared;
  return rules.filter(isRuleName).find((name) => ruleNamed(name)?.about.includes(judges)) ?? "item-truthful";
};

/** Judges the last answer of an HTTP call: status, problem type and the field at fault (or a place inside it). The rule is the first one the scenario names. */
export function checkProblem(scenario: Scenario, status: number, problem?: string, field?: string, rule = judgedRule(scenario)): void {
  const answer = scenario.lastAnswer;
  if (answer === undefined) throw new Error("no step before this one got an answer");
  const expected = [String(status), ...(problem === undefined ? [] : [problem]), ...(field === undefined ? [] : [`(${field})`])].join(" ");
  const named = field !== undefined && answer.field?.startsWith(`${field}/`) === true ? field : answer.field;
  const actual = [answer.code, ...(problem === undefined ? [] : [answer.problem ?? "no problem type"]), ...(field === undefined ? [] : [`(${named ?? "no field"})`])].join(" ");
  const body = describeAnswer({ status: Number(answer.code), body: answer.body });
  scenario.check({ rule, text: `the answer to ${answer.text}`, expected, actual: actual === expected ? actual : body, ok: actual === expected, at: answer.at });
}

/** Judges that the last answer has one of several statuses that are equally right. */
export function checkProblemIsOneOf(scenario: Scenario, statuses: readonly string[]): void {
  const answer = scenario.lastAnswer;
  if (answer === undefined) throw new Error("no step before this one got an answer");
  const ok = statuses.includes(answer.code);
  scenario.check({ rule: judgedRule(scenario), text: `the answer to ${answer.text}`, expected: statuses.join(" or "), actual: ok ? answer.code : describeAnswer({ status: Number(answer.code), body: answer.body }), ok, at: answer.at });
}

function lastBody(scenario: Scenario): Readonly<Record<string, unknown>> {
  const body = scenario.lastAnswer?.body;
  return typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
}

/** Judges members of the last answer's body; values may hold `<A.ssid>` and the like. */
export function checkAnswerMembers(scenario: Scenario, expected: Readonly<Record<string, string>>, rule = judgedRule(scenario)): void {
  const answer = scenario.lastAnswer;
  const body = lastBody(scenario);
  for (const [name, text] of Object.entries(expected)) {
    const value = body[name];
    scenario.equal(rule, `${name} in the answer to ${answer?.text ?? "nothing"}`, filledIn(scenario, text), typeof value === "string" ? value : value === undefined ? "absent" : JSON.stringify(value));
  }
}

/** Judges the order types in the capabilities that were last answered. */
export function checkOrderTypes(scenario: Scenario, listed: readonly string[], absent: string): void {
  const member = lastBody(scenario)["bootstrapServer"];
  const types: readonly unknown[] = typeof member === "object" && member !== null && "orderTypes" in member && Array.isArray(member.orderTypes) ? (member.orderTypes as readonly unknown[]) : [];
  const told = types.map(String);
  const ok = listed.every((type) => told.includes(type)) && !told.includes(absent);
  scenario.check({ rule: judgedRule(scenario), text: "order types in the capabilities", expected: `${listed.join(", ")} and no ${absent}`, actual: told.join(", ") || "none", ok });
}

/** Judges that the last answer repeats the one before: the same status and the same body. */
export function checkSameAnswer(scenario: Scenario): void {
  const [before, now] = [scenario.answerBefore, scenario.lastAnswer];
  const told = (answer: typeof now): string => `${answer?.code ?? "none"} ${JSON.stringify(answer?.body)}`;
  scenario.equal(judgedRule(scenario), `the answer to the repeated ${now?.text ?? "call"}`, told(before), told(now));
}

/** Judges that nothing in the last answer, headers included, is a secret: no member of such a name, and none of the values the run knows to be secret. */
export function checkNoSecret(scenario: Scenario): void {
  const answer = scenario.lastAnswer;
  const text = JSON.stringify([answer?.body, answer?.headers]);
  const named = /"(secret|secretKey|privateKey|masterSecret|psk|token)":/.exec(text)?.[1];
  const known = scenario.run.secrets.find((secret) => text.includes(secret));
  const actual = named !== undefined ? `a member "${named}"` : known !== undefined ? "a value that is a secret of this run" : "none";
  scenario.equal(judgedRule(scenario), `secrets in the answer to ${answer?.text ?? "nothing"}`, "none", actual);
}

/** Judges that the device's newest Register went to the second URI of the operator's server and was answered 2.01. */
export async function checkRegisteredAt(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const wanted = scenario.secondUriOf(operator).replace(/^coaps?:\/\//, "").replace(/\/$/, "");
  const seen = await scenario.until(scenario.run.deadlines.registerMs, async () => {
    const last = await latestOwn(scenario, alias, "register");
    return last?.answer !== undefined && last.request.event.peer === wanted ? last : undefined;
  });
  await awaitRegistered(scenario, alias, operator);
  const last = seen ?? (await latestOwn(scenario, alias, "register"));
  const actual = last === undefined ? "no Register" : `Register to ${last.request.event.peer} answered ${last.answer ?? "not at all"}`;
  scenario.check({
    rule: "register-accepted",
    text: `"${alias}" registers at the account's new URI`,
    expected: `Register to ${wanted} answered 2.01`,
    actual,
    ok: seen?.answer === "2.01",
    timing: seen === undefined,
    evidence: last === undefined ? [] : [refOf(last.response ?? last.request)],
  });
}
