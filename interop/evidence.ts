import { basename } from "node:path";
import { encodeCapture } from "../src/harness/evidence/pcapng.js";
import type { Address } from "../src/ports/index.js";
import type { UdpEndpoint } from "../src/transport/index.js";
import { KEY_HEX, KEY_TEXT } from "./dtls/rig/keys.js";

/** A datagram as it was on the wire. */
export interface Tapped {
  readonly at: bigint;
  readonly from: Address;
  readonly to: Address;
  readonly payload: Buffer;
}

export interface Evidence {
  /** pcapng; absent where nothing was heard. */
  readonly capture?: Buffer;
  readonly logs: readonly { readonly program: string; readonly text: string }[];
}

/** Grows while its test goes on; `from` is what earlier tests have had of it. */
interface Growing<T> {
  readonly now: () => T;
  from: number;
}

const wires: Growing<readonly Tapped[]>[] = [];
const printed: (Growing<string> & { readonly program: string; readonly isOver: () => boolean })[] = [];

export const nowOnTheWire = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** A list for the datagrams of one of our ends; what it gets belongs to the test that goes on. */
export function recordedWire(): Tapped[] {
  const wire: Tapped[] = [];
  wires.push({ now: () => wire, from: 0 });
  return wire;
}

/** Has the datagrams of an endpoint without DTLS recorded. */
export function recordEndpoint(endpoint: UdpEndpoint): void {
  const wire = recordedWire();
  endpoint.tap = (direction, datagram, { address }) => {
    const [from, to] = direction === "in" ? [address, endpoint.local] : [endpoint.local, address];
    wire.push({ at: nowOnTheWire(), from, to, payload: Buffer.from(datagram) });
  };
}

/** What a program prints belongs to the test that goes on. Its arguments, keys among them, are left out. */
export function recordProgram(command: string, output: () => string, isOver: () => boolean): void {
  printed.push({ program: basename(command), now: output, from: 0, isOver });
}

/** OpenSSL and others print the secrets of a session, each in a line with its name. */
const secretLine = /^(.*(?:master[- _]?(?:key|secret)|psk[- _]?key|private[- _]key)[^\S\n]*[:=]).*$/gim;
const knownKey = new RegExp(`${KEY_HEX}|${KEY_TEXT}`, "gi");
export const withoutSecrets = (text: string): string => text.replaceAll(secretLine, "$1 (secret)").replaceAll(knownKey, "(secret)");

/** What came since the last time. */
export function takeEvidence(): Evidence {
  const datagrams = wires.flatMap((wire) => {
    const all = wire.now();
    const fresh = all.slice(wire.from);
    wire.from = all.length;
    return fresh;
  });
  const logs = printed.splice(0).flatMap((program) => {
    const text = program.now();
    const fresh = text.slice(program.from);
    program.from = text.length;
    if (!program.isOver()) printed.push(program);
    return fresh === "" ? [] : [{ program: program.program, text: withoutSecrets(fresh) }];
  });
  datagrams.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return { ...(datagrams.length === 0 ? {} : { capture: encodeCapture(datagrams, "muster") }), logs };
}
