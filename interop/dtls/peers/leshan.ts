import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

import { HostProcess } from "../../node-coap-device/host-process.js";
import { freeTcpPort, freeUdpPort, start, type RunningProcess } from "../../process.js";
import type { Parties } from "../rig/certificates.js";
import { cached } from "../rig/installed.js";

const classPath = (role: "server" | "client"): string => `${cached("leshan", role, "classes")}:${cached("leshan", role, "lib")}/*`;

/** A credential as Leshan's REST takes it (2.0.0-M15 and later). */
export type LeshanCredential = { readonly mode: "rpk"; readonly details: { readonly key: string } } | { readonly mode: "x509" };

export interface LeshanServer {
  /** Of DTLS. */
  readonly port: number;
  admit(endpoint: string, credential: LeshanCredential): Promise<void>;
  /** Whether the endpoint is registered. */
  knows(endpoint: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** Its LwM2M Server as the server of these parties; `folder` gets the files it reads. */
export async function leshanServer({ server, authority }: Parties, folder: string): Promise<LeshanServer> {
  const file = (name: string, content: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const keys = ["--privateKey", file("leshan.private.der", server.own.privateKey), "--certificate", file("leshan.certificate.der", server.own.certificate), "--authority", file("leshan.authority.der", authority)];
  const [coap, coaps, http] = [await freeUdpPort(), await freeUdpPort(), await freeTcpPort()];
  const process: RunningProcess = await start("java", ["-cp", classPath("server"), "Main", "--coap", `${coap}`, "--coaps", `${coaps}`, "--http", `${http}`, ...keys], {
    cwd: folder,
    ready: (output) => output.includes('"ready":true'),
    readyWithinMs: 60_000,
  });
  const api = `http://127.0.0.1:${http}/api`;
  return {
    port: coaps,
    admit: async (endpoint, tls) => {
      const { ok, status } = await fetch(`${api}/security/clients/`, { method: "PUT", body: JSON.stringify({ endpoint, tls }) });
      if (!ok) throw new Error(`Leshan answers ${status} to the credential of ${endpoint}`);
    },
    knows: async (endpoint) => (await fetch(`${api}/clients/${endpoint}`)).ok,
    stop: () => process.stop(),
  };
}

/** The account of a device on Leshan's library; keys and certificates are DER in hex. */
export interface LeshanAccount {
  readonly uri: string;
  readonly shortServerId: number;
  readonly lifetime: number;
  readonly rpk?: Readonly<Record<"publicKey" | "privateKey" | "serverPublicKey", string>>;
  readonly x509?: Readonly<Record<"certificate" | "privateKey" | "serverCertificate", string>> & { readonly usage: number };
}

export interface LeshanDevices {
  create(endpoint: string, account: LeshanAccount): Promise<void>;
  /** Begins to register. */
  start(endpoint: string): Promise<void>;
  isRegistered(endpoint: string): Promise<boolean>;
  /** De-registers first. */
  remove(endpoint: string): Promise<void>;
  stop(): Promise<void>;
}

/** LwM2M Clients on its library. */
export async function leshanDevices(): Promise<LeshanDevices> {
  const host = await HostProcess.launch("java", ["-cp", classPath("client"), "Main"], "leshan");
  const ask = async (request: Readonly<Record<string, unknown>>): Promise<void> => {
    await host.send(request, z.unknown());
  };
  return {
    create: (endpoint, account) => ask({ type: "create", spec: { endpoint, servers: [account] } }),
    start: (endpoint) => ask({ type: "act", endpoint, action: { do: "start" } }),
    isRegistered: async (endpoint) => (await host.send({ type: "inspect", endpoint }, z.object({ fleetState: z.string() }))).fleetState === "registered",
    remove: (endpoint) => ask({ type: "remove", endpoint, deregister: true }),
    stop: () => host.stop(),
  };
}
