import { writeTlv, type TlvEntry } from "../tlv.js";
import type { Asked } from "./scripted-servers.js";

const resource = (id: number, value: Buffer | string): TlvEntry => ({ kind: "resource", id, value: typeof value === "string" ? Buffer.from(value) : value });
const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
export const tlv = 11542;

/** Bootstrap-Write of the Security and the Server instance of an account. */
export function accountWrites(account: { readonly uri: string; readonly shortServerId: number; readonly lifetime: number; readonly security: number; readonly server: number }): Asked[] {
  const nothing = Buffer.alloc(0);
  const security = [
    resource(0, account.uri),
    resource(1, Buffer.of(0)),
    resource(2, Buffer.of(3)),
    resource(3, nothing),
    resource(4, nothing),
    resource(5, nothing),
    resource(10, u16(account.shortServerId)),
    // An optional resource nobody has heard of.
    resource(4242, "x"),
  ];
  const server = [resource(0, u16(account.shortServerId)), resource(1, u16(account.lifetime)), resource(6, Buffer.of(1)), resource(7, "U")];
  return [
    { method: "PUT", path: `/0/${account.security}`, format: tlv, payload: writeTlv(security) },
    { method: "PUT", path: `/1/${account.server}`, format: tlv, payload: writeTlv(server) },
  ];
}

/** Bootstrap-Write of all of /2, one instance for each entry. */
export const accessWrite = (entries: readonly { readonly object: number; readonly instance: number; readonly owner: number; readonly rights: Readonly<Record<number, number>> }[]): Asked => ({
  method: "PUT",
  path: "/2",
  format: tlv,
  payload: writeTlv(
    entries.map(({ object, instance, owner, rights }, id): TlvEntry => ({
      kind: "instance",
      id,
      entries: [
        resource(0, u16(object)),
        resource(1, u16(instance)),
        { kind: "multiple-resource", id: 2, entries: Object.entries(rights).map(([server, bits]): TlvEntry => ({ kind: "resource-instance", id: Number(server), value: Buffer.of(bits) })) },
        resource(3, u16(owner)),
      ],
    })),
  ),
});
