import { testDeviceKey, type DeviceKeys } from "../../src/config/index.js";
import type { CredentialStore } from "./credential-store.js";

/** No peer has this tenant: what was configured is nobody's to read or to revoke. */
export const configuredTenant = "";

/** Devices whose keys the server's own configuration holds: their credentials are active from the start, or from when a test device first names itself. */
export class ConfiguredKeys {
  #staged = 0;

  constructor(
    readonly clients: DeviceKeys,
    readonly credentials: CredentialStore,
    readonly shortServerId: number,
  ) {
    for (const { endpoint, identity, key } of clients.keys) this.#admit(endpoint, identity, key);
  }

  /** An identity that no credential has: that of a test device is its endpoint name. */
  meet(identity: Buffer): void {
    const endpoint = identity.toString("utf8");
    for (const fleet of this.clients.testDevices) {
      const psk = testDeviceKey(fleet, endpoint, "server");
      if (psk === undefined) continue;
      this.#admit(endpoint, psk.identity, psk.key);
      return;
    }
  }

  #admit(endpoint: string, identity: Uint8Array, key: Uint8Array): void {
    const body = { version: 1, ssid: this.shortServerId, mode: "psk", identity: { b64u: Buffer.from(identity).toString("base64url") }, sessionPolicy: "close-on-revoke" } as const;
    this.#staged += 1;
    const credentialId = `configured-${this.#staged}`;
    this.credentials.stage(configuredTenant, "", endpoint, credentialId, { body, key: Buffer.from(key) });
    this.credentials.activate(configuredTenant, endpoint, credentialId, { version: 1, sessionId: this.#staged });
  }
}
