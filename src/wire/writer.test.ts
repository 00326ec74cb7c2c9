import { describe, expect, it } from "vitest";
import { Writer } from "./writer.js";

describe("Writer", () => {
  it("keeps every byte when any of its writes makes it grow", () => {
    const bytes = new Writer(0).u8(1).u16(0x0203).u24(0x040506).u32(0x0708090a).bytes(Uint8Array.of(11, 12)).utf8("a").finish();
    expect([...bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x61]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 9])("grows from %i bytes", (capacity) => {
    const writer = new Writer(capacity);
    for (let value = 0; value < 40; value++) writer.u8(value).u16(value).u32(value);
    expect(writer.finish()).toHaveLength(280);
  });
});
