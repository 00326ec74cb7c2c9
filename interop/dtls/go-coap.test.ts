import { afterEach, describe, expect, it } from "vitest";

import { Codes } from "../../src/coap/index.js";
import { eventually } from "../process.js";
import { eventsOf, pionClient, pionServer } from "./peers/pion.js";
import { LARGE, ourCoapClient, ourCoapServer, text, type OurCoapServer } from "./rig/coap.js";
import { cachedVersion, needs } from "./rig/installed.js";
import { SUITES } from "./rig/keys.js";
import { table } from "./rig/table.js";

const version = needs("go-coap", cachedVersion("3.5.5", "pion", "muster-pion"));
const rows = table("go-coap on pion", version);

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

describe.each(["C0A8", "00AE", "C037"] as const)("go-coap's client and our server with %s", (suite) => {
  const row = rows.row("client", suite);

  async function served(): Promise<OurCoapServer> {
    const server = await ourCoapServer();
    open.push(() => server.close());
    return server;
  }

  it("exchange a GET and its answer in a session and in the same session resumed", async (test) => {
    row.shows(test, "EMS", "resumption", "close_notify");
    const server = await served();
    const client = await pionClient("coap-client", server.port, [suite], "-path", "/hello", "-resume", "-times", "2");
    expect(
      eventsOf(client, "response").map(({ text }) => text),
      client.output(),
    ).toEqual(["hello Client_identity", "hello Client_identity"]);
    expect(server.sessions.map(({ info }) => [info.suite, info.resumed, info.extendedMasterSecret])).toEqual([
      [SUITES[suite], false, true],
      [SUITES[suite], true, true],
    ]);
    expect(await eventually(3_000, () => (server.ends.length === 2 ? server.ends : undefined))).toEqual([{ why: "peer-closed" }, { why: "peer-closed" }]);
  });

  it("move 10 KiB in blocks each way", async (test) => {
    row.shows(test, "Block1 and Block2");
    const server = await served();
    const put = await pionClient("coap-client", server.port, [suite], "-path", "/sink", "-payload", `@${LARGE.length}`);
    expect(eventsOf(put, "response")[0]).toMatchObject({ code: "Changed", text: `${LARGE.length}` });
    expect(Buffer.compare(server.requests[0]?.payload ?? Buffer.alloc(0), LARGE)).toBe(0);
    const got = await pionClient("coap-client", server.port, [suite], "-path", "/large");
    expect(eventsOf(got, "response")[0]?.["text"]).toBe(LARGE.toString());
  });
});

describe.each(["C0A8", "00AE", "C037"] as const)("go-coap's server and our client with %s", (suite) => {
  const row = rows.row("server", suite);
  const suites = [SUITES[suite]];

  async function serving(...args: string[]): ReturnType<typeof pionServer> {
    const server = await pionServer("coap-server", [suite], ...args);
    open.push(() => server.process.stop());
    return server;
  }

  it("exchange a GET and its answer in a session and in the same session resumed", async (test) => {
    row.shows(test, "EMS", "resumption");
    const { port } = await serving("-resume");
    const first = await ourCoapClient(port, { suites });
    expect(text((await first.get("/hello")).payload)).toBe("hello from go-coap");
    await first.close();
    const second = await ourCoapClient(port, { suites, resume: first.info.resumption });
    open.push(() => second.close());
    expect(second.info).toMatchObject({ resumed: true, extendedMasterSecret: true });
    expect(text((await second.get("/hello")).payload)).toBe("hello from go-coap");
  });

  it("move 10 KiB in blocks each way", async (test) => {
    row.shows(test, "Block1 and Block2");
    const { port } = await serving();
    const client = await ourCoapClient(port, { suites });
    open.push(() => client.close());
    const put = await client.put("/sink", LARGE);
    expect(put.code).toBe(Codes.Changed);
    expect(text(put.payload)).toBe(`${LARGE.length}`);
    expect(Buffer.compare(Buffer.from((await client.get("/large")).payload ?? []), LARGE)).toBe(0);
  });
});
