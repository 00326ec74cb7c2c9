import { chosenPlants } from "../../src/config/index.js";
import type { Plant } from "../../src/config/index.js";

export const plants = [
  { name: "finish-before-activation", rule: "ORD-1", breaks: "writes the account and sends Finish without waiting for the activation of its credential" },
  { name: "sm3-budget-ignored", rule: "ORD-2", breaks: "writes the account and finishes although the activation was refused or not answered in time" },
  { name: "serves-unstaged", rule: "ORD-4", breaks: "writes an account whose credential was never staged" },
  { name: "displaced-session-activates", rule: "ORD-5", breaks: "activates with a session id that does not grow, and lets a displaced session go on" },
  { name: "wrong-ssid", rule: "account-fields", breaks: "writes a Short Server ID that is one too high" },
  { name: "deletes-other-operators-account", rule: "other-accounts-untouched", breaks: "deletes the accounts of other operators before it writes" },
  { name: "trigger-confirmed-without-bootstrap", rule: "trigger-truth", breaks: "reports a trigger as confirmed when only its 2.04 came" },
  { name: "second-server-not-asked", rule: "trigger-other-server", breaks: "gives up when the first Server cannot reach the device" },
  { name: "cancel-leaves-triggers", rule: "cancel-withdraws", breaks: "cancels an order and leaves its triggers at the LwM2M Servers" },
  { name: "access-control-not-written", rule: "access-control", breaks: "leaves object 2 alone when a second account comes or goes" },
  { name: "finish-too-early", rule: "finish-last", breaks: "writes once more after Finish" },
  { name: "finish-repeated-uncorrected", rule: "finish-corrected", breaks: "sends Finish again after a 4.06 without writing anything before it" },
  { name: "write-refusal-ignored", rule: "write-refused", breaks: "goes on and finishes after a Write was refused" },
  { name: "unanswered-finish-applied", rule: "finish-unanswered", breaks: "takes a Finish that nobody answered for one that was answered 2.04" },
  { name: "discover-skipped", rule: "discover-first", breaks: "writes without Discover, to instance ids it assumes to be free", field: ["Leshan#986"] },
  { name: "unknown-endpoint-accepted", rule: "bootstrap-request-unknown", breaks: "answers a Bootstrap-Request of an unknown endpoint 2.04" },
  { name: "endpoint-not-bound", rule: "endpoint-bound-to-identity", breaks: "lets a device that proved one identity bootstrap under the name of another" },
  { name: "wrong-code-of-a-table", rule: "bootstrap-request-codes", breaks: "answers a refused Bootstrap-Request 4.04 instead of 4.00" },
  { name: "same-key-for-two-servers", rule: "keys-differ", breaks: "gives a device the same key for all of its Servers" },
  { name: "rotation-keeps-identity", rule: "new-version-new-identity", breaks: "rotates the key and leaves the identity as it was" },
  { name: "secret-in-cleartext", rule: "secret-encrypted", breaks: "sends keys to LwM2M Servers without encrypting them" },
  { name: "rollback-not-sent", rule: "rotation-rolled-back", breaks: "leaves the new version active at the Server when the session that brought it failed" },
  { name: "secret-readable-by-get", rule: "no-secret-in-get", breaks: "shows the secret members of an account in GET" },
  { name: "always-psk", rule: "mode-delivered", breaks: "makes a pre-shared key whatever mode the account has" },
  { name: "own-key-sent-back", rule: "own-key-told-back", breaks: "sends a LwM2M Server the key that this Server made, as if it were new to it" },
  { name: "etag-ignored", rule: "etag-guards", breaks: "takes a change of an account whatever its If-Match" },
  { name: "other-tenants-accounts-visible", rule: "entities-separate", breaks: "shows and deletes the accounts of another tenant" },
  { name: "last-account-removed", rule: "last-account-kept", breaks: "takes an order to remove the only account of a device" },
  { name: "removed-account-left", rule: "account-removed", breaks: "confirms a removal and leaves the account on the device" },
  { name: "confirmed-at-finish", rule: "confirmed-by-register", breaks: "confirms a provisioned device when its Finish was answered" },
  { name: "capabilities-incomplete", rule: "capabilities-truthful", breaks: "leaves an order type that it takes out of its capabilities" },
  { name: "unwritten-format-accepted", rule: "bootstrap-request-format", breaks: "answers a Bootstrap-Request 2.04 that prefers a format it does not write" },
] as const satisfies readonly Plant[];

export type PlantName = (typeof plants)[number]["name"];

/** The plants this role was given. `has` is asked at the one place where each matters. */
export type Plants = Pick<ReadonlySet<PlantName>, "has">;

export const plantsNamed = (names: readonly string[]): Plants => chosenPlants(plants, names);
