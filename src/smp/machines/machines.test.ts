import { describe, expect, it } from "vitest";
import {
  activationDecision,
  type CredentialInput,
  credentialStates,
  type ItemInput,
  itemStates,
  nextCredential,
  nextItem,
  nextTrigger,
  nextTriggerRecord,
  outcomeOfExecute,
  type ServerTriggerInput,
  serverTriggerStates,
  type TriggerRecord,
  type TriggerRecordInput,
  versionDecision,
} from "./index.js";
import type { CredentialState, ItemState, ServerTriggerState } from "../types.js";

const timeout = { cause: "timeout" } as const;

/** Every legal move of an item; whatever is not listed must be refused. */
const itemMoves: readonly { readonly input: ItemInput; readonly moves: Partial<Record<ItemState, ItemState>> }[] = [
  { input: { in: "rejected", reason: { cause: "unknown-endpoint" } }, moves: { accepted: "rejected" } },
  { input: { in: "staged" }, moves: { accepted: "staged" } },
  { input: { in: "sm3-refused" }, moves: { accepted: "failed", bootstrapping: "failed" } },
  { input: { in: "wait-for-client" }, moves: { staged: "awaiting-client" } },
  { input: { in: "trigger-created" }, moves: { staged: "triggering", triggering: "triggering", "awaiting-client": "triggering" } },
  { input: { in: "trigger-acknowledged" }, moves: { triggering: "awaiting-client" } },
  { input: { in: "trigger-undeliverable" }, moves: { triggering: "awaiting-client" } },
  { input: { in: "trigger-refused" }, moves: { triggering: "failed" } },
  { input: { in: "attempts-exhausted" }, moves: { triggering: "failed", "awaiting-client": "failed" } },
  {
    input: { in: "bootstrap-requested" },
    moves: { staged: "bootstrapping", triggering: "bootstrapping", "awaiting-client": "bootstrapping", bootstrapping: "bootstrapping", delivered: "bootstrapping" },
  },
  { input: { in: "session-lost" }, moves: { bootstrapping: "awaiting-client" } },
  { input: { in: "session-failed", reason: timeout, written: false }, moves: { bootstrapping: "failed", delivered: "failed" } },
  { input: { in: "session-failed", reason: timeout, written: true }, moves: { bootstrapping: "partially-applied", delivered: "partially-applied" } },
  { input: { in: "delivered" }, moves: { bootstrapping: "delivered" } },
  { input: { in: "finished" }, moves: { delivered: "applied" } },
  { input: { in: "finish-failed" }, moves: { delivered: "failed" } },
  { input: { in: "rolled-back", reason: timeout }, moves: { bootstrapping: "rolled-back", delivered: "rolled-back" } },
  { input: { in: "confirmed" }, moves: { delivered: "confirmed", applied: "confirmed" } },
  { input: { in: "deadline" }, moves: { accepted: "expired", staged: "expired", triggering: "expired", "awaiting-client": "expired" } },
  { input: { in: "cancel" }, moves: { accepted: "cancelled", staged: "cancelled", triggering: "cancelled", "awaiting-client": "cancelled" } },
  { input: { in: "supersede" }, moves: { accepted: "superseded", staged: "superseded", triggering: "superseded", "awaiting-client": "superseded" } },
];

describe("an order item", () => {
  for (const { input, moves } of itemMoves) {
    it(`moves on ${JSON.stringify(input)} from ${Object.keys(moves).join(", ")} only`, () => {
      for (const at of itemStates) expect(nextItem({ at, attempts: 1 }, input)?.at, `from ${at}`).toBe(moves[at]);
    });
  }

  it("counts its triggers, also after the state moved on", () => {
    const first = nextItem({ at: "staged", attempts: 0 }, { in: "trigger-created" });
    const acknowledged = first && nextItem(first, { in: "trigger-acknowledged" });
    const second = acknowledged && nextItem(acknowledged, { in: "trigger-created" });
    expect(second).toEqual({ at: "triggering", attempts: 2 });
  });

  it("keeps path and code of the operation that the device refused", () => {
    const reason = { cause: "request-failed", path: "/1/0", code: "4.00" } as const;
    expect(nextItem({ at: "bootstrapping", attempts: 1 }, { in: "session-failed", reason, written: true })).toEqual({ at: "partially-applied", attempts: 1, reason });
  });
});

const triggerMoves: readonly { readonly input: ServerTriggerInput; readonly moves: Partial<Record<ServerTriggerState, ServerTriggerState>> }[] = [
  { input: { in: "queue" }, moves: { accepted: "queued", queued: "queued" } },
  { input: { in: "send" }, moves: { accepted: "sent", queued: "sent" } },
  { input: { in: "answer", code: "2.04" }, moves: { sent: "acknowledged" } },
  { input: { in: "answer", code: "4.00" }, moves: { sent: "refused" } },
  { input: { in: "answer", code: "4.04" }, moves: { sent: "unsupported" } },
  { input: { in: "answer", code: "4.05" }, moves: { sent: "refused" } },
  { input: { in: "resource-absent" }, moves: { accepted: "unsupported", queued: "unsupported" } },
  { input: { in: "not-registered" }, moves: { accepted: "not-registered", queued: "not-registered" } },
  { input: { in: "unknown-client" }, moves: { accepted: "unknown-client" } },
  { input: { in: "expire" }, moves: { accepted: "expired", queued: "expired", sent: "expired" } },
  { input: { in: "withdraw" }, moves: { accepted: "withdrawn", queued: "withdrawn" } },
  { input: { in: "supersede" }, moves: { accepted: "superseded", queued: "superseded" } },
];

describe("a trigger at the LwM2M Server", () => {
  for (const { input, moves } of triggerMoves) {
    it(`moves on ${JSON.stringify(input)} from ${Object.keys(moves).join(", ")} only`, () => {
      for (const state of serverTriggerStates) expect(nextTrigger({ state }, input)?.state, `from ${state}`).toBe(moves[state]);
    });
  }

  it("keeps the code of the device's answer", () => {
    expect(nextTrigger({ state: "sent" }, { in: "answer", code: "4.05" })).toEqual({ state: "refused", code: "4.05" });
    expect(outcomeOfExecute("5.00")).toBe("refused");
  });
});

describe("the Bootstrap Server's record of a trigger", () => {
  const run = (...inputs: TriggerRecordInput[]): TriggerRecord =>
    inputs.reduce<TriggerRecord>((record, input) => nextTriggerRecord(record, input) ?? record, { state: "accepted", requestSeen: false });
  const acknowledged = { in: "server-says", state: "acknowledged", code: "2.04" } as const;

  it("is confirmed by a Bootstrap-Request after the acknowledgement", () => {
    expect(run({ in: "server-says", state: "sent" }, acknowledged, { in: "bootstrap-requested" }).state).toBe("confirmed");
  });

  it("is confirmed by the acknowledgement when the Bootstrap-Request overtook it", () => {
    expect(run({ in: "server-says", state: "sent" }, { in: "bootstrap-requested" }, acknowledged).state).toBe("confirmed");
  });

  it("is not confirmed by a Bootstrap-Request without a 2.04 to this Execute", () => {
    expect(run({ in: "bootstrap-requested" }, { in: "server-says", state: "refused", code: "4.05" })).toMatchObject({ state: "refused", code: "4.05" });
  });

  it("is unconfirmed when the window closes after 2.04 and nothing came", () => {
    expect(run(acknowledged, { in: "window-over" }).state).toBe("unconfirmed");
  });

  it("is expired when the window closes before any acknowledgement", () => {
    expect(run({ in: "server-says", state: "queued" }, { in: "window-over" }).state).toBe("expired");
  });

  it("is unavailable when the Server could not be asked at all, and not after it was", () => {
    expect(run({ in: "unavailable" }).state).toBe("unavailable");
    expect(run({ in: "server-says", state: "sent" }, { in: "unavailable" }).state).toBe("sent");
  });

  it("does not change once it is terminal", () => {
    const unconfirmed = run(acknowledged, { in: "window-over" });
    expect(nextTriggerRecord(unconfirmed, { in: "bootstrap-requested" })).toBeUndefined();
    expect(nextTriggerRecord(unconfirmed, acknowledged)).toBeUndefined();
  });
});

const credentialMoves: readonly { readonly input: CredentialInput; readonly moves: Partial<Record<CredentialState, CredentialState>> }[] = [
  { input: { in: "activate" }, moves: { staged: "active", "rolled-back": "active" } },
  { input: { in: "superseded", overlap: true }, moves: { active: "retiring" } },
  { input: { in: "superseded", overlap: false }, moves: { active: "revoked" } },
  { input: { in: "overlap-over" }, moves: { retiring: "revoked" } },
  { input: { in: "restored" }, moves: { retiring: "active", revoked: "active" } },
  { input: { in: "register-seen" }, moves: { active: "active", retiring: "retiring" } },
  { input: { in: "roll-back" }, moves: { staged: "rolled-back", active: "rolled-back" } },
  { input: { in: "revoke" }, moves: { staged: "revoked", active: "revoked", retiring: "revoked", "rolled-back": "revoked" } },
];

describe("a credential", () => {
  for (const { input, moves } of credentialMoves) {
    it(`moves on ${JSON.stringify(input)} from ${Object.keys(moves).join(", ")} only`, () => {
      for (const state of credentialStates) expect(nextCredential({ state, confirmed: false }, input)?.state, `from ${state}`).toBe(moves[state]);
    });
  }

  it("cannot be rolled back once a device registered with it", () => {
    const seen = nextCredential({ state: "active", confirmed: false }, { in: "register-seen" });
    expect(seen).toEqual({ state: "active", confirmed: true });
    expect(seen && nextCredential(seen, { in: "roll-back" })).toBeUndefined();
  });

  it("takes a higher version, the same again as no change, and nothing else", () => {
    const stored = { version: 3, body: "x" };
    expect(versionDecision(undefined, { version: 1, body: "x" })).toBe("store");
    expect(versionDecision(stored, { version: 4, body: "y" })).toBe("store");
    expect(versionDecision(stored, { version: 3, body: "x" })).toBe("same");
    expect(versionDecision(stored, { version: 3, body: "y" })).toBe("version-regression");
    expect(versionDecision(stored, { version: 2, body: "x" })).toBe("version-regression");
  });

  it("is not activated by a session older than one already seen", () => {
    const staged = { version: 2, state: "staged" } as const;
    expect(activationDecision(staged, undefined, { version: 2, sessionId: 1 })).toBe("activate");
    expect(activationDecision(staged, 5, { version: 2, sessionId: 4 })).toBe("session-displaced");
    expect(activationDecision(staged, 5, { version: 1, sessionId: 6 })).toBe("version-regression");
    expect(activationDecision({ version: 2, state: "active" }, 5, { version: 2, sessionId: 5 })).toBe("same");
  });

  it("is activated again in its active version while a newer one waits, and not in one that is over", () => {
    const staged = { version: 2, state: "staged", activeVersion: 1 } as const;
    expect(activationDecision(staged, 5, { version: 1, sessionId: 6 })).toBe("same");
    expect(activationDecision(staged, 5, { version: 2, sessionId: 6 })).toBe("activate");
    expect(activationDecision({ version: 2, state: "revoked" }, 5, { version: 2, sessionId: 6 })).toBe("version-regression");
  });
});
