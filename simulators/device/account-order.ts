import { ServerResource } from "../../src/lwm2m/index.js";
import { Account } from "./account.js";
import type { Device } from "./device.js";
import { mayStart, type BootstrapCause } from "./lifecycle.js";
import { flagOf, numberOf } from "./objects.js";
import { sameServer, serverAccountsOf, type ServerAccount } from "./server-accounts.js";

/** A bootstrap begins: who is not registered stops trying; registrations stay, unless the personality leaves everywhere first. */
export function pauseAccounts(device: Device, cause: BootstrapCause): void {
  const leaves = device.behaviour.deregisterBeforeBootstrap && cause !== "factory";
  for (const account of device.accounts) {
    if (!account.registered) account.step({ in: "stop" });
    else if (leaves) account.step({ in: "deregister", then: "left" });
  }
}

export const isLeaving = (device: Device): boolean => device.accounts.some((account) => account.state.at === "deregistering");

/** Makes the accounts fit the object store: new ones come, lost and moved ones go. */
export function matchAccounts(device: Device): void {
  const wanted = serverAccountsOf(device.objects);
  if (wanted.length > 1) wanted.sort((a, b) => priorityOf(a) - priorityOf(b));
  const before = device.accounts;
  device.accounts = wanted.map((details) => {
    const present = before.find((account) => account.shortServerId === details.shortServerId);
    if (present === undefined || !sameServer(present.details, details, device.behaviour.sessions.onNewCredential === "keep")) return new Account(device, details);
    present.renew(details);
    if (present.state.at === "left") present.step({ in: "stop" });
    return present;
  });
  for (const account of before) if (!device.accounts.includes(account)) takeLeave(device, account, wanted);
}

const priorityOf = ({ server }: ServerAccount): number => numberOf(server, ServerResource.RegistrationPriorityOrder) ?? Number.MAX_SAFE_INTEGER;

function takeLeave(device: Device, account: Account, wanted: readonly ServerAccount[]): void {
  const { deregisterReplaced } = device.behaviour;
  const moved = wanted.find((details) => details.shortServerId === account.shortServerId);
  // At the same address the Register that follows replaces the old registration by itself.
  const elsewhere = moved !== undefined && moved.uri !== account.details.uri;
  device.endObservations(account);
  device.attributes?.forget(account.shortServerId);
  (device.departing ??= []).push(account);
  account.detach(account.registered && !device.silent && (deregisterReplaced === "always" || (deregisterReplaced === "moved" && elsewhere)));
}

/** Starts whose turn it is, and tells the Servers of kept accounts what they must know. */
export function startAccounts(device: Device): void {
  if (device.state.at !== "serving" || device.silent) return;
  for (const account of device.accounts) {
    if (!account.registered) continue;
    if (account.outdated) account.step({ in: "register" });
    else if (account.unannounced !== 0) account.step({ in: "update" });
  }
  const [only] = device.accounts;
  if (device.accounts.length === 1 && only !== undefined) {
    // Nobody to wait for.
    only.step({ in: "start", delayMs: initialDelayMs(only) });
    return;
  }
  const turns = device.accounts.map((account) => ({
    state: account.state.at,
    priority: numberOf(account.details.server, ServerResource.RegistrationPriorityOrder),
    blocks: flagOf(account.details.server, ServerResource.RegistrationFailureBlock) === true,
  }));
  for (const index of mayStart(turns)) {
    const account = device.accounts[index];
    account?.step({ in: "start", delayMs: initialDelayMs(account) });
  }
}

/** /1/x/14, which counts until the first success after a bootstrap. */
const initialDelayMs = ({ settled, details }: Account): number => (settled ? 0 : (numberOf(details.server, ServerResource.InitialRegistrationDelayTimer) ?? 0) * 1000);
