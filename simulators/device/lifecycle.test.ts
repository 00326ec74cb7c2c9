import { describe, expect, it } from "vitest";
import { mayStart, nextAccount, nextDevice, type AccountInput, type AccountState, type DeviceInput, type DeviceState, type RetryPolicy } from "./lifecycle.js";

describe("a device's lifecycle", () => {
  const transitions: readonly (readonly [string, DeviceState, DeviceInput, DeviceState | undefined])[] = [
    ["registers with factory accounts first", { at: "off" }, { in: "power-on", accounts: 1, bootstrapAccount: true }, { at: "serving" }],
    ["bootstraps from the factory without an account", { at: "off" }, { in: "power-on", accounts: 0, bootstrapAccount: true }, { at: "hold-off", cause: "factory", attempt: 0 }],
    ["is stranded without any account", { at: "off" }, { in: "power-on", accounts: 0, bootstrapAccount: false }, { at: "stranded" }],
    ["ignores a trigger while off", { at: "off" }, { in: "bootstrap-due", cause: "trigger" }, undefined],
    ["asks when the hold-off is over", { at: "hold-off", cause: "factory", attempt: 2 }, { in: "waited" }, { at: "requesting", cause: "factory", attempt: 2 }],
    ["resets the back-off on a trigger", { at: "hold-off", cause: "factory", attempt: 3 }, { in: "bootstrap-due", cause: "trigger" }, { at: "hold-off", cause: "trigger", attempt: 0 }],
    ["waits for operations once accepted", { at: "requesting", cause: "trigger", attempt: 0 }, { in: "request-accepted" }, { at: "bootstrapping", cause: "trigger", attempt: 0 }],
    ["takes an operation that overtakes the answer", { at: "requesting", cause: "factory", attempt: 0 }, { in: "operation" }, { at: "bootstrapping", cause: "factory", attempt: 0 }],
    ["needs no second acceptance", { at: "bootstrapping", cause: "factory", attempt: 0 }, { in: "request-accepted" }, undefined],
    ["asks again later when refused without accounts", { at: "requesting", cause: "factory", attempt: 0 }, { in: "bootstrap-failed", accounts: 0 }, { at: "hold-off", cause: "factory", attempt: 1 }],
    ["goes back to its accounts when a triggered bootstrap fails", { at: "bootstrapping", cause: "trigger", attempt: 0 }, { in: "bootstrap-failed", accounts: 1 }, { at: "serving" }],
    ["joins a session that runs", { at: "bootstrapping", cause: "factory", attempt: 0 }, { in: "bootstrap-due", cause: "trigger" }, undefined],
    ["restarts a session when told so", { at: "bootstrapping", cause: "factory", attempt: 1 }, { in: "bootstrap-again", cause: "trigger" }, { at: "hold-off", cause: "trigger", attempt: 0 }],
    ["serves after the Finish", { at: "bootstrapping", cause: "factory", attempt: 0 }, { in: "finished" }, { at: "serving" }],
    ["knows no Finish before the request was accepted", { at: "requesting", cause: "factory", attempt: 0 }, { in: "finished" }, undefined],
    ["bootstraps again on a trigger", { at: "serving" }, { in: "bootstrap-due", cause: "trigger" }, { at: "hold-off", cause: "trigger", attempt: 0 }],
    ["bootstraps again as a fallback", { at: "serving" }, { in: "bootstrap-due", cause: "fallback" }, { at: "hold-off", cause: "fallback", attempt: 0 }],
    ["can be told to bootstrap when stranded", { at: "stranded" }, { in: "bootstrap-due", cause: "manual" }, { at: "hold-off", cause: "manual", attempt: 0 }],
    ["is off wherever the power goes", { at: "bootstrapping", cause: "factory", attempt: 0 }, { in: "power-off" }, { at: "off" }],
  ];
  it.each(transitions)("%s", (_name, state, input, expected) => {
    expect(nextDevice(state, input)).toEqual(expected);
  });
});

describe("an account's lifecycle", () => {
  const policy: RetryPolicy = { count: 3, timerMs: 100, sequenceDelayMs: 5000, sequences: 2 };
  const transitions: readonly (readonly [string, AccountState, AccountInput, AccountState | undefined])[] = [
    ["registers at once without a delay", { at: "idle" }, { in: "start", delayMs: 0 }, { at: "registering", attempt: 1, sequence: 1 }],
    ["waits for its initial delay", { at: "idle" }, { in: "start", delayMs: 50 }, { at: "waiting", attempt: 1, sequence: 1, delayMs: 50 }],
    ["registers when the wait is over", { at: "waiting", attempt: 2, sequence: 1, delayMs: 50 }, { in: "timer" }, { at: "registering", attempt: 2, sequence: 1 }],
    ["is registered on 2.01", { at: "registering", attempt: 1, sequence: 1 }, { in: "registered" }, { at: "registered" }],
    ["waits the timer after the first failure", { at: "registering", attempt: 1, sequence: 1 }, { in: "unanswered" }, { at: "waiting", attempt: 2, sequence: 1, delayMs: 100 }],
    ["doubles the wait after the second", { at: "registering", attempt: 2, sequence: 1 }, { in: "unanswered" }, { at: "waiting", attempt: 3, sequence: 1, delayMs: 200 }],
    ["starts a second sequence after the last attempt", { at: "registering", attempt: 3, sequence: 1 }, { in: "unanswered" }, { at: "waiting", attempt: 1, sequence: 2, delayMs: 5000 }],
    ["has failed after the last sequence", { at: "registering", attempt: 3, sequence: 2 }, { in: "unanswered" }, { at: "failed" }],
    ["has failed on a refusal that leads to the Bootstrap Server", { at: "registering", attempt: 1, sequence: 1 }, { in: "refused", final: true }, { at: "failed" }],
    ["tries again on a refusal without a fallback", { at: "registering", attempt: 1, sequence: 1 }, { in: "refused", final: false }, { at: "waiting", attempt: 2, sequence: 1, delayMs: 100 }],
    ["updates before expiry", { at: "registered" }, { in: "timer" }, { at: "updating" }],
    ["updates when asked to", { at: "registered" }, { in: "update" }, { at: "updating" }],
    ["is registered after the Update", { at: "updating" }, { in: "updated" }, { at: "registered" }],
    ["registers again when the Update fails", { at: "updating" }, { in: "update-failed" }, { at: "registering", attempt: 1, sequence: 1 }],
    ["de-registers", { at: "registered" }, { in: "deregister", then: "disabled" }, { at: "deregistering", then: "disabled" }],
    ["ignores its Server once disabled", { at: "deregistering", then: "disabled" }, { in: "deregistered" }, { at: "disabled" }],
    ["registers again after the disable timeout", { at: "disabled" }, { in: "timer" }, { at: "registering", attempt: 1, sequence: 1 }],
    ["stays away after a De-register by hand", { at: "deregistering", then: "left" }, { in: "deregistered" }, { at: "left" }],
    ["does not start by itself once it left", { at: "left" }, { in: "start", delayMs: 0 }, undefined],
    ["can be started by hand after a failure", { at: "failed" }, { in: "register" }, { at: "registering", attempt: 1, sequence: 1 }],
    ["does not start twice", { at: "registered" }, { in: "start", delayMs: 0 }, undefined],
    ["waits for its next attempt when there is no session to be had", { at: "registering", attempt: 1, sequence: 1 }, { in: "no-session", barred: false, final: true }, { at: "waiting", attempt: 2, sequence: 1, delayMs: 100 }],
    ["has failed after the last sequence without a session", { at: "registering", attempt: 3, sequence: 2 }, { in: "no-session", barred: false, final: true }, { at: "failed" }],
    ["leaves the rest of a sequence out when an alert says that it is in vain", { at: "registering", attempt: 1, sequence: 1 }, { in: "no-session", barred: true, final: false }, { at: "waiting", attempt: 1, sequence: 2, delayMs: 5000 }],
    ["has failed when it is in vain and the Bootstrap Server can help", { at: "registering", attempt: 1, sequence: 1 }, { in: "no-session", barred: true, final: true }, { at: "failed" }],
    ["counts an Update without a session as the first failure of a Register", { at: "updating" }, { in: "no-session", barred: false, final: true }, { at: "waiting", attempt: 2, sequence: 1, delayMs: 100 }],
    ["gives an Update up for a Register in vain", { at: "updating" }, { in: "no-session", barred: true, final: true }, { at: "failed" }],
    ["registers in a session that is not its registration's", { at: "updating" }, { in: "new-session" }, { at: "registering", attempt: 1, sequence: 1 }],
    ["does not care about a new session while it de-registers", { at: "deregistering", then: "left" }, { in: "new-session" }, undefined],
    ["stops from anywhere", { at: "updating" }, { in: "stop" }, { at: "idle" }],
  ];
  it.each(transitions)("%s", (_name, state, input, expected) => {
    expect(nextAccount(state, input, policy)).toEqual(expected);
  });

  it("makes no further sequence when the sequence delay has its largest value", () => {
    const once: RetryPolicy = { ...policy, sequenceDelayMs: 4_294_967_295_000 };
    expect(nextAccount({ at: "registering", attempt: 3, sequence: 1 }, { in: "unanswered" }, once)).toEqual({ at: "failed" });
  });
});

describe("the order of registrations", () => {
  const turn = (state: AccountState["at"], priority?: number, blocks = false) => ({ state, priority, blocks });

  it("starts accounts without a priority at once", () => expect(mayStart([turn("idle"), turn("idle")])).toEqual([0, 1]));
  it("starts the lowest priority first", () => expect(mayStart([turn("idle", 2), turn("idle", 1), turn("idle")])).toEqual([1, 2]));
  it("goes on when the earlier one is registered", () => expect(mayStart([turn("registered", 1), turn("idle", 2)])).toEqual([1]));
  it("waits while the earlier one still tries", () => expect(mayStart([turn("waiting", 1), turn("idle", 2)])).toEqual([]));
  it("goes on after a failure that does not block", () => expect(mayStart([turn("failed", 1), turn("idle", 2)])).toEqual([1]));
  it("stops after a failure that blocks", () => expect(mayStart([turn("failed", 1, true), turn("idle", 2), turn("idle")])).toEqual([2]));
  it("starts equals together", () => expect(mayStart([turn("idle", 1), turn("idle", 1)])).toEqual([0, 1]));
});
