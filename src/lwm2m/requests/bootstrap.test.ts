import { describe, expect, it } from "vitest";
import type { Request } from "../../coap/index.js";
import { Codes, ContentFormat } from "../../coap/index.js";
import { ContentError, RequestError } from "../errors.js";
import { instance, object, single } from "../nodes.js";
import { hex } from "../testing/arbitraries.js";
import { bootstrapDelete, bootstrapDiscover, bootstrapFinish, bootstrapRead, bootstrapRequest, bootstrapWrite, classifyBootstrapOperation, decodeWrite, isBootstrapPath, parseBootstrapRequest, preferredFormats } from "./bootstrap.js";

function codeOf(call: () => unknown): number | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
  return undefined;
}

const bs = (...query: string[]): Request => ({ code: Codes.POST, path: ["bs"], query });

describe("Bootstrap-Request", () => {
  it("names the preferred format from 1.1 on", () => {
    expect(bootstrapRequest({ endpoint: "a", preferredFormat: ContentFormat.Tlv }, "1.1")).toEqual(bs("ep=a", "pct=11542"));
    expect(bootstrapRequest({ endpoint: "a", preferredFormat: ContentFormat.Tlv }, "1.0")).toEqual(bs("ep=a"));
  });

  it("is read back, unknown parameters passed over", () => {
    expect(parseBootstrapRequest(bs("ep=a", "pct=11542", "x=1"))).toEqual({ endpoint: "a", preferredFormat: 11542 });
    expect(parseBootstrapRequest(bs("ep=a"))).toEqual({ endpoint: "a" });
    expect(parseBootstrapRequest(bs(), { identity: "a" })).toEqual({ endpoint: "a" });
  });

  it.each([
    ["ep missing", bs()],
    ["ep empty", bs("ep=")],
    ["ep twice", bs("ep=a", "ep=a")],
    ["pct no number", bs("ep=a", "pct=tlv")],
  ])("is refused with 4.00: %s", (_what, request) => {
    expect(codeOf(() => parseBootstrapRequest(request))).toBe(Codes.BadRequest);
  });

  it("is refused with 4.00 when ep is not the authenticated identity", () => {
    expect(codeOf(() => parseBootstrapRequest(bs("ep=a"), { identity: "b" }))).toBe(Codes.BadRequest);
  });

  it("is refused with 4.15 for a preferred format that is not supported", () => {
    expect(codeOf(() => parseBootstrapRequest(bs("ep=a", "pct=112")))).toBe(Codes.UnsupportedContentFormat);
    expect(parseBootstrapRequest(bs("ep=a", "pct=112"), { formats: preferredFormats }).preferredFormat).toBe(112);
  });
});

describe("operations of a Bootstrap-Server", () => {
  const account = object(1, [instance(0, [single(0, 101), single(1, 60)])]);

  it("are written", () => {
    expect(bootstrapDiscover()).toEqual({ code: Codes.GET, path: [], accept: 40 });
    expect(bootstrapDiscover(1)).toEqual({ code: Codes.GET, path: ["1"], accept: 40 });
    expect(bootstrapRead({ object: 1, instance: 0 })).toEqual({ code: Codes.GET, path: ["1", "0"], accept: 11542 });
    expect(bootstrapWrite({ object: 1 }, account, "1.1")).toEqual({ code: Codes.PUT, path: ["1"], contentFormat: 11542, payload: hex("06 00 c1 00 65 c1 01 3c") });
    expect(bootstrapWrite({ object: 1, instance: 0, resource: 1 }, single(1, 60), "1.1", ContentFormat.Text)).toEqual({ code: Codes.PUT, path: ["1", "0", "1"], contentFormat: 0, payload: Buffer.from("60") });
    expect(bootstrapDelete()).toEqual({ code: Codes.DELETE, path: [] });
    expect(bootstrapDelete({ object: 0, instance: 1 })).toEqual({ code: Codes.DELETE, path: ["0", "1"] });
    expect(bootstrapFinish()).toEqual({ code: Codes.POST, path: ["bs"] });
  });

  it("are told apart by a client", () => {
    expect(classifyBootstrapOperation(bootstrapDiscover(), "1.0")).toEqual({ operation: "discover", path: {} });
    expect(classifyBootstrapOperation(bootstrapDiscover(3), "1.1")).toEqual({ operation: "discover", path: { object: 3 } });
    expect(classifyBootstrapOperation(bootstrapRead({ object: 2 }), "1.1")).toEqual({ operation: "read", path: { object: 2 }, accept: 11542 });
    expect(classifyBootstrapOperation(bootstrapDelete({ object: 0 }), "1.1")).toEqual({ operation: "delete", path: { object: 0 } });
    expect(classifyBootstrapOperation(bootstrapDelete(), "1.1")).toEqual({ operation: "delete", path: {} });
    expect(classifyBootstrapOperation(bootstrapFinish(), "1.1")).toEqual({ operation: "finish" });
    expect(isBootstrapPath(bootstrapFinish())).toBe(true);
  });

  it("carry what was written", () => {
    const operation = classifyBootstrapOperation(bootstrapWrite({ object: 1 }, account, "1.1"), "1.1");
    if (operation.operation !== "write") throw new Error("not a write");
    expect(decodeWrite(operation, "1.1")).toEqual(account);
  });

  it.each<[string, Request, number]>([
    ["Finish with a payload", { ...bootstrapFinish(), payload: Buffer.from("x") }, Codes.BadRequest],
    ["another method on /bs", { code: Codes.PUT, path: ["bs"] }, Codes.BadRequest],
    ["a Discover of an instance", { code: Codes.GET, path: ["1", "0"], accept: 40 }, Codes.BadRequest],
    ["a Read of the Security object", { code: Codes.GET, path: ["0"], accept: 11542 }, Codes.MethodNotAllowed],
    ["a Read of a resource", { code: Codes.GET, path: ["1", "0", "1"] }, Codes.MethodNotAllowed],
    ["a Read of everything", { code: Codes.GET, path: [] }, Codes.MethodNotAllowed],
    ["a Write of everything", { code: Codes.PUT, path: [], contentFormat: 11542 }, Codes.BadRequest],
    ["a Write of a resource instance", { code: Codes.PUT, path: ["2", "0", "2", "101"], contentFormat: 0 }, Codes.BadRequest],
    ["a Write without content format", { code: Codes.PUT, path: ["1"], payload: Buffer.from("x") }, Codes.BadRequest],
    ["a Delete of a resource", { code: Codes.DELETE, path: ["1", "0", "1"] }, Codes.BadRequest],
    ["a path outside the object model", { code: Codes.PUT, path: ["x"], contentFormat: 0 }, Codes.BadRequest],
    ["an Execute", { code: Codes.POST, path: ["1", "0", "8"] }, Codes.MethodNotAllowed],
  ])("are refused: %s", (_what, request, code) => {
    expect(codeOf(() => classifyBootstrapOperation(request, "1.1"))).toBe(code);
  });

  it("have no Read in LwM2M 1.0", () => {
    expect(codeOf(() => classifyBootstrapOperation(bootstrapRead({ object: 1 }), "1.0"))).toBe(Codes.MethodNotAllowed);
  });

  it("are refused with 4.00 for content that is malformed, 4.15 for a format that is not supported", () => {
    const write = { path: { object: 1 }, contentFormat: 11542, payload: hex("c1 00 65") };
    expect(codeOf(() => decodeWrite(write, "1.1"))).toBe(Codes.BadRequest);
    expect(codeOf(() => decodeWrite({ ...write, contentFormat: 112 }, "1.1"))).toBe(Codes.UnsupportedContentFormat);
    expect(codeOf(() => decodeWrite({ ...write, contentFormat: 0 }, "1.1"))).toBe(Codes.UnsupportedContentFormat);
  });

  it("are not written for a node of another place", () => {
    expect(() => bootstrapWrite({ object: 0 }, account, "1.1")).toThrow(ContentError);
  });
});
