import { request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { Metrics, fleetMetrics, serveMetrics } from "./index.js";
import type { FleetFigures, MetricsServer } from "./index.js";

describe("metrics of a role", () => {
  it("counts operations by code and outcome and gives every sample the role's labels", async () => {
    const metrics = new Metrics({ role: "lwm2m-server" });
    const register = metrics.operation("register");
    register.done("2.01", 3);
    register.done("2.01", 4);
    register.done("4.03", 1);
    register.failed("timeout", 4500);
    metrics.operation("smp.activation.put").done("204", 12);
    const text = await metrics.text();
    expect(text).toContain('muster_operations_total{operation="register",code="2.01",outcome="ok",role="lwm2m-server"} 2');
    expect(text).toContain('muster_operations_total{operation="register",code="4.03",outcome="refused",role="lwm2m-server"} 1');
    expect(text).toContain('muster_operations_total{operation="register",code="timeout",outcome="failed",role="lwm2m-server"} 1');
    expect(text).toContain('muster_operations_total{operation="smp.activation.put",code="204",outcome="ok",role="lwm2m-server"} 1');
  });

  it("writes durations as a cumulative histogram in seconds", async () => {
    const metrics = new Metrics();
    const read = metrics.operation("read");
    for (const milliseconds of [0.4, 3, 3, 700, 200_000]) read.done("2.05", milliseconds);
    const text = await metrics.text();
    expect(text).toContain("# TYPE muster_operation_duration_seconds histogram");
    expect(text).toContain('muster_operation_duration_seconds_bucket{operation="read",outcome="ok",le="0.0005"} 1');
    expect(text).toContain('muster_operation_duration_seconds_bucket{operation="read",outcome="ok",le="0.005"} 3');
    expect(text).toContain('muster_operation_duration_seconds_bucket{operation="read",outcome="ok",le="1"} 4');
    expect(text).toContain('muster_operation_duration_seconds_bucket{operation="read",outcome="ok",le="100"} 4');
    expect(text).toContain('muster_operation_duration_seconds_bucket{operation="read",outcome="ok",le="+Inf"} 5');
    expect(text).toContain('muster_operation_duration_seconds_count{operation="read",outcome="ok"} 5');
  });

  it("gives the same figures however often it is scraped", async () => {
    const metrics = new Metrics();
    metrics.operation("update").done("2.04", 2);
    await metrics.text();
    expect(await metrics.text()).toContain('muster_operations_total{operation="update",code="2.04",outcome="ok"} 1');
  });

  it("counts codes beyond the bound under one name, so that a peer cannot grow the registry", async () => {
    const metrics = new Metrics();
    const read = metrics.operation("read");
    for (let index = 0; index < 1000; index++) read.failed(`invented-${index}`);
    const text = await metrics.text();
    expect(text.split("\n").filter((line) => line.startsWith("muster_operations_total")).length).toBeLessThanOrEqual(65);
    expect(text).toMatch(/code="other",outcome="failed"} 936/);
  });

  it("shows the endpoint's own counters", async () => {
    const metrics = new Metrics();
    const counters = { datagramsIn: 5, retransmissions: 0 };
    metrics.coap(() => counters);
    counters.retransmissions = 2;
    expect(await metrics.text()).toContain('muster_coap_events_total{event="retransmissions"} 2');
  });
});

describe("metrics of a fleet", () => {
  it("leaves out what is unknown", async () => {
    const metrics = new Metrics();
    let figures: FleetFigures | undefined = undefined;
    fleetMetrics(metrics, () => figures);
    expect(await metrics.text()).not.toContain("\nmuster_generator_saturated");
    figures = { health: { loopLagP99Ms: 20, saturated: false }, devices: { registered: 7 }, latencies: { register: { "0.99": 12 } } };
    const text = await metrics.text();
    expect(text).toContain('muster_fleet_devices{state="registered"} 7');
    expect(text).toContain('muster_fleet_latency_seconds{operation="register",quantile="0.99"} 0.012');
    expect(text).toContain("muster_generator_loop_lag_seconds 0.02");
    expect(text).not.toContain("\nmuster_generator_kernel_drops_total ");
  });
});

describe("a metrics server", () => {
  let server: MetricsServer | undefined;
  afterEach(() => server?.close());

  it("answers GET /metrics on a port of its own", async () => {
    const metrics = new Metrics();
    metrics.operation("register").done("2.01", 1);
    server = await serveMetrics(metrics, { host: "127.0.0.1", port: 0 });
    const answer = await request(`http://127.0.0.1:${server.address.port}/metrics`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toContain("text/plain");
    expect(await answer.body.text()).toContain("muster_operations_total");
  });
});
