import { formatCode } from "../../../src/coap/index.js";
import type { LwM2mServerInput } from "../../../src/config/index.js";
import type { ShownBody } from "../credential-record.js";
import { serverBench } from "./bench.js";

const keyOf = (endpoint: string, version: number): Buffer => Buffer.from(`key ${version} of ${endpoint}`.padEnd(16, "."));
const identityOf = (endpoint: string, version: number): Buffer => Buffer.from(`${endpoint}/v${version}`);
const credential = (endpoint: string, version = 1, key = keyOf(endpoint, version)) => ({ identity: identityOf(endpoint, version), key });

/** The stub that admits by credential, with its DTLS port: version `n` of endpoint `e` has the identity `e/vn`. */
export async function secured(input: Partial<LwM2mServerInput> = {}) {
  const bench = await serverBench({ admission: "credential", ...input });
  const { server } = bench;
  let sessions = 0;
  const stage = (endpoint: string, version = 1, extra: Partial<ShownBody> = {}) =>
    server.credentials.stage("a", "bs-a", endpoint, "c1", {
      body: { version, ssid: 101, mode: "psk", identity: { b64u: identityOf(endpoint, version).toString("base64url") }, sessionPolicy: "close-on-revoke", ...extra },
      key: keyOf(endpoint, version),
    });
  const activate = (endpoint: string, version = 1) => server.credentials.activate("a", endpoint, "c1", { version, sessionId: (sessions += 1) });
  return {
    ...bench,
    stage,
    activate,
    provide: (endpoint: string, version = 1, extra: Partial<ShownBody> = {}) => {
      stage(endpoint, version, extra);
      activate(endpoint, version);
    },
    secureDevice: (endpoint: string, version = 1, key?: Buffer) => bench.device({ endpoint, credential: credential(endpoint, version, key) }),
    /** The versions that registrations were reported under. */
    confirmed: () =>
      server.smpEvents
        .page("a", 0, 1000)
        .events.filter(({ type }) => type === "smp.client.registered")
        .map(({ data }) => data.version),
    code: async (response: Promise<{ readonly code: number }>) => formatCode((await bench.settle(response)).code),
    handshakes: (endpoint: string) => server.operations.handshakes({ limit: 10 }).devices.find((one) => one.endpoint === endpoint),
  };
}
