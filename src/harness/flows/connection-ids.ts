import type { RecordsSeen, TraceEvent } from "../../ports/index.js";
import { parseCoapUri } from "../../transport/index.js";
import { ofDevice, refOf, timeOf } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { act, actAt, awaitRegistered, inspect, shortServerIdOf } from "./devices.js";
import { handshakesOf } from "./handshakes.js";
import { sessionEvents } from "./rotation.js";

/** Asks its servers for connection ids; it needs none of its own (RFC 9146 §3). */
export function asksForConnectionIds(scenario: Scenario, alias: string): void {
  scenario.declare(alias, { connectionIdLength: 0 });
}

type Records = TraceEvent & { readonly event: RecordsSeen };

/** `tls12_cid` (RFC 9146 §4), the first byte of a record with a connection id. */
const withConnectionId = "19";

const recordsOf = async (scenario: Scenario, alias: string): Promise<Records[]> => ofDevice(await scenario.events(), scenario.endpoint(alias)).filter((event): event is Records => event.event.kind === "dtls");

/** A precondition: the device's newest records to the server carry an id that the server gave it. */
export async function hasConnectionId(scenario: Scenario, alias: string): Promise<void> {
  const newest = (await recordsOf(scenario, alias)).findLast(({ event }) => event.direction === "out");
  scenario.precondition(`the records of "${alias}" carry a connection id`, newest?.event.hex.startsWith(withConnectionId) === true, newest === undefined ? "it has sent none" : "they do not: the server gave it none");
}

/** The device goes on from another address, in the middle of its session. */
export async function changesAddress(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  scenario.askedAt = scenario.now();
  const { ok, failure } = await act(scenario, alias, { do: "rebind", shortServerId: shortServerIdOf(scenario, operator) });
  scenario.precondition(`"${alias}" goes on from another address`, ok, failure ?? "it does not");
}

/** Judges an Update of the device from its new address: answered, in the same session. */
export async function checkSameSession(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const since = BigInt(scenario.askedAt);
  const { code, failure } = await actAt(scenario, alias, operator, { do: "update" });
  const moved = (await sessionEvents(scenario, alias, operator, since)).find(({ event }) => event.to !== "connected" || event.from !== "connected");
  const sent = (await recordsOf(scenario, alias)).filter((event) => timeOf(event) >= since);
  scenario.check({
    rule: "session-follows-address",
    text: `an Update of "${alias}" from its new address`,
    expected: "2.04, in the same session",
    actual: `${code ?? failure ?? "nothing"}, ${moved === undefined ? "in the same session" : `after ${moved.event.input}`}`,
    ok: code === "2.04" && moved === undefined,
    timing: code === undefined,
    evidence: [...sent.slice(-2), ...(moved === undefined ? [] : [moved])].map(refOf),
  });
}

/** Judges that what the server begins reaches the device at its new address: a Read, answered. */
export async function checkServerFollows(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { code } = await scenario.server(operator).operate(scenario.endpoint(alias), { operation: "read", path: "/3/0/0" });
  scenario.equal("session-follows-address", `a Read of "${alias}" by server ${operator}`, "2.05", code ?? "no answer", { timing: code === undefined });
}

const oldRecords = new WeakMap<Scenario, Uint8Array>();

/** Somebody on the way keeps what the device has sent last. */
export async function keepsRecord(scenario: Scenario, alias: string): Promise<void> {
  const newest = (await recordsOf(scenario, alias)).findLast(({ event }) => event.direction === "out");
  if (newest === undefined) return scenario.recorder.missing(`"${alias}" has sent records: it has sent none`);
  oldRecords.set(scenario, Buffer.from(newest.event.hex, "hex"));
}

/** What was kept is sent from an address of the harness. Judged by what comes back there, and that the server still reaches the device. */
export async function checkReplayMovesNothing(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const record = oldRecords.get(scenario);
  if (record === undefined) throw new Error("no step has kept a record");
  const answered: string[] = [];
  const { network } = scenario.run;
  const to = parseCoapUri(scenario.uriOf(operator));
  const socket = await network.bind({ host: "127.0.0.1", connect: to }, { onDatagram: (datagram) => answered.push(Buffer.from(datagram).toString("hex")), onSocketError: () => {} });
  try {
    for (let times = 0; times < 3; times++) socket.send(record);
    await scenario.pause(scenario.run.deadlines.quietMs);
    const { code } = await scenario.server(operator).operate(scenario.endpoint(alias), { operation: "read", path: "/3/0/0" });
    scenario.check({
      rule: "old-records-move-nothing",
      text: `a Read of "${alias}" after an old record of it came from elsewhere`,
      expected: "2.05, and nothing to the other address",
      actual: `${code ?? "no answer"}, and ${answered.length === 0 ? "nothing" : `${answered.length} datagrams`} to the other address`,
      ok: code === "2.05" && answered.length === 0,
      timing: code === undefined,
    });
  } finally {
    await socket.close();
  }
}

/** Judges that a device whose session is not found by its new address makes another, and is registered again; how long that took is in the check. */
export async function checkRecovers(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const since = BigInt(scenario.askedAt);
  await actAt(scenario, alias, operator, { do: "update" });
  const begun = async () => (await handshakesOf(scenario, alias, operator)).find(({ began, outcome }) => timeOf(began) >= since && outcome === "session");
  const session = await scenario.until(scenario.run.deadlines.registerMs * 2, begun);
  const account = await awaitRegistered(scenario, alias, operator);
  const { counters } = await inspect(scenario, alias);
  const tookMs = session?.ended === undefined ? undefined : Number(timeOf(session.ended) - since) / 1e6;
  if (tookMs !== undefined) scenario.run.fleet?.record("recovery", tookMs);
  scenario.check({
    rule: "device-recovers",
    text: `"${alias}" at server ${operator}, from its new address`,
    expected: "another session, and registered",
    actual: session === undefined ? "no other session" : `another session, and ${account === undefined ? "not registered" : "registered"}${tookMs === undefined ? "" : `; back after ${tookMs.toFixed(0)} ms and ${counters.handshakesAfterRebind} handshakes`}`,
    ok: session !== undefined && account !== undefined,
    timing: session === undefined || account === undefined,
    evidence: session === undefined ? [] : [refOf(session.ended ?? session.began)],
  });
}
