import { describe, expect, it } from "vitest";
import { DtlsStateError } from "./index.js";
import { Alerts } from "./codec/alert.js";
import { alertsIn, helloOf, helloRecord, messagesIn, plainAlert } from "./testing/handmade.js";
import { Tap } from "./testing/tap.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "./testing/staged.js";

const lastOf = (datagrams: readonly Buffer[]): readonly Buffer[] => datagrams.slice(-1);

describe("close_notify", () => {
  it("from the client is answered by the server, and ends both", () => {
    const { client, server } = connected();
    client.client.close();
    expect(client.closed).toEqual([{ why: "closed" }]);
    const answer = server.hear(lastOf(client.sent));
    expect(answer).toHaveLength(1);
    expect(server.closed).toEqual([{ why: "peer-closed" }]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(client.hear(answer)).toEqual([]);
    expect(client.closed).toHaveLength(1);
  });

  it("from the server is answered by the client, and ends both", () => {
    const { client, server } = connected();
    server.sessions[0]?.close();
    expect(server.closed).toEqual([{ why: "closed" }]);
    expect(server.sessions[0]?.open).toBe(false);
    expect(client.hear(lastOf(server.sent))).toHaveLength(1);
    expect(client.closed).toEqual([{ why: "peer-closed" }]);
    expect(client.client.state).toBe("closed");
  });

  it("leaves the session to be resumed", () => {
    const { client, server } = connected();
    client.client.close();
    server.hear(lastOf(client.sent));
    const resume = client.connectedAs?.resumption;
    const again = new StagedClient(resume === undefined ? {} : { resume }, server.ports);
    converse(again, server, again.start());
    expect(again.connectedAs?.resumed).toBe(true);
  });

  it("may come in the middle of a handshake", () => {
    const client = new StagedClient();
    client.start();
    client.hear(plainAlert(1, 0));
    expect(client.closed).toEqual([{ why: "peer-closed" }]);
    expect(client.ports.clock.pending()).toEqual([]);
  });
});

describe("closing", () => {
  it("sends nothing more and hears nothing more", () => {
    const { client, server } = connected();
    client.client.close();
    expect(() => client.client.send(Buffer.from("late"))).toThrow(DtlsStateError);
    server.sessions[0]?.send(Buffer.from("crossed"));
    client.hear(lastOf(server.sent));
    expect(client.received).toEqual([]);
    client.client.close();
    expect(client.closed).toHaveLength(1);
    const [session] = server.sessions;
    session?.close();
    expect(() => session?.send(Buffer.from("late"))).toThrow(DtlsStateError);
  });

  it("with an alert tells the peer that alert", () => {
    const { client, server } = connected();
    server.sessions[0]?.close(Alerts.access_denied);
    expect(server.closed).toMatchObject([{ why: "alert-sent", alert: { level: 2, description: 49 } }]);
    client.hear(lastOf(server.sent));
    expect(client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description: 49 } }]);
  });

  it("in the middle of a handshake tells the server, which forgets it", () => {
    const server = new StagedServer();
    const client = new StagedClient({}, server.ports);
    converse(client, server, client.start(), 3);
    expect(server.server.size.halfOpen).toBe(1);
    client.client.close();
    server.hear(lastOf(client.sent));
    expect(server.failed).toEqual([{ reason: { why: "peer-closed" }, identity: undefined }]);
    expect(server.server.size.halfOpen).toBe(0);
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("a client that never connected needs no word to anybody", () => {
    const client = new StagedClient();
    client.client.close();
    expect([client.sent, client.closed]).toEqual([[], []]);
    expect(() => client.client.connect()).toThrow(DtlsStateError);
    expect(() => client.client.send(Buffer.alloc(1))).toThrow(DtlsStateError);
  });

  it("a server ends its sessions with close_notify and its handshakes in silence, and then is deaf", () => {
    const { client, server } = connected();
    server.greet({}, {}, { ...clientAddress, port: 40_001 });
    const before = server.sent.length;
    server.server.close();
    server.server.close();
    expect(server.sent).toHaveLength(before + 1);
    client.hear(lastOf(server.sent));
    expect(client.closed).toEqual([{ why: "peer-closed" }]);
    expect(server.failed).toEqual([{ reason: { why: "closed" }, identity: undefined }]);
    expect(server.hear(helloRecord(helloOf()))).toEqual([]);
    expect(server.ports.clock.pending()).toEqual([]);
  });

  it("may be done as soon as a session is told", () => {
    const server = new StagedServer();
    const client = new StagedClient({}, server.ports);
    const onSession = server.sessions.push.bind(server.sessions);
    server.sessions.push = (...sessions) => {
      for (const session of sessions) session.close(Alerts.user_canceled);
      return onSession(...sessions);
    };
    converse(client, server, client.start());
    expect(server.closed).toMatchObject([{ why: "alert-sent" }]);
    expect(client.closed).toMatchObject([{ why: "alert-received", alert: { description: 90 } }]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
  });

  it("in forgetAll is without a word, as after a restart; the client then speaks to nobody", () => {
    const { client, server } = connected();
    const before = server.sent.length;
    server.server.forgetAll();
    expect(server.closed).toEqual([{ why: "closed" }]);
    client.client.send(Buffer.from("hello"));
    expect(server.hear(lastOf(client.sent))).toEqual([]);
    expect(server.sent).toHaveLength(before);
    expect(server.received).toEqual([]);
    const resume = client.connectedAs?.resumption;
    const again = new StagedClient(resume === undefined ? {} : { resume }, server.ports);
    expect(messagesIn(...again.start())).toHaveLength(1);
    converse(again, server, again.sent);
    expect(again.connectedAs?.resumed).toBe(false);
  });
});

describe("an alert", () => {
  /** A client that has sent its first ClientHello. */
  const started = (): StagedClient => {
    const client = new StagedClient();
    client.start();
    return client;
  };

  it.each([20, 40, 47, 50, 51, 70, 71, 80, 86, 49, 115])("that is fatal ends a handshake: %i", (description) => {
    const client = started();
    client.hear(plainAlert(2, description));
    expect(client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description } }]);
  });

  it.each([30, 41, 60, 110])("that a LwM2M Client ignores does not end a handshake: %i", (description) => {
    const client = started();
    client.hear(plainAlert(2, description));
    expect(client.client.state).toBe("handshaking");
  });

  it("that is fatal ends a handshake at the server, of whatever class", () => {
    for (const description of [30, 40, 110]) {
      const server = new StagedServer();
      server.greet();
      expect(server.hear(plainAlert(2, description))).toEqual([]);
      expect(server.failed).toMatchObject([{ reason: { why: "alert-received" } }]);
      expect(server.server.size.halfOpen).toBe(0);
    }
  });

  it.each([90, 100, 112, 41, 255])("that is a warning does not end a handshake: %i", (description) => {
    const client = started();
    client.hear(plainAlert(1, description));
    expect(client.client.state).toBe("handshaking");
    expect(client.client.counters.alertsIn).toBe(1);
  });

  it("that is a warning does not end a session, and one that is fatal does, of whatever class", () => {
    for (const description of [90, 100, 115]) {
      const { client, server } = connected();
      const tap = new Tap(server);
      client.hear(tap.alert("server", 1, description));
      server.hear(tap.alert("client", 1, description));
      expect([client.client.state, server.sessions[0]?.open]).toEqual(["connected", true]);
    }
    // 110 is ignored in a handshake; under keys it is the peer's word that it is gone.
    for (const description of [20, 110]) {
      const { client, server } = connected();
      const tap = new Tap(server);
      expect(client.hear(tap.alert("server", 2, description))).toEqual([]);
      expect(server.hear(tap.alert("client", 2, description))).toEqual([]);
      const closed = [{ why: "alert-received", alert: { level: 2, description } }];
      expect([client.closed, server.closed]).toEqual([closed, closed]);
    }
  });

  it.each(["02", "0200ff", "0328", "0028", ""])("that does not parse is dropped: %o", (hex) => {
    const client = started();
    const fragment = Buffer.from(hex, "hex");
    client.hear(Buffer.concat([Buffer.from("15fefd0000000000000000", "hex"), Buffer.from([0, fragment.length]), fragment]));
    expect(client.client.state).toBe("handshaking");
    expect(client.client.counters).toMatchObject({ alertsIn: 0, discarded: 1 });
  });

  it("in the clear is sent by a server that has no keys yet, and never answered", () => {
    const server = new StagedServer();
    expect(alertsIn(...server.greet({ suites: [1] }))).toEqual(["2 40"]);
    const client = started();
    expect(client.hear(plainAlert(2, 40))).toEqual([]);
  });
});
