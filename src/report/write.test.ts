import { describe, expect, it } from "vitest";
import { EvidenceStore } from "../harness/index.js";
import { MemoryFiles } from "../harness/testing/memory-files.js";
import type { TraceEvent } from "../ports/index.js";
import { failing, result, scenario } from "./testing/results.js";
import { readTrace, writeReports } from "./write.js";

const event: TraceEvent = { seq: 1, at: "2000000", role: "device", endpoint: "c1", event: { kind: "datagram", direction: "out", local: "127.0.0.1:1", peer: "127.0.0.1:2", hex: "40010001", summary: "CON GET /" } };

describe("a run's folder", () => {
  it("holds trace and capture of a scenario, result and views, and the newest run is linked", async () => {
    const files = new MemoryFiles();
    const store = new EvidenceStore(files, "/reports/run-1", 0n, "test");
    const folder = await store.scenario("server-management/sm3/broken", [event], failing.steps);
    expect(folder).toBe(failing.evidence);
    await store.messages([{ meta: {} }]);
    await store.result(result([scenario(), failing]));
    const paths = await writeReports("/reports/run-1", result([scenario(), failing]), files);
    expect(paths.html).toBe("/reports/run-1/index.html");
    expect([...files.content.keys()].sort()).toEqual(
      ["cucumber-messages.ndjson", "index.html", "junit.xml", "matrix.html", "matrix.json", "result.json", "scenarios/server-management/sm3/broken/capture.pcapng", "scenarios/server-management/sm3/broken/trace.ndjson"].map((name) => `/reports/run-1/${name}`),
    );
    expect(files.links.get("/reports/latest")).toBe("run-1");
    expect(await files.read(paths.html)).toContain("CON GET /");
  });

  it("says of each event of a trace during which step it happened", async () => {
    const files = new MemoryFiles();
    await new EvidenceStore(files, "/r", 0n, "test").scenario("a", [event, { ...event, seq: 2, at: "9000000" }], failing.steps);
    expect(readTrace(await files.read("/r/scenarios/a/trace.ndjson")).map(({ step }) => step)).toEqual([1, undefined]);
  });

  it("takes no result that does not fit its own schema", async () => {
    const store = new EvidenceStore(new MemoryFiles(), "/r", 0n, "test");
    await expect(store.result({ ...result([]), exitCode: "0" as unknown as number })).rejects.toThrow();
  });
});
