import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { newKeyPair } from "../../src/certificates/index.js";
import { Codes, formatCode } from "../../src/coap/index.js";
import type { IncomingRequest } from "../../src/coap/index.js";
import { UnknownPlantError, bootstrapServerConfig } from "../../src/config/index.js";
import { single, valueOf } from "../../src/lwm2m/index.js";
import { identityOf, isEncrypted, keyCheckValue, ProblemError, recipientOf, SecretKeys } from "../../src/smp/index.js";
import type { AccountBody, NewCredential, OrderBody } from "../../src/smp/index.js";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import type { SimulatedPorts } from "../../src/ports/simulated/index.js";
import { peerIdentity, udpEndpoint } from "../../src/transport/index.js";
import { plants, plantsNamed } from "./plants.js";
import type { PlantName } from "./plants.js";
import { LateHandler } from "../../src/operator/index.js";
import { BootstrapServer } from "./role.js";
import { MemoryLink } from "./testing/memory-link.js";
import { ScriptedDevice, answer } from "./testing/scripted-device.js";

const serverAddress = { host: "10.0.0.1", port: 5683 };
const caller = { peerId: "operator-b", tenant: "b" };
const account: AccountBody = { uri: "coap://10.0.0.3", securityMode: "nosec", ssid: 201, lifetime: 300, storeNotifications: true, binding: "U", acl: [] };
const policy: OrderBody["policy"] = { trigger: "wait-for-client", triggerServers: [], maxAttempts: 1, activation: "before-first-write", sessionPolicy: "close-on-revoke" };

interface Rig {
  readonly ports: SimulatedPorts;
  readonly role: BootstrapServer;
  readonly device: ScriptedDevice;
  readonly link: MemoryLink;
  /** Operator A's Server, which has the device already. */
  readonly other: MemoryLink;
}

const serverKeys = await SecretKeys.create();

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A device that holds operator A's account from its factory, and a Bootstrap Server that can provision operator B's. */
async function rig(plant: PlantName | undefined): Promise<Rig> {
  const ports = simulatedPorts("plants");
  const config = bootstrapServerConfig({
    operatorToken: "operator-token-of-a-test",
    timing: "lab",
    lab: true,
    clients: ["ab-*", { endpoint: "ab-2", psk: { identity: "of-ab-2", key: "00112233445566778899aabbccddeeff" } }],
    nosec: "without-credentials",
    plants: plant === undefined ? [] : [plant],
    peers: [
      { id: "operator-b", tenant: "b", token: "token-of-operator-b-1", smp: "http://127.0.0.1:1", shortServerIds: [200, 299] },
      { id: "operator-a", tenant: "a", token: "token-of-operator-a-1", smp: "http://127.0.0.1:2", shortServerIds: [100, 199] },
    ],
  });
  const late = new LateHandler();
  const coap = await udpEndpoint(ports, { ...serverAddress, transmission: config.timing.coap }, late);
  const link = new MemoryLink(config.peers[0]!, ports.clock);
  const other = new MemoryLink(config.peers[1]!, ports.clock);
  link.jwksAnswer = other.jwksAnswer = serverKeys.set;
  const role = new BootstrapServer(config, ports, coap, new Map([["operator-b", link], ["operator-a", other]]), serverKeys);
  late.handler = role.bootstraps;
  const device = await ScriptedDevice.start(ports, { endpoint: "ab-1", host: "10.1.0.1", server: serverAddress, coap: config.timing.coap });
  device.put(0, 1, [single(0, "coap://10.0.0.2"), single(10, 101)]);
  device.put(1, 0, [single(0, 101)]);
  closing.push(() => device.close(), () => role.stop(), () => coap.close());
  return { ports, role, device, link, other };
}

/** Orders B's account for the device and lets it be staged. */
async function ordered(one: Rig, over: Partial<OrderBody["policy"]> = {}): Promise<string> {
  const { handlers } = one.role;
  const { value } = handlers.createAccount(caller, account);
  const order = handlers.createOrder(caller, { type: "provision", accountId: value.accountId, targets: { endpoints: ["ab-1"] }, policy: { ...policy, ...over } });
  await one.ports.clock.advance(100);
  return order.value.orderId;
}

async function bootstrap({ device, ports }: Rig, ms = 3500): Promise<string> {
  const answered = device.bootstrap();
  await ports.clock.advance(ms);
  return answered;
}

const rawKeys: AccountBody = { ...account, uri: "coaps://10.0.0.3", securityMode: "rpk", serverPublicKey: newKeyPair(simulatedPorts("server").secrets).publicKey.toString("base64url") };
const keyed: AccountBody = { ...account, uri: "coaps://10.0.0.3", securityMode: "psk" };

/** Encryption takes real time: the virtual clock goes no faster than the other meanwhile, so that no budget of it runs out. */
async function until({ ports }: Rig, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (done()) return;
    await ports.clock.advance(1);
    await pause(1);
  }
  throw new Error("it did not come to that");
}

/** An order for keys, up to where the device may come. */
async function orderedKey(one: Rig, by: typeof caller, accountId: string, type: OrderBody["type"] = "provision"): Promise<string> {
  const { handlers } = one.role;
  const { orderId } = handlers.createOrder(by, { type, accountId, targets: { endpoints: ["ab-1"] }, policy }).value;
  await until(one, () => handlers.getItem(by, { orderId, ep: "ab-1" }).state === "awaiting-client");
  return orderId;
}

async function broughtKey(one: Rig, by = caller, body = keyed): Promise<string> {
  const { handlers } = one.role;
  const { accountId } = handlers.createAccount(by, body).value;
  const orderId = await orderedKey(one, by, accountId);
  const answered = one.device.bootstrap();
  await until(one, () => handlers.getItem(by, { orderId, ep: "ab-1" }).state === "applied");
  await answered;
  handlers.createConfirmation(by, { ep: "ab-1", ssid: body.ssid ?? 0, event: "registered", at: new Date(one.ports.clock.epoch()).toISOString(), credentialId: accountId, version: 1 });
  return accountId;
}

const keyOf = ({ device }: Rig, ssid: number): string => {
  const value = valueOf(device.security(ssid)!, 5);
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : "";
};

const written = ({ device }: Rig): boolean => device.accounts.includes(201);

/** For each plant: what it is seen by, the value without it and with it. */
const observations: Readonly<Record<PlantName, { readonly see: (one: Rig) => unknown; readonly right: unknown; readonly wrong: unknown }>> = {
  "finish-before-activation": {
    see: async (one) => {
      one.link.activateAfterMs = 1000;
      await ordered(one);
      await bootstrap(one, 500);
      return one.device.finished;
    },
    right: 0,
    wrong: 1,
  },
  "sm3-budget-ignored": {
    see: async (one) => {
      one.link.activateAnswer = { status: 403 };
      await ordered(one);
      await bootstrap(one);
      return written(one);
    },
    right: false,
    wrong: true,
  },
  "serves-unstaged": {
    see: async (one) => {
      one.link.stageAnswer = { status: 503 };
      await ordered(one);
      await bootstrap(one);
      return written(one);
    },
    right: false,
    wrong: true,
  },
  "displaced-session-activates": {
    see: async (one) => {
      one.link.activateAfterMs = 300;
      await ordered(one);
      await bootstrap(one, 100);
      await bootstrap(one);
      const [first, second] = one.link.activations;
      return (second?.sessionId ?? 0) > (first?.sessionId ?? 0);
    },
    right: true,
    wrong: false,
  },
  "wrong-ssid": {
    see: async (one) => {
      await ordered(one);
      await bootstrap(one);
      return one.device.accounts;
    },
    right: [101, 201],
    wrong: [101, 202],
  },
  "deletes-other-operators-account": {
    see: async (one) => {
      await ordered(one);
      await bootstrap(one);
      return one.device.accounts;
    },
    right: [101, 201],
    wrong: [201],
  },
  "trigger-confirmed-without-bootstrap": {
    see: async (one) => {
      const orderId = await ordered(one, { trigger: "via-server", triggerServers: ["operator-b"] });
      await one.ports.clock.advance(500);
      return one.role.handlers.getItem(caller, { orderId, ep: "ab-1" }).trigger?.state;
    },
    right: "acknowledged",
    wrong: "confirmed",
  },
  "second-server-not-asked": {
    see: async (one) => {
      one.link.triggerState = "not-registered";
      await ordered(one, { trigger: "via-server", triggerServers: ["operator-b", "operator-a"], maxAttempts: 2 });
      await one.ports.clock.advance(500);
      return one.other.triggers.length;
    },
    right: 1,
    wrong: 0,
  },
  "cancel-leaves-triggers": {
    see: async (one) => {
      one.link.triggerState = "queued";
      const orderId = await ordered(one, { trigger: "via-server", triggerServers: ["operator-b"] });
      one.role.handlers.cancelOrder(caller, { orderId }, { ifMatch: "*", signal: new AbortController().signal });
      await one.ports.clock.advance(100);
      return one.link.log.filter((line) => line.startsWith("withdraw")).length;
    },
    right: 1,
    wrong: 0,
  },
  "access-control-not-written": {
    see: async (one) => {
      await ordered(one);
      await bootstrap(one);
      return one.device.records().length;
    },
    right: 3,
    wrong: 0,
  },
  "finish-too-early": {
    see: async (one) => {
      await ordered(one);
      await bootstrap(one);
      return one.device.log.at(-1)?.split(" ")[0];
    },
    right: "finish",
    wrong: "write",
  },
  "finish-repeated-uncorrected": {
    see: async (one) => {
      let refused = 0;
      one.device.script = (operation) => (operation === "finish" && refused++ === 0 ? answer(Codes.NotAcceptable) : undefined);
      await ordered(one);
      await bootstrap(one);
      return one.device.log.filter((line) => line === "write /0/2 2.04").length;
    },
    right: 2,
    wrong: 1,
  },
  "write-refusal-ignored": {
    see: async (one) => {
      one.device.script = (operation, path) => (operation === "write" && path.startsWith("/1/") ? answer(Codes.BadRequest) : undefined);
      await ordered(one);
      await bootstrap(one);
      return one.device.finished;
    },
    right: 0,
    wrong: 1,
  },
  "unanswered-finish-applied": {
    see: async (one) => {
      one.device.script = (operation) => (operation === "finish" ? "silence" : undefined);
      const orderId = await ordered(one);
      await bootstrap(one, 6000);
      return one.role.handlers.getItem(caller, { orderId, ep: "ab-1" }).state;
    },
    right: "partially-applied",
    wrong: "applied",
  },
  "discover-skipped": {
    see: async (one) => {
      await ordered(one);
      await bootstrap(one);
      return one.device.log[0]?.split(" ")[0];
    },
    right: "discover",
    wrong: "write",
  },
  "same-key-for-two-servers": {
    see: async (one) => {
      await broughtKey(one);
      await broughtKey(one, { peerId: "operator-a", tenant: "a" }, { ...keyed, uri: "coaps://10.0.0.2", ssid: 102 });
      return keyOf(one, 201) === keyOf(one, 102);
    },
    right: false,
    wrong: true,
  },
  "rotation-keeps-identity": {
    see: async (one) => {
      await orderedKey(one, caller, await broughtKey(one), "rotate");
      const [first, second] = one.link.staged;
      return first?.identity?.b64u === second?.identity?.b64u;
    },
    right: false,
    wrong: true,
  },
  "secret-in-cleartext": {
    see: async (one) => {
      await broughtKey(one);
      return isEncrypted(one.link.staged[0]?.secret ?? "");
    },
    right: true,
    wrong: false,
  },
  "rollback-not-sent": {
    see: async (one) => {
      const orderId = await orderedKey(one, caller, await broughtKey(one), "rotate");
      one.device.script = (operation, path) => (operation === "write" && path.startsWith("/0/") ? answer(Codes.BadRequest) : undefined);
      void one.device.bootstrap();
      await until(one, () => one.role.handlers.getItem(caller, { orderId, ep: "ab-1" }).state === "rolled-back");
      return one.link.log.filter((line) => line.startsWith("roll-back")).length;
    },
    right: 1,
    wrong: 0,
  },
  "unknown-endpoint-accepted": { see: async (one) => unknown(one), right: "4.00", wrong: "2.04" },
  "endpoint-not-bound": {
    see: async (one) => {
      const answers: string[] = [];
      const peer = { address: serverAddress, secured: true, identity: peerIdentity({ mode: "psk", bytes: Buffer.from("of-ab-2") }) };
      const request = { code: Codes.POST, path: ["bs"], query: ["ep=ab-1"], peer, respond: ({ code }: { code: number }) => answers.push(formatCode(code)) };
      one.role.bootstraps.onRequest(request as unknown as IncomingRequest);
      return answers[0];
    },
    right: "4.00",
    wrong: "2.04",
  },
  "wrong-code-of-a-table": { see: async (one) => unknown(one), right: "4.00", wrong: "4.04" },
  "secret-readable-by-get": {
    see: (one) => {
      const { value } = one.role.handlers.createAccount(caller, account);
      return "secret" in one.role.handlers.getAccount(caller, { accountId: value.accountId }).value;
    },
    right: false,
    wrong: true,
  },
  "always-psk": { see: async (one) => (await stagedFor(one, rawKeys)).mode, right: "rpk", wrong: "psk" },
  "own-key-sent-back": {
    see: async (one) => {
      const { accountId } = one.role.handlers.createAccount(caller, keyed).value;
      const key = Buffer.from("own-key-of-server");
      const secret = await (await recipientOf(serverKeys.set))?.wrap(key, { tenant: "b", ep: "ab-1", ssid: 201, credentialId: "cr-own", version: 1, purpose: "sm1-psk" });
      const credentials = [{ ep: "ab-1", credentialId: "cr-own", version: 1, identity: identityOf(Buffer.from("own-1")), bits: key.length * 8, kcv: keyCheckValue(key, "cr-own"), secret: secret ?? "" }];
      one.role.handlers.createOrder(caller, { type: "provision", accountId, targets: { endpoints: ["ab-1"] }, policy: { ...policy, credential: { origin: "server" } }, credentials });
      await until(one, () => one.link.staged.length > 0);
      return one.link.staged[0]?.keyOrigin;
    },
    right: "server",
    wrong: undefined,
  },
  "etag-ignored": {
    see: ({ role: { handlers } }) => {
      const { accountId } = handlers.createAccount(caller, account).value;
      return refusalOf(() => handlers.replaceAccount(caller, { accountId }, { ...account, lifetime: 301 }, { ifMatch: '"stale"', signal: new AbortController().signal }));
    },
    right: "precondition-failed",
    wrong: undefined,
  },
  "other-tenants-accounts-visible": {
    see: ({ role: { handlers } }) => {
      const { accountId } = handlers.createAccount(caller, account).value;
      return refusalOf(() => handlers.getAccount({ peerId: "operator-a", tenant: "a" }, { accountId }));
    },
    right: "not-found",
    wrong: undefined,
  },
  "last-account-removed": { see: async (one) => removal(one, false), right: "rejected", wrong: "awaiting-client" },
  "removed-account-left": {
    see: async (one) => {
      await removal(one, true);
      await bootstrap(one);
      return one.device.accounts;
    },
    right: [101],
    wrong: [101, 201],
  },
  "confirmed-at-finish": {
    see: async (one) => {
      const orderId = await ordered(one);
      await bootstrap(one);
      return one.role.handlers.getItem(caller, { orderId, ep: "ab-1" }).state;
    },
    right: "applied",
    wrong: "confirmed",
  },
  "capabilities-incomplete": { see: ({ role }) => role.handlers.getCapabilities(caller).bootstrapServer?.orderTypes.includes("update"), right: true, wrong: false },
  "unwritten-format-accepted": { see: async (one) => asked(one, "ep=ab-1", "pct=64999"), right: "4.15", wrong: "2.04" },
};

/** What the Server is told of a device for a new account. */
async function stagedFor(one: Rig, body: AccountBody): Promise<NewCredential> {
  await orderedKey(one, caller, one.role.handlers.createAccount(caller, body).value.accountId);
  const [staged] = one.link.staged;
  if (staged === undefined) throw new Error("nothing was staged");
  return staged;
}

/** The problem of a call; undefined where it is taken. */
function refusalOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof ProblemError) return error.type;
    throw error;
  }
}

/** The state of B's item once its account was ordered away, with or without another account on the device. */
async function removal(one: Rig, besideAnother: boolean): Promise<string> {
  if (!besideAnother) for (const path of ["/0/1", "/1/0"]) one.device.instances.delete(path);
  const { handlers } = one.role;
  const placed = await ordered(one);
  await bootstrap(one);
  const { accountId } = handlers.getOrder(caller, { orderId: placed }).value;
  const { orderId } = handlers.createOrder(caller, { type: "remove", accountId, targets: { endpoints: ["ab-1"] }, policy }).value;
  await one.ports.clock.advance(100);
  return handlers.getItem(caller, { orderId, ep: "ab-1" }).state;
}

async function unknown(one: Rig): Promise<string> {
  return asked(one, "ep=x-1");
}

async function asked(one: Rig, ...query: string[]): Promise<string> {
  const answered = one.device.bootstrap(query);
  await one.ports.clock.advance(500);
  return answered;
}

describe("a planted fault", () => {
  for (const { name, breaks } of plants) {
    it(`${name}: ${breaks}`, async () => {
      const { see, right, wrong } = observations[name];
      expect(await see(await rig(undefined))).toEqual(right);
      expect(await see(await rig(name))).toEqual(wrong);
    });
  }

  it("has a name of its own, and an unknown one is refused", () => {
    expect(new Set(plants.map(({ name }) => name)).size).toBe(plants.length);
    expect(() => plantsNamed(["no-such-fault"])).toThrow(UnknownPlantError);
  });
});
