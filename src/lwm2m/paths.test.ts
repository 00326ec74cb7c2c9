import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentError } from "./errors.js";
import { formatPath, parseId, parsePath, path, pathCovers, pathLevel, pathSegments, tryParsePath } from "./paths.js";

describe("paths", () => {
  it.each([
    ["/", {}, "root"],
    ["", {}, "root"],
    ["/3", { object: 3 }, "object"],
    ["/3/0", { object: 3, instance: 0 }, "instance"],
    ["/3/0/7", { object: 3, instance: 0, resource: 7 }, "resource"],
    ["/3/0/7/65534", { object: 3, instance: 0, resource: 7, resourceInstance: 65534 }, "resource-instance"],
    ["/3/0/", { object: 3, instance: 0 }, "instance"],
  ])("reads %s", (text, expected, level) => {
    expect(parsePath(text)).toEqual(expected);
    expect(pathLevel(parsePath(text))).toBe(level);
  });

  it.each(["3", "//", "/3//1", "/03", "/-1", "/65535", "/65536", "/100000", "/3/a", "/3/0/1/2/3", "/3 ", "/+3", "/3.0"])("refuses %s", (text) => {
    expect(tryParsePath(text)).toBeUndefined();
    expect(() => parsePath(text)).toThrow(ContentError);
  });

  it("reads 65534 as the highest id, 65535 being reserved", () => {
    expect(parseId("65534")).toBe(65534);
    expect(parseId("65535")).toBeUndefined();
  });

  it("reads back whatever it writes, as text and as segments", () => {
    const id = fc.nat(65534);
    fc.assert(
      fc.property(fc.array(id, { maxLength: 4 }), (ids) => {
        const at = path(...(ids as [number?, number?, number?, number?]));
        expect(parsePath(formatPath(at))).toEqual(at);
        expect(parsePath(pathSegments(at))).toEqual(at);
      }),
    );
  });

  it("throws nothing but ContentError on any text or segments", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(fc.string())), (from) => {
        try {
          parsePath(from);
        } catch (error) {
          if (!(error instanceof ContentError)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("tells what lies below a path", () => {
    expect(pathCovers(parsePath("/3/0"), parsePath("/3/0/7/1"))).toBe(true);
    expect(pathCovers({}, parsePath("/3"))).toBe(true);
    expect(pathCovers(parsePath("/3/0/7"), parsePath("/3/0"))).toBe(false);
    expect(pathCovers(parsePath("/3/1"), parsePath("/3/0"))).toBe(false);
  });
});
