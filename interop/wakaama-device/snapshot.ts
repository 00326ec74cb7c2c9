import { z } from "zod";
import type { SnapshotObjects, SnapshotValue } from "../../simulators/device/index.js";
import type { Repository } from "./npm-package.js";

const bytes = z.object({ type: z.literal("Buffer"), data: z.array(z.int()) }).transform(({ data }) => Buffer.from(data));
const link = z.object({ objectId: z.int(), objectInstanceId: z.int() }).transform(({ objectId, objectInstanceId }) => `${objectId}:${objectInstanceId}`);
const single = z.union([bytes, link, z.string(), z.number(), z.boolean()]);
const resource = z.object({ value: z.union([single, z.record(z.string(), z.object({ value: single.optional() }))]).optional() });
const repository = z.record(z.string(), z.union([z.string(), z.record(z.string(), z.record(z.string(), resource))]));

type Single = z.output<typeof single>;
type Values = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Single | Readonly<Record<string, Single>>>>>>>>;

const multiple = (value: Single | Readonly<Record<string, { readonly value?: Single | undefined }>>): value is Readonly<Record<string, { readonly value?: Single | undefined }>> => typeof value === "object" && !Buffer.isBuffer(value);

/** What the store holds: object, instance, resource. What can only be executed is not in it. */
export function valuesOf(repo: Repository): Values {
  const json: unknown = JSON.parse(repo.toJSONString());
  const found: Record<string, Record<string, Record<string, Single | Readonly<Record<string, Single>>>>> = {};
  for (const [object, instances] of Object.entries(repository.parse(json))) {
    if (typeof instances === "string") continue;
    const kept: Record<string, Record<string, Single | Readonly<Record<string, Single>>>> = (found[object] = {});
    for (const [instance, resources] of Object.entries(instances)) {
      const held: Record<string, Single | Readonly<Record<string, Single>>> = (kept[instance] = {});
      for (const [id, { value }] of Object.entries(resources)) {
        if (value === undefined) continue;
        held[id] = multiple(value) ? Object.fromEntries(Object.entries(value).flatMap(([each, one]) => (one.value === undefined ? [] : [[each, one.value]]))) : value;
      }
    }
  }
  return found;
}

const plain = (value: Single): string | number | boolean => (Buffer.isBuffer(value) ? value.toString("hex") : value);

function shown(path: string, value: Single | Readonly<Record<string, Single>>): SnapshotValue {
  if (typeof value === "object" && !Buffer.isBuffer(value)) return Object.fromEntries(Object.entries(value).map(([id, each]) => [id, plain(each)]));
  return path === "0/5" && value !== "" && !(Buffer.isBuffer(value) && value.length === 0) ? "(secret)" : plain(value);
}

/** The same as it may be shown: keys are not. */
export const snapshotObjects = (values: Values): SnapshotObjects =>
  Object.fromEntries(
    Object.entries(values).map(([object, instances]) => [
      object,
      Object.fromEntries(Object.entries(instances).map(([instance, resources]) => [instance, Object.fromEntries(Object.entries(resources).map(([id, value]) => [id, shown(`${object}/${id}`, value)]))])),
    ]),
  );

export interface HeldAccount {
  readonly securityInstance: number;
  readonly bootstrap: boolean;
  readonly uri: string;
  readonly secured: boolean;
  readonly shortServerId: number;
  readonly key: Buffer | undefined;
}

/** The instances of /0. Security Mode 3 is NoSec. */
export function heldAccounts(values: Values): readonly HeldAccount[] {
  return Object.entries(values[0] ?? {}).map(([id, { 0: uri, 1: bootstrap, 2: mode, 5: key, 10: shortServerId }]) => ({
    securityInstance: Number(id),
    bootstrap: bootstrap === true,
    uri: typeof uri === "string" ? uri : Buffer.isBuffer(uri) ? uri.toString("utf8") : "",
    secured: mode !== 3,
    shortServerId: Number(shortServerId ?? 0),
    key: Buffer.isBuffer(key) ? key : undefined,
  }));
}
