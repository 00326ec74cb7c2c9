import { testDeviceKey } from "../../src/config/index.js";
import type { BootstrapClients, NoSecRule } from "../../src/config/index.js";
import type { AlertDescription, PeerClaim } from "../../src/dtls/index.js";
import { KnownPeers } from "../../src/operator/index.js";

/** A device that authenticates itself to this Bootstrap Server. */
export interface Holder {
  readonly endpoint: string;
}

export interface KeyHolder extends Holder {
  readonly key: Uint8Array;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The keys and certificates of devices at this Bootstrap Server: given one by one, or those of test devices, which follow from their names. */
export class BootstrapCredentials {
  readonly #byIdentity = new Map<string, KeyHolder>();
  readonly #endpoints = new Set<string>();
  readonly #peers: KnownPeers;

  constructor(
    private readonly clients: Omit<BootstrapClients, "names">,
    private readonly nosec: NoSecRule,
  ) {
    this.#peers = new KnownPeers(clients);
    for (const { endpoint, identity, key } of clients.keys) {
      this.#byIdentity.set(nameOf(identity), { endpoint, key });
      this.#endpoints.add(endpoint);
    }
  }

  /** Whose identity it is; undefined for one that nobody has. */
  findKey(identity: Uint8Array): KeyHolder | undefined {
    return this.#byIdentity.get(nameOf(identity)) ?? this.#testDevice(identity);
  }

  /** Who shows this public key or certificate, the alert for one that is not to be taken, or undefined for a stranger. */
  findPeer(claim: PeerClaim, now: number): Holder | { readonly refuse: AlertDescription } | undefined {
    return this.#peers.find(claim, now);
  }

  /** Who came in with the identity of a session. */
  holderOf(identity: { readonly mode: string; readonly bytes: Uint8Array }): Holder | undefined {
    if (identity.mode === "psk") return this.findKey(identity.bytes);
    const endpoint = this.#peers.endpointOf(identity);
    return endpoint === undefined ? undefined : { endpoint };
  }

  /** Whether the endpoint has a key here. */
  holds(endpoint: string): boolean {
    return this.#endpoints.has(endpoint) || this.#testKey(endpoint) !== undefined || this.#peers.holds(endpoint);
  }

  /** Whether the endpoint may come without DTLS. */
  admitsUnsecured(endpoint: string): boolean {
    return this.nosec === "always" || (this.nosec === "without-credentials" && !this.holds(endpoint));
  }

  /** The identity of a test device is its name. */
  #testDevice(identity: Uint8Array): KeyHolder | undefined {
    if (this.clients.testDevices.length === 0) return undefined;
    try {
      const endpoint = utf8.decode(identity);
      const key = this.#endpoints.has(endpoint) ? undefined : this.#testKey(endpoint);
      return key && { endpoint, key };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return undefined;
    }
  }

  #testKey(endpoint: string): Uint8Array | undefined {
    for (const fleet of this.clients.testDevices) {
      const psk = testDeviceKey(fleet, endpoint);
      if (psk !== undefined) return psk.key;
    }
    return undefined;
  }
}

/** One character for each byte: identities need not be text. */
const nameOf = (identity: Uint8Array): string => Buffer.from(identity.buffer, identity.byteOffset, identity.length).toString("latin1");
