import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes } from "../testing/arbitraries.js";
import { readAlert, writeAlert } from "./alert-message.js";
import { alertClass, alertName, Alerts } from "./alert.js";
import { DecodeError } from "./errors.js";

describe("an alert", () => {
  it("is read as it was written", () => {
    fc.assert(fc.property(fc.constantFrom<1 | 2>(1, 2), fc.nat(255), (level, description) => {
      expect(readAlert(writeAlert({ level, description }))).toEqual({ level, description });
    }));
  });

  it.each(["", "02", "0000", "0300", "020000"])("is not %o", (hex) => {
    expect(() => readAlert(Buffer.from(hex, "hex"))).toThrow();
  });

  it("is read from any bytes, or refused with an alert to send", () => {
    fc.assert(
      fc.property(bytes(4, 2), (fragment) => {
        try {
          readAlert(fragment);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          expect(error).toMatchObject({ alert: Alerts.decode_error });
        }
      }),
    );
  });

  it("is named, known or not", () => {
    expect(alertName(Alerts.unknown_psk_identity)).toBe("unknown_psk_identity (115)");
    expect(alertName(200)).toBe("unassigned (200)");
  });
});

describe("what a LwM2M Client makes of an alert", () => {
  const classes: Readonly<Record<string, readonly number[]>> = {
    retry: [0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 80, 86, 90, 100, 111, 200],
    fail: [42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115],
    ignore: [30, 41, 60, 110],
  };
  it.each(Object.entries(classes))("is to %s", (name, alerts) => {
    for (const alert of alerts) expect(alertClass(alert), alertName(alert)).toBe(name);
  });
});
