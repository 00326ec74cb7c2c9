import { activeOf, newestOf, nextLine } from "../../../src/smp/index.js";
import type { CredentialLine, LineInput, LineVersion } from "../../../src/smp/index.js";
import type { OrderItem } from "./model.js";
import type { DeviceKey } from "./device-keys.js";

/** What the target Server was told of one device's credential for one account (SM-3), and the keys that go with it. */
export class CredentialRecord {
  /** What it is called at the Server: the account's id, unless the Server made the keys and chose. */
  credentialId: string;
  #line: CredentialLine = [];
  /** Keys by version; none in mode NoSec. */
  #keys: ReadonlyMap<number, DeviceKey> = noKeys;

  constructor(readonly accountId: string) {
    this.credentialId = accountId;
  }

  get newest(): LineVersion | undefined {
    return newestOf(this.#line);
  }

  get active(): LineVersion | undefined {
    return activeOf(this.#line);
  }

  /** The newest version that the Server was told of; 0: none. */
  get version(): number {
    return this.newest?.version ?? 0;
  }

  /** What a device gets that no order gives a new version: the one that is active, or a first one that waits. */
  get serving(): LineVersion | undefined {
    return this.active ?? (this.newest?.state === "staged" ? this.newest : undefined);
  }

  key(version: number): DeviceKey | undefined {
    return this.#keys.get(version);
  }

  /** Of the newest version that has one. */
  get latestKey(): DeviceKey | undefined {
    return [...this.#keys.values()].at(-1);
  }

  /** The key of a version that is to be staged: the first one that was made for it, since a repeated call has to carry the same. */
  prepare(version: number, made: DeviceKey): DeviceKey {
    const prepared = this.#keys.get(version) ?? made;
    this.#keys = new Map([...this.#keys, [version, prepared]]);
    return prepared;
  }

  // Answers that a later version overtook mean nothing any more: the line does not take them.
  staged(version: number): void {
    this.#move({ in: "stage", version });
  }

  activated(version: number, slots: 1 | 2): void {
    this.#move({ in: "activate", version, slots });
  }

  takenBack(version: number): void {
    this.#move({ in: "roll-back", version });
  }

  /** The Server saw the device register under it. */
  seen(version: number): void {
    this.#move({ in: "register-seen", version });
  }

  revoked(): void {
    this.#move({ in: "revoke" });
  }

  #move(input: LineInput): void {
    const next = nextLine(this.#line, input);
    if (next === undefined || next === this.#line) return;
    this.#line = next;
    if (this.#keys.size === 0) return;
    // A key that is not kept cannot leak. One that is prepared waits for its answer, and what gave way may come back until the new one is confirmed.
    const mayComeBack = this.newest?.state === "active" && !this.newest.confirmed;
    const wanted = new Set(next.filter(({ state }) => state !== "rolled-back" && (state !== "revoked" || mayComeBack)).map(({ version }) => version));
    this.#keys = new Map([...this.#keys].filter(([version]) => wanted.has(version) || version > this.version));
  }
}

const noKeys: ReadonlyMap<number, DeviceKey> = new Map();

/** Whether the item gives its device another version than it has: a rotation, a key that came with the order, or one of another mode. */
export const renews = ({ order, ownKey, changesMode }: OrderItem): boolean => order.type === "rotate" || ownKey !== undefined || changesMode;

/** The version that a session brings to the device for this item, or without one; undefined: it has to be staged first. */
export function versionFor(record: CredentialRecord, item: OrderItem | undefined): number | undefined {
  if (item === undefined || !renews(item)) return record.serving?.version;
  const { newest } = record;
  const isUsable = newest?.state === "staged" || newest?.state === "active";
  return isUsable && newest.version === item.credentialVersion ? newest.version : undefined;
}
