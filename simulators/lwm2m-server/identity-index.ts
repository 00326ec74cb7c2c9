import { isUsable, ProblemError } from "../../src/smp/index.js";
import type { CredentialRecord, CredentialVersion } from "./credential-record.js";
import type { PlantedFaults } from "./plants.js";

/** What is known of a PSK identity. */
export type IdentityLookup =
  | { readonly state: "usable"; readonly version: CredentialVersion; readonly key: Buffer }
  /** Staged and not active, or before its time. */
  | { readonly state: "not-yet"; readonly version: CredentialVersion }
  /** Revoked, rolled back, or past its time. */
  | { readonly state: "over"; readonly version: CredentialVersion }
  | { readonly state: "unknown"; readonly version?: undefined };

export interface IdentityIndexOptions {
  readonly plants: PlantedFaults;
  readonly slots: 1 | 2;
}

const unknown: IdentityLookup = { state: "unknown" };

/** Which credential a PSK identity belongs to: one only, whoever staged it. A revoked one is still known by its identity until somebody else has it. */
export class IdentityIndex {
  readonly #records = new Map<string, CredentialRecord>();

  constructor(readonly options: IdentityIndexOptions) {}

  /** `usable` is asked of the versions that have the identity, newest first. */
  lookUp(identity: Uint8Array, now: number, usable: (version: CredentialVersion) => boolean): IdentityLookup {
    const name = Buffer.from(identity).toString("base64url");
    const record = this.#records.get(name);
    if (record === undefined) return unknown;
    let newest: CredentialVersion | undefined;
    for (let at = record.versions.length - 1; at >= 0; at -= 1) {
      const version = record.versions[at];
      if (version?.identity !== name) continue;
      if (version.key !== undefined && usable(version)) return { state: "usable", version, key: version.key };
      newest ??= version;
    }
    if (newest === undefined) return unknown;
    const toCome = newest.state === "staged" || (isUsable(newest.state) && now < newest.notBefore);
    return { state: toCome ? "not-yet" : "over", version: newest };
  }

  /** Throws `identity-conflict` when a credential may not have the identity. */
  check(identity: string, endpoint: string, record: CredentialRecord | undefined): void {
    const holder = this.#records.get(identity);
    if (holder === undefined || this.options.plants.has("identity-accepted-twice")) return;
    if (holder !== record) {
      if (!holder.versions.some((version) => holdsOn(version, identity))) return;
      throw new ProblemError("identity-conflict", holder.endpoint === endpoint ? "the identity belongs to another credential of the client" : "the identity belongs to another client", { field: "/identity" });
    }
    // With two slots both versions answer at once, and a handshake names nothing but the identity.
    if (this.options.slots === 2 && holder.versions.some((version) => version.identity === identity && isUsable(version.state))) {
      throw new ProblemError("identity-conflict", "a version that is still in use has this identity; a new version needs a new one", { field: "/identity" });
    }
  }

  add(version: CredentialVersion): void {
    if (version.identity !== undefined) this.#records.set(version.identity, version.record);
  }

  /** The version left its record: nothing of it is needed any more. */
  forget(version: CredentialVersion): void {
    const { identity, record } = version;
    version.key = undefined;
    if (identity !== undefined && this.#records.get(identity) === record && !record.versions.some((kept) => kept.identity === identity)) this.#records.delete(identity);
  }
}

/** A version that was revoked for good has no key any more, and others may have its identity. */
const holdsOn = (version: CredentialVersion, identity: string): boolean => version.identity === identity && version.key !== undefined;
