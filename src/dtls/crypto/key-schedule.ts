import type { CipherSuite } from "./suites.js";
import { prf, sha256 } from "./primitives.js";
import type { DirectionKeys, Protection } from "./protection.js";

const MASTER_SECRET_LENGTH = 48;
export const VERIFY_DATA_LENGTH = 12;

export interface Randoms {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** RFC 5246 §8.1, or RFC 7627 §4 over the transcript up to and with the ClientKeyExchange. */
export const masterSecret = (premaster: Uint8Array, randoms: Randoms): Buffer => prf(premaster, "master secret", Buffer.concat([randoms.client, randoms.server]), MASTER_SECRET_LENGTH);
export const extendedMasterSecret = (premaster: Uint8Array, transcript: readonly Uint8Array[]): Buffer => prf(premaster, "extended master secret", sha256(Buffer.concat(transcript)), MASTER_SECRET_LENGTH);

/** RFC 5246 §7.4.9. */
export const verifyData = (master: Uint8Array, sender: "client" | "server", transcript: readonly Uint8Array[]): Buffer =>
  prf(master, `${sender} finished`, sha256(Buffer.concat(transcript)), VERIFY_DATA_LENGTH);

export interface ConnectionKeys {
  readonly client: Protection;
  readonly server: Protection;
}

export interface ProtectionOptions {
  readonly encryptThenMac: boolean;
  readonly randomIv: () => Uint8Array;
}

/** RFC 9146: what the records to each end carry; undefined is none. */
export interface RecordIds {
  readonly toServer: Buffer | undefined;
  readonly toClient: Buffer | undefined;
}
const noIds: RecordIds = { toServer: undefined, toClient: undefined };

/** RFC 5246 §6.3: MAC keys, keys, IVs; the client's before the server's each time. */
export function connectionKeys(suite: CipherSuite, master: Uint8Array, randoms: Randoms, options: ProtectionOptions, ids: RecordIds = noIds): ConnectionKeys {
  const { macKeyLength, keyLength, ivLength } = suite;
  const block = prf(master, "key expansion", Buffer.concat([randoms.server, randoms.client]), 2 * (macKeyLength + keyLength + ivLength));
  let at = 0;
  const take = (length: number): Buffer => block.subarray(at, (at += length));
  const macKeys = [take(macKeyLength), take(macKeyLength)] as const;
  const keys = [take(keyLength), take(keyLength)] as const;
  const ivs = [take(ivLength), take(ivLength)] as const;
  const direction = (index: 0 | 1, connectionId: Buffer | undefined): DirectionKeys => ({ macKey: macKeys[index], key: keys[index], iv: ivs[index], connectionId });
  return { client: suite.protect(direction(0, ids.toServer), options), server: suite.protect(direction(1, ids.toClient), options) };
}
