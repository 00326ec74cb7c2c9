import fc from "fast-check";
import type { Extensions } from "../codec/extensions.js";
import type { ClientHello, ServerHello } from "../codec/messages.js";
import { ContentType, type DtlsRecord } from "../codec/record.js";

export const bytes = (maxLength: number, minLength = 0): fc.Arbitrary<Buffer> => fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const u16 = fc.integer({ min: 0, max: 0xffff });

export const contentTypes = fc.constantFrom(ContentType.changeCipherSpec, ContentType.alert, ContentType.handshake, ContentType.applicationData);
export const records: fc.Arbitrary<DtlsRecord> = fc.record({
  type: contentTypes,
  version: fc.constantFrom(0xfefd, 0xfeff),
  epoch: u16,
  sequence: fc.oneof(fc.maxSafeNat().map((number) => number % 2 ** 48), fc.constantFrom(0, 2 ** 32, 2 ** 48 - 1)),
  fragment: bytes(300),
  connectionId: fc.constant(undefined),
});

export const extensions: fc.Arbitrary<Extensions> = fc.uniqueArray(fc.tuple(fc.oneof(u16, fc.constantFrom(0, 22, 23, 0xff01)), bytes(40)), { selector: ([type]) => type, maxLength: 12 }).map((entries) => new Map(entries));

const helloFields = { version: u16, random: bytes(32, 32), sessionId: bytes(32), extensions };
export const clientHellos: fc.Arbitrary<ClientHello> = fc.record({ ...helloFields, cookie: bytes(255), suites: fc.array(u16, { maxLength: 40 }), compressions: bytes(5) });
export const serverHellos: fc.Arbitrary<ServerHello> = fc.record({ ...helloFields, suite: u16, compression: fc.integer({ min: 0, max: 255 }) });
