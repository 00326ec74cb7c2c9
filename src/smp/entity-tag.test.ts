import { describe, expect, it } from "vitest";
import { ifMatchHolds } from "./index.js";

describe("If-Match", () => {
  it.each(['"3"', "*", '"1", "3"', '"1","2" , "3"', '"a,b", "3"'])("%s holds for \"3\"", (given) => {
    expect(ifMatchHolds(given, '"3"')).toBe(true);
  });

  it.each(['"2"', '"1", "2"', 'W/"3"', "3", "", '"33"', '"*"', '"1", *'])("%s does not hold for \"3\"", (given) => {
    expect(ifMatchHolds(given, '"3"')).toBe(false);
  });
});
