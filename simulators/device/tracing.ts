import type { StateChanged } from "../../src/ports/index.js";
import type { Account } from "./account.js";
import type { Destination } from "./actions.js";
import type { Device } from "./device.js";
import type { AccountInput, AccountState, DeviceInput, DeviceState } from "./lifecycle.js";

/** What a traced device tells of its states; nothing for any other. */
export function traceDevice(device: Device, from: DeviceState, to: DeviceState, input: DeviceInput): void {
  if (!device.traced) return;
  const detail = "cause" in to ? { cause: to.cause, attempt: to.attempt } : {};
  device.host.trace?.record({ kind: "state", machine: "device", id: device.endpoint, from: from.at, to: to.at, input: input.in, detail }, device.endpoint);
}

/** Every Bootstrap-Request says what caused it, and which Execute if one did. */
export function traceBootstrapRequest(device: Device, triggeredBy: string | undefined): void {
  const { state, endpoint } = device;
  if (!device.traced || state.at !== "requesting") return;
  const trigger = triggeredBy === undefined || state.cause !== "trigger" ? {} : { trigger: triggeredBy };
  device.host.trace?.record({ kind: "state", machine: "device", id: endpoint, from: state.at, to: state.at, input: "bootstrap-request", detail: { cause: state.cause, attempt: state.attempt, ...trigger } }, endpoint);
}

/** Handshakes and sessions with the server `to`: a Short Server ID, or the Bootstrap Server. */
export function traceSession(device: Device, to: Destination, from: string, state: string, input: string, detail: NonNullable<StateChanged["detail"]> = {}): void {
  if (!device.traced) return;
  device.host.trace?.record({ kind: "state", machine: "dtls", id: `${device.endpoint}/${to}`, from, to: state, input, detail }, device.endpoint);
}

export function traceAccount(device: Device, account: Account, from: AccountState, to: AccountState, input: AccountInput): void {
  if (!device.traced) return;
  const { shortServerId, details, lastFailure } = account;
  const detail = { shortServerId, uri: details.uri, ...("attempt" in to ? { attempt: to.attempt } : {}), ...(lastFailure === undefined ? {} : { lastFailure }) };
  device.host.trace?.record({ kind: "state", machine: "registration", id: `${device.endpoint}/${shortServerId}`, from: from.at, to: to.at, input: input.in, detail }, device.endpoint);
}
