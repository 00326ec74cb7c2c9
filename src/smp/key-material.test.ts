import fc from "fast-check";
import { expect, it } from "vitest";
import { CertificateAuthority, newKeyPair } from "../certificates/index.js";
import { simulatedPorts } from "../ports/simulated/index.js";
import { certificateIn, publicKeyIn } from "./key-material.js";
import { ProblemError } from "./problem.js";

const ports = simulatedPorts(1);
const authority = await CertificateAuthority.create(ports, "Authority");
const { publicKey } = newKeyPair(ports.secrets);
const certificate = await authority.issue(publicKey, { commonName: "ab-1", serialNumber: "c1.1", hosts: ["server.example", "127.0.0.1", "::1"] });

/** Bytes of a valid one with some changed, cut off or put in. */
const damaged = (der: Buffer) =>
  fc.tuple(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { maxLength: 4 }), fc.option(fc.nat(der.length), { nil: undefined }), fc.uint8Array({ maxLength: 3 })).map(([changes, end, more]) => {
    const bytes = Buffer.from(der);
    for (const [at, value] of changes) bytes[at] = value;
    return Buffer.concat([bytes.subarray(0, end), more]);
  });

const isTakenOrRefused = (read: () => unknown): void => {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect([400, 422]).toContain(error.status);
    expect(error.field).toBe("/x");
  }
};

it("takes a key or refuses it with a problem about its field, whatever bytes it is", () => {
  fc.assert(fc.property(fc.oneof(damaged(publicKey), fc.uint8Array({ maxLength: 200 })), (bytes) => isTakenOrRefused(() => publicKeyIn(Buffer.from(bytes).toString("base64url"), "/x"))), { numRuns: 2000 });
});

it("takes a certificate or refuses it with a problem about its field, whatever bytes it is", () => {
  fc.assert(fc.property(fc.oneof(damaged(certificate), fc.uint8Array({ maxLength: 200 })), (bytes) => isTakenOrRefused(() => certificateIn(Buffer.from(bytes).toString("base64url"), "/x", ports.clock.epoch()))), { numRuns: 3000 });
});

it("takes text of one spelling only", () => {
  for (const text of ["", "AR", "A", "MFkw=", "MF kw"]) isTakenOrRefused(() => publicKeyIn(text, "/x"));
});
