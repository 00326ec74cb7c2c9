import { authorityName, lateAuthority } from "../../src/certificates/index.js";
import type { CertificateAuthority } from "../../src/certificates/index.js";
import { withoutKeys } from "../../src/config/index.js";
import type { BootstrapServerConfig } from "../../src/config/index.js";
import { Metrics } from "../../src/metrics/index.js";
import { EventLog, FaultBoard, TraceLog } from "../../src/operator/index.js";
import type { BootstrapServerOperations } from "../../src/operator/index.js";
import type { Ports } from "../../src/ports/index.js";
import { itemStates } from "../../src/smp/index.js";
import type { SecretKeys } from "../../src/smp/index.js";
import type { UdpEndpoint } from "../../src/transport/index.js";
import { BootstrapCredentials } from "./bootstrap-credentials.js";
import { BootstrapHandler } from "./bootstrap-handler.js";
import { BootstrapSecurity } from "./bootstrap-security.js";
import type { ServerLink } from "./engine/server-link.js";
import { ServerManagement } from "./engine/server-management.js";
import { SmpLink } from "./engine/smp-link.js";
import { plantsNamed } from "./plants.js";
import { SmpHandlers } from "./smp-handlers.js";

/** The Bootstrap Server without its sockets. Throws `UnknownPlantError`. */
export class BootstrapServer {
  readonly trace: TraceLog;
  readonly events: EventLog;
  readonly faults: FaultBoard;
  readonly metrics: Metrics;
  readonly management: ServerManagement;
  readonly bootstraps: BootstrapHandler;
  /** Who has a key for the DTLS port. */
  readonly security: BootstrapSecurity;
  readonly handlers: SmpHandlers;
  readonly operations: BootstrapServerOperations;
  readonly #links = new Map<string, ServerLink>();

  constructor(
    readonly config: BootstrapServerConfig,
    readonly ports: Ports,
    readonly endpoint: UdpEndpoint,
    links?: ReadonlyMap<string, ServerLink>,
    /** To which Servers encrypt the keys that they make themselves. */
    keys?: SecretKeys,
    authority: () => Promise<CertificateAuthority> = lateAuthority(ports, authorityName(config.name)),
  ) {
    const { clock, log, secrets } = ports;
    const plants = plantsNamed(config.plants);
    const credentials = new BootstrapCredentials(config.clients, config.nosec);
    this.trace = new TraceLog(config.name, clock, config.traceEvents);
    this.events = new EventLog(clock);
    this.faults = new FaultBoard(clock, this.trace);
    this.metrics = new Metrics({ role: "bootstrap-server", name: config.name });
    for (const peer of config.peers) {
      const link = links?.get(peer.id) ?? (peer.smp === undefined ? undefined : new SmpLink(peer, peer.smp, { clock, secrets, trace: this.trace }));
      if (link !== undefined) this.#links.set(peer.id, link);
    }
    this.management = new ServerManagement(config, { clock, secrets, log, trace: this.trace, operatorEvents: this.events, plants, links: this.#links, keys, authority, holdsKey: (name) => credentials.holds(name) });
    this.security = new BootstrapSecurity(credentials, this.faults, this.trace, clock);
    const request = this.metrics.operation("bootstrap-request");
    const session = this.metrics.operation("session");
    this.bootstraps = new BootstrapHandler(
      this.management,
      {
        request: (code) => (code === "none" ? request.failed("silence") : request.done(code)),
        session: ({ id, endpoint: name, state, reason, startedAt, endedAt }) => {
          const milliseconds = (endedAt ?? startedAt) - startedAt;
          if (state === "finished") session.done("2.04", milliseconds);
          else session.failed(state, milliseconds);
          this.events.publish("session", name, { id, state, ...(reason === undefined ? {} : { reason }) });
        },
      },
      credentials,
      clock.epoch(),
    );
    this.bootstraps.attach({ clock, endpoint, faults: this.faults, trace: this.trace, timing: config.timing.bootstrapServer, plants, stallMs: 3 * config.timing.coap.ackTimeoutMs });
    this.handlers = new SmpHandlers(config, this.management, keys);
    this.operations = {
      bootstrap: (name) => {
        const plain = this.management.plain.of(name);
        return plain && withoutKeys(plain.configuration);
      },
      setBootstrap: (name, configuration) => this.management.plain.set(name, configuration),
      removeBootstrap: (name) => this.management.plain.remove(name),
      sessions: (query) => this.bootstraps.views(query),
    };
    this.#gauges();
  }

  async stop(): Promise<void> {
    this.faults.stop();
    this.bootstraps.stop();
    this.management.stop();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  #gauges(): void {
    const { metrics } = this;
    metrics.coap(() => this.endpoint.counters);
    metrics.gauge("muster_bootstrap_sessions", "Bootstrap sessions under way.", () => this.bootstraps.openSessions);
    metrics.gauge("muster_bootstrap_requests_waiting", "Bootstrap-Requests whose session has not begun.", () => this.bootstraps.waitingRequests);
    metrics.total("muster_handshakes_total", "DTLS handshakes of devices, by what became of them; those resumed are among the finished.", ["outcome"], () => Object.entries(this.security.counts).map(([outcome, value]) => [{ outcome }, value] as const));
    metrics.gauges("muster_order_items", "Items of orders by state.", ["state"], () => itemStates.map((state) => [{ state }, this.management.items.count(state)] as const));
  }
}
