import { chosenPlants, type Plant } from "../../src/config/index.js";

export const plants = [
  { name: "expiry-ignored", rule: "registration-expiry", breaks: "a registration outlives its lifetime for ever" },
  { name: "update-unknown-location-accepted", rule: "update-unknown-location", breaks: "an Update to a location that does not exist is answered 2.04" },
  { name: "missing-lifetime-accepted", rule: "register-lifetime-required", breaks: "a Register without lt is answered 2.01" },
  { name: "missing-endpoint-accepted", rule: "register-endpoint-required", breaks: "a Register without ep is answered 2.01, under a name of the server's own" },
  { name: "register-without-lwm2m-accepted", rule: "register-version-required", breaks: "a Register without lwm2m is answered 2.01" },
  { name: "unsupported-version-accepted", rule: "register-version-supported", breaks: "a Register of an unknown LwM2M version is answered 2.01" },
  { name: "location-path-missing", rule: "register-location", breaks: "2.01 carries no Location-Path" },
  { name: "replaced-registration-kept", rule: "register-again", breaks: "the location of a replaced registration goes on being served" },
  { name: "update-does-not-renew", rule: "update-renews", breaks: "an Update is answered 2.04 and the registration ends when it would have without it" },
  { name: "deregistered-kept", rule: "deregister", breaks: "a De-register is answered 2.02 and the registration stays" },
  { name: "execute-twice", rule: "trigger-execute-once", breaks: "the Execute of a trigger is sent a second time as a new message" },
  { name: "queue-order-broken", rule: "queue-order", breaks: "requests held for a sleeping device are sent newest first" },
  { name: "sleeper-not-waited-for", rule: "queue-held", breaks: "what an operator asks of a sleeping device times out at once", field: ["ThingsBoard#10400"] },
  { name: "held-requests-lost", rule: "queue-held", breaks: "what an operator asked of a sleeping device is not sent when it wakes", field: ["ThingsBoard#11642"] },
  { name: "trigger-acknowledged-without-execute", rule: "trigger-executes", breaks: "a trigger is reported acknowledged, the device is never asked" },
  { name: "trigger-instance-zero", rule: "trigger-server-instance", breaks: "the Execute always goes to /1/0/9" },
  { name: "withdrawn-trigger-sent", rule: "trigger-withdrawn", breaks: "a trigger that was withdrawn or expired while the device slept is sent all the same" },
  { name: "triggers-not-coalesced", rule: "trigger-flood", breaks: "each of many triggers for one device is a trigger of its own" },
  { name: "credential-secret-readable-by-get", rule: "secret-never-readable", breaks: "GET of a credential returns its secret, or the peer's token where it has none" },
  { name: "admits-without-credential", rule: "admission", breaks: "a device without an active credential is admitted" },
  { name: "own-key-in-cleartext", rule: "own-key-encrypted", breaks: "sends the keys that it makes to its Bootstrap Server without encrypting them" },
  { name: "secret-context-ignored", rule: "secret-bound-to-context", breaks: "a secret is taken that was encrypted for another client, credential or version" },
  { name: "kcv-ignored", rule: "secret-checked", breaks: "a secret is taken that does not come to its kcv" },
  { name: "staged-credential-admits", rule: "staged-not-usable", breaks: "a credential that is only staged admits already" },
  { name: "old-credential-outlives-overlap", rule: "overlap-bounded", breaks: "the version before goes on admitting after confirmation and overlapSeconds" },
  { name: "session-outlives-revoke", rule: "session-policy", breaks: "close-on-revoke closes no session", field: ["Leshan#162"] },
  { name: "resumption-outlives-revoke", rule: "resumption-after-revoke", breaks: "a session is resumed whose credential was revoked" },
  { name: "sessions-lost-in-restart", rule: "restart-keeps-sessions", breaks: "a restart that is to keep DTLS sessions goes on with none of them" },
  { name: "rollback-not-effective", rule: "rollback", breaks: "DELETE of an activation is answered 204, the new version stays active" },
  { name: "identity-accepted-twice", rule: "identity-unique", breaks: "a second client may have the identity of the first" },
  { name: "ep-not-bound-to-credential", rule: "identity-endpoint-binding", breaks: "a session may register any endpoint name" },
  { name: "foreign-session-accepted", rule: "session-endpoint-binding", breaks: "Update and De-register are taken from whoever knows the location" },
  { name: "old-session-confirms-new", rule: "confirmed-by-new-credential", breaks: "a Register on a session of the old version is reported under the new one" },
  { name: "secured-endpoint-admitted-without-session", rule: "admission", breaks: "an endpoint whose credential has a key is registered without security" },
  { name: "activation-not-effective", rule: "activation-effective", breaks: "activation is answered 2xx, the credential stays staged" },
  { name: "stale-session-activation-accepted", rule: "ORD-5", breaks: "an activation by an older bootstrap session is accepted" },
  { name: "version-regression-accepted", rule: "version-regression", breaks: "a credential may be replaced by a lower version" },
  { name: "registration-kept-after-revoke", rule: "revocation-effective", breaks: "the registration stays after its credential was deleted" },
  { name: "reachability-lies", rule: "reachability-truthful", breaks: "every device is reported registered and awake" },
  { name: "other-tenant-visible", rule: "tenant-isolation", breaks: "a peer may trigger and read the devices of another tenant" },
] as const satisfies readonly Plant[];

export type PlantName = (typeof plants)[number]["name"];
export type PlantedFaults = ReadonlySet<PlantName>;

export const plantedFaults = (chosen: readonly string[]): PlantedFaults => chosenPlants(plants, chosen);
