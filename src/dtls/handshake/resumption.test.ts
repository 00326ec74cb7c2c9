import { describe, expect, it } from "vitest";
import { ExtensionType } from "../codec/extensions.js";
import { handshakeMessage, HandshakeType, type HandshakeMessage } from "../codec/handshake.js";
import { readServerHello, writeClientHello, writeServerHello, type ClientHello, type ServerHello } from "../codec/messages.js";
import { suitesNamed } from "../crypto/suites.js";
import { CBC, CCM_8, helloOf, none } from "../testing/handmade.js";
import { client, clientContext, fullHandshake, greeting, helloInput, kept, outcome, server, serverContext, serverSessionId, sessionOf } from "../testing/machines.js";
import type { ClientContext } from "./client-machine.js";
import type { ResumableSession } from "./server-machine.js";

const ems = [ExtensionType.extendedMasterSecret, none] as const;
const etm = [ExtensionType.encryptThenMac, none] as const;
const cbc = suitesNamed(["TLS_PSK_WITH_AES_128_CBC_SHA256"]);
const ccmSession = kept(sessionOf(fullHandshake().serverDone));
const cbcSession = kept(sessionOf(fullHandshake(clientContext({ suites: cbc })).serverDone));
const freshId = Buffer.alloc(32, 6);

/** `resumed`, `full`, or how the server gives up. */
function serverOn(resumable: ResumableSession | undefined, over: Partial<ClientHello>): string {
  const message = handshakeMessage(HandshakeType.clientHello, 1, writeClientHello(helloOf({ sessionId: serverSessionId, extensions: new Map([ems]), ...over })));
  const step = server(serverContext(), { state: { at: "idle" } }, helloInput(message, { resumable, sessionId: freshId }));
  const hello = step.sent.find(({ type }) => type === HandshakeType.serverHello);
  if (hello === undefined) return outcome(step);
  const { sessionId } = readServerHello(hello.body);
  expect(sessionId).toEqual(step.state.at === "awaiting-finished" ? serverSessionId : freshId);
  return step.state.at === "awaiting-finished" ? "resumed" : "full";
}

const answer = (over: Partial<ServerHello>): HandshakeMessage =>
  handshakeMessage(HandshakeType.serverHello, 1, writeServerHello({ version: 0xfefd, random: Buffer.alloc(32, 2), sessionId: serverSessionId, suite: CCM_8, compression: 0, extensions: new Map([ems]), ...over }));
const clientOn = (context: ClientContext, over: Partial<ServerHello>): string => outcome(client(context, greeting(context).verified, answer(over)));
const resumed = "awaiting-finished: install-keys";

describe("a server that knows the session of a ClientHello", () => {
  it("resumes it", () => {
    expect(serverOn(ccmSession.resumable, {})).toBe("resumed");
    expect(serverOn(cbcSession.resumable, { suites: [CBC], extensions: new Map([ems, etm]) })).toBe("resumed");
  });

  it("aborts when the session has an extended master secret and the hello does not offer one (RFC 7627 §5.3)", () => {
    expect(serverOn(ccmSession.resumable, { extensions: new Map() })).toBe("given-up: give-up 40");
  });

  it("shakes hands in full when the session has no extended master secret, whatever the hello offers", () => {
    const without = { ...ccmSession.resumable, extendedMasterSecret: false };
    expect(serverOn(without, {})).toBe("full");
    expect(serverOn(without, { extensions: new Map() })).toBe("full");
  });

  it("shakes hands in full when the hello does not offer the suite of the session", () => {
    expect(serverOn(cbcSession.resumable, { suites: [CCM_8], extensions: new Map([ems, etm]) })).toBe("full");
  });

  it("shakes hands in full when the session encrypts before the MAC and the hello does not offer that", () => {
    expect(serverOn(cbcSession.resumable, { suites: [CBC] })).toBe("full");
  });

  it("shakes hands in full under another server name (RFC 6066 §3)", () => {
    const named = { ...ccmSession.resumable, serverName: "bs" };
    const name = [ExtensionType.serverName, Buffer.from("00050000026273", "hex")] as const;
    expect(serverOn(named, { extensions: new Map([ems, name]) })).toBe("resumed");
    expect(serverOn(named, {})).toBe("full");
    expect(serverOn(ccmSession.resumable, { extensions: new Map([ems, name]) })).toBe("full");
  });
});

describe("a client that offers a session", () => {
  const context = clientContext({ resume: ccmSession.resume });

  it("resumes it when the server names it, and shakes hands in full when it names another or none", () => {
    expect(clientOn(context, {})).toBe(resumed);
    expect(clientOn(context, { sessionId: freshId })).toBe("awaiting-hello-done");
    expect(clientOn(context, { sessionId: none })).toBe("awaiting-hello-done");
  });

  it("refuses another suite with it", () => {
    expect(clientOn(context, { suite: CBC })).toBe("given-up: give-up 47");
  });

  it("refuses to lose or to gain an extended master secret with it (RFC 7627 §5.3)", () => {
    expect(clientOn(context, { extensions: new Map() })).toBe("given-up: give-up 40");
    const without = clientContext({ resume: { ...ccmSession.resume, extendedMasterSecret: false }, extendedMasterSecret: "never" });
    expect(clientOn(without, {})).toBe("given-up: give-up 110");
    expect(clientOn(without, { extensions: new Map() })).toBe(resumed);
  });

  it("refuses another order of encryption and MAC with it", () => {
    const offering = clientContext({ resume: cbcSession.resume });
    expect(clientOn(offering, { suite: CBC, extensions: new Map([ems, etm]) })).toBe(resumed);
    expect(clientOn(offering, { suite: CBC })).toBe("given-up: give-up 47");
  });

  it("shakes hands in full when it did not offer what it has, although the server names it", () => {
    const never = clientContext({ resume: ccmSession.resume, extendedMasterSecret: "never" });
    expect(clientOn(never, { extensions: new Map() })).toBe("awaiting-hello-done");
  });
});
