import { describe, expect, it } from "vitest";
import { timing } from "../../config/index.js";
import { retryTerms } from "./retry-terms.js";

describe("what accounts say of tries", () => {
  it("is what the texts have, by their times", () => {
    expect(retryTerms(timing("rfc").device)).toEqual({ count: 5, timer: 60, seqDelay: 86_400, seqCount: 1 });
  });

  it("is in whole seconds and takes no longer than the timing of a laboratory", () => {
    const { device } = timing("lab");
    const { count, timer, seqDelay, seqCount } = retryTerms(device);
    expect([count, timer, seqDelay, seqCount].every(Number.isInteger)).toBe(true);
    expect(timer).toBeGreaterThanOrEqual(1);
    expect(count).toBeGreaterThanOrEqual(2);
    expect(1000 * timer * (2 ** (count - 1) - 1)).toBeLessThanOrEqual(device.retryTimerMs * (2 ** (device.retryCount - 1) - 1));
    expect({ seqDelay, seqCount }).toEqual({ seqDelay: device.sequenceDelayMs / 1000, seqCount: device.sequenceCount });
  });
});
