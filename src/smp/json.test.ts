import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.js";
import { maxDepth, parseBody } from "./json.js";
import { ProblemError } from "./problem.js";

describe("a request's body", () => {
  const refusal = (body: string | Uint8Array): string => {
    try {
      parseBody(body);
      return "taken";
    } catch (error) {
      if (error instanceof ProblemError && error.type === "schema" && error.field === "body") return error.detail;
      throw error;
    }
  };
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

  it("is JSON or nothing", () => {
    expect(parseBody('{"a":[1]}')).toEqual({ a: [1] });
    expect(parseBody(Buffer.from('"é"'))).toBe("é");
    expect(parseBody(undefined)).toBeUndefined();
    expect(parseBody("")).toBeUndefined();
    expect(refusal("{secret: AAECAwQ}")).toBe("is not JSON; send one JSON value in UTF-8");
  });

  it("is UTF-8", () => expect(refusal(Uint8Array.of(0x22, 0xff, 0x22))).toBe("is not UTF-8; send JSON in UTF-8"));

  it("nests no deeper than the limit, brackets in texts not counted", () => {
    expect(refusal(nested(maxDepth))).toBe("taken");
    expect(refusal(nested(maxDepth + 1))).toContain(`deeper than ${maxDepth}`);
    expect(refusal(nested(200_000))).toContain("deeper than");
    expect(refusal(JSON.stringify("[".repeat(100) + '\\"['))).toBe("taken");
  });

  it("is refused with a problem and nothing else, whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 200 }), fc.json()), (body) => {
        refusal(body);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("a duration", () => {
  it("is hours, minutes and seconds", () => {
    expect(["PT6H", "PT1H2M3.5S", "PT0S", "PT90S"].map(parseDuration)).toEqual([21_600_000, 3_723_500, 0, 90_000]);
    expect(["", "PT", "P1D", "PT-1S", "PT1.2345S", "6H", "PT1S2M"].map(parseDuration)).toEqual(Array.from({ length: 7 }, () => undefined));
  });

  it("is read back as it was written", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 9_999 * 3_600_000 }), (milliseconds) => parseDuration(formatDuration(milliseconds)) === milliseconds));
  });
});
