import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../../ports/simulated/index.js";
import { SecretKeys, SmpEventLog, type Caller } from "../../smp/index.js";
import { AdapterError } from "./adapter.js";
import { LeshanServer } from "./leshan/server.js";
import { AdaptedServerHandlers, type FrontFailure, type ServerHandlerOptions } from "./server-handlers.js";

const caller: Caller = { peerId: "bs", tenant: "a" };
const path = { ep: "ab-1", credentialId: "cr-1" };
const noSec = { version: 1, ssid: 101, mode: "nosec", sessionPolicy: "close-on-revoke" } as const;

async function rig(more: Partial<ServerHandlerOptions> = {}) {
  const { clock } = simulatedPorts(1);
  // Nothing is asked of the system itself: it needs no credential of a device without security.
  const adapter = new LeshanServer({ url: "http://127.0.0.1:1", dialect: "M15" });
  const failures: FrontFailure[] = [];
  const activated: string[] = [];
  const options = { clock, adapter, keys: await SecretKeys.create(), events: new SmpEventLog(clock, "urn:test"), activating: ({ endpoint }: { readonly endpoint: string }) => Promise.resolve(void activated.push(endpoint)), failed: (failure: FrontFailure) => void failures.push(failure) };
  return { handlers: new AdaptedServerHandlers({ ...options, ...more }), failures, activated, close: () => adapter.close() };
}

describe("the Server Management interface in front of a server that has none", () => {
  it("carries out a batch item by item, so that a bad one keeps no other from its result", async () => {
    const { handlers, activated, close } = await rig();
    const stage = { operation: "stage", ...path, credential: { version: 1, ssid: 101, mode: "nosec" } };
    const activate = { operation: "activate", ...path, activation: { version: 1, sessionId: 1 } };
    const { results } = await handlers.batchCredentials(caller, { items: [stage, { ...activate, credentialId: "cr-9" }, activate] });
    expect(results.map(({ status }) => status)).toEqual([201, 404, 204]);
    expect(activated).toEqual(["ab-1"]);
    await close();
  });

  it("says of what it could not pass on that the system is not available, and tells it as its own failure", async () => {
    const { handlers, failures, close } = await rig({ activating: () => Promise.reject(new AdapterError("it answered 500")) });
    await handlers.stageCredential(caller, path, noSec);
    await expect(handlers.activateCredential(caller, path, { version: 1, sessionId: 1 })).rejects.toMatchObject({ status: 503, type: "peer-unavailable" });
    expect(failures).toEqual([{ endpoint: "ab-1", what: "install its credential", reason: "it answered 500" }]);
    await close();
  });

  it("does not tell a refusal by the profile's rules as its own failure", async () => {
    const { handlers, failures, close } = await rig();
    await expect(handlers.activateCredential(caller, path, { version: 1, sessionId: 1 })).rejects.toMatchObject({ status: 404 });
    expect(failures).toEqual([]);
    await close();
  });

  it("leaves a version in force when the one staged after it is revoked, and goes back to it when an activation is taken back", async () => {
    const { handlers, close } = await rig();
    await handlers.stageCredential(caller, path, noSec);
    await handlers.activateCredential(caller, path, { version: 1, sessionId: 1 });
    await handlers.stageCredential(caller, path, { ...noSec, version: 2 });
    await handlers.revokeCredential(caller, path, { version: 2 });
    expect(handlers.getCredential(caller, path)).toMatchObject({ version: 1, activeVersion: 1, state: "active" });
    await handlers.stageCredential(caller, path, { ...noSec, version: 3 });
    await handlers.activateCredential(caller, path, { version: 3, sessionId: 2 });
    expect(handlers.getCredential(caller, path)).toMatchObject({ activeVersion: 3 });
    await handlers.rollBackActivation(caller, path);
    expect(handlers.getCredential(caller, path)).toMatchObject({ activeVersion: 1 });
    await close();
  });
});
