import { Command } from "commander";
import type { Fleet, FleetPlan, FleetSnapshot } from "../../../simulators/fleet/index.js";
import { checkFlags, fleetSchema, isMet, seedNumber } from "../../config/index.js";
import type { FleetOptions } from "../../config/index.js";
import { Metrics, fleetMetrics, serveMetrics } from "../../metrics/index.js";
import { formatAddress } from "../../ports/index.js";
import { ExitCode } from "../exit.js";
import { fleetPlan, rampMs } from "../fleet-plan.js";
import { figuresOf, fleetLine, fleetResult, fleetSummary } from "../fleet-view.js";
import { LiveBlock } from "../live-block.js";
import type { Invocation } from "../program.js";
import { keyLogTo } from "../psk.js";
import { freshSeed } from "../seed.js";
import { asUsage, checkHosts } from "../sockets.js";
import { onStop } from "../stop.js";
import type { StopRequest } from "../stop.js";
import { pause } from "../within.js";

export function fleetCommand(invocation: Invocation): Command {
  return new Command("fleet")
    .description("run many simulated devices against any server, without scenarios")
    .option("--devices <n>", "how many (default: all of --credentials)")
    .option("--bootstrap <uri>", "start at this Bootstrap Server: coap://HOST:PORT, or coaps://HOST:PORT with keys")
    .option("--server <uri>", "or register with this LwM2M Server")
    .option("--credentials <file>", "names and keys of the devices, CSV or JSON (default: test keys of the seed, see muster credentials export)")
    .option("--security <mode>", "psk, rpk (raw public keys), x509 (certificates) or nosec: what the test keys of the seed are, and checked against the URI (default: psk at coaps://)")
    .option("--trust <file>", "rpk and x509: what the server is known by: its public key, its certificate or its authority's, PEM or DER")
    .option("--certificate-usage <n>", "what the certificate of --trust is: 0 to 3, as /0/x/15 has it (default 3: the server's own)")
    .option("--server-name <name>", "name that has to be in the server's certificate (default: the host of the URI)")
    .option("--trust-store <file>", "authorities the devices know anyway, for certificate usages 0 and 1, PEM")
    .option("--authority <file>", "x509: certificate and private key of the authority that issues the test certificates, PEM (default: the test authority of the seed)")
    .option("--cid [length]", "use connection ids (RFC 9146); length of the devices' own (default 0)")
    .option("--rebind-every <time>", "put the devices behind a NAT that gives each another address once in 30s, 5m")
    .option("--rebind-share <percent>", "how many of them are (default 100%)")
    .option("--key-log <file>", "append the secrets of DTLS sessions to this file, for Wireshark")
    .option("--rate <per-second>", "devices started per second (default: all at once)")
    .option("--shape <shape>", "storm, rate or ramp; ramp goes up to --rate over ten seconds (default: rate with --rate, else storm)")
    .option("--endpoint-pattern <pattern>", "names; {index:08d} is the device's number in eight digits (default muster-{index:08d})")
    .option("--personalities <shares>", "default=80,sleepy=20 (default: default)")
    .option("--lifetime <seconds>", "registration lifetime, with --server (default 300)")
    .option("--short-server-id <id>", "Short Server ID of the account, with --server (default 101)")
    .option("--lwm2m <version>", "1.0 or 1.1 (default 1.1)")
    .option("--duration <time>", "stay 30s, 5m, 2h in all (default: until every device is registered or failed, 60 s at most)")
    .option("--expect <condition...>", "registered=100%, failed<=3, bootstrapped>=990; unmet: exit 1")
    .option("--seed <seed>", "the same seed makes the same fleet (default: a new one, printed)")
    .option("--shards <n>", "worker threads (default: one less than the cores)")
    .option("--timing <profile>", "times of the profile rfc or lab (default rfc)")
    .option("--metrics <host:port>", "serve /metrics for Prometheus")
    .option("--json", "print the summary as JSON, and nothing else, on standard output")
    .addHelpText(
      "after",
      `
The devices de-register at the end, and when it is stopped with SIGINT or SIGTERM.

Example:
  muster fleet --devices 500 --rate 100 --server coap://127.0.0.1:5683 --expect registered=100%`,
    )
    .action((flags: Record<string, unknown>) => runFleet(invocation, flags));
}

/** Without `--duration`: how long devices may take after the last one was started. */
const patienceMs = 60_000;

async function runFleet(invocation: Invocation, flags: Record<string, unknown>): Promise<void> {
  const { terminal } = invocation;
  const options = checkFlags(flags, fleetSchema);
  await checkHosts({ "--bootstrap": options.bootstrap, "--server": options.server });
  const seed = options.seed ?? freshSeed();
  const plan = await fleetPlan(options, seed);
  const devices = plan.last - plan.first;
  const { startFleet } = await import("../../../simulators/fleet/index.js");
  const say = (text: string): void => (options.json ? terminal.err(text) : terminal.out(text));
  const stop = onStop((name) => say(`${name}: the devices leave`));
  const metrics = new Metrics({ role: "fleet" });
  const lost: string[] = [];
  const keyLog = keyLogTo(options.keyLog, say);
  const fleet = await startFleet({ seed: seedNumber(seed), ...(keyLog === undefined ? {} : { keyLog }), ...(options.shards === undefined ? {} : { shards: options.shards }), onLost: (reason) => lost.push(reason) });
  fleetMetrics(metrics, () => figuresOf(fleet.snapshot()));
  const at = options.metrics;
  const exporter =
    at === undefined
      ? undefined
      : await serveMetrics(metrics, at).catch(async (error: unknown) => {
          await fleet.stop({ withinMs: 0 });
          throw asUsage(error, { "--metrics": at });
        });
  try {
    say(`${devices} devices, seed ${seed}, ${fleet.shards} ${fleet.shards === 1 ? "shard" : "shards"}, ${options.bootstrap ?? options.server ?? ""}${exporter === undefined ? "" : `, metrics on http://${formatAddress(exporter.address)}/metrics`}`);
    const block = terminal.live && !options.json ? new LiveBlock(terminal, (text) => void process.stdout.write(text)) : undefined;
    const before = await watched(fleet, plan, options, stop, (snapshot, elapsedMs) => {
      const line = fleetLine(snapshot, devices);
      if (block !== undefined) block.update([line]);
      else if (elapsedMs % 5000 < 1000) say(line);
    });
    block?.end();
    const last = await fleet.stop({ deregister: true });
    const failures = lost.length > 0 ? [] : before.failures;
    const expectations = options.expect.map((expectation) => ({ text: expectation.text, met: isMet(expectation, countersOf(before.snapshot), devices) }));
    const result = fleetResult({ seed, devices, snapshot: before.snapshot, last, expectations, failures, interrupted: stop.cause(), lost: lost[0] });
    terminal.out(options.json ? JSON.stringify(result) : fleetSummary(terminal, result));
    invocation.exit = lost.length > 0 ? ExitCode.internal : expectations.some(({ met }) => !met) ? ExitCode.fail : stop.cause() !== undefined || result.health.saturated ? ExitCode.inconclusive : ExitCode.ok;
  } finally {
    stop.release();
    await exporter?.close();
  }
}

const countersOf = (snapshot: FleetSnapshot): Readonly<Record<string, number>> => ({
  bootstrapped: snapshot.counters.bootstrapsFinished,
  registered: snapshot.states.registered,
  updated: snapshot.counters.updates,
  failed: snapshot.states.failed,
  retransmissions: snapshot.counters.retransmissions,
  updatesLost: snapshot.counters.updatesLost,
  handshakesAfterRebind: snapshot.counters.handshakesAfterRebind,
});

/** Launches the plan and looks once a second, until it is over. Resolves with the figures before the devices leave. */
async function watched(fleet: Fleet, plan: FleetPlan, options: FleetOptions, stop: StopRequest, show: (snapshot: FleetSnapshot, elapsedMs: number) => void) {
  const began = Date.now();
  await fleet.launch(plan);
  const startMs = options.rate === undefined ? 0 : ((plan.last - plan.first) / options.rate) * 1000 + (options.shape === "ramp" ? rampMs / 2 : 0);
  const endMs = options.duration ?? startMs + patienceMs;
  let shown = began;
  for (;;) {
    await pause(100);
    const elapsedMs = Date.now() - began;
    const states = await fleet.states(plan.name);
    const settled = states.registered + states.failed >= plan.last - plan.first;
    const over = fleet.lost !== undefined || stop.signal.aborted || elapsedMs >= endMs || (options.duration === undefined && settled);
    if (Date.now() - shown >= 1000 || over) {
      shown = Date.now();
      show(fleet.snapshot(), elapsedMs);
    }
    if (over) return { snapshot: { ...fleet.snapshot(), states }, failures: fleet.lost === undefined ? await fleet.failures(5) : [] };
  }
}
