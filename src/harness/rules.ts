import type { JudgedRole } from "./verdict.js";

export interface Rule {
  /** The roles whose behaviour the rule speaks about; a check says which of several it looked at. */
  readonly about: readonly JudgedRole[];
  /** One sentence, our own words. */
  readonly requirement: string;
  /** Where it comes from; `SMP` is our own profile, described in docs. */
  readonly clause: string;
}

const rule = (about: JudgedRole | readonly JudgedRole[], clause: string, requirement: string): Rule => ({ about: typeof about === "string" ? [about] : about, clause, requirement });
const bs = "bootstrap-server";
const sv = "lwm2m-server";
const dev = "device";

/** Every rule a check may speak about. A scenario names the ones it judges with `@rule:NAME`. */
export const rules = {
  // Bootstrap
  "bootstrap-request": rule(bs, "LwM2M Core 1.1 §6.1.7.1", "A Bootstrap-Request of a known endpoint is answered 2.04 and followed by a bootstrap session"),
  "bootstrap-request-unknown": rule(bs, "LwM2M Core 1.1 §6.1.7.1", "A Bootstrap-Request of an endpoint the Bootstrap Server does not know is refused, and nothing is written"),
  "bootstrap-request-codes": rule(bs, "LwM2M Transport 1.1 §6.4.2", "A Bootstrap-Request of an endpoint the Bootstrap Server does not know, or without one, is answered 4.00"),
  "bootstrap-request-format": rule(bs, "LwM2M Transport 1.1 §6.4.2", "A Bootstrap-Request that prefers a content format the Bootstrap Server does not write is answered 4.15"),
  "bootstrap-read-version": rule(bs, "LwM2M Core 1.1 §6.1.7.4", "Bootstrap-Read came with LwM2M 1.1: a device of 1.0 is not asked for it, and gets its account all the same"),
  "discover-first": rule(bs, "SMP bootstrap", "A session begins with Bootstrap-Discover, so that instance ids are chosen from what is there"),
  "instance-ids": rule(bs, "SMP bootstrap", "Instance ids come from the device's own list; no instance in use by somebody else is written or deleted"),
  "finish-last": rule(bs, "LwM2M Core 1.1 §6.1.7.6", "Bootstrap-Finish is sent after every Write and Delete was answered"),
  "finish-corrected": rule(bs, "LwM2M Core 1.1 §6.1.7.6", "A Finish answered 4.06 is followed by a corrected configuration and another Finish, or by the end of the session"),
  "session-displaced": rule(bs, "SMP bootstrap", "A second Bootstrap-Request of an endpoint ends the session before it"),
  "write-refused": rule(bs, "SMP items", "After a Write was refused the bootstrap does not count as applied"),
  "finish-unanswered": rule(bs, "SMP items", "A Finish without an answer ends the session as failed"),
  "account-fields": rule(bs, "LwM2M Core 1.1 §6.1.3; SM-1", "The device gets what the account says: URI, Short Server ID, lifetime, binding"),
  // Registration
  "register-accepted": rule(sv, "LwM2M Core 1.1 §6.2.1", "A valid Register is answered 2.01"),
  "register-location": rule(sv, "LwM2M Core 1.1 §6.2.1", "The 2.01 of a Register carries a location below /rd"),
  "register-endpoint-required": rule(sv, "LwM2M Transport 1.1 §6.4.3", "A Register without ep is answered 4.00 where the security layer names nobody"),
  "register-lifetime-required": rule(sv, "LwM2M Transport 1.1 §6.4.3", "A Register without lt is answered 4.00"),
  "register-version-required": rule(sv, "LwM2M Transport 1.1 §6.4.3", "A Register without lwm2m is answered 4.00"),
  "register-version-supported": rule(sv, "LwM2M Core 1.1 §6.2.1", "A Register with an enabler version the server does not speak is answered 4.12"),
  "register-again": rule(sv, "LwM2M Core 1.1 §6.2.1", "A Register of a registered endpoint replaces its registration"),
  "register-parameters-valid": rule(sv, "LwM2M Transport 1.1 §6.4.3", "A Register with a parameter that has no value of its kind is answered 4.00"),
  "update-accepted": rule(sv, "LwM2M Core 1.1 §6.2.2", "A valid Update is answered 2.04"),
  "update-renews": rule(sv, "LwM2M Core 1.1 §6.2.2", "An Update starts the lifetime anew, with the lifetime it carries if it carries one"),
  "update-unknown-location": rule(sv, "LwM2M Transport 1.1 §6.4.3", "An Update of a location the server does not know is answered 4.04"),
  "deregister-unknown-location": rule(sv, "LwM2M Transport 1.1 §6.4.3", "A De-register of a location the server does not know is answered 4.04"),
  deregister: rule(sv, "LwM2M Core 1.1 §6.2.3", "A De-register is answered 2.02 and the registration is gone"),
  "registration-expiry": rule(sv, "LwM2M Core 1.1 §6.2.2", "A registration lives for its lifetime and is gone after it plus the declared grace"),
  admission: rule(sv, "SMP admission", "Where admission rests on credentials, only an endpoint with an active one is registered"),
  // Device
  "device-registers": rule(dev, "LwM2M Core 1.1 §6.2", "A device registers with each of its accounts"),
  "device-updates": rule(dev, "LwM2M Core 1.1 §6.2.2", "A device updates its registration before it expires"),
  "device-registers-anew": rule(dev, "LwM2M Core 1.1 §6.2.2", "A device whose Update is answered 4.04 registers anew"),
  "device-registration-order": rule(dev, "LwM2M Core 1.1 §6.2.1.2", "A device registers in the order of /1/x/13"),
  "device-waits-for-finish": rule(dev, "LwM2M Core 1.1 §6.1.7.6", "A device acts on what it was written only after the Finish"),
  "device-update-trigger": rule(dev, "LwM2M Core 1.1 §6.2.2", "An Execute of /1/x/8 makes the device send an Update"),
  "device-announces-lifetime": rule(dev, "LwM2M Core 1.1 §6.2.2", "A lifetime written to /1/x/1 is announced with an Update"),
  "device-returns": rule(dev, "LwM2M Transport 1.1 §5.2", "A device whose server lost its session makes another when its message stays without an answer, and registers in it"),
  "device-disable": rule(dev, "LwM2M Core 1.1 appendix E.2", "An Execute of /1/x/4 makes the device de-register and come back after /1/x/5"),
  "device-bootstraps-on-trigger": rule(dev, "LwM2M Core 1.1 §6.1.5", "A device that answers 2.04 to an Execute of /1/x/9 sends a Bootstrap-Request"),
  "device-ignores-unknown-optional": rule(dev, "LwM2M Core 1.1 §6.1.7.3", "A Bootstrap-Write with an optional resource the device does not know is no error"),
  "device-access-control": rule(dev, "LwM2M Core 1.1 §8", "With several accounts, an operation outside a server's rights is answered 4.01"),
  "device-read": rule(dev, "LwM2M Core 1.1 §6.3.1; Transport 1.1 §6.4.4", "A Read is answered by the table of codes, with the value that is there"),
  "device-discover": rule(dev, "LwM2M Core 1.1 §6.3.2", "A Discover lists what is there, with the attributes of the server that asks"),
  "device-write": rule(dev, "LwM2M Core 1.1 §6.3.3; Transport 1.1 §6.4.4", "A Write takes effect as a whole or is refused by the table of codes"),
  "device-execute": rule(dev, "LwM2M Core 1.1 §6.3.5", "An Execute is answered by the table of codes"),
  "device-create-delete": rule(dev, "LwM2M Core 1.1 §6.3.6, §6.3.7", "Create makes an instance, Delete removes it; what must stay stays"),
  "device-attributes": rule(dev, "LwM2M Core 1.1 §6.3.4", "Write-Attributes takes a consistent set and refuses another with 4.00"),
  "device-security-closed": rule(dev, "LwM2M Core 1.1 appendix E.1", "Every management or reporting operation on /0 is answered 4.01"),
  "device-bootstrap-operations": rule(dev, "LwM2M Core 1.1 §6.1.7; Transport 1.1 §6.4.2", "Bootstrap-Discover, -Read, -Write and -Delete are answered by the table of codes, and the account of the Bootstrap Server is spared"),
  "device-checks-configuration": rule(dev, "LwM2M Core 1.1 §6.1.7.6", "A Finish is answered 4.06 while what was written is no complete account"),
  "device-tries-again": rule(dev, "LwM2M Core 1.1 appendix E.2, /1/x/17 to /1/x/20", "A device whose message was lost tries again before it asks its Bootstrap Server"),
  "device-gives-bootstrap-up": rule(dev, "LwM2M Core 1.1 §6.1.7.6", "A device that gets no Finish gives the bootstrap up after a time, and asks again"),
  "device-new-key": rule(dev, "LwM2M Transport 1.1 §5.2", "A device whose account got another key makes a session with it, and registers in it"),
  "device-falls-back": rule(dev, "LwM2M Core 1.1 §6.1.4", "A device that can register with none of its Servers asks its Bootstrap Server"),
  // Reporting
  "device-observe": rule(dev, "LwM2M Core 1.1 §6.4.1", "An Observe is answered by the table of codes, and a change is notified"),
  "device-notification-periods": rule(dev, "LwM2M Core 1.1 §5.1.2", "Notifications keep pmin between them and come by pmax"),
  "device-notification-conditions": rule(dev, "LwM2M Core 1.1 §5.1.2", "With gt, lt or st a change is notified only where it meets one of them"),
  "device-observation-ends": rule(dev, "LwM2M Core 1.1 §6.4.3", "An observation that was cancelled, or whose registration was replaced, is not notified any more"),
  // SMP, Bootstrap Server's side
  "capabilities-truthful": rule(bs, "SMP capabilities", "The Bootstrap Server says truthfully what it can do"),
  "entities-separate": rule(bs, "SMP security", "Another tenant's object is 404; nobody acts on another operator's devices, URIs or Short Server IDs"),
  authenticated: rule(bs, "SMP security", "A call without a valid token is answered 401"),
  "fields-validated": rule(bs, "SMP problems", "An invalid body is refused with the problem type and the field at fault"),
  idempotency: rule(bs, "SMP problems", "The same Idempotency-Key with the same body has one effect and one answer; with another body it is 422"),
  "etag-guards": rule(bs, "SMP problems", "A change needs the current ETag: none is 428, a stale one 412"),
  "no-secret-in-get": rule(bs, "SMP security", "No answer, event or log of the Bootstrap Server holds a secret"),
  // SMP, LwM2M Server's side
  "tenant-isolation": rule(sv, "SMP security", "A LwM2M Server serves SM-2 and SM-3 to the peer whose tenant the device belongs to; to others it is 404"),
  "secret-never-readable": rule(sv, "SMP security", "No answer or event of a LwM2M Server holds a secret"),
  // SM-1
  "account-supplied": rule(bs, "SM-1", "An account supplied by a LwM2M Server can be read back, changed and withdrawn"),
  "order-accepted": rule(bs, "SM-1", "An order over the endpoints of an operator is accepted and gives each of them an item"),
  "other-accounts-untouched": rule(bs, "SM-1", "Accounts of other operators on the device keep their values"),
  "access-control": rule(bs, "SMP access control", "With the second account come access control instances that leave each operator its own rights"),
  "account-removed": rule(bs, "SM-1", "A removed account is gone from the device"),
  "last-account-kept": rule(bs, "SMP orders", "The only Server account of a device is not removed"),
  "item-truthful": rule(bs, "SMP items", "The item of each device ends in the state that its evidence shows"),
  "confirmed-by-register": rule(bs, "SMP items", "An item is confirmed after a Register under the new account, never before"),
  // SM-2
  "trigger-requested": rule(bs, "SM-2", "An order with trigger via-server makes the Bootstrap Server ask a LwM2M Server of the device to trigger it"),
  "trigger-truth": rule(bs, "SM-2", "An item's trigger is confirmed only by a Bootstrap-Request that this Execute caused"),
  "trigger-other-server": rule(bs, "SM-2", "When one Server cannot reach the device, another Server of the device is asked"),
  "cancel-withdraws": rule(bs, "SM-2", "With a cancelled order its triggers that wait at a LwM2M Server are withdrawn"),
  "trigger-executes": rule(sv, "SM-2", "An accepted trigger becomes an Execute; it ends in the state which that Execute shows"),
  "trigger-server-instance": rule(sv, "SM-2", "The Execute goes to /1/x/9, x being the instance of the server's own Short Server ID"),
  "trigger-execute-once": rule(sv, "SM-2", "One trigger has the effect of one Execute"),
  "trigger-flood": rule(sv, "SM-2", "Many triggers for one device are coalesced or refused with 429"),
  "trigger-withdrawn": rule(sv, "SM-2", "A withdrawn or expired trigger is never sent"),
  "queue-held": rule(sv, "LwM2M Core 1.1 §6.5", "What is asked of a sleeping device waits until it has woken, and is then sent"),
  "queue-order": rule(sv, "SM-2", "What waits for a sleeping device is sent in the order it came"),
  "reachability-truthful": rule(sv, "SM-2", "The reachability answer is what the registry shows"),
  // SM-3
  "ORD-1": rule(bs, "SMP ORD-1", "No Finish is answered 2.04 while the device holds a managed account whose credential is not active"),
  "ORD-2": rule(bs, "SMP ORD-2", "A LwM2M Server that does not activate within the budget ends the session; nothing of the account is written"),
  "ORD-4": rule(bs, "SMP ORD-4", "A device that bootstraps before its credential is staged gets nothing of that account"),
  "ORD-5": rule([sv, bs], "SMP ORD-5", "A displaced session activates and writes nothing more; its activation is refused 409 session-displaced"),
  "credential-staged": rule(bs, "SM-3", "The credential is staged at the LwM2M Server before the device is triggered"),
  "credential-refused": rule(bs, "SM-3", "When the LwM2M Server refuses the credential, nothing of the account is written and the item fails with sm3-refused"),
  "credential-repeated": rule(bs, "SM-3", "A PUT whose answer was lost is repeated with the same version and body"),
  "activation-effective": rule(sv, "SM-3", "Activation answered 2xx means that the device is admitted from then on"),
  "revocation-effective": rule(sv, "SM-3", "With a deleted credential go the registration and the queued triggers"),
  "version-regression": rule(sv, "SM-3", "Credentials are guarded by version: the same twice has one effect, a lower one is 409 version-regression"),
  "credential-batch": rule(sv, "SM-3", "Each item of a batch has its own result"),
  // Credentials with keys
  "secret-bound-to-context": rule(sv, "SMP security", "A secret that was encrypted for another client, credential or version is refused 422 context-mismatch"),
  "secret-checked": rule(sv, "SMP security", "A secret that does not come to its key check value is refused 422 key-unwrap"),
  "staged-not-usable": rule(sv, "SM-3", "A credential that is only staged authenticates nobody"),
  "identity-unique": rule(sv, "SM-3", "A PSK identity belongs to one client: for a second one it is refused 409, and the first goes on working"),
  "key-edges": rule(sv, "SM-3; RFC 7925 §4.2", "Identities to 128 bytes and keys of 16 to 64 bytes are taken and work; others are refused with a problem, never with a failure of the server"),
  "unknown-identity": rule([bs, sv], "RFC 4279 §2", "An identity that a server does not know gets no session"),
  "identity-endpoint-binding": rule(sv, "LwM2M Transport 1.1 §5.2", "A Register names the endpoint that the credential of its session belongs to, or from 1.1 on none; any other is answered 4.00"),
  "session-endpoint-binding": rule(sv, "LwM2M Transport 1.1 §5.2", "Update and De-register are taken from the device that the registration belongs to, and from nobody else"),
  "endpoint-bound-to-identity": rule(bs, "LwM2M Transport 1.1 §5.2", "A Bootstrap-Request names the endpoint that the identity of its session belongs to; any other is answered 4.00"),
  "keys-differ": rule(bs, "LwM2M Core 1.1 §6.1.3", "A device gets a key of its own for each of its Servers"),
  "secret-encrypted": rule(bs, "SMP security", "A key travels to a LwM2M Server encrypted, and in no other form"),
  "own-key-encrypted": rule(sv, "SMP security", "A key that a LwM2M Server makes travels with its order encrypted, and in no other form"),
  "own-key-told-back": rule(bs, "SM-3", "Of a key that a LwM2M Server made, that Server is told origin, identity and check value, and no secret"),
  "own-key-delivered": rule(bs, "SM-1", "With key origin server a device is given the key that its LwM2M Server made, and no other"),
  "device-handshake-retry": rule(dev, "LwM2M Transport 1.1 §5.2.8", "After silence, or an alert that may pass, a device tries the same server again, with the pauses of /1/x/17 to /1/x/20"),
  "device-handshake-fail": rule(dev, "LwM2M Transport 1.1 §5.2.8", "After an alert that another try cannot mend, a device makes no further attempt of the sequence, and goes to its Bootstrap Server where /1/x/16 says so"),
  "device-handshake-ignore": rule(dev, "LwM2M Transport 1.1 §5.2.8", "An alert that LwM2M has a device ignore ends no handshake: the device waits on, as long as it waits for an answer at all"),
  "device-handshakes-bounded": rule(dev, "LwM2M Core 1.1 appendix E.2", "A device that gets no session begins no more handshakes than its account allows"),
  // Credentials without a secret
  "mode-delivered": rule(bs, "SM-1; LwM2M Core 1.1 appendix E.1", "A device is written the security mode of the account, with keys of that mode and what the account says of the Server's"),
  "public-half-told": rule(bs, "SM-3", "In modes rpk and x509 the Server is told the public key or certificate that the device then shows, and nothing that is secret"),
  "public-key-checked": rule(sv, "SM-3", "A public key that is no DER, is on another curve, or does not come to its thumbprint is refused"),
  "certificate-checked": rule(sv, "SM-3", "A certificate that is no DER, made out to another device, not valid today, or over before the overlap is, is refused"),
  "certificate-at-handshake": rule(sv, "RFC 5280 §6; LwM2M Transport 1.1 §5.2.8", "A device whose certificate is over, not begun, or issued by somebody else gets no session"),
  "device-checks-server": rule(dev, "RFC 7925 §4.4; LwM2M Transport 1.1 §5.2.8", "A device makes no session with a server that shows another key or certificate than its account allows, and says why in an alert"),
  "device-needs-der": rule(dev, "LwM2M Core 1.1 appendix E.1", "A device makes no session with keys that are not in the form the Security object asks for"),
  // Connection ids
  "session-follows-address": rule(sv, "RFC 9146 §6", "A session with a connection id goes on from another address without a handshake, and is answered there"),
  "old-records-move-nothing": rule(sv, "RFC 9146 §6", "A record that came before, sent again from elsewhere, changes the address of no session"),
  "device-recovers": rule(dev, "LwM2M Transport 1.1 §5.2", "A device whose address changed and whose session is not found by it makes another, and is registered again"),
  // Rotation
  "overlap-bounded": rule(sv, "SM-3 rotation", "With two slots the version before admits until the first Register under the new one or until overlapSeconds are over, with one slot until the activation, and no longer"),
  "session-policy": rule(sv, "SM-3 rotation", "Sessions of a version that is over end with it under close-on-revoke, and live until the device makes another under keep-until-rehandshake"),
  "resumption-after-revoke": rule(sv, "SM-3 rotation", "Under a version that is over no session is resumed"),
  rollback: rule(sv, "SM-3 rotation", "An activation that is taken back gives the version before its force again; where there was none, the device is admitted no more"),
  "confirmed-by-new-credential": rule(sv, "SMP items", "Only a Register in a session under the new version confirms it"),
  "new-version-new-identity": rule(bs, "SM-3 rotation", "A new version of a pre-shared key has a new identity"),
  "swap-before-finish": rule(bs, "SM-3 rotation", "At a Server with one slot the new version is activated after the Writes and before Finish, so that the outage is short"),
  "rotation-rolled-back": rule(bs, "SM-3 rotation", "A version whose session failed after the activation is taken back at the Server"),
  "rotation-cancelled": rule(bs, "SM-3 rotation", "After a rotation was cancelled the version before stays in force"),
  "lost-sessions": rule(sv, "RFC 5246 §7.4.1.3", "A server resumes the sessions that it kept, and makes a new one with a device that offers another"),
  "restart-keeps-sessions": rule(sv, "LwM2M Transport 1.1 §5.2", "A server that was restarted with the sessions it saved answers in them, and no device shakes hands again"),
  // Load
  "fleet-rebinds": rule(sv, "RFC 9146", "Devices whose addresses change and that have connection ids are answered without a handshake"),
  "fleet-recovers": rule(sv, "load", "Devices whose addresses change and that have no connection ids come back; how long that takes is reported"),
  "fleet-registered": rule(sv, "load", "Every device of the fleet is registered, and nothing was refused"),
  "fleet-bootstrapped": rule(bs, "load", "Every device of the fleet completes its bootstrap"),
  "fleet-returns": rule(sv, "load", "After the server lost its sessions and registrations every device of the fleet comes back"),
  "no-handshake-storm": rule(sv, "load", "No device shakes hands without end with a server that lost its sessions"),
  "fleet-outage": rule(bs, "SM-3 rotation", "At a Server with one slot every device whose key was swapped registers under the new one; the outage of each is reported"),
  "fleet-items": rule(bs, "load", "The items of a fleet order end in exactly the predicted sets"),
  "order-spread": rule(bs, "SMP orders", "Devices of an order are triggered no faster than its spread says"),
  "fleet-triggers": rule(sv, "load", "Every trigger of a storm ends, with one Execute effect each, and no registration is lost"),
  "bootstrap-once": rule([sv, bs], "load", "A device bootstraps at most once per trigger window"),
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof rules;

const byName: Readonly<Record<string, Rule | undefined>> = rules;

/** The catalogue's entry; undefined for a name nobody declared. */
export const ruleNamed = (name: string): Rule | undefined => byName[name];

export const isRuleName = (name: string): name is RuleName => Object.hasOwn(rules, name);
