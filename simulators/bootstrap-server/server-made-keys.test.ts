import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identityOf, keyCheckValue, recipientOf } from "../../src/smp/index.js";
import type { NewOrder, OrderCredential, SmpClient } from "../../src/smp/index.js";
import { awaitedOrder, itemIn, ManagementRig, order, problem, until } from "./testing/management-rig.js";
import { heldBy, pskA } from "./testing/psk-accounts.js";
import type { ScriptedDevice } from "./testing/scripted-device.js";

let rig: ManagementRig;
let one: ScriptedDevice;
beforeEach(async () => {
  rig = await ManagementRig.start();
  one = await rig.device("ab-1");
});
afterEach(() => rig.stop());

describe("a key that the Server made", () => {
  const key = Buffer.from("own-key-of-server");
  const identity = Buffer.from("own-identity-1");

  async function own(client: SmpClient, over: Partial<OrderCredential> = {}, bound: { readonly ssid?: number; readonly ep?: string; readonly tenant?: string } = {}): Promise<OrderCredential> {
    const recipient = await recipientOf((await client.jwks()).value);
    const given = { ep: "ab-1", credentialId: "cr-own", version: 1, identity: identityOf(identity), bits: key.length * 8, kcv: keyCheckValue(key, "cr-own"), ...over };
    const { ep, credentialId, version } = given;
    return { ...given, secret: await recipient!.wrap(key, { tenant: "a", ep, ssid: 101, credentialId, version, purpose: "sm1-psk", ...bound }) };
  }

  const withKeys = (credentials: OrderCredential[], over: Partial<NewOrder> = {}): Partial<NewOrder> => ({ policy: { trigger: "wait-for-client", credential: { origin: "server" } }, credentials, ...over });

  it("comes with the order, goes to the device, and SM-3 only says which one it is", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const item = await rig.carriedOut(one, rig.a, accountId, withKeys([await own(rig.a)]));
    expect(item.credential).toMatchObject({ credentialId: "cr-own", version: 1 });
    expect(heldBy(one, 101)).toMatchObject({ identity, key });
    expect(rig.serverA.bodies).toMatchObject([{ keyOrigin: "server", version: 1, kcv: keyCheckValue(key, "cr-own") }]);
    expect(rig.serverA.key("ab-1", 1)).toBeUndefined();
  });

  it("is rotated under a higher version and the same credential id", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    await rig.carriedOut(one, rig.a, accountId, withKeys([await own(rig.a)]));
    const next = await own(rig.a, { version: 2, identity: identityOf(Buffer.from("own-identity-2")) });
    const item = await rig.carriedOut(one, rig.a, accountId, withKeys([next], { type: "rotate" }));
    expect(item.credential).toMatchObject({ credentialId: "cr-own", version: 2 });
    expect(heldBy(one, 101).identity.toString()).toBe("own-identity-2");
    expect(rig.serverA.versions("ab-1")).toBe("1 retiring, 2 active");
  });

  it("that is bad ends its own item, with what is wrong with it", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const names = ["ab-1", "ab-2", "ab-3", "ab-4", "ab-5", "ab-6"];
    const credentials = await Promise.all([
      own(rig.a),
      own(rig.a, { ep: "ab-2" }, { ep: "ab-1" }),
      own(rig.a, { ep: "ab-3", identity: identityOf(Buffer.from("own-3")), kcv: "0000000000000000" }),
      own(rig.a, { ep: "ab-4", identity: identityOf(Buffer.from("own-4")), bits: 128 }),
      own(rig.a, { ep: "ab-5", identity: identityOf(Buffer.from("own-5")) }, { tenant: "b" }),
      own(rig.a, { ep: "ab-6", identity: identityOf(Buffer.from("own-6")) }).then((one) => ({ ...one, secret: "AAECAwQFBgcICQoLDA0ODw" })),
    ]);
    credentials[1] = { ...credentials[1], identity: identityOf(Buffer.from("own-2")) };
    const placed = await order(rig.a, accountId, names, withKeys(credentials));
    const items = await until(async () => (await rig.a.listItems(placed.orderId)).value.items, (all) => all.every(({ state }) => state === "rejected" || state === "awaiting-client"));
    expect(items.map(({ state, reason }) => reason?.cause ?? state)).toEqual(["awaiting-client", "context-mismatch", "key-unwrap", "key-unwrap", "context-mismatch", "key-unwrap"]);
    expect(JSON.stringify(items)).not.toContain(key.toString("base64url"));
  });

  it("with an identity that another device, or the version before, has is refused", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const twice = await order(rig.a, accountId, ["ab-1", "ab-2"], withKeys([await own(rig.a), await own(rig.a, { ep: "ab-2" })]));
    expect((await itemIn(rig.a, twice, "ab-2", "rejected")).reason).toMatchObject({ cause: "identity-conflict" });
    await itemIn(rig.a, twice, "ab-1", "awaiting-client");
    await one.bootstrap();
    await itemIn(rig.a, twice, "ab-1", "applied");
    const again = await order(rig.a, accountId, ["ab-1"], withKeys([await own(rig.a, { version: 2 })], { type: "rotate" }));
    expect((await itemIn(rig.a, again, "ab-1", "rejected")).reason).toMatchObject({ cause: "identity-conflict" });
  });

  it("of a version that was used, or under another credential id, is refused", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    await rig.carriedOut(one, rig.a, accountId, withKeys([await own(rig.a)]));
    const fresh = { identity: identityOf(Buffer.from("own-identity-9")) };
    for (const [over, cause] of [[{ version: 1 }, "version-regression"], [{ version: 2, credentialId: "cr-other", kcv: keyCheckValue(key, "cr-other") }, "context-mismatch"]] as const) {
      const placed = await order(rig.a, accountId, ["ab-1"], withKeys([await own(rig.a, { ...fresh, ...over })], { type: "rotate" }));
      expect((await itemIn(rig.a, placed, "ab-1", "rejected")).reason).toMatchObject({ cause });
    }
  });

  it("of a rotation that failed has to be ordered anew: its version is spent", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    await rig.carriedOut(one, rig.a, accountId, withKeys([await own(rig.a)]));
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", withKeys([await own(rig.a, { version: 2, identity: identityOf(Buffer.from("own-2")) })], { type: "rotate" }));
    one.script = (operation) => (operation === "write" ? "silence" : undefined);
    await one.bootstrap();
    expect(await itemIn(rig.a, placed, "ab-1", "rolled-back")).toMatchObject({ reason: { cause: "timeout" } });
    expect(rig.serverA.versions("ab-1")).toBe("1 active, 2 rolled-back");
  });

  it("does not go with an account of mode nosec", async () => {
    const { accountId } = (await rig.a.createAccount({ uri: "coap://127.0.0.2:5683", securityMode: "nosec", ssid: 101 })).value;
    expect(await problem(order(rig.a, accountId, ["ab-1"], withKeys([await own(rig.a)])))).toEqual({ type: "unsupported-mode", status: 422, field: "/credentials" });
  });
});
