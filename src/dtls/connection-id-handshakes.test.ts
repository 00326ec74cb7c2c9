import { describe, expect, it } from "vitest";
import { ContentType } from "./codec/record.js";
import { clientAddress, connected, converse, StagedClient, StagedServer } from "./testing/staged.js";
import type { PskCredential } from "./types.js";

const elsewhere = { host: "10.0.0.7", port: 7_000 };
const key = Buffer.from("0123456789abcdef");
const other: PskCredential = { identity: Buffer.from("device-2"), key };
const last = (datagrams: readonly Buffer[]): Buffer => datagrams.at(-1) ?? Buffer.alloc(0);

/** A server that has answered a resumption with its Finished; that of the client is lost. */
function resuming(): { readonly server: StagedServer; readonly client: StagedClient } {
  const settings = { connectionIdLength: 4 };
  const first = connected({ client: { connectionIdLength: 0 }, server: settings });
  const resume = first.client.connectedAs?.resumption;
  if (resume === undefined) throw new Error("nothing to resume");
  first.client.client.close();
  first.server.hear(first.client.sent.slice(-1));
  const client = new StagedClient({ resume, connectionIdLength: 0 }, first.server.ports);
  converse(client, first.server, client.start(), 4);
  return { server: first.server, client };
}

describe("a handshake whose client gets another address on the way", () => {
  it("is finished at the address where it began, and the session moves afterwards", async () => {
    const { server, client } = resuming();
    client.client.send(Buffer.alloc(200));
    server.hear(last(client.sent), elsewhere);
    // The flight again: it is short enough to go where that came from.
    await server.ports.clock.advance(1_000);
    server.hear(client.hear(last(server.sent)), elsewhere);
    const session = server.sessions.at(-1);
    expect(session).toMatchObject({ open: true, peer: clientAddress });
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
    expect(server.server.counters.addressChanges).toBe(0);
    for (const text of ["one", "two"]) {
      client.client.send(Buffer.from(text));
      server.hear(last(client.sent), elsewhere);
      session?.send(Buffer.from("answer"));
    }
    expect(session?.peer).toEqual(elsewhere);
    expect(server.server.counters.addressChanges).toBe(1);
  });
});

describe("an address that a gateway has given to another client", () => {
  it.each([
    ["with an id", { connectionIdLength: 0 }],
    ["without an id", {}],
  ])("leaves a session with an id where it is when the other comes %s", (_name, settings) => {
    const { client, server } = connected({ client: { connectionIdLength: 0 }, server: { connectionIdLength: 8 } });
    const newcomer = new StagedClient(settings, server.ports, other);
    converse(newcomer, server, newcomer.start());
    expect(server.closed).toEqual([]);
    expect(server.sessions.map(({ open }) => open)).toEqual([true, true]);
    client.client.send(Buffer.from("still here"));
    newcomer.client.send(Buffer.from("here now"));
    server.hear([last(client.sent), last(newcomer.sent)]);
    expect(server.received).toEqual(["still here", "here now"]);
    expect(last(newcomer.sent)[0]).toBe("connectionIdLength" in settings ? ContentType.connectionId : ContentType.applicationData);
  });

  it("is lost to a session without an id, which could be nowhere else", () => {
    const { server } = connected({ server: { connectionIdLength: 8 } });
    const newcomer = new StagedClient({ connectionIdLength: 0 }, server.ports, other);
    converse(newcomer, server, newcomer.start());
    expect(server.closed).toEqual([{ why: "replaced" }]);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
  });

  it("ends every session of a client there that begins anew, whatever came between", () => {
    const { server } = connected({ client: { connectionIdLength: 0 }, server: { connectionIdLength: 8 } });
    const between = new StagedClient({}, server.ports, other);
    converse(between, server, between.start());
    const again = new StagedClient({}, server.ports);
    converse(again, server, again.start());
    expect(server.closed).toEqual([{ why: "replaced" }, { why: "replaced" }]);
    expect(server.sessions.map(({ open }) => open)).toEqual([false, false, true]);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
  });
});
