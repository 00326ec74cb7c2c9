import { isUsable, ProblemError } from "../../src/smp/index.js";
import type { CredentialRecord, CredentialVersion, ShownBody, StagedCredential } from "./credential-record.js";
import { namesOf } from "./identity-names.js";
import type { PlantedFaults } from "./plants.js";

/** What is known of an identity: that of a pre-shared key, a public key, a certificate. */
export type IdentityLookup =
  | { readonly state: "usable"; readonly version: CredentialVersion }
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

/** What a problem about an identity is about. */
const fields = { psk: "/identity", rpk: "/publicKey", x509: "/certificate", nosec: "/mode", est: "/mode" } as const;
const fieldOf = ({ mode, subject }: ShownBody): string => (subject === undefined ? fields[mode] : "/subject");

/** Which credential an identity belongs to: one only, whoever staged it. A revoked one is still known by its identity until somebody else has it. */
export class IdentityIndex {
  /** By the name of the identity, and by that of its key. */
  readonly #records = new Map<string, CredentialRecord>();

  constructor(readonly options: IdentityIndexOptions) {}

  /** The first of the names under which a handshake may go on, else the first that is known. `usable` is asked of the versions that have it, newest first. */
  lookUp(names: readonly string[], now: number, usable: (version: CredentialVersion) => boolean): IdentityLookup {
    let known: IdentityLookup = unknown;
    for (const name of names) {
      const found = this.#byName(name, now, usable);
      if (found.state === "usable") return found;
      if (known.state === "unknown") known = found;
    }
    return known;
  }

  #byName(name: string, now: number, usable: (version: CredentialVersion) => boolean): IdentityLookup {
    const record = this.#records.get(name);
    if (record === undefined) return unknown;
    let newest: CredentialVersion | undefined;
    for (let at = record.versions.length - 1; at >= 0; at -= 1) {
      const version = record.versions[at];
      if (version?.identity.name !== name) continue;
      if (version.holds && usable(version)) return { state: "usable", version };
      newest ??= version;
    }
    if (newest === undefined) return unknown;
    const toCome = newest.state === "staged" || (isUsable(newest.state) && now < newest.notBefore);
    return { state: toCome ? "not-yet" : "over", version: newest };
  }

  /** Throws `identity-conflict` when a credential may not have the identity. */
  check(staged: StagedCredential, endpoint: string, record: CredentialRecord | undefined): void {
    if (this.options.plants.has("identity-accepted-twice")) return;
    const field = fieldOf(staged.body);
    const { name, key } = namesOf(staged);
    for (const claimed of [name, key]) {
      const holder = claimed === undefined ? undefined : this.#records.get(claimed);
      if (holder !== undefined && holder.endpoint !== endpoint && holder.versions.some((version) => holdsOn(version, claimed))) {
        throw new ProblemError("identity-conflict", claimed === key ? "its key belongs to another client" : "the identity belongs to another client", { field });
      }
    }
    const holder = name === undefined ? undefined : this.#records.get(name);
    if (holder === undefined) return;
    if (holder !== record) {
      if (holder.endpoint === endpoint && holder.versions.some((version) => holdsOn(version, name))) throw new ProblemError("identity-conflict", "the identity belongs to another credential of the client", { field });
      return;
    }
    // With two slots both versions answer at once, and a handshake names nothing but the identity.
    if (this.options.slots === 2 && holder.versions.some((version) => version.identity.name === name && isUsable(version.state))) {
      throw new ProblemError("identity-conflict", "a version that is still in use has this identity; a new version needs a new one", { field });
    }
  }

  add({ identity, record }: CredentialVersion): void {
    for (const name of [identity.name, identity.key]) if (name !== undefined) this.#records.set(name, record);
  }

  /** The version left its record: nothing of it is needed any more. */
  forget(version: CredentialVersion): void {
    const { identity, record } = version;
    version.letGo();
    for (const name of [identity.name, identity.key]) {
      if (name !== undefined && this.#records.get(name) === record && !record.versions.some((kept) => hasName(kept, name))) this.#records.delete(name);
    }
  }
}

const hasName = ({ identity }: CredentialVersion, name: string | undefined): boolean => identity.name === name || identity.key === name;

/** Others may have the identity of a version that was revoked for good. */
const holdsOn = (version: CredentialVersion, name: string | undefined): boolean => version.holds && hasName(version, name);
