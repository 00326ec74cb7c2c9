import type { AccountState, DeviceState } from "./lifecycle.js";
import type { FleetState } from "./snapshot.js";

/** One word for a device, from its own state and those of its accounts. */
export function fleetStateOf(device: DeviceState, accounts: readonly { readonly state: AccountState }[]): FleetState {
  switch (device.at) {
    case "off":
      return "off";
    case "hold-off":
      return "holding-off";
    case "requesting":
    case "bootstrapping":
      return "bootstrapping";
    case "stranded":
      return "failed";
    case "serving":
      return ofAccounts(accounts);
  }
}

function ofAccounts(accounts: readonly { readonly state: AccountState }[]): FleetState {
  let registered = 0;
  let away = 0;
  let failed = 0;
  for (const { state } of accounts) {
    if (state.at === "registered" || state.at === "updating") registered++;
    else if (state.at === "left" || state.at === "disabled") away++;
    else if (state.at === "failed") failed++;
  }
  if (registered > 0) return registered === accounts.length ? "registered" : "partly-registered";
  if (accounts.length === 0 || failed + away < accounts.length) return "registering";
  return failed > 0 ? "failed" : "deregistered";
}
