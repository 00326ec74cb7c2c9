import type { Destination } from "./actions.js";
import type { Device } from "./device.js";
import { mutate, type Mutation } from "./mutations.js";

interface Pending {
  readonly mutation: Mutation;
  readonly to: string | undefined;
  left: number;
}

const pending = new WeakMap<Device, Pending[]>();

/** The next `count` datagrams of a device, to one destination or to all, go through the mutation; mutations of one destination in the order they came. Throws RangeError for a code that is none. */
export function addMutation(device: Device, mutation: Mutation, count: number, to: Destination | undefined): void {
  // A mutation that cannot be carried out is refused now, not when a datagram goes out.
  mutate(Buffer.from("40000000", "hex"), mutation);
  const list = pending.get(device) ?? [];
  pending.set(device, list);
  list.push({ mutation, to: to === undefined ? undefined : addressText(device, to), left: count });
  device.mutation ??= (datagram, peer) => {
    const at = list.findIndex((each) => each.to === undefined || each.to === `${peer.address.host}:${peer.address.port}`);
    const next = list[at];
    if (next === undefined) return datagram;
    if (--next.left <= 0) list.splice(at, 1);
    return mutate(datagram, next.mutation);
  };
  for (const endpoint of [device.session?.endpoint, ...device.accounts.map((account) => account.endpoint)]) if (endpoint !== undefined) endpoint.mutate = device.mutation;
}

function addressText(device: Device, to: Destination): string | undefined {
  const uri = to === "bootstrap" ? device.bootstrapUri : device.accounts.find(({ shortServerId }) => shortServerId === to)?.details.uri;
  if (uri === undefined) return undefined;
  const { host, port } = device.host.addressOf(uri);
  return `${host}:${port}`;
}
