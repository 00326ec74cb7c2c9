import { HandshakeType } from "../codec/handshake.js";
import type { DtlsFaults } from "../types.js";

export type Alter = (body: Buffer) => Uint8Array;

/** A fault that rewrites the body of one type of message, and its length with it. */
export const altering = (wanted: HandshakeType, alter: Alter): DtlsFaults => ({
  alterHandshake: (message) => {
    const raw = Buffer.from(message);
    if (raw.readUInt8(0) !== wanted) return raw;
    const body = alter(raw.subarray(12));
    const header = Buffer.from(raw.subarray(0, 12));
    header.writeUIntBE(body.length, 1, 3);
    header.writeUIntBE(body.length, 9, 3);
    return Buffer.concat([header, body]);
  },
});

export const put =
  (at: number, ...bytes: readonly number[]): Alter =>
  (body) => {
    Buffer.from(bytes).copy(body, at);
    return body;
  };

export const replacing =
  (hex: string, by: string): Alter =>
  (body) =>
    Buffer.from(body.toString("hex").replace(hex, by), "hex");

/** A client that has a CBC suite and does not offer encrypt-then-MAC with it. */
export const withoutEncryptThenMac = altering(HandshakeType.clientHello, replacing("00080017000000160000", "000400170000"));
