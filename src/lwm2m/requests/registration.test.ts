import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Request } from "../../coap/index.js";
import { Codes, ContentFormat } from "../../coap/index.js";
import { ContentError, RequestError } from "../errors.js";
import { parseBootstrapRequest } from "./bootstrap.js";
import { bindingQuery, parseBinding, queuedUdpBinding, udpBinding } from "./binding.js";
import { classifyRegistrationOperation, deregisterRequest, locationOf, parseRegister, parseUpdate, registerRequest, updateRequest } from "./registration.js";

const list = "</1/0>,</3/0>";

function register(query: readonly string[], changed: Partial<Request> = {}): Request {
  return { code: Codes.POST, path: ["rd"], query, contentFormat: ContentFormat.Link, payload: Buffer.from(list), ...changed };
}

function codeOf(call: () => unknown): number | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
  return undefined;
}

const complete = ["ep=a", "lt=60", "lwm2m=1.1", "b=U"];

describe("Register", () => {
  it("is written per version: queue mode inside b in 1.0, beside it in 1.1", () => {
    expect(registerRequest({ version: "1.0", endpoint: "a", lifetime: 60, binding: queuedUdpBinding }, list)).toEqual(register(["ep=a", "lt=60", "lwm2m=1.0", "b=UQ"]));
    expect(registerRequest({ version: "1.1", endpoint: "a", lifetime: 60, binding: queuedUdpBinding }, list)).toEqual(register(["ep=a", "lt=60", "lwm2m=1.1", "b=U", "Q"]));
    expect(registerRequest({ version: "1.1", lifetime: 0, smsNumber: "+49123" }, Buffer.from(list))).toEqual(register(["lt=0", "lwm2m=1.1", "b=U", "sms=+49123"]));
  });

  it("is read back", () => {
    const request = registerRequest({ version: "1.1", endpoint: "a", lifetime: 86400, binding: { transports: "UT", queue: true }, smsNumber: "1" }, list);
    expect(parseRegister(request)).toEqual({
      version: "1.1",
      endpoint: "a",
      lifetime: 86400,
      binding: { transports: "UT", queue: true },
      smsNumber: "1",
      objects: { rootPath: [], contentFormats: [], objects: [{ object: 1, instances: [0] }, { object: 3, instances: [0] }] },
    });
    expect(parseRegister(registerRequest({ version: "1.0", endpoint: "a", lifetime: 60, binding: { transports: "US", queue: true } }, list)).binding).toEqual({ transports: "US", queue: true });
  });

  it("means UDP without queue mode when it says no binding", () => {
    expect(parseRegister(register(["ep=a", "lt=60", "lwm2m=1.0"])).binding).toEqual(udpBinding);
  });

  it.each([
    ["ep missing", ["lt=60", "lwm2m=1.1"]],
    ["ep empty", ["ep=", "lt=60", "lwm2m=1.1"]],
    ["lt missing", ["ep=a", "lwm2m=1.1"]],
    ["lt no number", ["ep=a", "lt=1m", "lwm2m=1.1"]],
    ["lt negative", ["ep=a", "lt=-1", "lwm2m=1.1"]],
    ["lt beyond 32 bits", ["ep=a", "lt=4294967296", "lwm2m=1.1"]],
    ["lwm2m missing", ["ep=a", "lt=60"]],
    ["lwm2m no version", ["ep=a", "lt=60", "lwm2m=one"]],
    ["an unknown parameter", [...complete, "d=domain"]],
    ["ep twice", [...complete, "ep=a"]],
    ["lwm2m twice", [...complete, "lwm2m=1.1"]],
    ["Q with a value", [...complete, "Q=1"]],
    ["Q twice", [...complete, "Q", "Q"]],
    ["Q in LwM2M 1.0", ["ep=a", "lt=60", "lwm2m=1.0", "Q"]],
    ["a binding of another version", ["ep=a", "lt=60", "lwm2m=1.1", "b=UQ"]],
    ["a binding that is none", ["ep=a", "lt=60", "lwm2m=1.0", "b=X"]],
  ])("is refused with 4.00: %s", (_what, query) => {
    expect(codeOf(() => parseRegister(register(query)))).toBe(Codes.BadRequest);
    expect(codeOf(() => parseRegister(register(complete)))).toBeUndefined();
  });

  it.each([
    ["without an object list", { payload: Buffer.alloc(0) }],
    ["with a list that is no link format", { payload: Buffer.from("1/0") }],
    ["with another content format", { contentFormat: ContentFormat.Tlv }],
  ])("is refused with 4.00 %s", (_what, changed) => {
    expect(codeOf(() => parseRegister(register(complete, changed)))).toBe(Codes.BadRequest);
  });

  it("is refused with 4.12 for a version the server does not take, whatever else it says", () => {
    expect(codeOf(() => parseRegister(register(["ep=a", "lt=60", "lwm2m=1.2", "pid=x"])))).toBe(Codes.PreconditionFailed);
    expect(codeOf(() => parseRegister(register(["ep=a", "lt=60", "lwm2m=2.0"])))).toBe(Codes.PreconditionFailed);
    expect(codeOf(() => parseRegister(register(complete), { versions: ["1.0"] }))).toBe(Codes.PreconditionFailed);
  });

  it("may leave ep to the security layer from 1.1 on, and must agree with it", () => {
    expect(parseRegister(register(["lt=60", "lwm2m=1.1"]), { identity: "a" }).endpoint).toBe("a");
    expect(codeOf(() => parseRegister(register(["lt=60", "lwm2m=1.0"]), { identity: "a" }))).toBe(Codes.BadRequest);
    expect(codeOf(() => parseRegister(register(complete), { identity: "b" }))).toBe(Codes.BadRequest);
  });

  it("tells its location, under /rd and only when it succeeded", () => {
    expect(locationOf({ code: Codes.Created, locationPath: ["rd", "7"] })).toEqual(["rd", "7"]);
    expect(locationOf({ code: Codes.Created, locationPath: ["rd"] })).toBeUndefined();
    expect(locationOf({ code: Codes.Created, locationPath: ["x", "7"] })).toBeUndefined();
    expect(locationOf({ code: Codes.Created })).toBeUndefined();
    expect(locationOf({ code: Codes.BadRequest, locationPath: ["rd", "7"] })).toBeUndefined();
  });
});

describe("Update and De-register", () => {
  const location = ["rd", "7"];

  it("carry only what changed", () => {
    expect(updateRequest(location, "1.1")).toEqual({ code: Codes.POST, path: location, query: [] });
    expect(updateRequest(location, "1.1", { lifetime: 30, binding: queuedUdpBinding, smsNumber: "1" }, list)).toEqual({
      code: Codes.POST,
      path: location,
      query: ["lt=30", "b=U", "Q", "sms=1"],
      contentFormat: ContentFormat.Link,
      payload: Buffer.from(list),
    });
    expect(deregisterRequest(location)).toEqual({ code: Codes.DELETE, path: location });
  });

  it("are read back", () => {
    expect(parseUpdate(updateRequest(location, "1.1"), "1.1")).toEqual({});
    expect(parseUpdate(updateRequest(location, "1.0", { lifetime: 30, binding: queuedUdpBinding, smsNumber: "1" }, "</3/0>"), "1.0")).toEqual({
      lifetime: 30,
      binding: queuedUdpBinding,
      smsNumber: "1",
      objects: { rootPath: [], contentFormats: [], objects: [{ object: 3, instances: [0] }] },
    });
  });

  it("add queue mode to the binding that was, when Q stands alone", () => {
    expect(parseUpdate({ code: Codes.POST, path: location, query: ["Q"] }, "1.1", { transports: "UT", queue: false })).toEqual({ binding: { transports: "UT", queue: true } });
  });

  it.each(["ep=a", "lwm2m=1.1", "x=1", "lt=", "lt", "lt=x", "b=UQ"])("are refused with 4.00 for %s", (parameter) => {
    expect(codeOf(() => parseUpdate({ code: Codes.POST, path: location, query: [parameter] }, "1.1"))).toBe(Codes.BadRequest);
  });
});

describe("operations of the registration interface", () => {
  it("are told by method and path", () => {
    expect(classifyRegistrationOperation({ code: Codes.POST, path: ["rd"] })).toEqual({ operation: "register" });
    expect(classifyRegistrationOperation({ code: Codes.POST, path: ["rd", "7"] })).toEqual({ operation: "update", location: ["rd", "7"] });
    expect(classifyRegistrationOperation({ code: Codes.DELETE, path: ["rd", "7"] })).toEqual({ operation: "deregister", location: ["rd", "7"] });
    expect(classifyRegistrationOperation({ code: Codes.POST, path: ["bs"] })).toBeUndefined();
    expect(codeOf(() => classifyRegistrationOperation({ code: Codes.GET, path: ["rd"] }))).toBe(Codes.MethodNotAllowed);
    expect(codeOf(() => classifyRegistrationOperation({ code: Codes.DELETE, path: ["rd"] }))).toBe(Codes.MethodNotAllowed);
  });
});

describe("bindings", () => {
  it.each(["U", "UQ", "S", "SQ", "US", "UQS"])("of LwM2M 1.0: %s", (text) => {
    const binding = parseBinding(text, "1.0");
    expect(binding === undefined ? undefined : bindingQuery(binding, "1.0")).toEqual([`b=${text}`]);
  });

  it.each(["U", "T", "UT", "UTSN", "SU"])("of LwM2M 1.1: %s", (text) => {
    expect(parseBinding(text, "1.1", true)).toEqual({ transports: text, queue: true });
  });

  it.each(["", "UU", "UQ", "H", "UTSNU"])("not of LwM2M 1.1: %j", (text) => {
    expect(parseBinding(text, "1.1")).toBeUndefined();
  });

  it("that a version lacks are not written", () => {
    expect(() => bindingQuery({ transports: "T", queue: false }, "1.0")).toThrow(ContentError);
    expect(() => bindingQuery({ transports: "Q", queue: false }, "1.1")).toThrow(ContentError);
  });
});

describe("any request", () => {
  it("is a Register, an Update, a Bootstrap-Request, or a RequestError", () => {
    const parameter = fc.oneof(fc.constantFrom("ep=a", "lt=60", "lwm2m=1.0", "lwm2m=1.1", "lwm2m=1.2", "b=U", "b=UQ", "Q", "sms=1", "pct=11542", "pct=x"), fc.string({ maxLength: 8 }));
    const payload = fc.oneof(fc.constantFrom(list, "</>;rt=\"oma.lwm2m\",</1>"), fc.string({ maxLength: 12 })).map((text) => Buffer.from(text));
    const request: fc.Arbitrary<Request> = fc.record(
      { code: fc.nat(8), path: fc.constantFrom<string[]>(["rd"], ["rd", "7"], ["bs"], []), query: fc.array(parameter, { maxLength: 6 }), contentFormat: fc.constantFrom(40, 0), payload },
      { requiredKeys: ["code", "path"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(request, (given) => {
        for (const read of [() => parseRegister(given), () => parseUpdate(given, "1.0"), () => parseUpdate(given, "1.1"), () => parseBootstrapRequest(given), () => classifyRegistrationOperation(given)]) codeOf(read);
      }),
      { numRuns: 10_000 },
    );
  });
});
