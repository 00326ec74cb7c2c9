import type { LwM2mVersion } from "./version.js";
import { versionRules } from "./version.js";
import { RequestError } from "./errors.js";
import { Codes } from "../coap/index.js";
import type { PathLevel } from "./paths.js";

/** Notification attributes (LwM2M Core 1.1 §5.1.2). Periods in seconds; thresholds in the resource's unit. */
export interface Attributes {
  readonly pmin?: number;
  readonly pmax?: number;
  readonly gt?: number;
  readonly lt?: number;
  readonly st?: number;
  /** From 1.1 on: how often the value must be looked at. */
  readonly epmin?: number;
  readonly epmax?: number;
}

export type AttributeName = keyof Attributes;

/** A Write-Attributes: a value sets, `null` unsets. */
export type AttributeChange = { readonly [name in AttributeName]?: number | null };

const periods: readonly AttributeName[] = ["pmin", "pmax", "epmin", "epmax"];
const names10: readonly AttributeName[] = ["pmin", "pmax", "gt", "lt", "st"];
/** The order in which they are written. */
export const attributeNames: readonly AttributeName[] = [...names10, "epmin", "epmax"];

const isName = (text: string, version: LwM2mVersion): text is AttributeName => {
  const known: readonly string[] = versionRules(version).evaluationPeriods ? attributeNames : names10;
  return known.includes(text);
};

/** `30`; a period is a whole number of seconds (LwM2M Core 1.1 §5.1.2). */
const period = /^\d{1,10}$/;
const decimal = /^-?\d{1,40}(\.\d{1,40})?$/;

/** The number an attribute's text states; undefined when it states none. */
export function parseAttributeValue(name: AttributeName, text: string): number | undefined {
  if (periods.includes(name)) return period.test(text) ? Number(text) : undefined;
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return name === "st" && value < 0 ? undefined : value;
}

/** Reads the query of a Write-Attributes. Throws `RequestError` 4.00 for an unknown or doubled attribute and for a value that is none. */
export function parseAttributes(query: readonly string[], version: LwM2mVersion): AttributeChange {
  const change: { [name in AttributeName]?: number | null } = {};
  for (const parameter of query) {
    const at = parameter.indexOf("=");
    const name = at < 0 ? parameter : parameter.slice(0, at);
    if (!isName(name, version)) throw new RequestError(Codes.BadRequest, `unknown attribute: ${name.slice(0, 40)}`);
    if (change[name] !== undefined) throw new RequestError(Codes.BadRequest, `attribute given twice: ${name}`);
    const text = at < 0 ? "" : parameter.slice(at + 1);
    const value = text === "" ? null : parseAttributeValue(name, text);
    if (value === undefined) throw new RequestError(Codes.BadRequest, `not a value of ${name}: ${text.slice(0, 40)}`);
    change[name] = value;
  }
  return change;
}

/** Plain decimals: attributes know no exponent. */
function decimalText(value: number): string {
  const text = String(value);
  if (!text.includes("e")) return text;
  return Math.abs(value) >= 1 ? String(BigInt(value)) : value.toFixed(20).replace(/\.?0+$/, "");
}

/** `["pmin=10", "gt"]`: the query of a Write-Attributes. */
export function formatAttributes(change: AttributeChange): string[] {
  const query: string[] = [];
  for (const name of attributeNames) {
    const value = change[name];
    if (value === null) query.push(name);
    else if (value !== undefined) query.push(`${name}=${decimalText(value)}`);
  }
  return query;
}

/** What holds at one level after a Write-Attributes. */
export function applyAttributes(current: Attributes, change: AttributeChange): Attributes {
  const result: { [name in AttributeName]?: number } = {};
  for (const name of attributeNames) {
    const changed = change[name];
    const value = changed === undefined ? current[name] : (changed ?? undefined);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

export interface AttributeTarget {
  readonly level: PathLevel;
  /** The resource's type is Integer, Unsigned Integer, Float or Time. */
  readonly numeric: boolean;
}

/**
 * Why a level cannot hold these attributes; undefined when it can: thresholds belong to numeric resources (and their instances), `lt` below `gt`, and
 * two steps between them (LwM2M Core 1.1 §5.1.2). A `pmax` below `pmin` is no error, it is ignored.
 */
export function attributeFault(attributes: Attributes, target: AttributeTarget): string | undefined {
  const { gt, lt, st } = attributes;
  if (target.level === "root") return "attributes cannot be attached to the root";
  if (gt !== undefined || lt !== undefined || st !== undefined) {
    if (target.level !== "resource" && target.level !== "resource-instance") return "gt, lt and st belong to resources";
    if (!target.numeric) return "gt, lt and st belong to numeric resources";
  }
  if (gt !== undefined && lt !== undefined) {
    if (lt >= gt) return "lt is not below gt";
    if (st !== undefined && lt + 2 * st >= gt) return "lt + 2 st is not below gt";
  }
  return undefined;
}

/** As `attributeFault`, throwing `RequestError` 4.00. */
export function validateAttributes(attributes: Attributes, target: AttributeTarget): void {
  const fault = attributeFault(attributes, target);
  if (fault !== undefined) throw new RequestError(Codes.BadRequest, fault);
}

/** Values of /1/x/2 and /1/x/3 of the server that asks. */
export interface PeriodDefaults {
  readonly pmin?: number;
  readonly pmax?: number;
}

/** What counts for an observation: levels from the object downwards, the lower wins; then the server's defaults; then `pmin` 0. */
export function mergeAttributes(levels: readonly (Attributes | undefined)[], defaults: PeriodDefaults = {}): Attributes {
  const merged: { [name in AttributeName]?: number } = { pmin: defaults.pmin ?? 0 };
  if (defaults.pmax !== undefined) merged.pmax = defaults.pmax;
  for (const level of levels) {
    if (level === undefined) continue;
    for (const name of attributeNames) {
      const value = level[name];
      if (value !== undefined) merged[name] = value;
    }
  }
  return merged;
}
