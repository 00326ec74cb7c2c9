#!/usr/bin/env node
/**
 * Wakaama as a LwM2M 1.0 client, through its npm package: registers, answers, deregisters at SIGTERM. One JSON object a line.
 *
 *   client.mjs SERVER-URI ENDPOINT LOCAL-PORT [IDENTITY KEY-HEX]     without identity: NoSec
 */
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(import.meta.dirname, "..", ".cache", "wakaama", "package.json"));
const { LwM2MClientProxy, LwM2MObjectStore, ResourceRepositoryBuilder } = require("node-red-contrib-lwm2m/dist/lwm2m-common.js");

const [uri, endpoint, port, identity, key] = process.argv.slice(2);
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const quiet = () => {};
const warn = (...what) => process.stderr.write(`${what.join(" ")}\n`);

const bytes = (value) => ({ type: "OPAQUE", acl: "RW", value });
const integer = (value) => ({ type: "INTEGER", acl: "RW", value });
const text = (value) => ({ type: "STRING", acl: "RW", value });
const flag = (value) => ({ type: "BOOLEAN", acl: "RW", value });

const secured = identity !== undefined;
const objects = {
  0: {
    0: {
      0: text(uri),
      1: flag(false),
      2: integer(secured ? 0 : 3),
      3: bytes(secured ? Buffer.from(identity) : Buffer.alloc(0)),
      5: bytes(secured ? Buffer.from(key, "hex") : Buffer.alloc(0)),
      10: integer(123),
    },
  },
  1: { 0: { 0: integer(123), 1: integer(300), 6: flag(false), 7: text("U") } },
  3: { 0: { 0: { type: "STRING", acl: "R", value: "Wakaama" } } },
};

const propagator = new EventEmitter();
propagator.serverId = 123;
const store = new LwM2MObjectStore(propagator);
propagator.on("clientStateChanged", (state) => say({ event: "state", state }));
propagator.on("object-event", ({ uri: path, eventType }) => say({ event: "object", path, what: eventType }));

store.repo = await new ResourceRepositoryBuilder(objects).build();
const client = new LwM2MClientProxy({
  clientName: endpoint,
  clientPort: port,
  useIPv4: true,
  objectStore: store,
  log: quiet,
  trace: process.env.WAKAAMA_TRACE === undefined ? quiet : warn,
  debug: quiet,
  error: warn,
  redirectLwm2mClientLog: process.env.WAKAAMA_TRACE !== undefined,
  dumpLwm2mMessages: process.env.WAKAAMA_TRACE !== undefined,
  reconnectSec: 3600,
});
client.on("disconnected", () => say({ event: "disconnected" }));
process.once("SIGTERM", () => {
  void client.shutdown({ deregister: true }).then(() => process.exit(0));
});
client.start();
say({ event: "started" });
