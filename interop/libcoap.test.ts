import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { Codes, labTransmission, type IncomingRequest, type Observer, type Peer } from "../src/coap/index.js";
import { realPorts } from "../src/ports/real/index.js";
import { udpEndpoint, type UdpEndpoint, type UdpEndpointOptions } from "../src/transport/index.js";
import { askVersion } from "./dtls/rig/installed.js";
import { recordEndpoint } from "./evidence.js";
import { coapPeer } from "./peers.js";
import { eventually, freeUdpPort, start, type RunningProcess } from "./process.js";

const CLIENT = "coap-client-notls";
const SERVER = "coap-server-notls";
const INSTALL = "apt-get install -y --no-install-recommends libcoap3-bin";

const ports = realPorts("libcoap");
const body = Buffer.from(Array.from({ length: 10_240 }, (_, i) => 32 + (i % 90)));
const open: { close(): Promise<void> }[] = [];
let folder = "";

const missing = [CLIENT, SERVER].find((program) => spawnSync(program, ["-h"]).error !== undefined);
const cells = coapPeer("libcoap", missing === undefined ? (askVersion(CLIENT, ["-h"], /v(\d+\.\d+\.\d+)/) ?? "") : "");

beforeAll(async () => {
  if (missing !== undefined && process.env["CI"] !== undefined) throw new Error(`libcoap is not installed: there is no ${missing} (${INSTALL})`);
  folder = await mkdtemp(join(tmpdir(), "muster-libcoap-"));
});
beforeEach((context) => {
  if (missing !== undefined) context.skip(`libcoap: ${missing} is not installed (${INSTALL})`);
});
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString();

async function endpoint(onRequest: (request: IncomingRequest) => void, options: Partial<UdpEndpointOptions> = {}): Promise<UdpEndpoint> {
  const made = await udpEndpoint(ports, { host: "127.0.0.1", transmission: labTransmission, ...options }, { onRequest });
  open.push(made);
  recordEndpoint(made);
  return made;
}

describe("libcoap's client against our endpoint", () => {
  cells.client.isShownByEach();
  /** Runs coap-client to its end; gives what it printed. */
  async function ask(server: UdpEndpoint, path: string, ...args: string[]): Promise<string> {
    const client: RunningProcess = await start(CLIENT, ["-v", "4", "-B", "8", ...args, `coap://127.0.0.1:${server.local.port}${path}`]);
    await client.exited;
    return client.output();
  }

  it("gets, puts, posts and deletes", async () => {
    const seen: IncomingRequest[] = [];
    const server = await endpoint((request) => {
      seen.push(request);
      if (request.code === Codes.GET) request.respond({ code: Codes.Content, contentFormat: 0, payload: Buffer.from("20.5") });
      else request.respond({ code: request.code === Codes.POST ? Codes.Created : request.code === Codes.PUT ? Codes.Changed : Codes.Deleted, locationPath: ["rd", "1"] });
    });
    expect(await ask(server, "/3303/0/5700?x=1", "-m", "get", "-A", "0")).toContain("20.5");
    await ask(server, "/rd?ep=a&lt=60", "-m", "post", "-t", "40", "-e", "</1/0>");
    await ask(server, "/1/0/1", "-m", "put", "-e", "60");
    await ask(server, "/rd/1", "-m", "delete");
    await ask(server, "/non", "-N");
    expect(seen.map(({ code, path, query, confirmable }) => [code, path.join("/"), query.join("&"), confirmable])).toEqual([
      [Codes.GET, "3303/0/5700", "x=1", true],
      [Codes.POST, "rd", "ep=a&lt=60", true],
      [Codes.PUT, "1/0/1", "", true],
      [Codes.DELETE, "rd/1", "", true],
      [Codes.GET, "non", "", false],
    ]);
    expect(seen[0]?.accept).toBe(0);
    expect(seen[1]?.contentFormat).toBe(40);
    expect(server.counters.malformed).toBe(0);
  });

  it("is told of an error with its code", async () => {
    const server = await endpoint((request) => request.respond({ code: Codes.NotFound, payload: Buffer.from("no such instance") }));
    expect(await ask(server, "/9")).toContain("4.04 no such instance");
  });

  it("waits for a separate response", async () => {
    const server = await endpoint((request) => setTimeout(() => request.respond({ code: Codes.Content, payload: Buffer.from("late") }), 3 * labTransmission.processingDelayMs));
    expect(await ask(server, "/slow")).toContain("late");
  });

  it.each([
    ["as large as both like", []],
    ["of 64 bytes", ["-b", "64"]],
  ])("sends 10 KiB in blocks %s and gets them back in blocks", async (_, args) => {
    const received: number[] = [];
    const server = await endpoint((request) => {
      received.push(request.payload.length);
      if (request.code === Codes.PUT) request.respond({ code: Codes.Changed });
      else request.respond({ code: Codes.Content, payload: body });
    });
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await writeFile(from, body);
    await ask(server, "/large", "-m", "put", "-f", from, ...args);
    await ask(server, "/large", "-o", to, ...args);
    expect(received).toEqual([10_240, 0]);
    expect(Buffer.compare(await readFile(to), body)).toBe(0);
  });

  it("sends in the smaller blocks that we ask for", async () => {
    let received = 0;
    const server = await endpoint(
      (request) => {
        received = request.payload.length;
        request.respond({ code: Codes.Changed });
      },
      { limits: { preferredBlockSize: 128 } },
    );
    const from = join(folder, "smaller");
    await writeFile(from, body.subarray(0, 3_000));
    await ask(server, "/large", "-m", "put", "-f", from);
    expect(received).toBe(3_000);
    expect(server.counters.datagramsIn).toBeGreaterThanOrEqual(1 + (3_000 - 1_024) / 128);
  });

  it("observes until it takes its leave", async () => {
    const observers: Observer[] = [];
    const ends: string[] = [];
    const server = await endpoint((request) => {
      if (request.observe === 0) observers.push(request.observed({ code: Codes.Content, payload: Buffer.from("state 0\n") }, (why) => ends.push(why)));
      else request.respond({ code: Codes.Content, payload: Buffer.from("end\n") });
    });
    const finished = ask(server, "/o", "-s", "2");
    await eventually(3_000, () => observers[0]);
    for (const i of [1, 2, 3]) observers[0]?.notify({ code: Codes.Content, payload: Buffer.from(`state ${i}\n`) }, { confirmable: i !== 2 });
    const printed = await finished;
    expect(printed).toContain("state 0");
    expect(printed).toContain("state 3");
    expect(ends).toEqual(["cancelled"]);
  });

  it("has its lost datagrams sent again, and each request is handled once", async () => {
    let handled = 0;
    const server = await endpoint((request) => {
      handled++;
      request.respond({ code: Codes.Changed, payload: Buffer.from("done") });
    });
    expect(await ask(server, "/once", "-m", "post", "-e", "x", "-l", "1")).toContain("done");
    expect(handled).toBe(1);
    let replies = 0;
    server.mutate = (datagram) => (replies++ === 0 ? undefined : datagram);
    expect(await ask(server, "/once", "-m", "post", "-e", "x")).toContain("done");
    expect(handled).toBe(2);
    expect(server.counters.duplicates).toBe(1);
  });
});

describe("libcoap's server under our endpoint", () => {
  cells.server.isShownByEach();
  async function served(...args: string[]): Promise<{ client: UdpEndpoint; peer: Peer }> {
    const port = await freeUdpPort();
    const address = { host: "127.0.0.1", port };
    const server = await start(SERVER, ["-A", "127.0.0.1", "-p", `${port}`, "-d", "10", ...args]);
    open.push({ close: () => server.stop() });
    const client = await endpoint((request) => request.respond({ code: Codes.NotFound }), { connect: address });
    const peer = client.peer(address);
    expect(await eventually(5_000, async () => ((await client.ping(peer)) ? true : undefined))).toBe(true);
    return { client, peer };
  }

  it("answers GET, PUT, POST and DELETE", async () => {
    const { client, peer } = await served();
    const core = await client.request(peer, { code: Codes.GET, path: [".well-known", "core"] });
    expect(core).toMatchObject({ code: Codes.Content, contentFormat: 40 });
    expect(text(core.payload)).toContain("</async>");
    expect((await client.request(peer, { code: Codes.PUT, path: ["new"], payload: Buffer.from("one") })).code).toBe(Codes.Created);
    expect(text((await client.request(peer, { code: Codes.GET, path: ["new"] })).payload)).toBe("one");
    expect((await client.request(peer, { code: Codes.DELETE, path: ["new"] })).code).toBe(Codes.Deleted);
    expect((await client.request(peer, { code: Codes.GET, path: ["new"] })).code).toBe(Codes.NotFound);
    expect((await client.request(peer, { code: Codes.GET, path: ["time"], confirmable: false })).code).toBe(Codes.Content);
  });

  it("answers separately", async () => {
    const { client, peer } = await served();
    const answer = await client.request(peer, { code: Codes.GET, path: ["async"], query: ["1"] });
    expect(answer.code).toBe(Codes.Content);
    expect(client.counters.strayResponses).toBe(0);
  });

  it("takes 10 KiB in blocks and gives them back in blocks", async () => {
    const { client, peer } = await served();
    const put = await client.request(peer, { code: Codes.PUT, path: ["example_data"], contentFormat: 0, payload: body });
    expect(put.code).toBe(Codes.Created);
    const got = await client.request(peer, { code: Codes.GET, path: ["example_data"] });
    expect(Buffer.compare(Buffer.from(got.payload ?? []), body)).toBe(0);
  });

  it("refuses a critical option that it does not know", async () => {
    const { client, peer } = await served();
    const unknown = { number: 65_001, value: Buffer.from([1]) };
    const refused = await client.request(peer, { code: Codes.GET, path: ["time"], options: [unknown] });
    // libcoap repeats the option in its answer.
    expect(refused).toMatchObject({ code: Codes.BadOption, options: [{ number: 65_001 }] });
  });

  it.each(["deregister", "reset"] as const)("notifies until the observation is cancelled (%s)", async (how) => {
    const { client, peer } = await served();
    const seen: number[] = [];
    const observation = client.observe(peer, { code: Codes.GET, path: ["time"] }, { onNotification: (response) => seen.push(response.observe ?? -1), onEnd: () => {} });
    await eventually(8_000, () => (seen.length >= 3 ? true : undefined));
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const last = await observation.cancel(how);
    if (how === "deregister") expect(last?.observe).toBeUndefined();
    // Once the server has heard of it, nothing comes any more.
    await new Promise<void>((resolve) => setTimeout(resolve, how === "reset" ? 1_500 : 100));
    const { datagramsIn } = client.counters;
    await new Promise<void>((resolve) => setTimeout(resolve, 2_200));
    expect(client.counters.datagramsIn).toBe(datagramsIn);
  });

  it("is heard through loss in both directions", async () => {
    const { client, peer } = await served("-l", "2,4-5");
    let sent = 0;
    client.mutate = (datagram) => (sent++ % 3 === 0 ? undefined : datagram);
    for (let i = 0; i < 5; i++) expect((await client.request(peer, { code: Codes.GET, path: ["time"] })).code).toBe(Codes.Content);
    expect(client.counters.retransmissions).toBeGreaterThan(3);
  });
});
