import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventStreamError, EventStreamReader, formatEvent } from "./sse.js";

describe("an event stream reader", () => {
  it("reads what the writer wrote, however it was cut into pieces", () => {
    const events = [1, 2, 3].map((seq) => ({ seq, at: "5", type: "notification", endpoint: `dev-${seq}`, data: { text: "two\nlines: ☃" } }));
    const wire = events.map(formatEvent).join(": a comment\n\n");
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 }), (cuts) => {
        const reader = new EventStreamReader();
        const seen = [];
        let at = 0;
        for (const cut of [...cuts, wire.length]) {
          seen.push(...reader.push(wire.slice(at, at + cut)));
          at += cut;
        }
        expect(seen.map(({ data }) => JSON.parse(data) as unknown)).toEqual(events);
        expect(seen.map(({ id }) => id)).toEqual(["1", "2", "3"]);
      }),
    );
  });

  it("throws only its own error, whatever it is given", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 200 }), { maxLength: 20 }), (pieces) => {
        const reader = new EventStreamReader();
        for (const piece of pieces) reader.push(piece);
      }),
      { numRuns: 2000 },
    );
    const reader = new EventStreamReader();
    expect(() => {
      for (let index = 0; index < 100; index++) reader.push("data: " + "x".repeat(100_000));
    }).toThrow(EventStreamError);
  });
});
