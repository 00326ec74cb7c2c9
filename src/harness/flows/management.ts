import type { DeviceOperation, JsonValue } from "../../operator/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { shortServerIdOf } from "./devices.js";
import { serverInstanceOf } from "./server-management.js";

/** Replaces `A` or `B` in `/1/B/0` by the instance of that operator's account on the device. */
export async function pathOn(scenario: Scenario, alias: string, path: string): Promise<string> {
  const operator = /^\/\d+\/([AB])(?:\/|$)/.exec(path)?.[1];
  if (operator !== "A" && operator !== "B") return path;
  return path.replace(`/${operator}`, `/${await serverInstanceOf(scenario, alias, operator)}`);
}

/** An operation of the operator's server on the device; its answer becomes the last answer. */
export async function operate(scenario: Scenario, operator: ServerName, alias: string, operation: Omit<DeviceOperation, "path"> & { readonly path: string }): Promise<void> {
  const path = await pathOn(scenario, alias, operation.path);
  const result = await scenario.server(operator).operate(scenario.endpoint(alias), { ...operation, path });
  scenario.lastAnswer = {
    text: `${operation.operation} ${path} on "${alias}"`,
    code: result.code ?? `no answer (${result.failure ?? "unknown"})`,
    body: result.resources ?? result.links,
    at: scenario.now(),
  };
}

/** Values by path, as a table holds them. */
export async function resourcesFrom(scenario: Scenario, alias: string, row: Readonly<Record<string, string>>): Promise<Record<string, JsonValue>> {
  const entries = await Promise.all(Object.entries(row).map(async ([path, value]): Promise<[string, JsonValue]> => [await pathOn(scenario, alias, path), valueOf(value)]));
  return Object.fromEntries(entries);
}

const rights: Readonly<Record<string, number>> = { read: 1, write: 2, execute: 4, delete: 8 };

/** An access control instance from the factory: the owner may do everything with an object instance, the other operator what is listed ("read, execute"). */
export function grant(scenario: Scenario, alias: string, path: string, owner: ServerName, allowed: string): void {
  const [, object, instance] = /^\/(\d+)\/(\d+)$/.exec(path) ?? [];
  if (object === undefined || instance === undefined) throw new Error(`${path} is no object instance; write it as /3/0`);
  const bits = allowed.split(",").map((word) => rights[word.trim()]);
  if (bits.includes(undefined)) throw new Error(`"${allowed}" are no rights; there are ${Object.keys(rights).join(", ")}`);
  const ownerId = shortServerIdOf(scenario, owner);
  const otherId = shortServerIdOf(scenario, owner === "A" ? "B" : "A");
  const all = Object.values(rights).reduce((sum, bit) => sum | bit, 0);
  const other = bits.reduce<number>((sum, bit) => sum | (bit ?? 0), 0);
  const known = scenario.specOf(alias)?.accessControl ?? [];
  scenario.declare(alias, { accessControl: [...known, { object: Number(object), instance: Number(instance), owner: ownerId, rights: { [ownerId]: all, [otherId]: other } }] });
}

/** Judges that the last Discover lists a path, or (`listed` false) does not; a link may be given with attributes: `/3303/0/5700;pmin=1`. */
export function checkLink(scenario: Scenario, link: string, listed: boolean, rule: RuleName): void {
  const answer = scenario.lastAnswer;
  const links = Array.isArray(answer?.body) ? answer.body.map(String) : [];
  const [path = "", ...attributes] = link.split(";");
  const found = links.find((candidate) => candidate.startsWith(`<${path}>`));
  const has = found !== undefined && attributes.every((attribute) => found.split(";").slice(1).includes(attribute));
  scenario.check({
    rule,
    text: `the answer to ${answer?.text ?? "Discover"}`,
    expected: listed ? `lists ${link}` : `does not list ${link}`,
    actual: found ?? (links.length === 0 ? "no links" : `does not list ${path}`),
    ok: has === listed,
    ...(answer === undefined ? {} : { at: answer.at }),
  });
}

/** `true`, `120` or text, as a step holds it. */
export function valueOf(text: string): JsonValue {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** Judges the last answer by its code. `|` separates codes that are equally right. */
export function checkAnswer(scenario: Scenario, expected: string, rule: RuleName): void {
  const answer = scenario.lastAnswer;
  if (answer === undefined) throw new Error("no step before this one got an answer");
  const accepted = expected.split("|").map((code) => code.trim());
  scenario.check({ rule, text: `the answer to ${answer.text}`, expected: accepted.join(" or "), actual: answer.code, ok: accepted.includes(answer.code), at: answer.at });
}
