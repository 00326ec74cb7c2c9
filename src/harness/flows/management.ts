import type { DeviceOperation, JsonValue } from "../../operator/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
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
