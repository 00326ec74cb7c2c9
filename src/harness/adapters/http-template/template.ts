import { AdapterError } from "../adapter.js";

/** What a placeholder can stand for. */
export type Variables = Readonly<Record<string, unknown>>;

const placeholder = /\{([A-Za-z][A-Za-z0-9]*)\}/g;
const alone = /^\{([A-Za-z][A-Za-z0-9]*)\}$/;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Names of the placeholders in a template. */
export function placeholdersIn(template: unknown): string[] {
  if (typeof template === "string") return [...template.matchAll(placeholder)].map((match) => match[1] ?? "");
  if (Array.isArray(template)) return template.flatMap((item) => placeholdersIn(item));
  return isObject(template) ? Object.values(template).flatMap((item) => placeholdersIn(item)) : [];
}

function lookUp(name: string, variables: Variables): unknown {
  if (!(name in variables)) throw new AdapterError(`the template uses {${name}}, which this call does not have; it has ${Object.keys(variables).join(", ")}`);
  return variables[name];
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : value === undefined ? "" : JSON.stringify(value));

/** `{name}` in a text; `encode` is applied to each value. */
export const fillText = (template: string, variables: Variables, encode: (text: string) => string = (text) => text): string => template.replaceAll(placeholder, (_whole, name: string) => encode(textOf(lookUp(name, variables))));

/**
 * A JSON template with its placeholders filled in. A text that is one placeholder becomes its value with its type; a member that comes to nothing is left out.
 * `{$each: accounts, $item: ...}` is a list with one item for each, `$key` makes it an object.
 */
export function fillBody(template: unknown, variables: Variables): unknown {
  if (typeof template === "string") {
    const whole = alone.exec(template)?.[1];
    return whole === undefined ? fillText(template, variables) : lookUp(whole, variables);
  }
  if (Array.isArray(template)) return template.map((item) => fillBody(item, variables));
  if (!isObject(template)) return template;
  const { $each, $item, $key } = template;
  if (typeof $each === "string") {
    const list = lookUp($each, variables);
    const items = (Array.isArray(list) ? list : []).map((item: unknown, index) => ({ ...variables, index, ...(isObject(item) ? item : { item }) }));
    if (typeof $key !== "string") return items.map((item) => fillBody($item, item));
    return Object.fromEntries(items.map((item) => [fillText($key, item), fillBody($item, item)]));
  }
  return Object.fromEntries(Object.entries(template).flatMap(([name, value]) => {
    const filled = fillBody(value, variables);
    return filled === undefined ? [] : [[name, filled] as const];
  }));
}

/** A member of an answer: `status`, `data.items.0.id`; empty: the whole of it. */
export function take(body: unknown, path: string): unknown {
  let at: unknown = body;
  for (const step of path.split(".").filter((name) => name !== "" && name !== "$")) {
    if (Array.isArray(at)) at = at[Number(step)] as unknown;
    else if (isObject(at)) at = at[step];
    else return undefined;
  }
  return at;
}
