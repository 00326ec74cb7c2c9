/** Bits of an access control entry, /2/x/2 (LwM2M Core 1.1 §8.2). */
export const AccessRight = { Read: 1, Write: 2, Execute: 4, Delete: 8, Create: 16 } as const;

export const allRights = 31;

/** `Access Control Owner` of instances that only a Bootstrap-Server may manage. */
export const bootstrapOwner = 65535;

/** One instance of the Access Control object, as far as access is decided by it. */
export interface AccessControl {
  /** /2/x/3. */
  readonly owner: number;
  /** /2/x/2: Short Server ID to rights; 0 is everybody without an entry of their own. */
  readonly acl: ReadonlyMap<number, number>;
}

/**
 * Rights of a server on an object instance (LwM2M Core 1.1 §8.2.1). A client with one server account grants everything; an instance without access
 * control nothing. An entry of the server's own counts first, then ownership, then the default entry.
 */
export function accessRights(control: AccessControl | undefined, shortServerId: number, serverAccounts: number): number {
  if (serverAccounts <= 1) return allRights;
  if (control === undefined) return 0;
  const own = control.acl.get(shortServerId);
  if (own !== undefined) return own;
  if (control.owner === shortServerId) return allRights;
  return control.acl.get(0) ?? 0;
}
