import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../../ports/simulated/index.js";
import { SecretKeys, type Caller } from "../../smp/index.js";
import { LeshanServer } from "./leshan/server.js";
import { AdaptedServerHandlers } from "./server-handlers.js";

describe("the Server Management interface in front of a server that has none", () => {
  it("carries out a batch item by item, so that a bad one keeps no other from its result", async () => {
    const activated: string[] = [];
    // Nothing is asked of the system itself: it needs no credential of a device without security.
    const adapter = new LeshanServer({ url: "http://127.0.0.1:1", dialect: "M15" });
    const handlers = new AdaptedServerHandlers({ clock: simulatedPorts(1).clock, adapter, keys: await SecretKeys.create(), activating: ({ endpoint }) => Promise.resolve(void activated.push(endpoint)) });
    const caller: Caller = { peerId: "bs", tenant: "a" };
    const stage = { operation: "stage", ep: "ab-1", credentialId: "cr-1", credential: { version: 1, ssid: 101, mode: "nosec" } };
    const activate = { operation: "activate", ep: "ab-1", credentialId: "cr-1", activation: { version: 1, sessionId: 1 } };
    const { results } = await handlers.batchCredentials(caller, { items: [stage, { ...activate, credentialId: "cr-9" }, activate] });
    expect(results.map(({ status }) => status)).toEqual([201, 404, 204]);
    expect(activated).toEqual(["ab-1"]);
    await adapter.close();
  });
});
