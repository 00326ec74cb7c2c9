import { describe, expect, it } from "vitest";
import { testPsk, type Psk } from "../../src/config/index.js";
import { bootstrapFinish } from "../../src/lwm2m/index.js";
import { perform } from "./perform.js";
import { bootstrapping } from "./testing/bootstrapping.js";
import { psk } from "./testing/scripted-peer.js";
import type { DeviceSpec } from "./spec.js";

const factory = testPsk(7, 1, "bootstrap", "dev-1");
const old = psk("dev-1 v1");
const young = psk("dev-1 v2");

/** A device that bootstraps over DTLS and is registered with A by the key it got there. */
async function provisioned(more: Partial<DeviceSpec> = {}) {
  const setting = await bootstrapping({ bootstrap: { uri: "coaps://10.0.0.8:5684", psk: factory }, ...more });
  const { of, bootstrap, a, device } = setting;
  bootstrap.knows(factory);
  a.knows(old);
  await setting.start();
  const deliver = async (key = old): Promise<void> => {
    expect(await setting.writeAccount(1, a.secureUri, 101, 300, key)).toEqual(["2.04", "2.04"]);
    expect(await setting.finish()).toBe("2.04");
    await of.clock.advance(500);
  };
  await deliver();
  expect(device.fleetState).toBe("registered");
  return {
    ...setting,
    /** Another bootstrap, which delivers this key. */
    again: async (key = old) => {
      device.step({ in: "bootstrap-due", cause: "manual" });
      await of.clock.advance(50);
      await deliver(key);
    },
  };
}

describe("a device that bootstraps over DTLS", () => {
  it("gets its keys in the session with its Bootstrap Server, and shakes hands with them", async () => {
    const { bootstrap, a, device, of } = await provisioned();
    expect(bootstrap.sessions).toEqual(["full dev-1"]);
    expect(a.sessions).toEqual(["full dev-1 v1"]);
    expect(device.counters).toMatchObject({ handshakes: 2, bootstrapsFinished: 1 });
    const shown = JSON.stringify(of.trace.read({ after: 0, limit: 10_000 }));
    for (const key of [factory.key, old.key]) expect(shown).not.toContain(Buffer.from(key).toString("hex"));
    expect(shown).toContain("CON PUT /0/1");
  });

  it("tells which keys it ever held, also those of a bootstrap that came to nothing, to whoever asks for former ones", async () => {
    const { of, device, again, writeAccount, a } = await provisioned();
    a.knows(young);
    await again(young);
    const refused = psk("dev-1 v3");
    device.step({ in: "bootstrap-due", cause: "manual" });
    await of.clock.advance(50);
    await writeAccount(1, a.secureUri, 101, 300, refused);
    device.bootstraps.failed("no Finish");
    const told = async (former: boolean): Promise<readonly string[]> => ((await perform(device, { do: "tell-keys", former })).keys ?? []).map(({ keyHex }) => keyHex).sort();
    const hex = (...keys: readonly Psk[]): string[] => keys.map(({ key }) => Buffer.from(key).toString("hex")).sort();
    expect(await told(false)).toEqual(hex(factory, young));
    expect(await told(true)).toEqual(hex(factory, old, young, refused));
  });

  it("ends the session with its Bootstrap Server some time after the Finish, and resumes it for the next bootstrap", async () => {
    const { of, bootstrap, again } = await provisioned();
    await of.clock.advance(2_000);
    expect(bootstrap.sessions).toEqual(["full dev-1", "end: peer-closed"]);
    await again();
    expect(bootstrap.sessions.slice(2)).toEqual(["resumed dev-1"]);
  });

  it("keeps the session with its Server where a bootstrap left the credential as it was", async () => {
    const { a, again } = await provisioned();
    await again();
    expect(a.sessions).toEqual(["full dev-1 v1"]);
    expect(a.story).toEqual(["POST /rd", "POST /rd"]);
  });

  it("ends it and shakes hands anew where the credential changed", async () => {
    const { a, again } = await provisioned();
    a.knows(young);
    await again(young);
    expect(a.sessions).toEqual(["full dev-1 v1", "end: peer-closed", "full dev-1 v2"]);
    expect(a.story).toEqual(["POST /rd", "POST /rd"]);
  });

  it("goes on in the old session when its stack takes a session for an account", async () => {
    const { of, a, again } = await provisioned({ personality: "keeps-session" });
    a.knows(young);
    await again(young);
    expect(a.sessions).toEqual(["full dev-1 v1"]);
    expect(a.story).toEqual(["POST /rd", "POST /rd"]);
    a.endpoint.revoke(({ bytes }) => bytes.toString() === "dev-1 v1", 49);
    await of.clock.advance(1_000);
    expect(a.sessions.at(-1)).toBe("end: alert-sent");
  });

  it("refuses a configuration with an account that has no key", async () => {
    const { of, bootstrap, a, device, start, writeAccount, ask } = await bootstrapping({ bootstrap: { uri: "coaps://10.0.0.8:5684", psk: factory } });
    bootstrap.knows(factory);
    await start();
    await writeAccount(1, a.secureUri, 101, 300, { identity: Buffer.from("dev-1"), key: Buffer.alloc(0) });
    const { response } = await bootstrap.ask(of, bootstrapFinish());
    expect(Buffer.from(response?.payload ?? []).toString()).toBe("/0/1 has security mode 0 and no key");
    expect(device.state.at).toBe("bootstrapping");
    expect(await ask(bootstrapFinish())).toBe("4.06");
  });

  it("waits and asks again when the handshake with its Bootstrap Server fails", async () => {
    const { of, bootstrap, device, start } = await bootstrapping({ bootstrap: { uri: "coaps://10.0.0.8:5684", psk: factory } });
    await start();
    expect(of.failures).toEqual(["Bootstrap-Request: handshake: received unknown_psk_identity (115)"]);
    expect(device.state).toMatchObject({ at: "hold-off", attempt: 1 });
    bootstrap.knows(factory);
    await of.clock.advance(2_000);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(device.counters).toMatchObject({ handshakes: 1, handshakesRefused: 1, bootstrapsFailed: 1 });
  });

  it("gives a bootstrap up whose session the Bootstrap Server ends, and begins another", async () => {
    const { of, bootstrap, device, start } = await bootstrapping({ bootstrap: { uri: "coaps://10.0.0.8:5684", psk: factory } });
    bootstrap.knows(factory);
    await start();
    expect(device.state.at).toBe("bootstrapping");
    bootstrap.endpoint.revoke(() => true);
    await of.clock.advance(2_000);
    expect(of.failures).toEqual(["the Bootstrap Server ended the session: peer-closed"]);
    expect(bootstrap.story).toEqual(["POST /bs", "POST /bs"]);
  });
});
