import { describe, expect, it } from "vitest";
import { PATIENCE_MS, shaken, TestClient, type Setup } from "./testing/pair.js";

const setups: readonly (readonly [string, Setup])[] = [
  ["CCM_8", {}],
  ["CBC with encrypt-then-MAC", { client: { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] } }],
  ["without extended master secret", { client: { extendedMasterSecret: "never" } }],
  ["with messages cut to 64 bytes", { client: { maxDatagram: 96 }, server: { maxDatagram: 64 } }],
];

describe("a handshake", () => {
  it.each(setups)("gives both ends one session: %s", async (_name, setup) => {
    const { client, server, ports } = await shaken(setup);
    expect(client.closed).toEqual([]);
    expect(client.connectedAs).toMatchObject({ resumed: false, suite: setup.client?.suites?.[0] ?? "TLS_PSK_WITH_AES_128_CCM_8", extendedMasterSecret: setup.client?.extendedMasterSecret !== "never" });
    expect(server.sessions).toHaveLength(1);
    expect(server.sessions[0]?.info.identity.bytes.toString()).toBe("device-1");
    client.client.send(Buffer.from("echo hello"));
    await ports.clock.advance(10);
    expect(server.received).toEqual(["echo hello"]);
    expect(client.received).toEqual(["hello"]);
  });

  it("is abbreviated when both ends know the session", async () => {
    const { ports, server, client } = await shaken();
    const resume = client.connectedAs?.resumption;
    const again = await TestClient.create(ports, resume === undefined ? {} : { resume });
    again.client.connect();
    await ports.clock.advanceUntil(() => again.isOver, PATIENCE_MS);
    await ports.clock.advance(10);
    expect(again.connectedAs?.resumed).toBe(true);
    expect(server.asked).toHaveLength(1);
    again.client.send(Buffer.from("echo again"));
    await ports.clock.advance(10);
    expect(again.received).toEqual(["again"]);
    expect(server.sessions[1]?.info).toMatchObject({ resumed: true });
  });
});
