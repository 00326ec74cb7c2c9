import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SmpCallError, SmpUnreachableError } from "./index.js";
import { type Served, servedBootstrapServer, servedLwM2mServer, tokens } from "./testing/served.js";

const account = { uri: "coap://127.0.0.1:5683", securityMode: "nosec", lifetime: 60 } as const;
const key = (name: string) => ({ "idempotency-key": name });

describe("the BS-API over HTTP", () => {
  let served: Awaited<ReturnType<typeof servedBootstrapServer>>;
  beforeEach(async () => {
    served = await servedBootstrapServer();
  });
  afterEach(() => served.close());

  const post = (body: unknown, headers: Record<string, string>, path = "/smp/v1/accounts") => served.client().raw("POST", path, body, headers);

  it("answers a POST with 201, Location and ETag, and a GET with the same ETag", async () => {
    const client = served.client();
    const created = await client.createAccount(account);
    expect(created).toMatchObject({ status: 201, etag: '"1"', location: "/smp/v1/accounts/acc-1", value: { ssid: 100, lifetime: 60, binding: "U" } });
    expect(await client.getAccount("acc-1")).toMatchObject({ status: 200, etag: '"1"' });
  });

  it("answers 401 without a token and with a wrong one, and names the header", async () => {
    for (const authorization of ["", "Bearer nonsense", `Basic ${tokens.a}`]) {
      const answer = await served.client().raw("GET", "/smp/v1/capabilities", undefined, { authorization });
      expect(answer, authorization).toMatchObject({ status: 401, body: { type: "urn:smp:problem:unauthenticated", field: "Authorization" } });
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    }
  });

  it("answers 404 for another tenant's account, as for one that does not exist", async () => {
    await served.client().createAccount(account);
    const foreign = await served.client(tokens.b).raw("GET", "/smp/v1/accounts/acc-1");
    const absent = await served.client(tokens.b).raw("GET", "/smp/v1/accounts/acc-9");
    expect(foreign.status).toBe(404);
    expect(JSON.stringify(foreign.body).replace("acc-1", "acc-9")).toBe(JSON.stringify(absent.body));
  });

  it("has one effect and one answer for the same Idempotency-Key with the same body, one after the other", async () => {
    const first = await post(account, key("k1"));
    const second = await post(account, key("k1"));
    expect(second.body).toEqual(first.body);
    expect(second.headers["location"]).toBe(first.headers["location"]);
    expect(served.handlers.calls).toBe(1);
  });

  it("has one effect for fifty requests with one Idempotency-Key at once", async () => {
    const client = served.client();
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.raw("POST", "/smp/v1/accounts", account, key("k50"))));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(answers.every((answer) => answer.status === 201)).toBe(true);
    expect(served.handlers.calls).toBe(1);
  });

  it("answers 422 for an Idempotency-Key with another body, and keeps the keys of peers apart", async () => {
    await post(account, key("k2"));
    expect(await post({ ...account, lifetime: 61 }, key("k2"))).toMatchObject({ status: 422, body: { type: "urn:smp:problem:idempotency-mismatch" } });
    expect((await served.client(tokens.b).raw("POST", "/smp/v1/accounts", { ...account, lifetime: 61 }, key("k2"))).status).toBe(201);
  });

  it("answers 400 and names the header when Idempotency-Key is missing", async () => {
    expect(await post(account, {})).toMatchObject({ status: 400, body: { type: "urn:smp:problem:schema", field: "Idempotency-Key" } });
  });

  it("answers 428 without If-Match, 412 with a stale one, and lets one of two editors win", async () => {
    const client = served.client();
    await client.createAccount(account);
    expect(await client.raw("PUT", "/smp/v1/accounts/acc-1", account)).toMatchObject({ status: 428, body: { type: "urn:smp:problem:precondition-required", field: "If-Match" } });
    const outcomes = await Promise.allSettled([client.replaceAccount("acc-1", { ...account, lifetime: 70 }, '"1"'), client.replaceAccount("acc-1", { ...account, lifetime: 80 }, '"1"')]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(client.replaceAccount("acc-1", account, '"1"')).rejects.toMatchObject({ status: 412, type: "precondition-failed" });
  });

  it("answers 400 and names the field and the fix for a body that does not fit", async () => {
    const answer = await post({ ...account, lifetime: "long" }, key("k3"));
    expect(answer).toMatchObject({ status: 400, body: { type: "urn:smp:problem:schema", field: "/lifetime" } });
    expect(served.handlers.calls).toBe(0);
  });

  it("answers 413 for one byte over the limit and takes a body of exactly the limit as far as the schema", async () => {
    const limit = 256 * 1024;
    const body = JSON.stringify({ ...account, name: "" });
    const padded = (length: number) => body.slice(0, -1) + " ".repeat(length - body.length) + "}";
    expect(await post(padded(limit + 1), key("k4"))).toMatchObject({ status: 413, body: { type: "urn:smp:problem:too-large" } });
    expect((await post(padded(limit), key("k5"))).status).toBe(400);
  });

  it("answers 400 for JSON nested deeply, for no JSON, and 415 for another media type", async () => {
    expect((await post("[".repeat(100_000), key("k6"))).status).toBe(400);
    expect((await post("{not json", key("k7"))).status).toBe(400);
    expect((await post("x", { ...key("k8"), "content-type": "text/plain" })).status).toBe(415);
  });

  it("carries every endpoint name through a path and back", async () => {
    const names = ["urn:imei:0", "a/b", "a?b", "a%2Fb", "a#b", "...", "a b", "übergrößenträger", "設備", "x".repeat(1024), "é".repeat(512), "+&=;:@!$'()*,"];
    const client = served.client();
    for (const ep of names) expect((await client.getClient(ep)).value.ep).toBe(ep);
  });

  it("refuses endpoint names beyond 1 KB, with control characters, and dot segments", async () => {
    const client = served.client();
    for (const ep of ["x".repeat(1025), "a\u0000b", "a\nb"]) await expect(client.getClient(ep), JSON.stringify(ep.slice(0, 5))).rejects.toMatchObject({ status: 400 });
  });

  it("answers 404 as a problem for a path that does not exist", async () => {
    expect(await served.client().raw("GET", "/smp/v1/nothing")).toMatchObject({ status: 404, body: { type: "urn:smp:problem:not-found" } });
  });

  it("answers 405 with the methods there are for a path that knows others, with and without parameters", async () => {
    const list = await served.client().raw("PATCH", "/smp/v1/accounts");
    expect(list).toMatchObject({ status: 405, headers: { allow: "POST, GET" }, body: { type: "about:blank" } });
    expect(await served.client().raw("PUT", "/smp/v1/orders/o-1/items/ep")).toMatchObject({ status: 405, headers: { allow: "GET" } });
  });

  it("answers 415 for a compressed body, whatever it holds", async () => {
    expect(await post(account, { ...key("gz"), "content-encoding": "gzip" })).toMatchObject({ status: 415, body: { type: "about:blank" } });
    expect(served.handlers.calls).toBe(0);
  });

  it("says with 401 which scheme it wants", async () => {
    expect((await served.client().raw("GET", "/smp/v1/accounts", undefined, { authorization: "" })).headers["www-authenticate"]).toBe("Bearer");
  });

  it("refuses a body without a token before the body has come, and ends the connection", async () => {
    const { statusCode, headers } = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = httpRequest(`${served.base}/smp/v1/accounts`, { method: "POST", headers: { "content-type": "application/json", "content-length": "100000" } }, resolve);
      call.once("error", reject);
      call.write('{"uri":');
    });
    expect({ statusCode, connection: headers.connection }).toEqual({ statusCode: 401, connection: "close" });
  });

  it("files a refusal in the trace under its caller and its device", async () => {
    await expect(served.client().getItem("o-1", "ep-1")).rejects.toMatchObject({ status: 404 });
    expect(served.trace.at(-1)).toMatchObject({ kind: "http", direction: "out", peer: "operator-a", status: 404 });
    expect(served.endpoints.at(-1)).toBe("ep-1");
  });

  it("files an order under its device when it has but one", async () => {
    for (const [endpoints, filed] of [[["ep-1"], "ep-1"], [["ep-1", "ep-2"], undefined]] as const) {
      await served.client().raw("POST", "/smp/v1/orders", { targets: { endpoints } });
      expect(served.endpoints.at(-1)).toBe(filed);
    }
  });

  it("answers 429 with Retry-After while the peer is over its rate", async () => {
    served.rate = 3;
    await expect(served.client().getAccount("acc-1")).rejects.toMatchObject({ status: 429, type: "rate", retryAfter: 3 });
  });

  it("holds a long poll open until an event comes, and shows a tenant its own events only", async () => {
    const client = served.client();
    const waiting = client.listEvents({ after: "0", wait: 5 });
    served.handlers.events.publish("b", { type: "smp.order.changed", data: { orderId: "o-b" } });
    served.handlers.events.publish("a", { type: "smp.order.changed", data: { orderId: "o-a" } });
    const page = (await waiting).value;
    expect(page.events.map((event) => event.data.orderId)).toEqual(["o-a"]);
    expect((await client.listEvents({ after: page.next, wait: 0 })).value.events).toEqual([]);
  });

  it("begins anew for a reader that followed a server which was started again since", async () => {
    served.handlers.events.publish("a", { type: "smp.order.changed", data: { orderId: "o-new" } });
    const page = (await served.client().listEvents({ after: "5000" })).value;
    expect(page).toMatchObject({ next: "1", lost: 0, events: [{ data: { orderId: "o-new" } }] });
  });

  it("says how many events were lost when a reader comes too late", async () => {
    for (let n = 0; n < 150; n++) served.handlers.events.publish("a", { type: "smp.order.changed", data: { orderId: `o-${n}` } });
    const page = (await served.client().listEvents({ after: "0", limit: 1000 })).value;
    expect(page.lost).toBe(50);
    expect(page.events).toHaveLength(100);
  });

  it("gives an answer again that was lost on its way, without a second effect", async () => {
    const client = served.client();
    served.fault = { kind: "lose-answer" };
    await expect(client.createAccount(account, { idempotencyKey: "lost" })).rejects.toBeInstanceOf(SmpUnreachableError);
    served.fault = undefined;
    expect((await client.createAccount(account, { idempotencyKey: "lost" })).value.accountId).toBe("acc-1");
    expect(served.handlers.calls).toBe(1);
  });

  it("refuses, stays silent, resets or lies when told to", async () => {
    const client = served.client();
    served.fault = { kind: "refuse", status: 503 };
    await expect(client.getAccount("acc-1")).rejects.toBeInstanceOf(SmpCallError);
    served.fault = { kind: "reset-connection" };
    await expect(client.getAccount("acc-1")).rejects.toMatchObject({ why: "connection" });
    served.fault = { kind: "silence" };
    await expect(client.getAccount("acc-1", { timeoutMs: 100 })).rejects.toMatchObject({ why: "timeout" });
    served.fault = { kind: "wrong-code", code: "200" };
    expect((await post(account, key("k9"))).status).toBe(200);
  });
});

describe("the SV-API over HTTP", () => {
  let served: Awaited<ReturnType<typeof servedLwM2mServer>>;
  beforeEach(async () => {
    served = await servedLwM2mServer();
  });
  afterEach(() => served.close());

  const canary = "Q0FOQVJZLUtFWS0xMjM0NTY3OA";
  const secretBody = { version: 1, ssid: 101, mode: "psk", identity: { b64u: "aWQ" }, bits: 160, kcv: "6f1c0a9be2d40c11", secret: canary } as const;

  const everythingSeen = (from: Served) => JSON.stringify(from.trace);

  it("never lets a secret out: not in an answer that holds one by mistake, not in a trace, not in a problem", async () => {
    const client = served.client();
    const staged = await client.raw("PUT", "/smp/v1/clients/ep/credentials/c1", secretBody);
    expect(staged.status).toBe(500);
    const bad = await client.raw("PUT", "/smp/v1/clients/ep/credentials/c1", { ...secretBody, version: 0 });
    expect(bad.status).toBe(400);
    for (const text of [JSON.stringify(staged), JSON.stringify(bad), everythingSeen(served)]) expect(text).not.toContain(canary.slice(0, 24));
  });

  it("judges each item of a batch alone", async () => {
    const item = (ep: string, version: number) => ({ operation: "stage", ep, credentialId: "c", credential: { version, ssid: 101, mode: "nosec" } });
    const answer = await served.client().raw("POST", "/smp/v1/credentials:batch", { items: [item("one", 1), item("two", 0), item("three", 1)] }, key("b1"));
    expect(answer).toMatchObject({ status: 200, body: { results: [{ status: 201, ep: "one" }, { status: 400, problem: { type: "urn:smp:problem:schema" } }, { status: 201, ep: "three" }] } });
  });

  it("answers 204 without a body for an activation", async () => {
    const client = served.client();
    expect(await client.activateCredential("ep", "c1", { version: 1, sessionId: 7 })).toMatchObject({ status: 204, value: undefined });
    expect(served.handlers.activations).toBe(1);
  });
});
