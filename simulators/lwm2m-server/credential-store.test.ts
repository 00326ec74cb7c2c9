import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import { ProblemError, type CredentialBody } from "../../src/smp/index.js";
import { viewOf } from "./credential-record.js";
import { CredentialStore } from "./credential-store.js";
import { plantedFaults, type PlantName } from "./plants.js";

const nosec = (version: number, extra: Partial<CredentialBody> = {}): CredentialBody => ({ version, ssid: 101, mode: "nosec", sessionPolicy: "close-on-revoke", ...extra });
const psk = (version: number, identity: string, secret = "c2VjcmV0LWtleQ"): CredentialBody => ({ version, ssid: 101, mode: "psk", identity: { b64u: identity }, secret, sessionPolicy: "close-on-revoke" });

function bench(plants: PlantName[] = [], maxRecords = 100) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const store = new CredentialStore({ clock, plants: plantedFaults(plants), maxRecords, changed: ({ version, from, event }) => events.push(`${event} v${version.version} ${from}>${version.state}`) });
  return {
    clock,
    events,
    store,
    stage: (body: CredentialBody, endpoint = "d1", id = "c1", tenant = "a") => store.stage(tenant, `bs-${tenant}`, endpoint, id, body),
    activate: (version: number, sessionId: number, endpoint = "d1", id = "c1") => store.activate("a", endpoint, id, { version, sessionId }),
    view: (endpoint = "d1", id = "c1") => viewOf(store.find("a", endpoint, id) ?? expect.fail("no record")),
  };
}

const problem = (act: () => unknown): string => {
  try {
    act();
    return "none";
  } catch (error) {
    if (error instanceof ProblemError) return error.type;
    throw error;
  }
};

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
    expect(store.revoke("a", "d1", "c1", 1)).toBe(true);
    expect(store.admits("d1")).toBe(false);
    expect(view().state).toBe("revoked");
    expect(store.revoke("a", "d1", "c1", 1)).toBe(false);
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
    expect(stage({ sessionPolicy: "close-on-revoke", orderItem: "o-1/d1", mode: "nosec", ssid: 101, version: 1 }).stored).toBe(false);
    expect(events).toHaveLength(1);
  });

  it("refuse another body under the same version, and a lower version", () => {
    const { stage } = bench();
    stage(nosec(2));
    expect(problem(() => stage(nosec(2, { ssid: 102 })))).toBe("version-regression");
    expect(problem(() => stage(nosec(1)))).toBe("version-regression");
    expect(stage(nosec(3)).stored).toBe(true);
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
    store.registered("d1");
    stage(nosec(2));
    expect(view()).toMatchObject({ version: 2, state: "staged", activeVersion: 1, confirmed: true });
    activate(2, 2);
    expect(view()).toMatchObject({ version: 2, state: "active", activeVersion: 2, confirmed: false });
    expect(store.find("a", "d1", "c1")?.versions.map(({ state }) => state)).toEqual(["retiring", "active"]);
    store.registered("d1");
    expect(store.find("a", "d1", "c1")?.versions.map(({ state }) => state)).toEqual(["revoked", "active"]);
    expect(events.at(-1)).toBe("smp.credential.retired v1 retiring>revoked");
  });
});

describe("the overlap of two versions", () => {
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

describe("activation", () => {
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
    store.registered("d1");
    expect(view().confirmed).toBe(true);
    activate(1, 2);
    expect(view()).toMatchObject({ confirmed: false, sessionId: 2 });
  });

  it("of what was never staged is not-found", () => {
    const { activate } = bench();
    expect(problem(() => activate(1, 1))).toBe("not-found");
  });
});

describe("roll-back", () => {
  it("restores the version before", () => {
    const { stage, activate, store, view } = bench();
    stage(nosec(1));
    activate(1, 1);
    store.registered("d1");
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
    store.registered("d1");
    expect(problem(() => store.rollBack("a", "d1", "c1", 1, 3))).toBe("version-regression");
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

  it("keeps tenants apart", () => {
    const { stage, store } = bench();
    stage(nosec(1), "d1", "c1", "b");
    expect(store.find("a", "d1", "c1")).toBeUndefined();
    expect([...store.ofTenant("a")]).toEqual([]);
    expect([...store.ofTenant("b")]).toHaveLength(1);
  });

  it("never shows the secret", () => {
    const { stage, view } = bench();
    stage(psk(1, "aWQ", "dGhlLWNhbmFyeQ"));
    expect(JSON.stringify(view())).not.toContain("dGhlLWNhbmFyeQ");
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
});
