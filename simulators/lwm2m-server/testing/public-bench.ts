import { afterEach, expect } from "vitest";
import { CertificateAuthority, newKeyPair, thumbprint, type KeyPair, type Subject } from "../../../src/certificates/index.js";
import type { LwM2mServerInput } from "../../../src/config/index.js";
import type { ClientCredential, ServerTrust } from "../../../src/dtls/index.js";
import { OperatorClient } from "../../../src/operator/index.js";
import { formatAddress } from "../../../src/ports/index.js";
import { realPorts } from "../../../src/ports/real/index.js";
import { SmpCallError, SmpClient, type NewCredential } from "../../../src/smp/index.js";
import { startLwM2mServer } from "../index.js";
import { labConfig, tokens } from "./bench.js";
import { bootstrapServerDouble } from "./bootstrap-server-double.js";
import { ScriptedDevice } from "./scripted-device.js";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

export const ports = realPorts(1);
export const b64u = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
export const bytesIn = (text: string | undefined): Buffer => Buffer.from(text ?? expect.fail("no bytes"), "base64url");

/** Who certifies the devices of these tests. */
export const authority = await CertificateAuthority.create(ports, "Authority of the devices");

export interface Certified extends KeyPair {
  readonly certificate: Buffer;
}

export async function certified(subject: Subject, by = authority): Promise<Certified> {
  const keys = newKeyPair(ports.secrets);
  return { ...keys, certificate: await by.issue(keys.publicKey, subject) };
}

const common = { version: 1, ssid: 101 } as const;
export const rpk = ({ publicKey }: Pick<KeyPair, "publicKey">, extra: Partial<NewCredential> = {}): NewCredential => ({ ...common, mode: "rpk", publicKey: b64u(publicKey), thumbprint: thumbprint(publicKey), ...extra });
export const x509 = ({ certificate }: Pick<Certified, "certificate">, extra: Partial<NewCredential> = {}): NewCredential => ({ ...common, mode: "x509", certificate: b64u(certificate), ...extra });
export const byRule = (commonName: string, extra: Partial<NewCredential> = {}): NewCredential => ({
  ...common, mode: "x509", subject: { commonName }, issuerChain: [b64u(authority.certificate)], notAfter: new Date(ports.clock.epoch() + 10 * 86_400_000).toISOString(), ...extra,
});

/** The LwM2M Server on loopback with its DTLS port, its Bootstrap Server's client of its API, and devices with public keys. */
export async function servedPublicly(input: Partial<LwM2mServerInput> = {}) {
  const bootstrapServer = await bootstrapServerDouble();
  stops.push(() => bootstrapServer.stop());
  const config = labConfig({ admission: "credential", coaps: "127.0.0.1:0", peers: [{ id: "bs-a", tenant: "a", token: tokens.a, smp: bootstrapServer.url }], ...input });
  const role = await startLwM2mServer(config, ports);
  stops.push(() => role.stop());
  const base = `http://${formatAddress(role.http)}`;
  const a = new SmpClient({ base, token: tokens.a, peer: "server-a", clock: ports.clock, newKey: () => ports.secrets.token() });
  stops.push(() => a.close());
  const operator = new OperatorClient({ baseUrl: base, token: tokens.operator });
  stops.push(() => operator.close());
  const server = (await operator.serverKeys()) ?? expect.fail("no DTLS port");
  let sessions = 0;
  const device = async (endpoint: string, credential: ClientCredential, serverName?: string) => {
    const one = await ScriptedDevice.start(ports, { endpoint, host: "127.0.0.1", server: role.coaps ?? expect.fail("no DTLS port"), credential, ...(serverName === undefined ? {} : { serverName }) });
    stops.push(() => one.stop());
    return one;
  };
  return {
    bootstrapServer,
    operator,
    a,
    server,
    device,
    rpkDevice: (endpoint: string, { publicKey, privateKey }: KeyPair) => device(endpoint, { mode: "rpk", publicKey, privateKey, serverPublicKey: bytesIn(server.publicKey) }),
    x509Device: (endpoint: string, { certificate, privateKey }: Certified, trust: Partial<ServerTrust> = {}, serverName?: string) =>
      device(endpoint, { mode: "x509", chain: [certificate], privateKey, server: { usage: 2, certificate: bytesIn(server.authority), name: serverName ?? "127.0.0.1", ...trust } }, serverName),
    /** Staged and active. */
    provide: async (endpoint: string, body: NewCredential) => {
      await a.stageCredential(endpoint, "c1", body);
      await a.activateCredential(endpoint, "c1", { version: body.version, sessionId: (sessions += 1) });
    },
  };
}

/** What came of a Register: its code, or how the handshake ended. */
export async function outcome(device: ScriptedDevice): Promise<string> {
  try {
    return await device.register();
  } catch {
    return device.heard.at(-1) ?? "nothing";
  }
}

export const problemOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "none",
    (error: unknown) => (error instanceof SmpCallError ? `${error.status} ${error.type ?? "blank"} ${error.problem?.field ?? ""}` : Promise.reject(error instanceof Error ? error : new Error(String(error)))),
  );

export const until = (holds: () => boolean | Promise<boolean>): Promise<void> => expect.poll(holds, { interval: 10, timeout: 5000 }).toBe(true);
