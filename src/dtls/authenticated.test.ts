import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { groups, type GroupName } from "./crypto/groups.js";
import { cipherSuites } from "./crypto/suites.js";
import { identities, serverName } from "./testing/authority.js";
import { messagesIn } from "./testing/handmade.js";
import { connected, type StagedServer } from "./testing/staged.js";

const { keys, rpk, x509, device, authority } = await identities();
const signedSuites = cipherSuites.filter(({ keyExchange }) => keyExchange === "ecdhe_ecdsa").map(({ name }) => name);

/** The curve that the last ServerKeyExchange names. */
function agreedOver({ sent }: StagedServer): GroupName | undefined {
  const exchange = messagesIn(...sent).findLast(({ type }) => type === HandshakeType.serverKeyExchange)?.body;
  return exchange === undefined ? undefined : groups.find(({ id }) => exchange.includes(Buffer.of(3, 0, id)))?.name;
}

describe.each(signedSuites)("%s", (suite) => {
  const settings = { client: { suites: [suite] }, server: { keys } };

  it.each(["secp256r1", "x25519"] as const)("carries data both ways after a handshake with raw public keys over %s", (group) => {
    const { client, server } = connected({ client: { suites: [suite] }, server: { keys, groups: [group] }, credential: rpk });
    expect(agreedOver(server)).toBe(group);
    expect(client.connectedAs).toMatchObject({ suite, resumed: false, identity: { mode: "rpk", bytes: device.publicKey } });
    expect(server.sessions[0]?.info).toMatchObject({ suite, identity: { mode: "rpk", bytes: device.publicKey } });
    expect(server.sessions[0]?.context).toBe("rpk");
    client.client.send(Buffer.from("hello"));
    server.hear(client.sent.slice(-1));
    expect(server.received).toEqual(["hello"]);
  });

  it.each([0, 1, 2, 3] as const)("makes a session with certificates under certificate usage %i", (usage) => {
    const { client, server } = connected({ ...settings, client: { suites: [suite], serverName }, credential: x509(usage) });
    expect(client.connectedAs).toMatchObject({ suite, identity: { mode: "x509", bytes: device.certificate } });
    expect(server.claims).toEqual([{ mode: "x509", chain: [device.certificate] }]);
  });
});

it("a server shows the certificate of the name that it is asked for, and its own for any other", async () => {
  const second = await authority.issue("second", { name: "second.example.com" });
  const server = { keys, keysByName: { "second.example.com": { privateKey: second.privateKey, chain: [second.certificate] } } };
  const credential = (name: string) => ({ ...x509(), server: { ...x509().server, name } });
  for (const name of [serverName, "second.example.com"]) {
    const { client } = connected({ client: { serverName: name }, server, credential: credential(name) });
    expect(client.connectedAs).toMatchObject({ serverName: name });
  }
  expect(() => connected({ client: { serverName: "third.example.com" }, server, credential: credential("third.example.com") })).toThrow("no handshake");
});

describe("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", () => {
  it.each(["secp256r1", "x25519"] as const)("makes a session with a PSK over %s", (group) => {
    const suite = "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256";
    const { client, server } = connected({ client: { suites: [suite], groups: [group] } });
    expect(agreedOver(server)).toBe(group);
    expect(client.connectedAs).toMatchObject({ suite, identity: { mode: "psk" } });
    expect(server.sessions[0]?.info).toMatchObject({ suite, encryptThenMac: true });
  });
});
