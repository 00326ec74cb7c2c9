import { seededRandom } from "../ports/seeded-random.js";

/** A pre-shared key with the name under which its holder is known. */
export interface Psk {
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

/** With whom a device shares a key: its Bootstrap Server, or the LwM2M Server of its factory account. */
export type CredentialUse = "bootstrap" | "server";

/** What a device knows to begin with. */
export interface DeviceCredentials {
  readonly endpoint: string;
  readonly bootstrap?: Psk;
  readonly server?: Psk;
}

/** Keys follow from a number: a short one is itself, any other text is drawn from. */
export const seedNumber = (seed: string): number => (/^\d{1,9}$/.test(seed) ? Number(seed) : seededRandom(seed).below(2 ** 31));

/** The first bytes of every test key: whoever meets one where secrets are kept sees what it is. */
const mark = Buffer.from("TEST");
const keyLength = 16;

/**
 * The key of test device `device` (its number in a fleet, or its name) of a seed: it follows from these and is no secret. Beyond its mark it has
 * 96 bits.
 */
export function testKey(seed: number, device: number | string, use: CredentialUse): Buffer {
  return Buffer.concat([mark, seededRandom(`${seed} psk ${use}`).fork(device).bytes(keyLength - mark.length)]);
}

export const isTestKey = (key: Uint8Array): boolean => key.length === keyLength && Buffer.from(key.buffer, key.byteOffset, mark.length).equals(mark);

/** The endpoint name is the identity. */
export const testPsk = (seed: number, device: number | string, use: CredentialUse, endpoint: string): Psk => ({ identity: Buffer.from(endpoint), key: testKey(seed, device, use) });

export const testCredentials = (seed: number, device: number | string, endpoint: string): DeviceCredentials => ({
  endpoint,
  bootstrap: testPsk(seed, device, "bootstrap", endpoint),
  server: testPsk(seed, device, "server", endpoint),
});
