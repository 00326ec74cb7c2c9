import { describe, expect, it } from "vitest";
import { Codes } from "../coap/index.js";
import { applyAttributes, attributeFault, formatAttributes, mergeAttributes, parseAttributes, validateAttributes } from "./attributes.js";
import { RequestError } from "./errors.js";

const numeric = { level: "resource", numeric: true } as const;
const badRequest = expect.objectContaining({ code: Codes.BadRequest }) as Error;

describe("notification attributes", () => {
  it("are read from a query: a value sets, none unsets", () => {
    expect(parseAttributes(["pmin=10", "pmax=60", "gt=45.5", "lt=-5", "st", "epmin=3"], "1.1")).toEqual({ pmin: 10, pmax: 60, gt: 45.5, lt: -5, st: null, epmin: 3 });
    expect(parseAttributes(["pmin="], "1.0")).toEqual({ pmin: null });
  });

  it.each(["pmin=-1", "pmin=1.5", "pmin=a", "gt=a", "gt=1e5", "st=-1", "edge=1", "con=1", "PMIN=1", "", "pmin =1", "__proto__=1"])("refuse %s with 4.00", (parameter) => {
    expect(() => parseAttributes([parameter], "1.1")).toThrow(badRequest);
  });

  it("refuse an attribute given twice, and evaluation periods in LwM2M 1.0", () => {
    expect(() => parseAttributes(["pmin=1", "pmin=2"], "1.1")).toThrow(badRequest);
    expect(() => parseAttributes(["epmin=1"], "1.0")).toThrow(badRequest);
  });

  it("are written as they are read", () => {
    const change = { pmin: 10, gt: 1e-7, lt: null, st: 1e21 } as const;
    expect(formatAttributes(change)).toEqual(["pmin=10", "gt=0.0000001", "lt", "st=1000000000000000000000"]);
    expect(formatAttributes({ pmax: 0 })).toEqual(["pmax=0"]);
  });

  it("are laid over what was there", () => {
    expect(applyAttributes({ pmin: 1, gt: 5 }, { gt: null, pmax: 9 })).toEqual({ pmin: 1, pmax: 9 });
    expect(applyAttributes({ pmin: 1 }, {})).toEqual({ pmin: 1 });
  });

  it.each([
    ["lt equal to gt", { lt: 5, gt: 5 }, numeric, true],
    ["lt above gt", { lt: 6, gt: 5 }, numeric, true],
    ["lt below gt", { lt: 4, gt: 5 }, numeric, false],
    ["two steps that just do not fit between", { lt: 0, gt: 10, st: 5 }, numeric, true],
    ["two steps between", { lt: 0, gt: 10, st: 4 }, numeric, false],
    ["pmax below pmin", { pmin: 60, pmax: 10 }, numeric, false],
    ["gt on a string", { gt: 5 }, { level: "resource", numeric: false }, true],
    ["gt on an instance", { gt: 5 }, { level: "instance", numeric: false }, true],
    ["st on an object", { st: 5 }, { level: "object", numeric: false }, true],
    ["lt on a resource instance", { lt: 5 }, { level: "resource-instance", numeric: true }, false],
    ["pmin on an object", { pmin: 5 }, { level: "object", numeric: false }, false],
    ["pmin on the root", { pmin: 5 }, { level: "root", numeric: false }, true],
  ] as const)("judge %s", (_what, attributes, target, faulty) => {
    expect(attributeFault(attributes, target) !== undefined).toBe(faulty);
    if (faulty) expect(() => validateAttributes(attributes, target)).toThrow(RequestError);
    else validateAttributes(attributes, target);
  });

  it("are merged downwards: the lower level wins, then the server's defaults, then pmin 0", () => {
    expect(mergeAttributes([{ pmin: 1, pmax: 100 }, { pmin: 2 }, undefined, { gt: 5 }], { pmin: 7, pmax: 70 })).toEqual({ pmin: 2, pmax: 100, gt: 5 });
    expect(mergeAttributes([], { pmin: 7, pmax: 70 })).toEqual({ pmin: 7, pmax: 70 });
    expect(mergeAttributes([{ pmin: 0 }], { pmin: 7 })).toEqual({ pmin: 0 });
    expect(mergeAttributes([])).toEqual({ pmin: 0 });
  });
});
