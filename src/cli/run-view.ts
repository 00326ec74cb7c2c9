import type { FleetSnapshot } from "../../simulators/fleet/index.js";
import type { PlannedScenario, RunProgress, ScenarioResult, Verdict } from "../harness/index.js";
import { fleetLine } from "./fleet-view.js";
import { LiveBlock } from "./live-block.js";
import { styled } from "./terminal.js";
import type { Style, Terminal } from "./terminal.js";

/** Longest silence without a terminal: whoever reads a log knows that something goes on. */
const quietMs = 5_000;
const redrawMs = 200;
/** Running scenarios shown by name at once. */
const shownScenarios = 6;

const styles: Readonly<Record<Verdict, Style>> = { pass: "green", fail: "red", error: "red", inconclusive: "yellow", incomplete: "yellow", unsupported: "dim", "not-applicable": "dim" };
const widest = "not-applicable".length;

/** Renders a run as it happens: redrawn lines under a list of finished scenarios, or without a terminal plain lines only. */
export class RunView {
  readonly #block: LiveBlock | undefined;
  readonly #running = new Map<string, { readonly name: string; step: string }>();
  readonly #counts = new Map<Verdict, number>();
  #fleet: FleetSnapshot | undefined;
  #devices = 0;
  #total = 0;
  #finished = 0;
  #began = 0;
  #spokenAt = 0;
  #drawnAt = 0;
  #ticker: NodeJS.Timeout | undefined;

  /** `say` writes a line that stays. */
  constructor(
    private readonly terminal: Terminal,
    private readonly say: (text: string) => void,
    live: boolean,
  ) {
    this.#block = live ? new LiveBlock(terminal, (text) => void process.stdout.write(text)) : undefined;
  }

  on(progress: RunProgress): void {
    switch (progress.type) {
      case "planned":
        this.#began = this.#spokenAt = Date.now();
        this.#devices = progress.devices;
        this.#total = progress.scenarios.length;
        this.#line(`${progress.scenarios.length} scenarios, target ${progress.target}, ${progress.security === "psk" ? "DTLS with pre-shared keys" : "no security"}, ${progress.devices} devices, seed ${progress.seed}`);
        this.#line(`evidence in ${progress.folder}`);
        this.#ticker = setInterval(() => this.#tick(), this.#block === undefined ? 1000 : redrawMs);
        this.#ticker.unref();
        return;
      case "roles-ready":
        for (const [role, { coap, coaps, http }] of Object.entries(progress.roles)) this.#line([role.padEnd(16), ...(coaps === undefined ? [] : [`coaps://${coaps}`]), ...(coap === undefined ? [] : [`coap://${coap}`]), `http://${http}`].join("  "));
        return;
      case "scenario-started":
        this.#running.set(progress.scenario.id, { name: titled(progress.scenario, progress.scenario.name), step: "" });
        this.#draw();
        return;
      case "step-finished": {
        const running = this.#running.get(progress.scenario.id);
        if (running !== undefined) running.step = progress.text;
        return;
      }
      case "scenario-finished":
        this.#running.delete(progress.scenario.id);
        this.#finished++;
        // The sanity scenarios run once more at the end.
        this.#total = Math.max(this.#total, this.#finished);
        this.#counts.set(progress.result.verdict, (this.#counts.get(progress.result.verdict) ?? 0) + 1);
        for (const line of this.#finishedLines(progress.scenario, progress.result)) this.#line(line);
        return;
      case "fleet":
        this.#fleet = progress.snapshot;
        return;
      case "note":
        this.#line(progress.text);
        return;
      case "finished":
        this.end();
        return;
    }
  }

  /** Takes the live lines away; also after an error. */
  end(): void {
    clearInterval(this.#ticker);
    this.#block?.end();
  }

  /** A failing scenario shows at once what was broken: requirement, expected, actual. */
  #finishedLines(scenario: PlannedScenario, result: ScenarioResult): string[] {
    const verdict = styled(this.terminal, styles[result.verdict], result.verdict.padEnd(widest));
    const width = String(this.#total).length;
    const head = `${verdict} ${String(this.#finished).padStart(width)}/${this.#total}  ${titled(scenario, result.name)}  ${styled(this.terminal, "dim", `${(result.durationMs / 1000).toFixed(1)} s`)}`;
    if (result.verdict === "pass" || result.verdict === "not-applicable" || result.verdict === "unsupported") return [head];
    const { decisive } = result;
    return [head, ...(decisive === undefined ? [`    ${result.reason}`] : [`    ${decisive.rule}: ${decisive.text}`, `    expected ${decisive.expected}`, `    actual   ${decisive.actual}`])];
  }

  #line(text: string): void {
    this.#spokenAt = Date.now();
    if (this.#block === undefined) this.say(text);
    else this.#block.line(text);
  }

  #tick(): void {
    if (this.#block !== undefined) this.#draw();
    else if (Date.now() - this.#spokenAt >= quietMs) this.#line(this.#status().join("  "));
  }

  #draw(): void {
    const now = Date.now();
    if (this.#block === undefined || now - this.#drawnAt < redrawMs / 2) return;
    this.#drawnAt = now;
    const running = [...this.#running.values()];
    const more = running.length - shownScenarios;
    this.#block.update([
      "",
      ...running.slice(0, shownScenarios).map(({ name, step }) => `  ${styled(this.terminal, "cyan", name)}${step === "" ? "" : styled(this.terminal, "dim", `  ${step}`)}`),
      ...(more > 0 ? [styled(this.terminal, "dim", `  and ${more} more`)] : []),
      ...this.#status(),
    ]);
  }

  #status(): string[] {
    const seconds = Math.round((Date.now() - this.#began) / 1000);
    const counts = [...this.#counts].map(([verdict, count]) => styled(this.terminal, styles[verdict], `${count} ${verdict}`));
    const now = this.#block === undefined && this.#running.size > 0 ? `, running: ${[...this.#running.values()].slice(0, 2).map(({ name }) => name).join("; ")}` : "";
    const overall = `${seconds} s  ${this.#finished}/${this.#total} scenarios${counts.length === 0 ? "" : `: ${counts.join(", ")}`}${now}`;
    return this.#fleet === undefined || this.#fleet.counters.devices === 0 ? [overall] : [overall, `fleet ${fleetLine(this.#fleet, this.#devices)}`];
  }
}

const titled = (scenario: PlannedScenario, name: string): string => {
  const { requirements } = scenario.declared;
  return requirements.length === 0 ? name : `${requirements.join(" ")}: ${name}`;
};
