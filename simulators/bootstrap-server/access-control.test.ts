import { describe, expect, it } from "vitest";
import { MAX_ID, planAccessControl, Right } from "./access-control.js";
import type { AccessControlInput, AccessRecord, Party } from "./access-control.js";

const a: Party = { ssid: 101, serverInstance: 3 };
const b: Party = { ssid: 201, serverInstance: 0, grants: [{ object: 3, instance: 0, rights: Right.read }, { object: 3303, rights: Right.read | Right.create }] };
const objects = new Map([
  [0, [0, 1]],
  [1, [3]],
  [3, [0]],
  [3303, [0, 1]],
]);
const input = (over: Partial<AccessControlInput> = {}): AccessControlInput => ({
  existing: [],
  objects,
  creatable: (object) => object === 3303,
  parties: [a, b],
  removed: new Set(),
  ...over,
});
const find = (records: readonly AccessRecord[], object: number, target: number): AccessRecord | undefined => records.find((record) => record.object === object && record.target === target);

describe("access control of a second account", () => {
  const { writes, deletes } = planAccessControl(input());

  it("gives each Server object instance to its own account", () => {
    expect(find(writes, 1, 3)).toMatchObject({ owner: 101, acl: new Map() });
    expect(find(writes, 1, 0)).toMatchObject({ owner: 201, acl: new Map() });
  });

  it("leaves what was there to the account that was there first", () => {
    expect(find(writes, 3, 0)).toMatchObject({ owner: 101, acl: new Map([[201, Right.read]]) });
    expect(find(writes, 3303, 1)).toMatchObject({ owner: 101, acl: new Map([[201, Right.read]]) });
  });

  it("writes one record for Create, for the new account and for the one that could create before", () => {
    expect(find(writes, 3303, MAX_ID)).toMatchObject({ owner: MAX_ID, acl: new Map([[101, Right.create], [201, Right.create]]) });
    expect(find(writes, 3, MAX_ID)).toBeUndefined();
  });

  it("writes none for Security and Access Control instances, and deletes nothing", () => {
    expect(writes.filter(({ object }) => object === 0 || object === 2)).toEqual([]);
    expect(deletes).toEqual([]);
  });

  it("numbers its records from the free ids and each one once", () => {
    expect(writes.map(({ instance }) => instance)).toEqual(writes.map((_, index) => index));
    const taken = planAccessControl(input({ existing: [{ instance: 1, object: 9, target: 0, acl: new Map(), owner: 101 }] }));
    expect(taken.writes.map(({ instance }) => instance)).toEqual([0, 2, 3, 4, 5, 6]);
  });

  it("writes nothing a second time", () => {
    expect(planAccessControl(input({ existing: writes }))).toEqual({ deletes: [], writes: [] });
  });
});

describe("access control when accounts leave", () => {
  const both = planAccessControl(input()).writes;

  it("gives the one account left full rights by taking every record away", () => {
    expect(planAccessControl(input({ existing: both, parties: [a], removed: new Set([201]) }))).toEqual({ deletes: "all", writes: [] });
  });

  it("does not touch records of a device with one account when nobody leaves", () => {
    expect(planAccessControl(input({ existing: both, parties: [a] }))).toEqual({ deletes: [], writes: [] });
  });

  it("passes ownership to the account with the largest write and delete rights", () => {
    const c: Party = { ssid: 301, serverInstance: 5 };
    const existing: AccessRecord[] = [{ instance: 0, object: 3, target: 0, acl: new Map([[201, Right.write], [301, Right.write | Right.delete]]), owner: 101 }];
    const { writes } = planAccessControl(input({ existing, parties: [{ ssid: 201, serverInstance: 0 }, c], removed: new Set([101]) }));
    expect(find(writes, 3, 0)).toMatchObject({ owner: 301 });
  });

  it("takes away the record of a Server instance that is gone, and the entries of the account that left", () => {
    const c: Party = { ssid: 301, serverInstance: 5 };
    const plan = planAccessControl(input({ existing: both, parties: [a, c], removed: new Set([201]) }));
    expect(plan.deletes).toEqual([find(both, 1, 0)!.instance]);
    expect(find(plan.writes, 3, 0)!.acl.has(201)).toBe(false);
  });

  it("gives a reused Server instance to its new account", () => {
    const c: Party = { ssid: 301, serverInstance: 0 };
    const plan = planAccessControl(input({ existing: both, parties: [a, c], removed: new Set([201]) }));
    expect(find(plan.writes, 1, 0)).toMatchObject({ owner: 301, acl: new Map() });
  });
});
