import { describe, expect, it } from "vitest";
import { secured } from "./testing/secured-bench.js";

describe("a restart of the LwM2M Server", () => {
  const registered = async () => {
    const bench = await secured();
    bench.provide("a-1");
    const device = await bench.secureDevice("a-1");
    await bench.settle(device.register());
    return { ...bench, device };
  };

  it("in which it keeps its sessions is noticed by no device: Updates are answered, no handshake is made", async () => {
    const { device, server, settle, handshakes } = await registered();
    expect(await settle(server.operations.restart({ keepSessions: true }))).toEqual({ sessions: 1, restored: 1 });
    expect(await settle(device.update())).toBe("2.04");
    expect([device.heard, handshakes("a-1")?.attempts]).toEqual([["session"], 1]);
    expect(server.operations.secureSessions({ limit: 10 }).sessions).toMatchObject([{ endpoint: "a-1", credentialId: "c1", state: "active" }]);
  });

  it("leaves devices whose sessions it kept in reach before they have said anything", async () => {
    const { device, server, settle } = await registered();
    await settle(server.operations.restart({ keepSessions: true }));
    expect(await settle(server.operations.operate("a-1", { operation: "read", path: "/3/0/0" }))).toMatchObject({ code: "2.05" });
    expect(device.seen).toEqual(["GET /3/0/0"]);
  });

  it("in which it keeps none ends them all, and their devices have to shake hands again", async () => {
    const { device, server, settle, handshakes } = await registered();
    expect(await settle(server.operations.restart({ keepSessions: false }))).toEqual({ sessions: 1, restored: 0 });
    await expect(settle(device.update())).rejects.toMatchObject({ reason: "timeout" });
    device.secure?.reconnect();
    expect(await settle(device.update())).toBe("2.04");
    expect([device.heard, handshakes("a-1")]).toMatchObject([["session", "session"], { attempts: 2, finished: 2, resumed: 0 }]);
  });

  it("goes on with no session whose credential is over", async () => {
    const { server, settle, ports, provide, secureDevice } = await registered();
    provide("a-2", 1, { notAfter: new Date(ports.clock.epoch() + 60_000).toISOString() });
    const short = await secureDevice("a-2");
    await settle(short.register());
    await ports.clock.advance(61_000);
    expect(await settle(server.operations.restart({ keepSessions: true }))).toEqual({ sessions: 2, restored: 1 });
    expect(server.operations.secureSessions({ limit: 10 }).sessions.map(({ endpoint }) => endpoint)).toEqual(["a-1"]);
  });

  it("shows nobody what it kept of a session", async () => {
    const { device, server, settle } = await registered();
    const { masterSecret } = device.secure?.resumption ?? expect.fail("no session");
    const answer = await settle(server.operations.restart({ keepSessions: true }));
    const shown = JSON.stringify([answer, server.events.after(0, 1000), server.trace.read({ after: 0, limit: 1000 }), server.operations.secureSessions({ limit: 10 }), server.operations.handshakes({ limit: 10 })]);
    expect(shown).toContain("restarted");
    for (const encoding of ["hex", "base64", "base64url"] as const) expect(shown).not.toContain(Buffer.from(masterSecret).toString(encoding));
  });

  it("ends what it had taken up with the credential, as any other session", async () => {
    const { device, server, settle, ports } = await registered();
    await settle(server.operations.restart({ keepSessions: true }));
    server.credentials.revoke("a", "a-1", "c1", 1);
    await ports.clock.advance(100);
    expect(device.heard).toEqual(["session", "session peer-closed"]);
  });
});

describe("planted faults of a restart", () => {
  it("sessions-lost-in-restart", async () => {
    const { provide, secureDevice, settle, server } = await secured({ plants: ["sessions-lost-in-restart"] });
    provide("a-1");
    const device = await secureDevice("a-1");
    await settle(device.register());
    expect(await settle(server.operations.restart({ keepSessions: true }))).toEqual({ sessions: 1, restored: 0 });
    await expect(settle(device.update())).rejects.toMatchObject({ reason: "timeout" });
  });
});
