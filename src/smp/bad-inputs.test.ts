import { describe, expect, it } from "vitest";
import { ProblemError } from "./problem.js";
import { prepareValidation, validateBatchItem, validRequest } from "./validation.js";
import type { RawRequest } from "./validation.js";
import { operationIds } from "./contract.js";

const account = { uri: "coap://127.0.0.1:5783", securityMode: "nosec" };
const order = { type: "provision", accountId: "acc-b-1", targets: { endpoints: ["ab-1"] } };
const trigger = { ep: "ab-1", reason: "account-change" };
const credential = { version: 1, ssid: 201, mode: "nosec" };
const secret = "c2VjcmV0LWtleS1jYW5hcnk";
const identity = { b64u: "aWQ" };
const psk = { version: 2, ssid: 201, mode: "psk", identity, bits: 128, kcv: "6f1c0a9be2d40c11", secret };
const rpk = { version: 2, ssid: 201, mode: "rpk", publicKey: "MFkw", thumbprint: "A".repeat(43) };
const subjectRule = { version: 2, ssid: 201, mode: "x509", subject: { commonName: "ab-1" }, issuerChain: ["MIIB"], notAfter: "2027-11-22T09:00:00Z" };
const without = (member: keyof typeof psk): object => Object.fromEntries(Object.entries(psk).filter(([name]) => name !== member));
const ownKey = { ep: "ab-1", credentialId: "cr-1", version: 1, identity, bits: 128, kcv: "6f1c0a9be2d40c11", secret };
const ownKeys = { ...order, policy: { credential: { origin: "server" } }, credentials: [ownKey] };
const confirmation = { ep: "ab-1", ssid: 201, event: "registered", at: "2026-11-22T09:00:00Z" };
const credentialPath = { ep: "ab-1", credentialId: "cr-1" };

type Case = readonly [what: string, operation: string, request: RawRequest, field: string, type?: string];

const cases: readonly Case[] = [
  // SM-1: accounts
  ["no body", "createAccount", {}, "body"],
  ["a body that is no object", "createAccount", { body: [] }, "body"],
  ["no URI", "createAccount", { body: { securityMode: "nosec" } }, "/uri"],
  ["a URI that is none", "createAccount", { body: { ...account, uri: "coap://exa mple" } }, "/uri"],
  ["a URI of another scheme", "createAccount", { body: { ...account, uri: "http://127.0.0.1" } }, "/uri"],
  ["a URI without end", "createAccount", { body: { ...account, uri: `coap://${"a".repeat(300)}` } }, "/uri"],
  ["an unknown security mode", "createAccount", { body: { ...account, securityMode: "tls" } }, "/securityMode"],
  ["Short Server ID 0", "createAccount", { body: { ...account, ssid: 0 } }, "/ssid"],
  ["Short Server ID 65535", "createAccount", { body: { ...account, ssid: 65535 } }, "/ssid"],
  ["a Short Server ID as text", "createAccount", { body: { ...account, ssid: "201" } }, "/ssid"],
  ["a lifetime of 0", "createAccount", { body: { ...account, lifetime: 0 } }, "/lifetime"],
  ["a lifetime with a fraction", "createAccount", { body: { ...account, lifetime: 1.5 } }, "/lifetime"],
  ["a lifetime beyond 32 bits", "createAccount", { body: { ...account, lifetime: 4294967296 } }, "/lifetime"],
  ["a mistyped member", "createAccount", { body: { ...account, lifetme: 60 } }, "/lifetme"],
  ["a mistyped member further down", "createAccount", { body: { ...account, retry: { cuont: 3 } } }, "/retry/cuont"],
  ["a binding of unknown letters", "createAccount", { body: { ...account, binding: "X" } }, "/binding"],
  ["a maximum period below the minimum", "createAccount", { body: { ...account, pmin: 60, pmax: 30 } }, "/pmax"],
  ["a negative retry timer", "createAccount", { body: { ...account, retry: { timer: -1 } } }, "/retry/timer"],
  ["storing as text", "createAccount", { body: { ...account, storeNotifications: "true" } }, "/storeNotifications"],
  ["rights beyond the five bits", "createAccount", { body: { ...account, acl: [{ object: 3, rights: 32 }] } }, "/acl/0/rights"],
  ["the same right twice", "createAccount", { body: { ...account, acl: [{ object: 3, rights: 1 }, { object: 3, rights: 2 }] } }, "/acl/1"],
  ["too many rights", "createAccount", { body: { ...account, acl: Array.from({ length: 65 }, (_, object) => ({ object, rights: 1 })) } }, "/acl"],
  ["a control character in the name", "createAccount", { body: { ...account, name: "line\nbreak" } }, "/name"],
  ["mode rpk without the Server's key", "createAccount", { body: { ...account, securityMode: "rpk" } }, "/serverPublicKey"],
  ["mode x509 without a certificate", "createAccount", { body: { ...account, securityMode: "x509" } }, "/serverCertificate"],
  ["a public key in PEM", "createAccount", { body: { ...account, securityMode: "rpk", serverPublicKey: "-----BEGIN PUBLIC KEY-----\nMFkw" } }, "/serverPublicKey"],
  ["a public key in a mode that has none", "createAccount", { body: { ...account, securityMode: "psk", serverPublicKey: "MFkw" } }, "/serverPublicKey"],
  ["a certificate in mode rpk", "createAccount", { body: { ...account, securityMode: "rpk", serverPublicKey: "MFkw", serverCertificate: "MFkw" } }, "/serverCertificate"],
  ["a certificate usage of 4", "createAccount", { body: { ...account, securityMode: "x509", serverCertificate: "MIIB", certificateUsage: 4 } }, "/certificateUsage"],
  ["a certificate usage without a certificate", "createAccount", { body: { ...account, securityMode: "psk", certificateUsage: 3 } }, "/certificateUsage"],
  ["a server name with a blank", "createAccount", { body: { ...account, securityMode: "psk", sni: "a b" } }, "/sni"],
  ["a server name for nobody who authenticates", "createAccount", { body: { uri: "coap://127.0.0.1", securityMode: "nosec", sni: "server.example" } }, "/sni"],
  ["a member that every object inherits", "createAccount", { body: { uri: "coap://127.0.0.1", securityMode: "nosec", constructor: 1 } }, "/constructor"],
  ["a prototype smuggled in", "createAccount", { body: JSON.parse(`{"uri":"coap://127.0.0.1","securityMode":"nosec","__proto__":{"ssid":1}}`) }, "/__proto__"],
  ["PUT without If-Match", "replaceAccount", { path: { accountId: "acc-1" }, headers: {}, body: account }, "If-Match", "precondition-required"],
  ["POST without Idempotency-Key", "createAccount", { headers: {}, body: account }, "Idempotency-Key"],
  ["an Idempotency-Key with blanks", "createAccount", { headers: { "idempotency-key": "a b" }, body: account }, "Idempotency-Key"],
  ["an id of strange characters", "getAccount", { path: { accountId: "../etc" } }, "accountId"],
  // SM-1: orders
  ["an unknown type of order", "createOrder", { body: { ...order, type: "renew" } }, "/type"],
  ["no devices", "createOrder", { body: { ...order, targets: { endpoints: [] } } }, "/targets/endpoints"],
  ["10,001 devices", "createOrder", { body: { ...order, targets: { endpoints: Array.from({ length: 10_001 }, (_, i) => `ab-${i}`) } } }, "/targets/endpoints"],
  ["a device twice", "createOrder", { body: { ...order, targets: { endpoints: ["ab-1", "ab-2", "ab-1"] } } }, "/targets/endpoints/2"],
  ["an empty endpoint name", "createOrder", { body: { ...order, targets: { endpoints: ["ab-1", ""] } } }, "/targets/endpoints/1"],
  ["an endpoint name with a control character", "createOrder", { body: { ...order, targets: { endpoints: ["a\u0000b"] } } }, "/targets/endpoints/0"],
  ["an endpoint name of 1,025 bytes", "createOrder", { body: { ...order, targets: { endpoints: [`${"é".repeat(512)}x`] } } }, "/targets/endpoints/0"],
  ["an endpoint name that a path cannot hold", "createOrder", { body: { ...order, targets: { endpoints: [".."] } } }, "/targets/endpoints/0"],
  ["half a surrogate pair", "createOrder", { body: { ...order, targets: { endpoints: ["a\ud800"] } } }, "/targets/endpoints/0"],
  ["more per minute than allowed", "createOrder", { body: { ...order, policy: { spread: { perMinute: 60_001 } } } }, "/policy/spread/perMinute"],
  ["an unknown way to trigger", "createOrder", { body: { ...order, policy: { trigger: "sms" } } }, "/policy/trigger"],
  ["no attempts", "createOrder", { body: { ...order, policy: { maxAttempts: 0 } } }, "/policy/maxAttempts"],
  ["an overlap of more than a year", "createOrder", { body: { ...order, policy: { overlapSeconds: 31_536_001 } } }, "/policy/overlapSeconds"],
  ["keys of 8 bytes", "createOrder", { body: { ...order, policy: { credential: { bits: 64 } } } }, "/policy/credential/bits"],
  ["keys of 65 bytes", "createOrder", { body: { ...order, policy: { credential: { bits: 520 } } } }, "/policy/credential/bits"],
  ["keys of half a byte more", "createOrder", { body: { ...order, policy: { credential: { bits: 132 } } } }, "/policy/credential/bits"],
  ["keys made by the device", "createOrder", { body: { ...order, policy: { credential: { origin: "device" } } } }, "/policy/credential/origin"],
  ["the Server's own keys without keys", "createOrder", { body: { ...order, policy: { credential: { origin: "server" } } } }, "/credentials"],
  ["keys that nobody asked for", "createOrder", { body: { ...order, credentials: [ownKey] } }, "/credentials"],
  ["keys for an update", "createOrder", { body: { ...ownKeys, type: "update" } }, "/credentials"],
  ["a key for a device that is no target", "createOrder", { body: { ...ownKeys, credentials: [{ ...ownKey, ep: "ab-2" }] } }, "/credentials/0/ep"],
  ["two keys for one device", "createOrder", { body: { ...ownKeys, credentials: [ownKey, { ...ownKey, version: 2 }] } }, "/credentials/1/ep"],
  ["a target without a key", "createOrder", { body: { ...ownKeys, targets: { endpoints: ["ab-1", "ab-2"] } } }, "/credentials"],
  ["a key without its check value", "createOrder", { body: { ...ownKeys, credentials: [{ ...ownKey, kcv: undefined }] } }, "/credentials/0/kcv"],
  ["a key whose identity is none", "createOrder", { body: { ...ownKeys, credentials: [{ ...ownKey, identity: { b64u: "aR" } }] } }, "/credentials/0/identity/b64u"],
  ["a deadline that is no time", "createOrder", { body: { ...order, deadline: "tomorrow" } }, "/deadline"],
  ["a deadline without offset", "createOrder", { body: { ...order, deadline: "2026-11-22T09:00:00" } }, "/deadline"],
  ["a deadline before the start", "createOrder", { body: { ...order, notBefore: "2026-11-22T09:00:00Z", deadline: "2026-11-22T08:00:00Z" } }, "/deadline"],
  ["a callback", "createOrder", { body: { ...order, sink: "https://b.example/events" } }, "/sink", "unsupported-mode"],
  ["an unknown state to filter by", "listItems", { path: { orderId: "o-1" }, query: { state: "done" } }, "state"],
  ["an unknown filter", "listOrders", { query: { stat: "active" } }, "stat"],
  ["a page without entries", "listOrders", { query: { limit: "0" } }, "limit"],
  ["a limit that is no number", "listOrders", { query: { limit: "1e2" } }, "limit"],
  ["a filter given twice", "listOrders", { query: { status: ["active", "completed"] } }, "status"],
  ["a wait beyond the limit", "listEvents", { query: { wait: "61" } }, "wait"],
  ["an event cursor that is none", "listEvents", { query: { after: "x" } }, "after"],
  ["a confirmation of another event", "createConfirmation", { body: { ...confirmation, event: "seen" } }, "/event"],
  ["a confirmation without a time", "createConfirmation", { body: { ...confirmation, at: 1 } }, "/at"],
  // SM-2
  ["a trigger without a device", "createTrigger", { body: { reason: "operator" } }, "/ep"],
  ["a trigger without a reason", "createTrigger", { body: { ep: "ab-1" } }, "/reason"],
  ["a validity that is no duration", "createTrigger", { body: { ...trigger, validity: "6 hours" } }, "/validity"],
  ["a validity of nothing", "createTrigger", { body: { ...trigger, validity: "PT" } }, "/validity"],
  ["a trigger with a callback", "createTrigger", { body: { ...trigger, sink: "https://bs.example" } }, "/sink", "unsupported-mode"],
  ["an empty endpoint in a path", "getReachability", { path: { ep: "" } }, "ep"],
  // SM-3
  ["version 0", "stageCredential", { path: credentialPath, body: { ...credential, version: 0 } }, "/version"],
  ["no mode", "stageCredential", { path: credentialPath, body: { version: 1, ssid: 201 } }, "/mode"],
  ["a secret where the mode has none", "stageCredential", { path: credentialPath, body: { ...credential, secret } }, "/secret"],
  ["a secret that is not base64url", "stageCredential", { path: credentialPath, body: { ...psk, secret: `${secret}=!` } }, "/secret"],
  ["a secret that is neither a JWE nor a key", "stageCredential", { path: credentialPath, body: { ...psk, secret: `${secret}.${secret}` } }, "/secret"],
  ["a secret of 5,000 characters", "stageCredential", { path: credentialPath, body: { ...psk, secret: "a".repeat(5000) } }, "/secret"],
  ["a key without an identity", "stageCredential", { path: credentialPath, body: without("identity") }, "/identity"],
  ["a key without its length", "stageCredential", { path: credentialPath, body: without("bits") }, "/bits"],
  ["a key without its check value", "stageCredential", { path: credentialPath, body: without("kcv") }, "/kcv"],
  ["mode psk without a secret", "stageCredential", { path: credentialPath, body: without("secret") }, "/secret"],
  ["a secret of a key that the Server made", "stageCredential", { path: credentialPath, body: { ...psk, keyOrigin: "server" } }, "/secret"],
  ["a key of 8 bytes", "stageCredential", { path: credentialPath, body: { ...psk, bits: 64 } }, "/bits"],
  ["a key of 65 bytes", "stageCredential", { path: credentialPath, body: { ...psk, bits: 520 } }, "/bits"],
  ["an empty identity", "stageCredential", { path: credentialPath, body: { ...psk, identity: { b64u: "" } } }, "/identity/b64u"],
  ["an identity of 129 bytes", "stageCredential", { path: credentialPath, body: { ...psk, identity: { b64u: "A".repeat(172) } } }, "/identity/b64u"],
  ["an identity of 65,535 bytes", "stageCredential", { path: credentialPath, body: { ...psk, identity: { b64u: "A".repeat(87_380) } } }, "/identity/b64u"],
  ["an identity with stray bits", "stageCredential", { path: credentialPath, body: { ...psk, identity: { b64u: "aR" } } }, "/identity/b64u"],
  ["an identity whose text is another", "stageCredential", { path: credentialPath, body: { ...psk, identity: { b64u: "aWQ", utf8: "di" } } }, "/identity/utf8"],
  ["a text of an identity that has none", "stageCredential", { path: credentialPath, body: { ...psk, identity: { b64u: "_w", utf8: "ÿ" } } }, "/identity/utf8"],
  ["a public key without its thumbprint", "stageCredential", { path: credentialPath, body: { ...rpk, thumbprint: undefined } }, "/thumbprint"],
  ["a private key", "stageCredential", { path: credentialPath, body: { ...rpk, privateKey: "MIGH" } }, "/privateKey"],
  ["a public key with a secret", "stageCredential", { path: credentialPath, body: { ...rpk, secret } }, "/secret"],
  ["a public key with an identity", "stageCredential", { path: credentialPath, body: { ...rpk, identity: { b64u: "aWQ" } } }, "/identity"],
  ["a public key in mode psk", "stageCredential", { path: credentialPath, body: { ...psk, publicKey: "MFkw" } }, "/publicKey"],
  ["a certificate in mode rpk", "stageCredential", { path: credentialPath, body: { ...rpk, certificate: "MIIB" } }, "/certificate"],
  ["mode x509 with nothing to tell the certificate by", "stageCredential", { path: credentialPath, body: { version: 2, ssid: 201, mode: "x509" } }, "/certificate"],
  ["a subject without its issuer", "stageCredential", { path: credentialPath, body: { ...subjectRule, issuerChain: undefined } }, "/issuerChain"],
  ["a subject without an end", "stageCredential", { path: credentialPath, body: { ...subjectRule, notAfter: undefined } }, "/notAfter"],
  ["a subject beside a certificate", "stageCredential", { path: credentialPath, body: { ...subjectRule, certificate: "MIIB" } }, "/certificate"],
  ["a subject of nothing", "stageCredential", { path: credentialPath, body: { ...subjectRule, subject: {} } }, "/subject"],
  ["a certificate in PEM", "stageCredential", { path: credentialPath, body: { version: 2, ssid: 201, mode: "x509", certificate: "-----BEGIN CERTIFICATE-----" } }, "/certificate"],
  ["a version that takes the place of itself", "stageCredential", { path: credentialPath, body: { ...psk, supersedes: 2 } }, "/supersedes"],
  ["an overlap without end", "stageCredential", { path: credentialPath, body: { ...psk, overlapSeconds: 1e9 } }, "/overlapSeconds"],
  ["another client than the path's", "stageCredential", { path: credentialPath, body: { ...credential, ep: "ab-2" } }, "/ep", "context-mismatch"],
  ["another id than the path's", "stageCredential", { path: credentialPath, body: { ...credential, credentialId: "cr-2" } }, "/credentialId", "context-mismatch"],
  ["a mistyped member of a credential", "stageCredential", { path: credentialPath, body: { ...credential, sesionPolicy: "close-on-revoke" } }, "/sesionPolicy"],
  ["an activation without session", "activateCredential", { path: credentialPath, body: { version: 1 } }, "/sessionId"],
  ["a session that is not whole", "activateCredential", { path: credentialPath, body: { version: 1, sessionId: 2 ** 53 } }, "/sessionId"],
  ["a revocation without version", "revokeCredential", { path: credentialPath, query: {} }, "version"],
  ["a body where none is expected", "revokeCredential", { path: credentialPath, query: { version: "1" }, body: {} }, "body"],
  ["an empty batch", "batchCredentials", { body: { items: [] } }, "/items"],
  ["501 entries", "batchCredentials", { body: { items: Array.from({ length: 501 }, () => ({})) } }, "/items"],
];

describe("a request that does not fit", () => {
  it.each(cases.map((each) => ({ what: each[0], operation: each[1], request: each[2], field: each[3], type: each[4] ?? "schema" })))("$what in $operation is refused, and $field named", ({ operation, request, field, type }) => {
    const problem = problemOf(() => validRequest(operation, request));
    expect(problem).toMatchObject({ type, field });
    expect(problem.detail).not.toBe("");
    expect(problem.detail.length).toBeLessThan(700);
    expect(JSON.stringify(problem.toProblem())).not.toContain(secret);
  });

  it("is told which member was meant", () => {
    expect(problemOf(() => validRequest("createAccount", { body: { ...account, lifetme: 60 } })).detail).toBe("is not known here; did you mean lifetime?");
    expect(problemOf(() => validRequest("activateCredential", { path: credentialPath, body: { version: 1, sessionId: 1, force: true } })).detail).toBe("is not known here; known are version, sessionId");
  });

  it("never names a place of more than 1,200 characters", () => {
    const { field } = problemOf(() => validRequest("createAccount", { body: { ...account, ["x".repeat(100_000)]: 1 } }));
    expect(field?.length).toBe(1200);
  });
});

describe("a request that fits", () => {
  it("has its defaults filled in", () => {
    const body = { ...order };
    expect(validRequest("createOrder", { body }).body("createOrder").policy).toEqual({ trigger: "via-server", triggerServers: [], maxAttempts: 5, activation: "before-first-write", sessionPolicy: "close-on-revoke" });
    expect(validRequest("createAccount", { body: { ...account } }).body("createAccount")).toEqual({ ...account, lifetime: 86400, storeNotifications: true, binding: "U", acl: [] });
    expect(validRequest("createTrigger", { body: { ...trigger } }).body("createTrigger")).toEqual({ ...trigger, validity: "PT6H", priority: "normal" });
    expect(validRequest("stageCredential", { path: credentialPath, body: { ...credential } }).body("stageCredential").sessionPolicy).toBe("close-on-revoke");
    expect(validRequest("listItems", { path: { orderId: "o-1" }, query: { limit: "7" } }).query("listItems")).toEqual({ limit: 7 });
    expect(validRequest("listEvents", { query: {} }).query("listEvents")).toEqual({ wait: 0, limit: 100 });
  });

  it("gives each default to one request only", () => {
    const first = validRequest("createOrder", { body: { ...order } }).body("createOrder");
    const second = validRequest("createOrder", { body: { ...order } }).body("createOrder");
    expect(first.policy).not.toBe(second.policy);
    expect(first.policy.triggerServers).not.toBe(second.policy.triggerServers);
  });

  it.each(["a/b?c#d%e", "urn:imei:000000000000001", "..x", "温度-😀", "x".repeat(1024), "a b"])("takes the endpoint name %j", (ep) => {
    expect(validRequest("getClient", { path: { ep } }).path("getClient")).toEqual({ ep });
  });

  it("takes 10,000 devices in one order", () => {
    const endpoints = Array.from({ length: 10_000 }, (_, i) => `ab-fleet-${i}`);
    expect(validRequest("createOrder", { body: { ...order, targets: { endpoints } } }).body("createOrder").targets.endpoints).toHaveLength(10_000);
  });

  it("is not read as another operation's", () => {
    const request = validRequest("getClient", { path: { ep: "ab-1" } });
    expect(() => request.path("getReachability")).toThrow(TypeError);
  });

  it("can have every validator compiled beforehand", () => {
    expect(() => prepareValidation(operationIds)).not.toThrow();
  });
});

describe("an entry of a batch", () => {
  const stage = { operation: "stage", ep: "ab-1", credentialId: "cr-1", credential };
  const bad: readonly (readonly [what: string, item: unknown, field: string, type: string])[] = [
    ["that is no object", 7, "/items/3", "schema"],
    ["without operation", { ep: "ab-1", credentialId: "cr-1" }, "/items/3/operation", "schema"],
    ["of an unknown operation", { ...stage, operation: "delete" }, "/items/3/operation", "schema"],
    ["without its credential", { operation: "stage", ep: "ab-1", credentialId: "cr-1" }, "/items/3/credential", "schema"],
    ["with a bad credential", { ...stage, credential: { ...credential, ssid: 0 } }, "/items/3/credential/ssid", "schema"],
    ["about two clients", { ...stage, credential: { ...credential, ep: "ab-2" } }, "/items/3/credential/ep", "context-mismatch"],
    ["with a member of another operation", { operation: "revoke", ep: "ab-1", credentialId: "cr-1", version: 1, activation: {} }, "/items/3/activation", "schema"],
  ];

  it.each(bad)("%s is refused by itself", (_what, item, field, type) => {
    expect(() => validRequest("batchCredentials", { body: { items: [item] } })).not.toThrow();
    expect(problemOf(() => validateBatchItem(item, 3))).toMatchObject({ type, field });
  });

  it("that is good has its defaults", () => {
    expect(validateBatchItem(structuredClone(stage))).toEqual({ ...stage, credential: { ...credential, sessionPolicy: "close-on-revoke" } });
  });
});

function problemOf(act: () => unknown): ProblemError {
  try {
    act();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
