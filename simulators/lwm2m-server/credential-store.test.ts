import { describe, expect, it } from "vitest";
import { bench, nosec, problem, psk } from "./testing/credential-bench.js";
import { pskName } from "./identity-names.js";

describe("admission by credential", () => {
  it("begins with the activation, not with the staging", () => {
    const { store, stage, activate } = bench();
    expect(store.admits("d1")).toBe(false);
    stage(nosec(1));
    expect(store.admits("d1")).toBe(false);
    activate(1, 1);
    expect(store.admits("d1")).toBe(true);
    expect(store.admits("d2")).toBe(false);
  });

  it("is given by two versions at most", () => {
    const { store, stage, activate, events } = bench();
    for (const version of [1, 2, 3]) {
      stage(nosec(version));
      activate(version, version);
    }
    expect(store.find("a", "d1", "c1")?.versions.map(({ version, state }) => `v${version} ${state}`)).toEqual(["v1 revoked", "v2 retiring", "v3 active"]);
    expect(events).toContain("smp.credential.retired v1 retiring>revoked");
  });

  it("leaves an identity to others once the version that had it was never used and gave way", () => {
    const { stage } = bench();
    stage(psk(1, "aWQ"));
    expect(problem(() => stage(psk(1, "aWQ"), "d2"))).toBe("identity-conflict");
    stage(psk(2, "b3RoZXI"));
    expect(problem(() => stage(psk(1, "aWQ"), "d2"))).toBe("none");
    expect(problem(() => stage(psk(1, "b3RoZXI"), "d3"))).toBe("identity-conflict");
  });

  it("ends with the revocation", () => {
    const { store, stage, activate, view } = bench();
    stage(nosec(1));
    activate(1, 1);
    expect(store.revoke("a", "d1", "c1", 1).admitted).toBe(true);
    expect(store.admits("d1")).toBe(false);
    expect(view().state).toBe("revoked");
    expect(store.revoke("a", "d1", "c1", 1).admitted).toBe(false);
  });

  it("needs a session where the credential has a key", () => {
    const { store, stage, activate } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    expect(store.admits("d1")).toBe(false);
    expect(store.anyUsable("d1")).toBe(true);
  });

  it("keeps to notBefore and notAfter", async () => {
    const { clock, store, stage, activate } = bench();
    const at = (seconds: number): string => new Date(clock.epoch() + seconds * 1000).toISOString();
    stage(nosec(1, { notBefore: at(10), notAfter: at(20) }));
    activate(1, 1);
    expect(store.admits("d1")).toBe(false);
    await clock.advance(15_000);
    expect(store.admits("d1")).toBe(true);
    await clock.advance(6_000);
    expect(store.admits("d1")).toBe(false);
  });
});

describe("versions of a credential", () => {
  it("take the same again as no change, whatever the order of its members", () => {
    const { stage, events } = bench();
    expect(stage(nosec(1, { orderItem: "o-1/d1" })).stored).toBe(true);
    expect(stage({ body: { sessionPolicy: "close-on-revoke", orderItem: "o-1/d1", mode: "nosec", ssid: 101, version: 1 } }).stored).toBe(false);
    expect(events).toHaveLength(1);
  });

  it("refuse another body under the same version, and a lower version", () => {
    const { stage } = bench();
    stage(nosec(2));
    expect(problem(() => stage(nosec(2, { ssid: 102 })))).toBe("version-regression");
    expect(problem(() => stage(nosec(1)))).toBe("version-regression");
    expect(stage(nosec(3)).stored).toBe(true);
  });

  it("compare keys by their bytes, and tell nothing of them", () => {
    const { stage, store } = bench();
    expect(stage(psk(1, "aWQ", "one key")).stored).toBe(true);
    expect(stage(psk(1, "aWQ", "one key")).stored).toBe(false);
    expect(problem(() => stage(psk(1, "aWQ", "another")))).toBe("version-regression");
    expect(store.find("a", "d1", "c1")?.newest.canonical).not.toMatch(/one key/);
  });

  it("refuse a version that was revoked", () => {
    const { stage, activate, store } = bench();
    stage(nosec(1));
    activate(1, 1);
    store.revoke("a", "d1", "c1", 1);
    expect(problem(() => stage(nosec(1)))).toBe("version-regression");
    expect(problem(() => activate(1, 2))).toBe("version-regression");
    expect(stage(nosec(2)).stored).toBe(true);
    activate(2, 2);
    expect(store.admits("d1")).toBe(true);
  });

  it("overlap until the new one is confirmed", () => {
    const { stage, activate, store, view, events } = bench();
    stage(nosec(1));
    activate(1, 1);
    store.registered("d1", undefined);
    stage(nosec(2));
    expect(view()).toMatchObject({ version: 2, state: "staged", activeVersion: 1, confirmed: true });
    activate(2, 2);
    expect(view()).toMatchObject({ version: 2, state: "active", activeVersion: 2, confirmed: false });
    expect(store.find("a", "d1", "c1")?.versions.map(({ state }) => state)).toEqual(["retiring", "active"]);
    store.registered("d1", undefined);
    expect(store.find("a", "d1", "c1")?.versions.map(({ state }) => state)).toEqual(["revoked", "active"]);
    expect(events.at(-1)).toBe("smp.credential.retired v1 retiring>revoked");
  });
});

describe("activation", () => {
  it("of the active version, by a later session while a newer one waits, is accepted and waits for its registration again", () => {
    const { stage, activate, store, states, view } = bench();
    stage(psk(1, "aWQ"));
    activate(1, 1);
    store.registered("d1", store.find("a", "d1", "c1")?.active);
    stage(psk(2, "aWQtMg"));
    activate(1, 2);
    expect(view()).toMatchObject({ activeVersion: 1, confirmed: false, sessionId: 2 });
    expect(states()).toEqual(["v1 active", "v2 staged"]);
    activate(2, 3);
    expect(problem(() => activate(1, 4))).toBe("version-regression");
  });

  it("is refused to a session older than one that was seen (ORD-5)", () => {
    const { stage, activate } = bench();
    stage(nosec(1));
    activate(1, 7);
    stage(nosec(2));
    expect(problem(() => activate(2, 6))).toBe("session-displaced");
    activate(2, 7);
  });

  it("is the same when it is repeated", () => {
    const { stage, activate, events } = bench();
    stage(nosec(1));
    activate(1, 1);
    activate(1, 1);
    expect(events.filter((event) => event.includes("activated"))).toHaveLength(1);
  });

  it("by a later session waits for a registration of its own", () => {
    const { stage, activate, store, view } = bench();
    stage(nosec(1));
    activate(1, 1);
    store.registered("d1", undefined);
    expect(view().confirmed).toBe(true);
    activate(1, 2);
    expect(view()).toMatchObject({ confirmed: false, sessionId: 2 });
  });

  it("of what was never staged is not-found", () => {
    const { activate } = bench();
    expect(problem(() => activate(1, 1))).toBe("not-found");
  });
});

describe("the credential store", () => {
  it("gives an identity to one client only, and takes it back with the credential", () => {
    const { stage, store } = bench();
    stage(psk(1, "aWQ"), "d1");
    expect(problem(() => stage(psk(1, "aWQ"), "d2"))).toBe("identity-conflict");
    expect(problem(() => stage(psk(1, "aWQ"), "d2", "c1", "b"))).toBe("identity-conflict");
    store.revoke("a", "d1", "c1", 1);
    expect(problem(() => stage(psk(1, "aWQ"), "d2"))).toBe("none");
  });

  it("leaves the first owner of an identity as it was when a second one is refused", () => {
    const { stage, activate, handshake, events } = bench();
    stage(psk(1, "aWQ", "first"));
    activate(1, 1);
    const before = events.length;
    expect(problem(() => stage(psk(1, "aWQ", "second"), "d2"))).toBe("identity-conflict");
    expect(problem(() => stage(psk(1, "aWQ", "second"), "d1", "c2"))).toBe("identity-conflict");
    expect(handshake("aWQ")).toBe("v1 first");
    expect(events).toHaveLength(before);
  });

  it("wants a new identity for a new version as long as the old one admits", () => {
    const { stage, activate, handshake } = bench();
    stage(psk(1, "aWQ", "first"));
    stage(psk(2, "aWQ", "second"));
    activate(2, 1);
    expect(problem(() => stage(psk(3, "aWQ", "third")))).toBe("identity-conflict");
    expect(handshake("aWQ")).toBe("v2 second");
  });

  it("keeps tenants apart", () => {
    const { stage, store } = bench();
    stage(nosec(1), "d1", "c1", "b");
    expect(store.find("a", "d1", "c1")).toBeUndefined();
    expect([...store.ofTenant("a")]).toEqual([]);
    expect([...store.ofTenant("b")]).toHaveLength(1);
  });

  it("never shows the secret", () => {
    const { stage, view, activate } = bench();
    stage(psk(1, "aWQ", "the-canary"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "another-canary"));
    for (const canary of ["the-canary", "another-canary"]) {
      for (const encoding of ["utf8", "hex", "base64", "base64url"] as const) expect(JSON.stringify(view())).not.toContain(Buffer.from(canary).toString(encoding));
    }
  });

  it("is bounded", () => {
    const { stage } = bench([], 2);
    stage(nosec(1), "d1");
    stage(nosec(1), "d2");
    expect(problem(() => stage(nosec(1), "d3"))).toBe("peer-unavailable");
    expect(problem(() => stage(nosec(2), "d2"))).toBe("none");
  });
});

describe("planted faults of the credential store", () => {
  it("admits-without-credential", () => {
    expect(bench(["admits-without-credential"]).store.admits("d1")).toBe(true);
  });

  it("activation-not-effective", () => {
    const { stage, activate, store } = bench(["activation-not-effective"]);
    stage(nosec(1));
    activate(1, 1);
    expect(store.admits("d1")).toBe(false);
  });

  it("stale-session-activation-accepted", () => {
    const { stage, activate } = bench(["stale-session-activation-accepted"]);
    stage(nosec(1));
    activate(1, 7);
    expect(problem(() => activate(1, 6))).toBe("none");
  });

  it("version-regression-accepted", () => {
    const { stage } = bench(["version-regression-accepted"]);
    stage(nosec(2));
    expect(problem(() => stage(nosec(1)))).toBe("none");
  });

  it("staged-credential-admits", () => {
    const { stage, store, handshake } = bench(["staged-credential-admits"]);
    stage(nosec(1), "d2");
    stage(psk(1, "aWQ", "key"));
    expect(store.admits("d2")).toBe(true);
    expect(handshake("aWQ")).toBe("v1 key");
  });

  it("old-credential-outlives-overlap", async () => {
    const { clock, stage, activate, store, handshake } = bench(["old-credential-outlives-overlap"]);
    stage(psk(1, "aWQ", "first"));
    activate(1, 1);
    stage(psk(2, "aWQtMg", "second", { overlapSeconds: 1 }));
    activate(2, 2);
    store.registered("d1", store.find("a", "d1", "c1")?.active);
    await clock.advance(10_000);
    expect(handshake("aWQ")).toBe("v1 first");
    store.revoke("a", "d1", "c1", 2);
    expect(handshake("aWQ")).toBe("over");
  });

  it("rollback-not-effective", () => {
    const { stage, activate, store, states } = bench(["rollback-not-effective"]);
    stage(psk(1, "aWQ"));
    activate(1, 1);
    store.rollBack("a", "d1", "c1", 1, 1);
    expect(states()).toEqual(["v1 active"]);
  });

  it("identity-accepted-twice", () => {
    const { stage, activate, store } = bench(["identity-accepted-twice"]);
    stage(psk(1, "aWQ", "first"));
    activate(1, 1);
    stage(psk(1, "aWQ", "second"), "d2");
    activate(1, 1, "d2");
    expect(store.lookUp(pskName(Buffer.from("id"))).version?.record.endpoint).toBe("d2");
  });

  it("old-session-confirms-new", () => {
    const { stage, activate, store } = bench(["old-session-confirms-new"]);
    stage(psk(1, "aWQ"));
    activate(1, 1);
    const old = store.find("a", "d1", "c1")?.active;
    stage(psk(2, "aWQtMg"));
    activate(2, 2);
    expect(store.registered("d1", old).map(({ version }) => version)).toEqual([2]);
  });

  it("secured-endpoint-admitted-without-session", () => {
    const { stage, activate, store } = bench(["secured-endpoint-admitted-without-session"]);
    stage(psk(1, "aWQ"));
    expect(store.admits("d1")).toBe(false);
    activate(1, 1);
    expect(store.admits("d1")).toBe(true);
  });
});
