import { VirtualClock } from "../../../src/ports/simulated/index.js";
import { ProblemError } from "../../../src/smp/index.js";
import { viewOf, type ShownBody, type StagedCredential } from "../credential-record.js";
import { CredentialStore, type CredentialChange } from "../credential-store.js";
import { pskName } from "../identity-names.js";
import { plantedFaults, type PlantName } from "../plants.js";

export const nosec = (version: number, extra: Partial<ShownBody> = {}): StagedCredential => ({ body: { version, ssid: 101, mode: "nosec", sessionPolicy: "close-on-revoke", ...extra } });
export const psk = (version: number, identity: string, key = "secret-key", extra: Partial<ShownBody> = {}): StagedCredential => ({
  body: { version, ssid: 101, mode: "psk", identity: { b64u: identity }, sessionPolicy: "close-on-revoke", ...extra },
  key: Buffer.from(key),
});

export function bench(plants: PlantName[] = [], maxRecords = 100, slots: 1 | 2 = 2) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const changes: CredentialChange[] = [];
  const store = new CredentialStore({
    clock,
    secrets: { equal: (a, b) => Buffer.compare(a, b) === 0 },
    plants: plantedFaults(plants),
    slots,
    maxRecords,
    changed: (change) => {
      changes.push(change);
      events.push(`${change.event ?? "none"} v${change.version.version} ${change.from}>${change.version.state}`);
    },
  });
  return {
    clock,
    events,
    changes,
    store,
    states: (endpoint = "d1", id = "c1") => store.find("a", endpoint, id)?.versions.map(({ version, state }) => `v${version} ${state}`),
    /** What a handshake with this identity gets. */
    handshake: (identity: string) => {
      const found = store.lookUp(pskName(Buffer.from(identity, "base64url")));
      return found.state === "usable" ? `v${found.version.version} ${found.version.key?.toString() ?? ""}` : found.state;
    },
    stage: (body: StagedCredential, endpoint = "d1", id = "c1", tenant = "a") => store.stage(tenant, `bs-${tenant}`, endpoint, id, body),
    activate: (version: number, sessionId: number, endpoint = "d1", id = "c1") => store.activate("a", endpoint, id, { version, sessionId }),
    view: (endpoint = "d1", id = "c1") => viewOf(store.find("a", endpoint, id) ?? noRecord()),
  };
}

export const problem = (act: () => unknown): string => {
  try {
    act();
    return "none";
  } catch (error) {
    if (error instanceof ProblemError) return error.type;
    throw error;
  }
};

function noRecord(): never {
  throw new Error("no record");
}
