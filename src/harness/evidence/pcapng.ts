import { Reader, WireError, Writer } from "../../wire/index.js";
import type { Address } from "../../ports/index.js";

/** One UDP datagram of a capture. */
export interface CapturedDatagram {
  /** Nanoseconds since 1970. */
  readonly at: bigint;
  readonly from: Address;
  readonly to: Address;
  readonly payload: Uint8Array;
  /** Shown as packet comment. */
  readonly comment?: string;
}

/** An address or a block that cannot be written or read; the only thing this codec throws. */
export class CaptureError extends WireError {
  override readonly name = "CaptureError";
}

const Block = { SectionHeader: 0x0a0d0d0a, Interface: 1, EnhancedPacket: 6, DecryptionSecrets: 10 } as const;
/** "TLSK": lines of an NSS key log. */
const secretsTypeTlsKeyLog = 0x544c534b;
const byteOrderMagic = 0x1a2b3c4d;
/** LINKTYPE_RAW: a packet starts with its IPv4 or IPv6 header. */
const linkTypeRaw = 101;
const optComment = 1;
const optUserApplication = 4;
const optTimestampResolution = 9;
const protocolUdp = 17;

const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);

function option(writer: Writer, code: number, value: Uint8Array): void {
  writer.u16(code).u16(value.length).bytes(value).bytes(padding(value.length));
}

function block(writer: Writer, type: number, body: Buffer): void {
  const length = body.length + 12;
  writer.u32(type).u32(length).bytes(body).u32(length);
}

/** RFC 1071. */
function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

function ipv4(host: string): Buffer {
  const parts = host.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) throw new CaptureError(`"${host}" is no IPv4 address`);
  return Buffer.from(parts);
}

function ipv6(host: string): Buffer {
  const halves = host.split("%")[0]?.split("::") ?? [];
  const groups = (half: string | undefined): number[] =>
    half === undefined || half === "" ? [] : half.split(":").flatMap((group) => (group.includes(".") ? [ipv4(group).readUInt16BE(0), ipv4(group).readUInt16BE(2)] : [Number.parseInt(group, 16)]));
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  const all = [...head, ...Array.from({ length: halves.length === 2 ? Math.max(0, missing) : 0 }, () => 0), ...tail];
  if (halves.length > 2 || all.length !== 8 || all.some((group) => !Number.isInteger(group) || group < 0 || group > 0xffff)) throw new CaptureError(`"${host}" is no IPv6 address`);
  const writer = new Writer(16);
  for (const group of all) writer.u16(group);
  return writer.finish();
}

/** 4 or 16 bytes. Throws `CaptureError`. */
export const addressBytes = (host: string): Buffer => (host.includes(":") ? ipv6(host) : ipv4(host));

function udp(from: Address, to: Address, payload: Uint8Array, source: Buffer, destination: Buffer): Buffer {
  const length = 8 + payload.length;
  if (length > 0xffff) throw new CaptureError(`a datagram of ${payload.length} bytes`);
  const header = (sum: number): Buffer => new Writer(8).u16(from.port).u16(to.port).u16(length).u16(sum).finish();
  const pseudo =
    source.length === 4 ? new Writer(12).bytes(source).bytes(destination).u8(0).u8(protocolUdp).u16(length).finish() : new Writer(40).bytes(source).bytes(destination).u32(length).u32(protocolUdp).finish();
  // RFC 768: a computed zero is sent as all ones, since zero means "none".
  const sum = checksum(pseudo, header(0), payload);
  return Buffer.concat([header(sum === 0 ? 0xffff : sum), payload]);
}

function packet(datagram: CapturedDatagram): Buffer {
  const { from, to, payload } = datagram;
  if (from.host.includes(":") || to.host.includes(":")) {
    const source = ipv6(from.host);
    const destination = ipv6(to.host);
    const body = udp(from, to, payload, source, destination);
    return Buffer.concat([new Writer(40).u32(0x60000000).u16(body.length).u8(protocolUdp).u8(64).bytes(source).bytes(destination).finish(), body]);
  }
  const source = ipv4(from.host);
  const destination = ipv4(to.host);
  const body = udp(from, to, payload, source, destination);
  if (body.length + 20 > 0xffff) throw new CaptureError(`a datagram of ${payload.length} bytes`);
  const header = new Writer(20).u16(0x4500).u16(20 + body.length).u32(0x00004000).u8(64).u8(protocolUdp).u16(0).bytes(source).bytes(destination).finish();
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, body]);
}

/**
 * A pcapng file (draft-ietf-opsawg-pcapng) of raw IP packets built around the datagrams. With an NSS key log it also holds the secrets that decrypt
 * their DTLS records. Throws `CaptureError`.
 */
export function encodeCapture(datagrams: readonly CapturedDatagram[], application: string, keyLog: readonly string[] = []): Buffer {
  const writer = new Writer(256 + datagrams.length * 160);
  const section = new Writer(64).u32(byteOrderMagic).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff);
  option(section, optUserApplication, Buffer.from(application, "utf8"));
  option(section, 0, new Uint8Array());
  block(writer, Block.SectionHeader, section.finish());
  const face = new Writer(32).u16(linkTypeRaw).u16(0).u32(0);
  // 10^-9 s.
  option(face, optTimestampResolution, Uint8Array.of(9));
  option(face, 0, new Uint8Array());
  block(writer, Block.Interface, face.finish());
  if (keyLog.length > 0) {
    const secrets = Buffer.from(keyLog.map((line) => `${line}\n`).join(""), "ascii");
    block(writer, Block.DecryptionSecrets, new Writer(16 + secrets.length).u32(secretsTypeTlsKeyLog).u32(secrets.length).bytes(secrets).bytes(padding(secrets.length)).finish());
  }
  for (const datagram of datagrams) {
    const bytes = packet(datagram);
    const body = new Writer(64 + bytes.length)
      .u32(0)
      .u32(Number(BigInt.asUintN(32, datagram.at >> 32n)))
      .u32(Number(BigInt.asUintN(32, datagram.at)))
      .u32(bytes.length)
      .u32(bytes.length)
      .bytes(bytes)
      .bytes(padding(bytes.length));
    if (datagram.comment !== undefined) {
      option(body, optComment, Buffer.from(datagram.comment, "utf8").subarray(0, 0xffff));
      option(body, 0, new Uint8Array());
    }
    block(writer, Block.EnhancedPacket, body.finish());
  }
  return writer.finish();
}

const formatIpv6 = (bytes: Buffer): string => Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(":");

function readPacket(bytes: Buffer, at: bigint): CapturedDatagram {
  const reader = new Reader(bytes);
  const first = reader.u8("IP version");
  let from: string;
  let to: string;
  if (first >> 4 === 4) {
    const header = new Reader(bytes, 9);
    if (header.u8("protocol") !== protocolUdp) throw new CaptureError("a packet that is not UDP");
    header.u16("header checksum");
    from = [...header.bytes(4, "source")].join(".");
    to = [...header.bytes(4, "destination")].join(".");
    reader.bytes((first & 0x0f) * 4 - 1, "IPv4 header");
  } else if (first >> 4 === 6) {
    reader.bytes(7, "IPv6 header");
    from = formatIpv6(reader.bytes(16, "source"));
    to = formatIpv6(reader.bytes(16, "destination"));
  } else {
    throw new CaptureError(`IP version ${first >> 4}`);
  }
  const fromPort = reader.u16("source port");
  const toPort = reader.u16("destination port");
  const length = reader.u16("UDP length");
  reader.u16("UDP checksum");
  return { at, from: { host: from, port: fromPort }, to: { host: to, port: toPort }, payload: Buffer.from(reader.bytes(length - 8, "UDP payload")) };
}

/** Reads back what `encodeCapture` wrote (big-endian, one section, raw IP). Throws `WireError` and nothing else. */
export function decodeCapture(file: Uint8Array): CapturedDatagram[] {
  const reader = new Reader(file);
  const datagrams: CapturedDatagram[] = [];
  while (reader.remaining > 0) {
    const type = reader.u32("block type");
    const length = reader.u32("block length");
    if (length < 12 || length % 4 !== 0) throw new CaptureError(`a block of ${length} bytes`);
    const body = new Reader(reader.bytes(length - 12, "block body"));
    if (reader.u32("block length again") !== length) throw new CaptureError("a block whose two lengths differ");
    if (type === Block.SectionHeader && body.u32("byte-order magic") !== byteOrderMagic) throw new CaptureError("not a big-endian section");
    if (type !== Block.EnhancedPacket) continue;
    body.u32("interface");
    const at = (BigInt(body.u32("timestamp high")) << 32n) | BigInt(body.u32("timestamp low"));
    const captured = body.u32("captured length");
    body.u32("original length");
    const bytes = body.bytes(captured, "packet");
    body.bytes((4 - (captured % 4)) % 4, "padding");
    const base = readPacket(bytes, at);
    if (body.remaining >= 4 && body.u16("option") === optComment) datagrams.push({ ...base, comment: body.bytes(body.u16("option length"), "comment").toString("utf8") });
    else datagrams.push(base);
  }
  return datagrams;
}
