import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Request } from "../../coap/index.js";
import { Codes, ContentFormat } from "../../coap/index.js";
import { ContentError, RequestError } from "../errors.js";
import { instance, multiple, single } from "../nodes.js";
import { parsePath } from "../paths.js";
import { characters, hex } from "../testing/arbitraries.js";
import { formatArguments, parseArguments } from "./arguments.js";
import { decodeWrite } from "./bootstrap.js";
import { classifyManagementOperation, createRequest, decodeCreate, deleteRequest, discoverRequest, executeRequest, readRequest, writeAttributesRequest, writeRequest } from "./management.js";
import { underRoot } from "./paths.js";
import { cancelObservationRequest, observeRequest } from "./reporting.js";

function codeOf(call: () => unknown): number | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
  return undefined;
}

const at = parsePath;
const classify = (request: Request) => classifyManagementOperation(request, "1.1");

describe("requests of device management and reporting", () => {
  it.each<[string, Request, object]>([
    ["Read", readRequest(at("/3/0"), ContentFormat.Tlv), { operation: "read", path: at("/3/0"), accept: 11542 }],
    ["Read of a resource instance", readRequest(at("/3/0/7/1")), { operation: "read", path: at("/3/0/7/1") }],
    ["Discover", discoverRequest(at("/3")), { operation: "discover", path: at("/3") }],
    ["Observe", observeRequest(at("/3303/0/5700"), 0), { operation: "observe", path: at("/3303/0/5700"), accept: 0 }],
    ["Cancel Observation", cancelObservationRequest(at("/3303/0/5700")), { operation: "cancel-observation", path: at("/3303/0/5700") }],
    ["Write, replace", writeRequest(at("/1/0/1"), single(1, 60), "1.1", { replace: true, format: 0 }), { operation: "write", path: at("/1/0/1"), replace: true, contentFormat: 0, payload: Buffer.from("60") }],
    ["Write, partial", writeRequest(at("/1/0"), instance(0, [single(1, 60)]), "1.1", { replace: false }), { operation: "write", path: at("/1/0"), replace: false, contentFormat: 11542, payload: hex("c1 01 3c") }],
    ["Write, partial, of a multiple resource", writeRequest(at("/2/0/2"), multiple(2, [[7, 3]]), "1.1", { replace: false }), { operation: "write", path: at("/2/0/2"), replace: false, contentFormat: 11542, payload: hex("83 02 41 07 03") }],
    ["Write-Attributes", writeAttributesRequest(at("/3/0"), { pmin: 10, pmax: null }), { operation: "write-attributes", path: at("/3/0"), change: { pmin: 10, pmax: null } }],
    ["Execute", executeRequest(at("/1/0/9")), { operation: "execute", path: at("/1/0/9"), arguments: [] }],
    ["Execute with arguments", executeRequest(at("/1/0/8"), [{ digit: 0, value: "U" }]), { operation: "execute", path: at("/1/0/8"), arguments: [{ digit: 0, value: "U" }] }],
    ["Create", createRequest(3303, { instance: 2, resources: [] }, "1.1"), { operation: "create", path: at("/3303"), object: 3303, contentFormat: 11542, payload: hex("00 02") }],
    ["Delete", deleteRequest(at("/3303/2")), { operation: "delete", path: at("/3303/2") }],
  ])("%s is told apart by a client", (_what, request, operation) => {
    expect(classify(request)).toEqual(operation);
  });

  it.each<[string, Request, number]>([
    ["a path that begins with no id", readRequest({}), Codes.MethodNotAllowed],
    ["another resource", { code: Codes.GET, path: ["x"] }, Codes.NotFound],
    ["a path that goes on with no id", { code: Codes.GET, path: ["3", "x"] }, Codes.MethodNotAllowed],
    ["a path of five levels", { code: Codes.GET, path: ["3", "0", "1", "2", "3"] }, Codes.MethodNotAllowed],
    ["a Read of the Security object", readRequest(at("/0/0/0")), Codes.Unauthorized],
    ["a Delete of a Security instance", deleteRequest(at("/0/0")), Codes.Unauthorized],
    ["a Discover of the OSCORE object", discoverRequest(at("/21")), Codes.Unauthorized],
    ["a Discover of a resource instance", discoverRequest(at("/3/0/7/1")), Codes.MethodNotAllowed],
    ["an Observe with parameters", { ...observeRequest(at("/3/0/9")), query: ["pmin=1"] }, Codes.BadRequest],
    ["an Observe option that is neither 0 nor 1", { ...observeRequest(at("/3/0/9")), observe: 2 }, Codes.BadRequest],
    ["a Write of an object", { code: Codes.PUT, path: ["3"], contentFormat: 11542, payload: hex("00 00") }, Codes.MethodNotAllowed],
    ["a Write without content format", { code: Codes.PUT, path: ["1", "0", "1"], payload: Buffer.from("60") }, Codes.BadRequest],
    ["a Write with parameters", { code: Codes.PUT, path: ["1", "0", "1"], contentFormat: 0, payload: Buffer.from("60"), query: ["pmin=1"] }, Codes.BadRequest],
    ["an empty PUT", { code: Codes.PUT, path: ["1", "0", "1"] }, Codes.BadRequest],
    ["an unknown attribute", { code: Codes.PUT, path: ["3", "0"], query: ["x=1"] }, Codes.BadRequest],
    ["a partial Write without content format", { code: Codes.POST, path: ["1", "0"], payload: Buffer.from("60") }, Codes.BadRequest],
    ["a partial Write in octets", { code: Codes.POST, path: ["5", "0", "0"], contentFormat: 42, payload: Buffer.from("60") }, Codes.UnsupportedContentFormat],
    ["a POST to a resource instance", { code: Codes.POST, path: ["3", "0", "7", "1"] }, Codes.MethodNotAllowed],
    ["an Execute with arguments that are none", { code: Codes.POST, path: ["3", "0", "4"], payload: Buffer.from("a") }, Codes.BadRequest],
    ["a Create without content format", { code: Codes.POST, path: ["3303"], payload: Buffer.from("60") }, Codes.BadRequest],
    ["a Delete of an object", deleteRequest(at("/3303")), Codes.MethodNotAllowed],
    ["a Delete of a resource", deleteRequest(at("/3303/0/1")), Codes.MethodNotAllowed],
    ["a FETCH", { code: Codes.FETCH, path: ["3"] }, Codes.MethodNotAllowed],
  ])("are refused: %s", (_what, request, code) => {
    expect(codeOf(() => classify(request))).toBe(code);
  });

  it("have no resource instances and no barred OSCORE object in LwM2M 1.0", () => {
    expect(codeOf(() => classifyManagementOperation(readRequest(at("/3/0/7/1")), "1.0"))).toBe(Codes.MethodNotAllowed);
    expect(classifyManagementOperation(readRequest(at("/21")), "1.0")).toEqual({ operation: "read", path: { object: 21 } });
  });

  it("carry what was written and created", () => {
    const write = classify(writeRequest(at("/1/0"), instance(0, [single(1, 60)]), "1.1", { replace: false }));
    if (write.operation !== "write") throw new Error("not a write");
    expect(decodeWrite(write, "1.1")).toEqual(instance(0, [single(1, 60)]));
    expect(codeOf(() => decodeWrite({ ...write, contentFormat: ContentFormat.Text }, "1.1"))).toBe(Codes.UnsupportedContentFormat);

    for (const content of [{ instance: 2, resources: [single(5700, 1.5)] }, { resources: [single(5700, 1.5)] }]) {
      const create = classify(createRequest(3303, content, "1.1"));
      if (create.operation !== "create") throw new Error("not a create");
      expect(decodeCreate(create, "1.1")).toEqual(content);
      expect(codeOf(() => decodeCreate({ ...create, contentFormat: ContentFormat.Text }, "1.1"))).toBe(Codes.UnsupportedContentFormat);
      expect(codeOf(() => decodeCreate({ ...create, payload: hex("c8 00") }, "1.1"))).toBe(Codes.BadRequest);
    }
    expect(decodeCreate({ operation: "create", path: { object: 3303 }, object: 3303, payload: new Uint8Array() }, "1.1")).toEqual({ resources: [] });
  });

  it("stand under the client's root path", () => {
    expect(underRoot(readRequest(at("/3/0")), ["lwm2m"]).path).toEqual(["lwm2m", "3", "0"]);
    expect(underRoot(readRequest(at("/3/0")), []).path).toEqual(["3", "0"]);
  });
});

describe("Execute arguments", () => {
  it.each([
    ["", []],
    ["5", [{ digit: 5 }]],
    ["0='U'", [{ digit: 0, value: "U" }]],
    ["2='10.3',7", [{ digit: 2, value: "10.3" }, { digit: 7 }]],
    ["0='',0", [{ digit: 0, value: "" }, { digit: 0 }]],
    ["0='a,1=b'", [{ digit: 0, value: "a,1=b" }]],
  ])("read and write %j", (text, expected) => {
    expect(parseArguments(text)).toEqual(expected);
    expect(formatArguments(expected)).toBe(text);
  });

  it("are read with spaces around commas", () => {
    expect(parseArguments("7, 0=' x' ")).toEqual([{ digit: 7 }, { digit: 0, value: " x" }]);
  });

  it.each(["a", "10", "0=", "0=a", "0='a", "0='a'b", "0,", ",0", "0='\"'", "0='\\'", "0='é'", "0='\n'"])("refuse %j", (text) => {
    expect(() => parseArguments(text)).toThrow(ContentError);
  });

  it.each([{ digit: 10 }, { digit: 0.5 }, { digit: 0, value: "'" }, { digit: 0, value: "é" }])("do not write %j", (argument) => {
    expect(() => formatArguments([argument])).toThrow(ContentError);
  });

  it("throw nothing but ContentError on any bytes", () => {
    const likely = fc.string({ unit: fc.constantFrom(...characters("0123,='ab "), "0='x'"), maxLength: 12 });
    fc.assert(
      fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 12 })), (payload) => {
        try {
          const found = parseArguments(payload);
          expect(parseArguments(formatArguments(found))).toEqual(found);
        } catch (error) {
          if (!(error instanceof ContentError)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("any request", () => {
  it("is an operation or a RequestError", () => {
    const segment = fc.oneof(fc.constantFrom("0", "1", "3", "21", "rd", "bs", "x", "65535"), fc.string({ maxLength: 4 }));
    const request: fc.Arbitrary<Request> = fc.record(
      {
        code: fc.nat(8),
        path: fc.array(segment, { maxLength: 5 }),
        query: fc.array(fc.constantFrom("pmin=1", "gt=a", "lt", "x"), { maxLength: 2 }),
        accept: fc.constantFrom(0, 40, 11542),
        contentFormat: fc.constantFrom(0, 42, 11542, 112),
        observe: fc.nat(2),
        payload: fc.uint8Array({ maxLength: 8 }),
      },
      { requiredKeys: ["code", "path"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(request, fc.constantFrom("1.0" as const, "1.1" as const), (given, version) => {
        try {
          const operation = classifyManagementOperation(given, version);
          if (operation.operation === "write") decodeWrite(operation, version);
          if (operation.operation === "create") decodeCreate(operation, version);
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
  });
});
