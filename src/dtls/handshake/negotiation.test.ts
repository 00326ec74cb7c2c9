import { describe, expect, it } from "vitest";
import { ExtensionType } from "../codec/extensions.js";
import { handshakeMessage, HandshakeType } from "../codec/handshake.js";
import { readServerHello, writeClientHello, writeOpaque16, writeServerHello, type ClientHello, type ServerHello } from "../codec/messages.js";
import { suitesNamed } from "../crypto/suites.js";
import { CBC, CCM_8, helloOf, none } from "../testing/handmade.js";
import { client, clientContext, fullHandshake, greeting, helloInput, outcome, server, serverContext, serverSessionId, sessionOf, theMessage } from "../testing/machines.js";
import type { ClientContext } from "./client-machine.js";
import type { ServerContext } from "./server-machine.js";

const cbc = suitesNamed(["TLS_PSK_WITH_AES_128_CBC_SHA256"]);
const ccm = suitesNamed(["TLS_PSK_WITH_AES_128_CCM_8"]);
const renegotiationInfo = new Map([[ExtensionType.renegotiationInfo, Buffer.from([0])]]);

/** What a server answers to a hand-made ClientHello. */
function answerTo(over: Partial<ClientHello>, context: ServerContext = serverContext()): ServerHello | string {
  const message = handshakeMessage(HandshakeType.clientHello, 1, writeClientHello(helloOf(over)));
  const step = server(context, { state: { at: "idle" } }, helloInput(message));
  const hello = step.sent.find(({ type }) => type === HandshakeType.serverHello);
  return hello === undefined ? outcome(step) : readServerHello(hello.body);
}
const extensionsOf = (answer: ServerHello | string): readonly number[] => (typeof answer === "string" ? [] : [...answer.extensions.keys()]);

/** What a client does with a hand-made ServerHello. */
function hearing(over: Partial<ServerHello>, context: ClientContext = clientContext()): string {
  const { verified } = greeting(context);
  const hello: ServerHello = { version: 0xfefd, random: Buffer.alloc(32, 2), sessionId: serverSessionId, suite: CCM_8, compression: 0, extensions: new Map(), ...over };
  return outcome(client(context, verified, handshakeMessage(HandshakeType.serverHello, 1, writeServerHello(hello))));
}

describe("encrypt-then-MAC", () => {
  const offer = { extensions: new Map([[ExtensionType.encryptThenMac, none]]) };

  it("is echoed with a CBC suite when the client offers it", () => {
    expect(extensionsOf(answerTo({ ...offer, suites: [CBC] }))).toEqual([ExtensionType.encryptThenMac]);
    expect(extensionsOf(answerTo({ extensions: new Map(), suites: [CBC] }))).toEqual([]);
  });

  it("is never echoed for CCM", () => {
    expect(answerTo({ ...offer, suites: [CCM_8, CBC] })).toMatchObject({ suite: CCM_8, extensions: new Map() });
  });

  it("is refused by a client that is told CCM", () => {
    expect(hearing(offer)).toBe("given-up: give-up 47");
    expect(hearing({ ...offer, suite: CBC })).toBe("awaiting-hello-done");
  });

  it("is what both ends then do", () => {
    expect(sessionOf(fullHandshake(clientContext({ suites: cbc })).clientDone).encryptThenMac).toBe(true);
    expect(sessionOf(fullHandshake(clientContext({ suites: ccm })).clientDone).encryptThenMac).toBe(false);
    expect(sessionOf(fullHandshake().clientDone)).toMatchObject({ encryptThenMac: false, suite: { id: CCM_8 } });
  });
});

describe("extended master secret", () => {
  const modes = ["offer", "require", "never"] as const;
  const expected: Readonly<Record<string, boolean | "server refuses" | "client refuses">> = {
    "offer offer": true,
    "offer require": true,
    "offer never": false,
    "require offer": true,
    "require require": true,
    "require never": "client refuses",
    "never offer": false,
    "never require": "server refuses",
    "never never": false,
  };
  it.each(modes.flatMap((clientMode) => modes.map((serverMode) => [clientMode, serverMode] as const)))("with client %s and server %s is as RFC 7627 has it", (clientMode, serverMode) => {
    const clients = clientContext({ extendedMasterSecret: clientMode });
    const servers = serverContext({ extendedMasterSecret: serverMode });
    const { verified, hello } = greeting(clients);
    const greeted = server(servers, { state: { at: "idle" } }, helloInput(hello));
    const wanted = expected[`${clientMode} ${serverMode}`];
    if (wanted === "server refuses") expect(outcome(greeted)).toBe("given-up: give-up 40");
    else if (wanted === "client refuses") expect(outcome(client(clients, verified, theMessage(greeted.sent, HandshakeType.serverHello)))).toBe("given-up: give-up 40");
    else {
      const { clientDone, serverDone } = fullHandshake(clients, servers);
      expect([sessionOf(clientDone).extendedMasterSecret, sessionOf(serverDone).extendedMasterSecret]).toEqual([wanted, wanted]);
      expect(sessionOf(clientDone).master).toEqual(sessionOf(serverDone).master);
    }
  });
});

describe("renegotiation_info", () => {
  it("answers the signalling suite and the empty extension, and is not sent to a client that has neither", () => {
    expect(extensionsOf(answerTo({ suites: [CCM_8, 0x00ff], extensions: new Map() }))).toEqual([ExtensionType.renegotiationInfo]);
    expect(extensionsOf(answerTo({ suites: [CCM_8], extensions: renegotiationInfo }))).toEqual([ExtensionType.renegotiationInfo]);
    expect(extensionsOf(answerTo({ suites: [CCM_8], extensions: new Map() }))).toEqual([]);
  });

  it("may be missing from a ServerHello or be empty, and nothing else", () => {
    expect(hearing({})).toBe("awaiting-hello-done");
    expect(hearing({ extensions: renegotiationInfo })).toBe("awaiting-hello-done");
    expect(hearing({ extensions: new Map([[ExtensionType.renegotiationInfo, Buffer.from([1, 7])]]) })).toBe("given-up: give-up 40");
    expect(hearing({ extensions: new Map([[ExtensionType.renegotiationInfo, none]]) })).toBe("given-up: give-up 40");
  });
});

describe("a ServerHello that a client refuses", () => {
  it.each([
    ["has version 1.0", { version: 0xfeff }, 70],
    ["has a version that does not exist", { version: 0xfefc }, 70],
    ["has a suite that was not offered", { suite: 0xc0a9 }, 47],
    ["has the signalling suite", { suite: 0x00ff }, 47],
    ["has a compression", { compression: 1 }, 47],
    ["answers an extension that was not offered", { extensions: new Map([[16, none]]) }, 110],
    ["answers server_name although there was none", { extensions: new Map([[0, none]]) }, 110],
    ["has a connection id although none was offered", { extensions: new Map([[54, Buffer.from([0])]]) }, 110],
    ["has content in extended_master_secret", { extensions: new Map([[23, Buffer.from([0])]]) }, 50],
    ["has content in encrypt_then_mac", { suite: CBC, extensions: new Map([[22, Buffer.from([0])]]) }, 50],
  ])("%s", (_name, over, alert) => {
    expect(hearing(over)).toBe(`given-up: give-up ${alert}`);
  });

  it("answers extended_master_secret to a client that never offers it", () => {
    expect(hearing({ extensions: new Map([[23, none]]) }, clientContext({ extendedMasterSecret: "never" }))).toBe("given-up: give-up 110");
  });

  it("has a server name in its answer", () => {
    expect(hearing({ extensions: new Map([[0, none]]) }, clientContext({ serverName: "bs" }))).toBe("awaiting-hello-done");
    expect(hearing({ extensions: new Map([[0, Buffer.from([0, 0])]]) }, clientContext({ serverName: "bs" }))).toBe("given-up: give-up 50");
  });
});

describe("a connection id in a ServerHello", () => {
  const context = clientContext({ connectionId: Buffer.from([7]) });
  const answering = (hex: string) => hearing({ extensions: new Map([[ExtensionType.connectionId, Buffer.from(hex, "hex")]]) }, context);

  it("may have any length up to 255 bytes, none included, and may be missing", () => {
    for (const hex of ["00", "01aa", `ff${"ab".repeat(255)}`]) expect(answering(hex)).toBe("awaiting-hello-done");
    expect(hearing({}, context)).toBe("awaiting-hello-done");
  });

  it.each([
    ["is shorter than it says", "02aa", "connection id: 2 bytes wanted, 1 left"],
    ["has bytes behind it", "01aabb", "bytes behind the connection id"],
    ["is not even a length", "", "connection id length"],
  ])("does not parse when it %s", (_name, hex, problem) => {
    expect(() => answering(hex)).toThrow(problem);
  });
});

describe("an identity hint", () => {
  it.each([
    ["empty", ""],
    ["of some bytes", "hint"],
    ["of 128 bytes", "h".repeat(128)],
  ])("is accepted and changes nothing: %s", (_name, hint) => {
    const { negotiated } = fullHandshake();
    const heard = client(clientContext(), negotiated, handshakeMessage(HandshakeType.serverKeyExchange, 2, writeOpaque16(Buffer.from(hint))));
    expect(outcome(heard)).toBe("awaiting-hello-done");
    const done = client(clientContext(), heard, handshakeMessage(HandshakeType.serverHelloDone, 3, none));
    expect(theMessage(done.sent, HandshakeType.clientKeyExchange).body).toEqual(writeOpaque16(Buffer.from("device-1")));
  });

  it("that does not parse is refused", () => {
    const { negotiated } = fullHandshake();
    expect(() => client(clientContext(), negotiated, handshakeMessage(HandshakeType.serverKeyExchange, 2, none))).toThrow("identity hint length");
  });
});
