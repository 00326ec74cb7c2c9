import type { LwM2mServerConfig } from "../../src/config/index.js";
import { Metrics } from "../../src/metrics/index.js";
import { EventLog, FaultBoard, TraceLog, type Forgetting, type Forgotten, type Restarted, type Restarting } from "../../src/operator/index.js";
import type { Peer, Response } from "../../src/coap/index.js";
import type { Path } from "../../src/lwm2m/index.js";
import type { Ports } from "../../src/ports/index.js";
import { defaultLimits, SmpEventLog, type Limits } from "../../src/smp/index.js";
import type { ServerEndpoint } from "../../src/transport/index.js";
import { ActivityLog } from "./activity-log.js";
import { Announcements } from "./announcements.js";
import { AuthFailures } from "./auth-failures.js";
import { ConfiguredKeys, configuredTenant } from "./configured-keys.js";
import { CredentialIntake } from "./credential-intake.js";
import { isoTime, type CredentialRecord, type CredentialVersion, type DeviceSession } from "./credential-record.js";
import { CredentialStore, type CredentialChange } from "./credential-store.js";
import { DeviceLink } from "./device-link.js";
import { DeviceSecurity } from "./device-security.js";
import { HandshakeLog } from "./handshake-log.js";
import { Observations } from "./observations.js";
import { ServerOperations } from "./operations.js";
import { OwnKeys } from "./own-keys.js";
import { Peers } from "./peers.js";
import { plantedFaults } from "./plants.js";
import { DeviceQueues } from "./queue-mode.js";
import { ReachabilityView } from "./reachability.js";
import { RegistrationInterface } from "./registration-interface.js";
import { Registry, type Registration, type RemovalReason } from "./registry.js";
import { SmpHandlers } from "./smp-handlers.js";
import { Tenancy } from "./tenancy.js";
import { TriggerService } from "./trigger-service.js";

/** Bounds of what this server keeps for others. */
const maxRegistrations = 250_000;
const maxCredentials = 500_000;
const maxHeldPerDevice = 32;
const maxHeld = 50_000;
const maxObservationsPerDevice = 64;
const maxOpenTriggers = 20_000;
const maxEndedTriggers = 50_000;
const maxTriggersPerClientPerMinute = 30;
/** Nobody is told it: a record needs one. */
const anyShortServerId = 1;
const maxOwnKeys = 50_000;
const maxCountedDevices = 100_000;
const maxCountedStrangers = 1_000;

const limits: Limits = { ...defaultLimits, openTriggers: maxOpenTriggers };

/** The LwM2M Server stub without its sockets: everything it knows and does, put together. Throws `UnknownPlantError`. */
export class LwM2mServer {
  readonly trace: TraceLog;
  readonly events: EventLog;
  readonly smpEvents: SmpEventLog;
  readonly faults: FaultBoard;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly credentials: CredentialStore;
  readonly security: DeviceSecurity;
  readonly triggers: TriggerService;
  readonly operations: ServerOperations;
  readonly handlers: SmpHandlers;
  readonly registrations: RegistrationInterface;
  readonly peers: Peers;
  readonly #announce: Announcements;
  readonly #activity: ActivityLog;
  readonly #link: DeviceLink;
  readonly #queues: DeviceQueues;
  readonly #observations: Observations;
  readonly #plants: ReturnType<typeof plantedFaults>;
  readonly #authFailures: AuthFailures;

  constructor(
    readonly config: LwM2mServerConfig,
    readonly ports: Ports,
    readonly endpoint: ServerEndpoint<CredentialVersion>,
  ) {
    const { clock, log, secrets } = ports;
    const timing = config.timing.lwm2mServer;
    const plants = (this.#plants = plantedFaults(config.plants));
    const prefix = secrets.bytes(3).toString("hex");
    this.trace = new TraceLog(config.name, clock, config.traceEvents);
    this.events = new EventLog(clock);
    this.smpEvents = new SmpEventLog(clock, `urn:muster:${config.name}`);
    this.faults = new FaultBoard(clock, this.trace);
    this.metrics = new Metrics({ role: "lwm2m-server", name: config.name });
    this.#announce = new Announcements(this.trace, this.events, this.smpEvents);
    this.#activity = new ActivityLog(clock, log);
    this.credentials = new CredentialStore({ clock, secrets, plants, slots: config.credentialSlots, maxRecords: maxCredentials, changed: (change) => this.#credentialChanged(change) });
    this.#authFailures = new AuthFailures({ clock, collectMs: timing.sweepMs, report: (version, failures) => this.#authenticationFailed(version, failures) });
    this.security = new DeviceSecurity({
      clock,
      trace: this.trace,
      credentials: this.credentials,
      configured: new ConfiguredKeys(config.clients, this.credentials, config.shortServerId ?? anyShortServerId),
      faults: this.faults,
      plants,
      handshakes: new HandshakeLog({
        clock,
        stormAbove: config.handshakeStorm,
        windowMs: timing.handshakeWindowMs,
        maxDevices: maxCountedDevices,
        maxStrangers: maxCountedStrangers,
        storm: (name, identity, attempts) => this.#announce.handshakeStorm(name, identity, attempts),
      }),
      unknownIdentity: config.unknownIdentity,
      unknownCertificate: config.unknownCertificate,
      stagedIdentity: config.stagedIdentity,
      stagingGraceMs: timing.stagingGraceMs,
      opened: (session) => this.#announce.sessionOpened(session),
      restored: (session, peer) => this.#sessionRestored(session, peer),
      moved: (session, before) => this.#announce.sessionMoved(session, before),
      closed: (session, why) => this.#announce.sessionClosed(session, why),
      authenticationFailed: (version) => this.#authFailures.note(version),
    });
    this.registry = new Registry(
      clock,
      {
        sweepMs: timing.sweepMs,
        maxRegistrations,
        locationPrefix: prefix,
        expires: !plants.has("expiry-ignored"),
        keepsReplaced: plants.has("replaced-registration-kept"),
        renews: !plants.has("update-does-not-renew"),
      },
      {
        onRegistered: (registration, replaced) => this.#registered(registration, replaced),
        onUpdated: (registration) => this.#announce.updated(registration),
        onRemoved: (registration, reason) => this.#removed(registration, reason),
      },
    );
    this.#queues = new DeviceQueues(clock, {
      maxPerDevice: maxHeldPerDevice,
      maxHeld,
      sweepMs: timing.sweepMs,
      newestFirst: plants.has("queue-order-broken"),
      awake: (name) => {
        const registration = this.registry.byEndpoint(name);
        return registration === undefined ? undefined : this.#link.awake(registration);
      },
    });
    this.#link = new DeviceLink({ clock, endpoint, registry: this.registry, queues: this.#queues, faults: this.faults, metrics: this.metrics, awakeMs: timing.awakeMs, holdMs: timing.triggerValidityMs, plants });
    this.#observations = new Observations({
      endpoint,
      link: this.#link,
      maxPerDevice: maxObservationsPerDevice,
      notified: (registration, path, response) => this.#notified(registration, path, response),
      ended: (name, path, why) => this.#announce.observationEnded(name, path, why),
    });
    const shortServerIdFor = (name: string): number | undefined => this.credentials.ofClient(name).find(({ active, tenant }) => active !== undefined && tenant !== configuredTenant)?.active?.body.ssid ?? config.shortServerId;
    const reachability = new ReachabilityView({ clock, registry: this.registry, plants, awakeMs: timing.awakeMs, shortServerIdFor });
    this.triggers = new TriggerService({
      clock,
      registry: this.registry,
      link: this.#link,
      plants,
      idPrefix: `t-${prefix}-`,
      defaultValidityMs: timing.triggerValidityMs,
      // Long enough that a burst becomes one Execute, short beside a bootstrap.
      windowMs: config.timing.coap.ackTimeoutMs,
      maxOpen: maxOpenTriggers,
      maxPerClientPerMinute: maxTriggersPerClientPerMinute,
      maxEnded: maxEndedTriggers,
      shortServerIdFor,
      knows: (name) => this.registry.departedAt(name) !== undefined || this.credentials.ofClient(name).length > 0,
      expectedUplink: (registration) => reachability.expectedUplink(registration),
      changed: (trigger, from, input) => {
        this.#activity.note(trigger.body.ep, `trigger ${trigger.machine.state}`);
        this.#announce.trigger(trigger, from, input);
      },
    });
    const ownKeys = new OwnKeys(secrets, maxOwnKeys);
    this.peers = new Peers(config.peers, {
      clock,
      log,
      trace: this.trace,
      secrets,
      metrics: this.metrics,
      timeoutMs: timing.smpTimeoutMs,
      retryMs: timing.confirmationRetryMs,
      ownKeys,
      secretTransport: plants.has("own-key-in-cleartext") ? "cleartext" : config.secretTransport,
    });
    this.operations = new ServerOperations({
      clock,
      registry: this.registry,
      link: this.#link,
      observations: this.#observations,
      security: this.security,
      relay: (request) => this.peers.relay(request),
      forgetSessions: (what) => this.#forgetSessions(what),
      restart: (how) => this.#restart(how),
    });
    this.handlers = new SmpHandlers({
      config,
      plants,
      tenancy: new Tenancy(config.peers, plants),
      intake: new CredentialIntake({ config, plants, ownKeys, clock }),
      credentials: this.credentials,
      triggers: this.triggers,
      reachability,
      events: this.smpEvents,
      limits,
      revoked: (record) => this.#revoked(record),
    });
    this.registrations = new RegistrationInterface({
      clock,
      registry: this.registry,
      rules: { plants, admits: config.admission === "open" ? () => true : (name) => this.credentials.admits(name) },
      plants,
      faults: this.faults,
      metrics: this.metrics,
      sessionOf: this.security.sessionOf,
      heard: (registration, operation) => {
        this.#link.heard(registration);
        if (operation === "register") this.triggers.registered(registration.endpoint);
      },
    });
    this.#gauges();
  }

  async stop(): Promise<void> {
    this.faults.stop();
    this.registry.stop();
    this.triggers.stop();
    this.credentials.stop();
    this.#authFailures.stop();
    this.#queues.stop();
    this.#activity.stop();
    this.smpEvents.close();
    await this.peers.stop();
  }

  #registered(registration: Registration, replaced: Registration | undefined): void {
    const { endpoint } = registration;
    if (replaced !== undefined) this.#observations.drop(endpoint);
    this.#announce.registered(registration, replaced);
    this.#activity.note(endpoint, "registered");
    if (this.credentials.size === 0) return;
    for (const seen of this.credentials.registered(endpoint, registration.credential)) {
      this.#announce.clientRegistered(seen);
      this.peers.confirm(seen.record.owner, { ...this.#seenOf(seen), event: "registered", lwm2m: registration.version });
    }
  }

  #authenticationFailed(version: CredentialVersion, failures: number): void {
    this.#announce.authenticationFailed(version, failures);
    this.peers.confirm(version.record.owner, { ...this.#seenOf(version), event: "authentication-failed", failures });
  }

  #seenOf({ record, body }: CredentialVersion) {
    return { ep: record.endpoint, ssid: body.ssid, at: isoTime(this.ports.clock.epoch()), credentialId: record.credentialId, version: body.version };
  }

  #credentialChanged(change: CredentialChange): void {
    // What was configured is news to nobody.
    if (change.record.tenant !== configuredTenant) this.#announce.credential(change);
    const { state } = change.version;
    if (state === "revoked" || state === "rolled-back") this.security.credentialOver(change);
  }

  #removed(registration: Registration, reason: RemovalReason): void {
    const { endpoint } = registration;
    this.#observations.drop(endpoint);
    this.#announce.removed(registration, reason);
    this.#activity.note(endpoint, reason);
    this.#queues.drop(endpoint, "not-registered");
  }

  #notified(registration: Registration, path: Path, response: Response): void {
    if (this.faults.empty) {
      this.#announce.notified(registration, path, response);
      return;
    }
    void this.faults.apply("notify", registration.endpoint).then((fault) => {
      // A server that refuses a notification answers it, or the next one, with a reset (RFC 7641 §3.6).
      if (fault?.kind === "refuse" || fault?.kind === "reset-connection") void this.#observations.cancel(registration.endpoint, path, "reset");
      else if (fault?.kind !== "silence") this.#announce.notified(registration, path, response);
    });
  }

  /** A registration goes with the credential that it came under; one without security, when no other lets its device in. Nothing waits for the device any more. */
  #revoked(record: CredentialRecord): void {
    const { endpoint, tenant } = record;
    if (this.#plants.has("registration-kept-after-revoke")) return;
    this.triggers.withdrawAll(tenant, endpoint);
    const registration = this.registry.byEndpoint(endpoint);
    if (registration === undefined) return;
    const { credential } = registration;
    if (credential?.record === record || !this.credentials.anyUsable(endpoint)) this.registry.remove(registration, "revoked");
  }

  #forgetSessions({ registrations, keepResumable }: Forgetting): Forgotten {
    const sessions = this.security.forgetAll();
    this.endpoint.forgetSessions(keepResumable);
    const lost = registrations ? [...this.registry.all()] : [];
    for (const registration of lost) this.registry.remove(registration, "forgotten");
    const forgotten = { sessions, registrations: lost.length };
    this.#announce.sessionsForgotten(forgotten);
    return forgotten;
  }

  async #restart({ keepSessions }: Restarting): Promise<Restarted> {
    // Nothing is announced of each session: it ends with the process.
    this.security.forgetAll();
    const restarted = await this.endpoint.restartSecurePort(keepSessions && !this.#plants.has("sessions-lost-in-restart"));
    this.#announce.restarted(restarted, keepSessions);
    return restarted;
  }

  /** A registration that came in the session is reached in it again. */
  #sessionRestored(session: DeviceSession, peer: Peer): void {
    const registration = this.registry.byEndpoint(session.context.record.endpoint);
    if (registration?.reachable === false && registration.credential === session.context) this.registry.reached(registration, peer, session);
    this.#announce.sessionRestored(session);
  }

  #gauges(): void {
    const { metrics } = this;
    metrics.coap(() => this.endpoint.counters);
    metrics.gauge("muster_registrations", "Registered devices.", () => this.registry.size);
    metrics.gauge("muster_held_requests", "Requests that wait for sleeping devices.", () => this.#queues.held);
    metrics.gauge("muster_open_triggers", "Triggers that have not ended.", () => this.triggers.open);
    metrics.gauge("muster_secure_sessions", "Live DTLS sessions.", () => this.security.size);
    metrics.total("muster_handshakes_total", "DTLS handshakes that named an identity, by what became of them; storms of single devices.", ["outcome"], () =>
      Object.entries(this.security.options.handshakes.total).map(([outcome, value]) => [{ outcome }, value] as const),
    );
    metrics.gauge("muster_credentials", "Credential records.", () => this.credentials.size);
    metrics.gauge("muster_waiting_confirmations", "Confirmations that have not reached their Bootstrap Server.", () => this.peers.waiting);
  }
}
