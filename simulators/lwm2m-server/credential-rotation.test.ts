import { describe, expect, it } from "vitest";
import type { PlantName } from "./plants.js";
import { bench, nosec, problem, psk } from "./testing/credential-bench.js";
import { pskName } from "./identity-names.js";

describe("what a handshake gets", () => {
  it("is the key of an active or retiring version, never of one that is staged or over", () => {
    const { stage, activate, store, handshake } = bench();
    expect(handshake("aWQ")).toBe("unknown");
    stage(psk(1, "aWQ", "first"));
    expect(handshake("aWQ")).toBe("not-yet");
    activate(1, 1);
    expect(handshake("aWQ")).toBe("v1 first");
    stage(psk(2, "aWQtMg", "second"));
    expect([handshake("aWQ"), handshake("aWQtMg")]).toEqual(["v1 first", "not-yet"]);
    activate(2, 2);
    expect([handshake("aWQ"), handshake("aWQtMg")]).toEqual(["v1 first", "v2 second"]);
    store.registered("d1", store.find("a", "d1", "c1")?.active);
    expect([handshake("aWQ"), handshake("aWQtMg")]).toEqual(["over", "v2 second"]);
    store.revoke("a", "d1", "c1", 2);
    expect([handshake("aWQ"), handshake("aWQtMg")]).toEqual(["over", "over"]);
  });

  it("keeps to notBefore and notAfter", async () => {
    const { clock, stage, activate, handshake } = bench();
    const at = (seconds: number): string => new Date(clock.epoch() + seconds * 1000).toISOString();
    stage(psk(1, "aWQ", "key", { notBefore: at(10), notAfter: at(20) }));
    activate(1, 1);
    expect(handshake("aWQ")).toBe("not-yet");
    await clock.advance(15_000);
    expect(handshake("aWQ")).toBe("v1 key");
    await clock.advance(6_000);
    expect(handshake("aWQ")).toBe("over");
  });

  it("is told by the bytes of the identity, whatever they are", () => {
    const { stage, activate, store } = bench();
    const identity = Buffer.from([0xff, 0x00, 0xfe]);
    stage(psk(1, identity.toString("base64url")));
    activate(1, 1);
    expect(store.lookUp(pskName(identity)).state).toBe("usable");
    expect(store.lookUp(pskName(Buffer.from([0xff, 0x00]))).state).toBe("unknown");
  });

  it("forgets the key of what was revoked", () => {
    const { stage, activate, store } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    store.revoke("a", "d1", "c1", 1);
    expect(store.find("a", "d1", "c1")?.newest.key).toBeUndefined();
  });
});

describe("one slot", () => {
  const oneSlot = (...plants: PlantName[]) => bench(plants, 100, 1);

  it("swaps at activation: the old version is over, the new one serves", () => {
    const { stage, activate, handshake, states, events } = oneSlot();
    stage(psk(1, "aWQ", "first"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "second", { sessionPolicy: "keep-until-rehandshake" }));
    expect(handshake("aWQ")).toBe("v1 first");
    activate(2, 2);
    expect(states()).toEqual(["v1 revoked", "v2 active"]);
    expect([handshake("aWQ"), handshake("aWQtMg")]).toEqual(["over", "v2 second"]);
    expect(events.slice(-2)).toEqual(["smp.credential.activated v2 staged>active", "smp.credential.retired v1 active>revoked"]);
  });

  it("lets a new version have the identity of the one before, and gives the key that is in force", () => {
    const { stage, activate, handshake } = oneSlot();
    stage(psk(1, "aWQ", "first"));
    activate(1, 1);
    stage(psk(2, "aWQ", "second"));
    expect(handshake("aWQ")).toBe("v1 first");
    activate(2, 2);
    expect(handshake("aWQ")).toBe("v2 second");
  });

  it("gives the version before back when the activation is taken back", () => {
    const { stage, activate, store, handshake, states } = oneSlot();
    stage(psk(1, "aWQ", "first"));
    activate(1, 1);
    store.registered("d1", store.find("a", "d1", "c1")?.active);
    stage(psk(2, "aWQ", "second"));
    activate(2, 2);
    store.rollBack("a", "d1", "c1", 2, 2);
    expect(states()).toEqual(["v1 active", "v2 rolled-back"]);
    expect(handshake("aWQ")).toBe("v1 first");
  });
});

describe("a registration on a session", () => {
  it("confirms the version that the session rests on, not the newer one", () => {
    const { stage, activate, store, states, view } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    const old = store.find("a", "d1", "c1")?.active;
    stage(psk(2, "aWQtMg"));
    activate(2, 2);
    expect(store.registered("d1", old).map(({ version }) => version)).toEqual([1]);
    expect(view().confirmed).toBe(false);
    expect(states()).toEqual(["v1 retiring", "v2 active"]);
    expect(store.registered("d1", store.find("a", "d1", "c1")?.active).map(({ version }) => version)).toEqual([2]);
    expect(states()).toEqual(["v1 revoked", "v2 active"]);
  });

  it("without security confirms nothing that has a key", () => {
    const { stage, activate, store, view } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    expect(store.registered("d1", undefined)).toEqual([]);
    expect(view().confirmed).toBe(false);
  });

  it("without security confirms the retiring version that needs none while a new one has a key", () => {
    const { stage, activate, store, states } = bench();
    stage(nosec(1));
    activate(1, 1);
    stage(psk(2, "aWQ"));
    activate(2, 2);
    expect(store.registered("d1", undefined).map(({ version }) => version)).toEqual([1]);
    expect(states()).toEqual(["v1 retiring", "v2 active"]);
  });
});

describe("the policy for sessions", () => {
  it("of a version that gave way is that of the version that took its place", () => {
    const { stage, activate, store, changes } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "key", { sessionPolicy: "keep-until-rehandshake" }));
    activate(2, 2);
    store.registered("d1", store.find("a", "d1", "c1")?.active);
    expect(changes.at(-1)).toMatchObject({ from: "retiring", input: "register-seen", sessionPolicy: "keep-until-rehandshake", version: { version: 1, state: "revoked" } });
  });
});

describe("the overlap of two versions", () => {
  it("is not there at all where it was bounded to nothing", () => {
    const { stage, activate, states } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "key", { overlapSeconds: 0 }));
    activate(2, 2);
    expect(states()).toEqual(["v1 revoked", "v2 active"]);
  });

  it("ends after a day where nothing was said, and is shown until then", async () => {
    const { clock, stage, activate, states, view } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    stage(psk(2, "aWQtMg"));
    activate(2, 2);
    expect(view().versions).toEqual([
      { version: 2, state: "active", mode: "psk", identity: { b64u: "aWQtMg" } },
      { version: 1, state: "retiring", mode: "psk", identity: { b64u: "aWQ" }, overlapUntil: new Date(clock.epoch() + 86_400_000).toISOString() },
    ]);
    await clock.advance(86_399_000);
    expect(states()).toEqual(["v1 retiring", "v2 active"]);
    await clock.advance(2_000);
    expect(states()).toEqual(["v1 revoked", "v2 active"]);
  });

  it("of a version that came back begins anew with the next one", async () => {
    const { clock, stage, activate, store, states } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "key", { overlapSeconds: 10 }));
    activate(2, 2);
    store.rollBack("a", "d1", "c1", 2, 2);
    stage(psk(3, "aWQtMw", "key", { overlapSeconds: 100 }));
    activate(3, 3);
    await clock.advance(50_000);
    expect(states()).toEqual(["v1 retiring", "v3 active"]);
    await clock.advance(51_000);
    expect(states()).toEqual(["v1 revoked", "v3 active"]);
  });

  it("ends by itself where it was bounded", async () => {
    const { clock, stage, activate, store } = bench();
    stage(nosec(1));
    activate(1, 1);
    stage(nosec(2, { overlapSeconds: 10 }));
    activate(2, 2);
    const states = () => store.find("a", "d1", "c1")?.versions.map(({ state }) => state);
    await clock.advance(9000);
    expect(states()).toEqual(["retiring", "active"]);
    await clock.advance(2000);
    expect(states()).toEqual(["revoked", "active"]);
    expect(clock.pending()).toEqual([]);
  });
});

describe("roll-back", () => {
  it("restores the version before also when its overlap is over", async () => {
    const { clock, stage, activate, store, states } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "key", { overlapSeconds: 1 }));
    activate(2, 2);
    await clock.advance(3_000);
    expect(states()).toEqual(["v1 revoked", "v2 active"]);
    store.rollBack("a", "d1", "c1", 2, 2);
    expect(states()).toEqual(["v1 active", "v2 rolled-back"]);
  });

  it("of a version that was never activated leaves the active one alone", () => {
    const { stage, activate, store, states } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    stage(psk(2, "aWQtMg"));
    store.rollBack("a", "d1", "c1", 2, undefined);
    expect(states()).toEqual(["v1 active", "v2 rolled-back"]);
  });

  it("is refused for another version, for one that was revoked, and where there is none", () => {
    const { stage, activate, store } = bench();
    expect(problem(() => store.rollBack("a", "d1", "c1", 1, undefined))).toBe("not-found");
    stage(psk(1, "aWQ"));
    activate(1, 1);
    expect(problem(() => store.rollBack("a", "d1", "c1", 2, undefined))).toBe("version-regression");
    store.revoke("a", "d1", "c1", 1);
    expect(problem(() => store.rollBack("a", "d1", "c1", 1, undefined))).toBe("version-regression");
  });

  it("restores the version before", () => {
    const { stage, activate, store, view } = bench();
    stage(nosec(1));
    activate(1, 1);
    store.registered("d1", undefined);
    stage(nosec(2));
    activate(2, 2);
    store.rollBack("a", "d1", "c1", 2, 2);
    expect(view()).toMatchObject({ version: 2, state: "rolled-back", activeVersion: 1 });
    expect(store.admits("d1")).toBe(true);
    store.rollBack("a", "d1", "c1", 2, 2);
  });

  it("of a first version leaves nobody admitted, and it can be activated again", () => {
    const { stage, activate, store } = bench();
    stage(nosec(1));
    activate(1, 1);
    store.rollBack("a", "d1", "c1", 1, 1);
    expect(store.admits("d1")).toBe(false);
    activate(1, 2);
    expect(store.admits("d1")).toBe(true);
  });

  it("is refused once a registration confirmed it, and to an older session", () => {
    const { stage, activate, store } = bench();
    stage(nosec(1));
    activate(1, 3);
    expect(problem(() => store.rollBack("a", "d1", "c1", 1, 2))).toBe("session-displaced");
    store.registered("d1", undefined);
    expect(problem(() => store.rollBack("a", "d1", "c1", 1, 3))).toBe("version-regression");
  });
});
