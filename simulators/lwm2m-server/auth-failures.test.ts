import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import { AuthFailures } from "./auth-failures.js";
import { CredentialRecord, CredentialVersion } from "./credential-record.js";

const version = (endpoint: string): CredentialVersion =>
  new CredentialVersion(new CredentialRecord("a", "bs-a", endpoint, "c1"), { body: { version: 1, ssid: 101, mode: "psk", sessionPolicy: "close-on-revoke" } }, "", 0);

describe("failed handshakes", () => {
  it("are reported in sums, one for each credential version", async () => {
    const clock = new VirtualClock();
    const reports: string[] = [];
    const failures = new AuthFailures({ clock, collectMs: 1000, report: ({ record }, count) => reports.push(`${record.endpoint} ${count}`) });
    const [one, two] = [version("d1"), version("d2")];
    for (const failed of [one, one, two, one]) failures.note(failed);
    await clock.advance(999);
    expect(reports).toEqual([]);
    await clock.advance(1);
    expect(reports).toEqual(["d1 3", "d2 1"]);
    failures.note(two);
    await clock.advance(1000);
    expect(reports.at(-1)).toBe("d2 1");
    expect(clock.pending()).toEqual([]);
  });
});
