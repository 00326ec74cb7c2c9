import { describe, expect, it } from "vitest";
import { Alerts } from "./codec/alert.js";
import { readClientHello } from "./codec/messages.js";
import { messagesIn } from "./testing/handmade.js";
import { connected, converse, StagedClient, type StagedServer } from "./testing/staged.js";
import type { ClientSettings, Identity, Resumption, ServerSettings } from "./types.js";

const cbc = { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] } as const;

function resumable(settings: { readonly client?: ClientSettings; readonly server?: ServerSettings } = {}): { readonly client: StagedClient; readonly server: StagedServer; readonly resume: Resumption } {
  const { client, server } = connected(settings);
  const resume = client.connectedAs?.resumption;
  if (resume === undefined) throw new Error("nothing to resume");
  return { client, server, resume };
}

function returning(server: StagedServer, settings: ClientSettings): StagedClient {
  const client = new StagedClient(settings, server.ports);
  converse(client, server, client.start());
  return client;
}
const isResumed = (server: StagedServer, resume: Resumption, settings: ClientSettings = {}): boolean | undefined => returning(server, { resume, ...settings }).connectedAs?.resumed;

describe("a session that a client brings back", () => {
  it.each([
    ["CCM_8", {}],
    ["CBC with encrypt-then-MAC", cbc],
  ])("is resumed without a look-up, under new keys, as often as it comes: %s", (_name, settings) => {
    const { server, resume } = resumable({ client: settings });
    server.findKey = () => {
      throw new Error("nobody asks");
    };
    for (let time = 0; time < 3; time++) {
      const client = returning(server, { ...settings, resume });
      expect(client.connectedAs).toMatchObject({ resumed: true, identity: { mode: "psk", bytes: Buffer.from("device-1") }, resumption: { sessionId: resume.sessionId, masterSecret: resume.masterSecret } });
      expect(server.sessions.at(-1)?.info).toMatchObject({ resumed: true, identity: { mode: "psk", bytes: Buffer.from("device-1") } });
      expect(server.sessions.at(-1)?.context).toBe("device-1");
      client.client.send(Buffer.from(`hello ${time}`));
      server.hear(client.sent.slice(-1));
      expect(server.received.at(-1)).toBe(`hello ${time}`);
    }
    expect(server.server.counters).toMatchObject({ handshakesFinished: 4, handshakesResumed: 3, badRecords: 0 });
    expect(new Set(server.keyLog.map((line) => line.split(" ")[1])).size).toBe(4);
  });

  it("is shaken hands for in full when the handler says no", () => {
    const { server, resume } = resumable();
    server.mayResume = false;
    expect(isResumed(server, resume)).toBe(false);
  });

  it("is kept for 24 hours from its full handshake, or as long as is set", async () => {
    for (const [resumableMs, limits] of [
      [24 * 3_600_000, {}],
      [5_000, { resumableMs: 5_000 }],
    ] as const) {
      const { server, resume } = resumable({ server: { limits } });
      await server.ports.clock.advance(resumableMs - 10);
      expect(isResumed(server, resume)).toBe(true);
      await server.ports.clock.advance(20);
      expect(isResumed(server, resume)).toBe(false);
    }
  });

  it("gives way when more are kept than there is room for, the oldest first", () => {
    const { server, resume } = resumable({ server: { limits: { maxResumable: 2 } } });
    const second = returning(server, {}).connectedAs?.resumption;
    expect(isResumed(server, resume)).toBe(true);
    const third = returning(server, {}).connectedAs?.resumption;
    expect([second, third, resume].map((one) => one !== undefined && isResumed(server, one))).toEqual([true, true, false]);
  });

  it("has no id when the server keeps none", () => {
    const { client, server } = connected({ server: { limits: { maxResumable: 0 } } });
    expect(client.connectedAs?.resumption).toBeUndefined();
    expect(server.sessions[0]?.info.resumption).toBeUndefined();
  });

  it("is unknown to a server that was started anew, and known when it kept its sessions", () => {
    const { server, resume } = resumable();
    server.server.forgetAll(true);
    expect(isResumed(server, resume)).toBe(true);
    server.server.forgetAll();
    expect(isResumed(server, resume)).toBe(false);
  });

  it("is unknown under an id that was never given", () => {
    const { server, resume } = resumable();
    expect(isResumed(server, { ...resume, sessionId: Buffer.alloc(32, 1) })).toBe(false);
  });

  it("is forgotten with a fatal alert of either end (RFC 5246 §7.2.2)", () => {
    for (const by of ["client", "server"] as const) {
      const { client, server, resume } = resumable();
      if (by === "server") server.sessions[0]?.close(Alerts.internal_error);
      else {
        client.client.close(Alerts.internal_error);
        server.hear(client.sent.slice(-1));
      }
      expect(server.server.size.live).toBe(0);
      expect(isResumed(server, resume)).toBe(false);
    }
  });

  it("does not authenticate with another master secret, and stays for its owner", () => {
    const { server, resume } = resumable();
    const thief = returning(server, { resume: { ...resume, masterSecret: Buffer.alloc(48, 1) } });
    expect(thief.client.state).toBe("handshaking");
    expect(thief.client.counters.badRecords).toBe(1);
    expect(server.sessions).toHaveLength(1);
    expect(isResumed(server, resume)).toBe(true);
  });

  it("is not brought back by a client that does without extended master secret now", () => {
    const { server, resume } = resumable();
    expect(isResumed(server, resume, { extendedMasterSecret: "never" })).toBe(false);
  });

  it("without an extended master secret is shaken hands for in full", () => {
    const { server, resume } = resumable({ client: { extendedMasterSecret: "never" } });
    expect(resume.extendedMasterSecret).toBe(false);
    expect(isResumed(server, resume)).toBe(false);
    expect(isResumed(server, resume, { extendedMasterSecret: "never" })).toBe(false);
  });

  it("without an extended master secret is offered by nobody who does it, and by a client that never does (RFC 7627 §5.3)", () => {
    const { server, resume } = resumable({ client: { extendedMasterSecret: "never" } });
    const offered = (extendedMasterSecret: "offer" | "require" | "never"): boolean => {
      const { sent } = returning(server, { resume, extendedMasterSecret });
      const [hello] = messagesIn(...sent.slice(0, 1));
      return hello !== undefined && readClientHello(hello.body).sessionId.length > 0;
    };
    expect([offered("offer"), offered("require"), offered("never")]).toEqual([false, false, true]);
  });

  it("is shaken hands for in full by a client that does not offer its suite", () => {
    const { server, resume } = resumable({ client: cbc });
    expect(isResumed(server, resume)).toBe(false);
    expect(isResumed(server, resume, cbc)).toBe(true);
  });
});

describe("revoking", () => {
  const isDevice1 = ({ bytes }: Identity): boolean => bytes.toString() === "device-1";

  it("closes live sessions, and forgets them for resumption", () => {
    const { client, server, resume } = resumable();
    expect(server.server.revoke(isDevice1)).toBe(1);
    client.hear(server.sent.slice(-1));
    expect(client.closed).toEqual([{ why: "peer-closed" }]);
    expect(isResumed(server, resume)).toBe(false);
  });

  it("may say why", () => {
    const { client, server } = resumable();
    server.server.revoke(isDevice1, Alerts.access_denied);
    client.hear(server.sent.slice(-1));
    expect(client.closed).toMatchObject([{ why: "alert-received", alert: { description: 49 } }]);
  });

  it("leaves others alone, and sees the context of each", () => {
    const { server, resume } = resumable();
    const seen: string[] = [];
    expect(server.server.revoke((identity, context) => seen.push(`${identity.bytes.toString()} ${context}`) < 0)).toBe(0);
    expect(new Set(seen)).toEqual(new Set(["device-1 device-1"]));
    expect(server.sessions[0]?.open).toBe(true);
    expect(isResumed(server, resume)).toBe(true);
  });

  it("leaves a handshake in full alone that began with the offer of what is revoked, while its own key is looked up", () => {
    const { server, resume } = resumable();
    server.findKey = () => new Promise(() => {});
    // Under another server name the session is not resumed.
    const client = new StagedClient({ resume, serverName: "bs" }, server.ports);
    converse(client, server, client.start());
    expect(server.server.size).toEqual({ live: 1, halfOpen: 1 });
    const asked: string[] = [];
    server.server.revoke((identity, context) => asked.push(`${identity.bytes.toString()} ${context}`) < 0);
    // The session that may be resumed, and the live one; nobody knows yet what the handshake rests on.
    expect(asked).toHaveLength(2);
  });

  it.each([
    ["in full", (server: StagedServer) => new StagedClient({}, server.ports)],
    ["abbreviated", (server: StagedServer, resume: Resumption) => new StagedClient({ resume }, server.ports)],
  ] as const)("ends a handshake under way that rests on what is revoked: %s", (_name, make) => {
    const { server, resume } = resumable();
    const client = make(server, resume);
    // Everything but the client's Finished has reached the server.
    const [flight = Buffer.alloc(0)] = converse(client, server, client.start(), 4);
    const isAbbreviated = flight.readUInt8(0) === 20;
    if (!isAbbreviated) server.hear(flight.subarray(0, 13 + flight.readUInt16BE(11)));
    expect(server.server.size).toEqual({ live: 1, halfOpen: 1 });
    expect(server.server.revoke(isDevice1)).toBe(1);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    server.hear(flight);
    expect(server.sessions).toHaveLength(1);
    expect(server.ports.clock.pending().filter((name) => name === "DTLS flight")).toHaveLength(client.client.state === "handshaking" ? 1 : 0);
  });
});
