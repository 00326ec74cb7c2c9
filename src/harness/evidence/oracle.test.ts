import { describe, expect, it } from "vitest";
import { encode, Type } from "../../coap/index.js";
import { encodeContent, instance, single } from "../../lwm2m/index.js";
import { EventLogBuilder } from "../testing/events.js";
import { activatedBeforeFirstChange, arrivedInOrder, bootstrapAfter, bootstrapTriggers, deviceSessions, discoverFirst, finishLast, finishWithoutActivation, noneBetween, ordered } from "./oracle.js";
import { coapExchanges, firstTransmissions, httpExchanges, isHttp, isState, mergeEvents } from "./timeline.js";
import { writtenShortServerIds } from "./written.js";

const c1 = "ab-1-c1";
const bs = "127.0.0.1:5683";
const account = { endpoint: c1, shortServerId: 201, server: "server-b" };
const activation = `/smp/v1/clients/${c1}/credentials/cr-1/activation`;

/** PUT /0/2 with /0/2/10 = 201, as it stands on the wire. */
function securityWrite(): string {
  const payload = encodeContent(11542, { object: 0, instance: 2 }, instance(2, [single(10, 201)]), "1.1");
  const segments = ["0", "2"].map((value) => ({ number: 11, value: Buffer.from(value) }));
  return encode({ type: Type.CON, code: 3, messageId: 7, token: Buffer.from("0007", "hex"), options: [...segments, { number: 12, value: Buffer.from("2d16", "hex") }], payload }).toString("hex");
}

const write = { code: "0.03", path: "/0/2", contentFormat: 11542, token: "0007", messageId: 7, payloadLength: 5 };
const request = { code: "0.02", path: "/bs", query: [`ep=${c1}`] };
const finish = { code: "0.02", path: "/bs" };

/** A session as it should be; `activated`: when the server answers the activation. */
function session(activated: "before" | "after" | "never" | "held"): EventLogBuilder {
  const log = new EventLogBuilder();
  log.asks(c1, bs, request, "2.04");
  log.asked(c1, bs, { code: "0.01", path: "/" }, "2.05");
  if (activated !== "never") log.http("server-b", c1, "PUT", activation, undefined);
  if (activated === "before") log.http("server-b", c1, "PUT", activation, 204, "out");
  log.asked(c1, bs, write, "2.04", securityWrite());
  log.asked(c1, bs, finish, "2.04");
  if (activated === "after") log.wait(5).http("server-b", c1, "PUT", activation, 204, "out");
  return log;
}

describe("reading events", () => {
  it("drops retransmissions and duplicates, which are the same bytes between the same addresses", () => {
    const log = new EventLogBuilder();
    log.coap(c1, "out", bs, { ...request, messageId: 9, token: "aa" });
    log.coap(c1, "out", bs, { ...request, messageId: 9, token: "aa" });
    log.coap(c1, "out", bs, { ...request, messageId: 10, token: "ab" });
    expect(firstTransmissions(log.events)).toHaveLength(2);
    expect(coapExchanges(log.events)).toHaveLength(2);
  });

  it("pairs a request with the first response of its token, also one that comes separately", () => {
    const log = new EventLogBuilder();
    log.coap(c1, "out", bs, { ...request, token: "aa", messageId: 1 });
    log.coap(c1, "in", bs, { type: "ACK", code: "0.00", token: "", messageId: 1 });
    log.coap(c1, "in", bs, { type: "CON", code: "2.04", token: "aa", messageId: 77 });
    expect(coapExchanges(log.events)).toMatchObject([{ direction: "out", answer: "2.04" }]);
  });

  it("does not take an answer from somebody else for the answer", () => {
    const log = new EventLogBuilder();
    log.coap(c1, "out", bs, { ...request, token: "aa" });
    log.coap(c1, "in", "127.0.0.1:9", { type: "ACK", code: "2.04", token: "aa" });
    expect(coapExchanges(log.events)[0]?.answer).toBeUndefined();
  });

  it("pairs calls with their answers in order", () => {
    const log = new EventLogBuilder();
    log.http("server-b", c1, "PUT", activation, undefined);
    log.http("server-b", c1, "PUT", activation, 503, "out");
    log.http("server-b", c1, "PUT", activation, undefined);
    expect(httpExchanges(log.events).map((call) => call.status)).toEqual([503, undefined]);
  });

  it("merges logs by time and keeps one of two copies", () => {
    const a = new EventLogBuilder();
    const first = a.http("server-a", c1, "GET", "/1", undefined);
    const b = new EventLogBuilder();
    b.wait(10).http("server-b", c1, "GET", "/2", undefined);
    a.wait(20).http("server-a", c1, "GET", "/3", undefined);
    expect(mergeEvents([b.events, a.events, [first]]).map((event) => (isHttp(event) ? event.event.url : ""))).toEqual(["/1", "/2", "/3"]);
  });
});

describe("order between two events", () => {
  const log = new EventLogBuilder();
  log.http("server-b", c1, "PUT", "/a", 204);
  log.http("server-b", c1, "PUT", "/b", 204);
  const at = (url: string) => (event: Parameters<typeof isHttp>[0]) => isHttp(event) && event.event.url === url;

  it("holds when the earlier one comes first", () => {
    expect(ordered(log.events, at("/a"), at("/b"), ["a", "b"])).toMatchObject({ ok: true, actual: "b 1.0 ms after a" });
    expect(ordered(log.events, at("/b"), at("/a"), ["b", "a"])).toMatchObject({ ok: false, actual: "a 1.0 ms before b" });
  });

  it("is broken by the later one without the earlier, and undecided without the later", () => {
    expect(ordered(log.events, at("/c"), at("/b"), ["c", "b"]).ok).toBe(false);
    expect(ordered(log.events, at("/a"), at("/c"), ["a", "c"]).ok).toBeUndefined();
  });

  it("needs both ends of a window before it says that nothing came in it", () => {
    expect(noneBetween(log.events, isState, at("/a"), at("/b"), ["state", "a", "b"]).ok).toBe(true);
    expect(noneBetween(log.events, isState, at("/a"), at("/c"), ["state", "a", "c"]).ok).toBeUndefined();
    expect(noneBetween(log.events, at("/b"), at("/a"), at("/c"), ["b", "a", "c"]).ok).toBe(false);
  });
});

describe("a bootstrap session as the device saw it", () => {
  it("has its operations and the Finish that was answered 2.04", () => {
    const [only] = deviceSessions(session("before").events, c1);
    expect(only?.operations).toHaveLength(3);
    expect(only?.finish?.answer).toBe("2.04");
    expect(discoverFirst(only!)).toMatchObject({ ok: true });
    expect(finishLast(only!)).toMatchObject({ ok: true, actual: "Finish after 1 changes, all answered" });
  });

  it("ends where the next request begins", () => {
    const log = session("before");
    log.asks(c1, bs, request, "2.04");
    const sessions = deviceSessions(log.events, c1);
    expect(sessions.map(({ operations }) => operations.length)).toEqual([3, 0]);
  });

  it("shows a Write before Discover, a Write after Finish, and a Finish before an answer", () => {
    const early = new EventLogBuilder();
    early.asks(c1, bs, request, "2.04");
    early.asked(c1, bs, write, "2.04");
    early.asked(c1, bs, finish, "2.04");
    early.asked(c1, bs, { code: "0.03", path: "/1/0", contentFormat: 11542 }, "2.04");
    expect(discoverFirst(deviceSessions(early.events, c1)[0]!)).toMatchObject({ ok: false, actual: "the first operation is write /0/2" });
    expect(finishLast(deviceSessions(early.events, c1)[0]!)).toMatchObject({ ok: false, actual: "write /1/0 after Finish" });
    const open = new EventLogBuilder();
    open.asks(c1, bs, request, "2.04");
    open.asked(c1, bs, write, undefined);
    open.asked(c1, bs, finish, "2.04");
    expect(finishLast(deviceSessions(open.events, c1)[0]!)).toMatchObject({ ok: false, actual: "Finish while write /0/2 was unanswered" });
  });
});

describe("ORD-1 over the evidence", () => {
  it("reads the Short Server ID out of the Write to /0", () => {
    const [only] = deviceSessions(session("before").events, c1);
    expect(only?.operations.flatMap(writtenShortServerIds)).toEqual([201]);
  });

  it("holds when the activation was answered before the first Write", () => {
    expect(finishWithoutActivation(session("before").events, account)).toMatchObject({ ok: true });
    expect(activatedBeforeFirstChange(session("before").events, account)).toMatchObject({ ok: true });
  });

  it("is broken by a Finish before the activation, or without one", () => {
    expect(finishWithoutActivation(session("after").events, account)).toMatchObject({ ok: false });
    expect(finishWithoutActivation(session("held").events, account)).toMatchObject({ ok: false, actual: "Finish answered 2.04, no activation was answered 2xx" });
    expect(activatedBeforeFirstChange(session("never").events, account)).toMatchObject({ ok: false });
  });

  it("does not speak about a session that wrote somebody else's account", () => {
    expect(finishWithoutActivation(session("never").events, { ...account, shortServerId: 100 })).toMatchObject({ ok: true });
    expect(activatedBeforeFirstChange(session("never").events, { ...account, shortServerId: 100 }).ok).toBeUndefined();
  });
});

describe("triggers as the device saw them", () => {
  const log = new EventLogBuilder();
  const execute = log.asked(c1, "127.0.0.1:5783", { code: "0.02", path: "/1/3/9" }, "2.04");
  log.coap(c1, "in", "127.0.0.1:5783", execute.event.kind === "datagram" ? execute.event.coap! : { code: "0.02" }, execute.event.kind === "datagram" ? execute.event.hex : "");
  log.asks(c1, bs, request, "2.04");

  it("are one per Execute of /1/x/9, however often it was transmitted", () => {
    expect(bootstrapTriggers(log.events, c1)).toHaveLength(1);
  });

  it("are followed by the Bootstrap-Request that came after", () => {
    const [trigger] = bootstrapTriggers(log.events, c1);
    expect(bootstrapAfter(log.events, c1, trigger!)).toBeDefined();
    expect(bootstrapAfter(log.events, c1, trigger!, BigInt(trigger!.request.at))).toBeUndefined();
  });

  it("keep the order in which requests reached the device", () => {
    const queue = new EventLogBuilder();
    queue.asked(c1, bs, { code: "0.01", path: "/3/0/0" }, "2.05");
    queue.asked(c1, bs, { code: "0.01", path: "/3/0/1" }, "2.05");
    expect(arrivedInOrder(queue.events, c1, ["/3/0/0", "/3/0/1"]).ok).toBe(true);
    expect(arrivedInOrder(queue.events, c1, ["/3/0/1", "/3/0/0"]).ok).toBe(false);
    queue.asked(c1, "127.0.0.1:1", { code: "0.01", path: "/3/0/0", token: "ee", messageId: 900 }, "2.05");
    expect(arrivedInOrder(queue.events, c1, ["/3/0/0", "/3/0/1"]).ok).toBe(true);
  });
});
