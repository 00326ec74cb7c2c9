import { describe, expect, it } from "vitest";
import { planSession, readsNeeded } from "./plan.js";
import type { DeviceView, Plan, WantedAccount, Wish } from "./plan.js";

const account = (ssid: number, over: Partial<WantedAccount> = {}): WantedAccount => ({
  ssid,
  uri: `coap://127.0.0.1:${ssid}`,
  payload: { contentFormat: 11542, security: Buffer.from(`0 of ${ssid}`), server: Buffer.from(`1 of ${ssid}`) },
  mode: "write",
  ...over,
});
const wish = (accounts: readonly WantedAccount[], over: Partial<Wish> = {}): Wish => ({ accounts, remove: new Set(), ...over });
const view = (over: Partial<DeviceView> = {}): DeviceView => ({ version: "1.1", security: [{ instance: 0 }], servers: [], accessControls: [], objects: new Map([[3, [0]]]), ...over });
const withA = view({
  security: [{ instance: 0 }, { instance: 2, ssid: 101, uri: "coap://127.0.0.1:101" }],
  servers: [{ instance: 3, ssid: 101 }],
});
const plan = (device: DeviceView, wanted: Wish): Plan =>
  planSession({ view: device, wish: wanted, records: [], creatable: () => false, encodeRecords: (records) => ({ contentFormat: 11542, payload: Buffer.from(`${records.length} records`) }) });
const paths = (steps: Plan["writes"]): string[] => steps.map(({ path }) => `/${path.join("/")}`);

describe("the plan of a bootstrap session", () => {
  it("never uses the instance of the Bootstrap-Server account", () => {
    expect(paths(plan(view(), wish([account(101)])).writes)).toEqual(["/0/1", "/1/0"]);
    expect(paths(plan(view({ security: [{ instance: 1 }] }), wish([account(101)])).writes)).toEqual(["/0/0", "/1/0"]);
  });

  it("writes an account that is there already into the instances it has", () => {
    expect(paths(plan(withA, wish([account(101)])).writes)).toEqual(["/0/2", "/1/3"]);
  });

  it("puts a second account beside the first, leaves the first alone and writes access control last", () => {
    const made = plan(withA, wish([account(101, { mode: "keep" }), account(201)]));
    expect(paths(made.writes)).toEqual(["/0/1", "/1/0", "/2"]);
    expect([...made.written]).toEqual([201]);
    expect(made.deletes).toEqual([]);
  });

  it("keeps accounts of others that nobody named", () => {
    const made = plan(withA, wish([account(201)]));
    expect(made.deletes).toEqual([]);
    expect(paths(made.writes)).toEqual(["/0/1", "/1/0", "/2"]);
  });

  it("writes a kept account again when the device lost it, in part or whole, or shows another URI", () => {
    const kept = wish([account(101, { mode: "keep" })]);
    expect(plan(view(), kept).written).toEqual(new Set([101]));
    expect(plan({ ...withA, servers: [] }, kept).written).toEqual(new Set([101]));
    expect(plan({ ...withA, security: [{ instance: 0 }, { instance: 2, ssid: 101, uri: "coap://127.0.0.1:9" }] }, kept).written).toEqual(new Set([101]));
    expect(plan({ ...withA, security: [{ instance: 0 }, { instance: 2, ssid: 101 }] }, kept).written).toEqual(new Set());
  });

  it("removes both instances of an account and nothing else", () => {
    const device = view({ security: [...withA.security, { instance: 1, ssid: 201 }], servers: [...withA.servers, { instance: 0, ssid: 201 }], accessControls: [0] });
    const made = planSession({
      view: device,
      wish: wish([account(101, { mode: "keep" })], { remove: new Set([201]) }),
      records: [{ instance: 0, object: 3, target: 0, acl: new Map(), owner: 101 }],
      creatable: () => false,
      encodeRecords: () => ({ contentFormat: 11542, payload: Buffer.alloc(0) }),
    });
    expect(paths(made.deletes)).toEqual(["/1/0", "/0/1", "/2"]);
    expect(made.writes).toEqual([]);
    expect(made.removed).toEqual(new Set([201]));
  });

  it("has nothing to delete when the account to remove is not there", () => {
    expect(plan(withA, wish([account(101, { mode: "keep" })], { remove: new Set([201]) }))).toMatchObject({ deletes: [], writes: [] });
  });

  it("removes accounts nobody named only when the configuration says it is complete", () => {
    expect(paths(plan(withA, wish([account(201)], { removeOthers: true })).deletes)).toEqual(["/1/3", "/0/2"]);
  });

  it("removes a second instance with the Short Server ID it writes", () => {
    const twice = view({ security: [{ instance: 0 }, { instance: 1, ssid: 101 }, { instance: 5, ssid: 101 }], servers: [{ instance: 0, ssid: 101 }] });
    expect(paths(plan(twice, wish([account(101)])).deletes)).toEqual(["/0/5"]);
  });

  it("gives new accounts instances of their own", () => {
    expect(paths(plan(view(), wish([account(101), account(201)])).writes)).toEqual(["/0/1", "/1/0", "/0/2", "/1/1", "/2"]);
  });
});

describe("what has to be read", () => {
  it("is object 1 where Discover does not show whose an instance is", () => {
    expect(readsNeeded(view({ servers: [{ instance: 0 }] }), wish([account(101)]))).toEqual(["1"]);
    expect(readsNeeded(withA, wish([account(101)]))).toEqual([]);
  });

  it("is object 2 where there are records and more than one account", () => {
    const recorded = { ...withA, accessControls: [0] };
    expect(readsNeeded(recorded, wish([account(101)]))).toEqual([]);
    expect(readsNeeded(recorded, wish([account(101), account(201)]))).toEqual(["2"]);
  });
});
