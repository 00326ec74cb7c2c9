import type { Response } from "../../src/coap/index.js";
import { formatPath, type Path } from "../../src/lwm2m/index.js";
import type { EventLog, Forgotten, Restarted } from "../../src/operator/index.js";
import { formatAddress, type Address, type Trace } from "../../src/ports/index.js";
import type { ServerTriggerState, SmpEventLog } from "../../src/smp/index.js";
import type { CredentialVersion, DeviceSession } from "./credential-record.js";
import type { CredentialChange } from "./credential-store.js";
import { resultOf } from "./operations.js";
import type { Registration, RemovalReason } from "./registry.js";
import type { TriggerRecord } from "./trigger.js";

/** Tells everybody who follows this server what happened: its trace, its operator's event stream, its peers' event log. */
export class Announcements {
  constructor(
    readonly trace: Trace,
    readonly events: EventLog,
    readonly smpEvents: SmpEventLog,
  ) {}

  registered(registration: Registration, replaced: Registration | undefined): void {
    const { endpoint, id } = registration;
    this.trace.record({ kind: "state", machine: "registration", id, from: replaced === undefined ? "none" : "registered", to: "registered", input: "register" }, endpoint);
    this.events.publish("registered", endpoint, {
      location: registration.location,
      lifetime: registration.lifetime,
      lwm2m: registration.version,
      queueMode: registration.queueMode,
      address: formatAddress(registration.peer.address),
      security: registration.security,
      ...(replaced === undefined ? {} : { replaced: replaced.location }),
    });
  }

  updated(registration: Registration): void {
    this.trace.record({ kind: "state", machine: "registration", id: registration.id, from: "registered", to: "registered", input: "update" }, registration.endpoint);
    this.events.publish("updated", registration.endpoint, { location: registration.location, lifetime: registration.lifetime });
  }

  removed(registration: Registration, reason: RemovalReason): void {
    this.trace.record({ kind: "state", machine: "registration", id: registration.id, from: "registered", to: "gone", input: reason }, registration.endpoint);
    this.events.publish(reason, registration.endpoint, { location: registration.location });
  }

  notified(registration: Registration, path: Path, response: Response): void {
    this.events.publish("notification", registration.endpoint, { path: formatPath(path), ...resultOf(registration, path, response) });
  }

  observationEnded(endpoint: string, path: Path, why: string): void {
    this.events.publish("observation-ended", endpoint, { path: formatPath(path), why });
  }

  trigger(trigger: TriggerRecord, from: ServerTriggerState | "none", input: string): void {
    const { id, body, machine } = trigger;
    const to = machine.state;
    const code = machine.code === undefined ? {} : { code: machine.code };
    this.trace.record({ kind: "state", machine: "trigger", id, from, to, input, detail: code }, body.ep);
    this.events.publish("trigger", body.ep, { triggerId: id, from, state: to, ...code });
    this.smpEvents.publish(trigger.tenant, {
      type: "smp.trigger.changed",
      subject: body.ep,
      data: { ep: body.ep, triggerId: id, from, state: to, ...code, ...(body.orderItem === undefined ? {} : { orderItem: body.orderItem }) },
    });
  }

  credential({ record, version, from, input, event }: CredentialChange): void {
    const { endpoint, credentialId } = record;
    this.trace.record({ kind: "state", machine: "credential", id: credentialId, from, to: version.state, input, detail: { version: version.version } }, endpoint);
    this.events.publish("credential", endpoint, { credentialId, version: version.version, from, state: version.state });
    if (event === undefined) return;
    this.smpEvents.publish(record.tenant, {
      type: event,
      subject: endpoint,
      data: {
        ep: endpoint,
        credentialId,
        version: version.version,
        ssid: version.body.ssid,
        from,
        state: version.state,
        ...(record.sessionId === undefined ? {} : { sessionId: record.sessionId }),
        ...(version.body.orderItem === undefined ? {} : { orderItem: version.body.orderItem }),
      },
    });
  }

  clientRegistered(by: CredentialVersion): void {
    this.smpEvents.publish(by.record.tenant, { type: "smp.client.registered", subject: by.record.endpoint, data: credentialData(by) });
  }

  authenticationFailed(by: CredentialVersion, failures: number): void {
    const { endpoint, credentialId, tenant } = by.record;
    this.events.publish("authentication-failed", endpoint, { credentialId, version: by.version, failures });
    this.smpEvents.publish(tenant, { type: "smp.client.authfailed", subject: endpoint, data: { ...credentialData(by), reason: `${failures} handshake${failures === 1 ? "" : "s"} failed` } });
  }

  sessionOpened({ peer, context, info }: DeviceSession): void {
    const { endpoint, credentialId } = context.record;
    const detail = { credentialId, version: context.version, suite: info.suite, resumed: info.resumed };
    this.trace.record({ kind: "state", machine: "secure-session", id: formatAddress(peer), from: "none", to: "open", input: info.resumed ? "resumption" : "handshake", detail }, endpoint);
    this.events.publish("secure-session", endpoint, { state: "open", address: formatAddress(peer), ...detail });
  }

  sessionMoved({ peer, context }: DeviceSession, before: Address): void {
    const { endpoint, credentialId } = context.record;
    const detail = { credentialId, version: context.version, before: formatAddress(before) };
    this.trace.record({ kind: "state", machine: "secure-session", id: formatAddress(peer), from: "open", to: "open", input: "address-change", detail }, endpoint);
    this.events.publish("secure-session", endpoint, { state: "moved", address: formatAddress(peer), ...detail });
  }

  sessionClosed({ peer, context }: DeviceSession, why: string): void {
    const { endpoint, credentialId } = context.record;
    this.trace.record({ kind: "state", machine: "secure-session", id: formatAddress(peer), from: "open", to: "closed", input: why, detail: { credentialId, version: context.version } }, endpoint);
    this.events.publish("secure-session", endpoint, { state: "closed", address: formatAddress(peer), credentialId, version: context.version, why });
  }

  handshakeStorm(endpoint: string | undefined, identity: string, attempts: number): void {
    this.trace.record({ kind: "state", machine: "handshake", id: identity, from: "identity", to: "storm", input: "attempt", detail: { attempts } }, endpoint);
    this.events.publish("handshake-storm", endpoint, { identity, attempts });
  }

  sessionsForgotten(forgotten: Forgotten): void {
    this.trace.record({ kind: "state", machine: "memory", id: "secure-sessions", from: "kept", to: "lost", input: "operator", detail: { ...forgotten } });
    this.events.publish("sessions-forgotten", undefined, { ...forgotten });
  }

  restarted(restarted: Restarted, keepSessions: boolean): void {
    this.trace.record({ kind: "state", machine: "memory", id: "secure-sessions", from: "kept", to: keepSessions ? "restored" : "lost", input: "restart", detail: { ...restarted } });
    this.events.publish("restarted", undefined, { ...restarted });
  }

  sessionRestored({ peer, context, info }: DeviceSession): void {
    const { endpoint, credentialId } = context.record;
    const detail = { credentialId, version: context.version, suite: info.suite };
    this.trace.record({ kind: "state", machine: "secure-session", id: formatAddress(peer), from: "saved", to: "open", input: "restart", detail }, endpoint);
  }
}

const credentialData = ({ record, version, body }: CredentialVersion) => ({ ep: record.endpoint, credentialId: record.credentialId, version, ssid: body.ssid });
