import type { Plant } from "../../src/config/index.js";
import { chosenPlants } from "../../src/config/index.js";
import { personalities, type DeviceFlaw, type Personality } from "./personalities.js";

const flaw = (name: DeviceFlaw): Partial<Personality> => ({ flaws: [name] });
const { sessions } = personalities.default;

/** Rules that devices can be told to break. `as`: what lies over the personality of each. */
export const plants = [
  { name: "old-session-after-new-key", rule: "device-new-key", breaks: "goes on in the session made with its old key after a bootstrap brought another", field: ["Leshan#80"], as: { sessions: { ...sessions, onNewCredential: "keep" } } },
  { name: "handshakes-without-back-off", rule: "device-handshake-retry", breaks: "shakes hands without end with a server that does not take its key", field: ["pion/dtls#758"], as: { sessions: { ...sessions, backOff: "none" } } },
  { name: "no-bootstrap-timeout", rule: "device-gives-bootstrap-up", breaks: "waits for a Finish for ever", field: ["Wakaama#282"], as: flaw("no-bootstrap-timeout") },
  { name: "lifetime-unannounced", rule: "device-announces-lifetime", breaks: "tells nobody of a lifetime that was written", field: ["Wakaama#607"], as: flaw("lifetime-unannounced") },
  { name: "falls-back-on-update", rule: "device-tries-again", breaks: "asks its Bootstrap Server after one Update without an answer", field: ["Wakaama#724"], as: flaw("falls-back-on-update") },
  { name: "falls-back-on-register", rule: "device-tries-again", breaks: "asks its Bootstrap Server after one Register without an answer", field: ["OMA#145"], as: flaw("falls-back-on-register") },
  { name: "bootstrap-account-deletable", rule: "device-bootstrap-operations", breaks: "lets a Bootstrap-Delete take the account of the Bootstrap Server", field: ["OMA#522"], as: flaw("bootstrap-account-deletable") },
  { name: "final-alert-retried", rule: "device-handshake-fail", breaks: "shakes hands again after an alert that another try cannot mend", as: flaw("final-alert-retried") },
  { name: "update-trigger-ignored", rule: "device-update-trigger", breaks: "answers an Execute of /1/x/8 2.04 and sends no Update", as: flaw("update-trigger-ignored") },
  { name: "configuration-unchecked", rule: "device-checks-configuration", breaks: "answers a Finish 2.04 though what was written is no complete account", as: flaw("configuration-unchecked") },
] as const satisfies readonly (Plant & { readonly as: Partial<Personality> })[];

export type PlantName = (typeof plants)[number]["name"];

/** What the chosen plants lay over a personality. Throws `UnknownPlantError`. */
export function plantedDeviations(names: readonly string[]): Partial<Personality> {
  const chosen = chosenPlants(plants, names);
  return Object.assign({}, ...plants.filter(({ name }) => chosen.has(name)).map(({ as }) => as)) as Partial<Personality>;
}
