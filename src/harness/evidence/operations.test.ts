import { describe, expect, it } from "vitest";
import type { CoapSummary } from "../../ports/index.js";
import { operationOf, type Operation } from "./operations.js";

const summary = (changes: Partial<CoapSummary>): CoapSummary => ({ type: "CON", code: "0.01", messageId: 1, token: "aa", payloadLength: 0, ...changes });

const cases: readonly [Operation, Partial<CoapSummary>][] = [
  ["bootstrap-request", { code: "0.02", path: "/bs", query: ["ep=x"] }],
  ["bootstrap-finish", { code: "0.02", path: "/bs" }],
  ["bootstrap-discover", { code: "0.01", path: "/" }],
  ["register", { code: "0.02", path: "/rd", query: ["lt=60"] }],
  ["update", { code: "0.02", path: "/rd/5a" }],
  ["deregister", { code: "0.04", path: "/rd/5a" }],
  ["read", { code: "0.01", path: "/3/0/0" }],
  ["observe", { code: "0.01", path: "/3303/0/5700", observe: 0 }],
  ["write", { code: "0.03", path: "/1/0/1", contentFormat: 0, payloadLength: 2 }],
  ["write-attributes", { code: "0.03", path: "/3303/0/5700", query: ["pmin=1"] }],
  ["execute", { code: "0.02", path: "/1/0/9" }],
  ["execute", { code: "0.02", path: "/1/0/8", contentFormat: 0, payloadLength: 5 }],
  ["write", { code: "0.02", path: "/3/0/6", contentFormat: 11542, payloadLength: 5 }],
  ["write", { code: "0.02", path: "/1/0", contentFormat: 11542, payloadLength: 5 }],
  ["create", { code: "0.02", path: "/3303", contentFormat: 11542, payloadLength: 5 }],
  ["delete", { code: "0.04", path: "/0/1" }],
  ["delete", { code: "0.04", path: "/" }],
  ["other", { code: "0.05", path: "/" }],
  ["other", { code: "0.01", path: "/.well-known/core" }],
];

describe("the meaning of a request", () => {
  it.each(cases)("is %s for %o", (operation, coap) => expect(operationOf(summary(coap))).toBe(operation));
});
