import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { writeClientHello } from "./codec/messages.js";
import { helloOf, none } from "./testing/handmade.js";
import { connected } from "./testing/staged.js";
import { Tap } from "./testing/tap.js";

const noRenegotiation = ["21 0164"];

describe("renegotiation", () => {
  it.each(["before", "after"] as const)("that the client asks for is refused by the server, %s there was data", (when) => {
    const { client, server } = connected();
    const tap = new Tap(server);
    if (when === "after") {
      client.client.send(Buffer.from("data"));
      server.hear(client.sent.slice(-1));
    }
    const answer = server.hear(tap.message("client", HandshakeType.clientHello, 4, writeClientHello(helloOf())));
    expect(tap.read("server", ...answer)).toEqual(noRenegotiation);
    expect(client.hear(answer)).toEqual([]);
    expect([client.client.state, server.sessions[0]?.open]).toEqual(["connected", true]);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
  });

  it("that the server asks for is refused by the client", () => {
    const { client, server } = connected();
    const tap = new Tap(server);
    const answer = client.hear(tap.message("server", HandshakeType.helloRequest, 4, none));
    expect(tap.read("client", ...answer)).toEqual(noRenegotiation);
    expect(server.hear(answer)).toEqual([]);
    expect([client.client.state, server.sessions[0]?.open]).toEqual(["connected", true]);
  });

  it("is not what any other message of a handshake is taken for", () => {
    const { client, server } = connected();
    const tap = new Tap(server);
    for (const type of Object.values(HandshakeType).filter((one) => one > HandshakeType.clientHello)) {
      expect(client.hear(tap.message("server", type, 5, Buffer.alloc(20)))).toEqual([]);
      expect(server.hear(tap.message("client", type, 5, Buffer.alloc(20)))).toEqual([]);
    }
    expect(client.client.counters.discarded).toBe(10);
    expect([client.client.state, server.sessions[0]?.open]).toEqual(["connected", true]);
  });
});
