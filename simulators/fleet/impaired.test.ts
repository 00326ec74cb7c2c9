import { describe, expect, it } from "vitest";
import { Codes, type Endpoint, type IncomingRequest, type Peer, type Request, type RequestHandler, type Response, type ResponseHandler } from "../../src/coap/index.js";
import { timing } from "../../src/config/index.js";
import { bootstrapDiscover, bootstrapFinish, bootstrapWrite, instance, single } from "../../src/lwm2m/index.js";
import { simulatedPorts, type Impairment } from "../../src/ports/simulated/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { Shard } from "./shard.js";

const { coap, device } = timing("lab");
const nothing = new Uint8Array(0);
const steps: readonly Request[] = [
  bootstrapDiscover(),
  bootstrapWrite({ object: 0, instance: 1 }, instance(1, [single(0, "coap://10.0.0.1:5683"), single(1, false), single(2, 3), single(3, nothing), single(4, nothing), single(5, nothing), single(10, 101)]), "1.1"),
  bootstrapWrite({ object: 1, instance: 1 }, instance(1, [single(0, 101), single(1, 600), single(6, true), single(7, "U")]), "1.1"),
  bootstrapFinish(),
];

/** Walks one device through a bootstrap; gives up on anything but success, as the device then asks again. */
class Session implements ResponseHandler {
  #step = 0;

  constructor(
    readonly endpoint: Endpoint,
    readonly peer: Peer,
  ) {
    this.#next();
  }

  #next(): void {
    const request = steps[this.#step++];
    if (request !== undefined) this.endpoint.send(this.peer, request, this);
  }

  onResponse(response: Response): void {
    if (response.code >> 5 === 2) this.#next();
  }

  onFailure(): void {}
}

async function shardOver(impairment: Impairment, seed: number) {
  const ports = simulatedPorts(seed, impairment);
  const shard = new Shard(ports, { traceLimit: 1_000, recorderLimit: 0 });
  const registered = new Map<string, number>();
  const server: RequestHandler = {
    onRequest: (request: IncomingRequest) => {
      const name = request.query.find((parameter) => parameter.startsWith("ep="))?.slice(3);
      if (name === undefined) request.respond({ code: request.code === Codes.DELETE ? Codes.Deleted : Codes.Changed });
      else {
        registered.set(name, (registered.get(name) ?? 0) + 1);
        request.respond({ code: Codes.Created, locationPath: ["rd", name] });
      }
    },
  };
  await udpEndpoint(ports, { host: "10.0.0.1", port: 5683, transmission: coap }, server);
  const bootstrap: Endpoint = await udpEndpoint(ports, { host: "10.0.0.8", port: 5683, transmission: coap }, {
    onRequest: (request) => {
      request.respond({ code: Codes.Changed });
      new Session(bootstrap, request.peer);
    },
  });
  shard.launch(
    {
      name: "load",
      first: 0,
      last: 40,
      seed,
      endpointPattern: "ab-fleet-{index:08d}",
      lwm2m: "1.1",
      shape: { kind: "storm" },
      timing: { coap, device },
      bootstrap: { uri: "coap://10.0.0.8:5683" },
    },
    { first: 0, last: 40 },
    0,
  );
  return { ports, shard, registered };
}

describe("a fleet on a bad network", () => {
  const networks: readonly (readonly [string, Impairment])[] = [
    ["loses every fifth datagram", { loss: 0.2 }],
    ["delivers every third one twice", { duplicate: 0.33 }],
    ["lets one overtake another", { reorder: 0.3, delayMs: [1, 40] }],
    ["does all of it", { loss: 0.1, duplicate: 0.1, reorder: 0.1, delayMs: [1, 40] }],
  ];
  it.each(networks)("bootstraps and registers every device when it %s", async (_name, impairment) => {
    for (const seed of [1, 2, 3]) {
      const { ports, shard, registered } = await shardOver(impairment, seed);
      await ports.clock.advanceUntil(() => shard.states("load").registered === 40, 300_000);
      expect(shard.states("load")).toMatchObject({ registered: 40 });
      expect(registered.size).toBe(40);
    }
  });

  it("carries a bootstrap out once when all its datagrams come twice", async () => {
    const { ports, shard } = await shardOver({ duplicate: 1 }, 4);
    await ports.clock.advance(5_000);
    expect(shard.counters()).toMatchObject({ bootstrapRequests: 40, bootstrapsFinished: 40, bootstrapsFailed: 0, registrations: 40 });
  });

  it("is the same fleet again with the same seed", async () => {
    const run = async (): Promise<unknown> => {
      const { ports, shard } = await shardOver({ loss: 0.2, delayMs: [1, 40] }, 5);
      await ports.clock.advance(60_000);
      return shard.counters();
    };
    expect(await run()).toEqual(await run());
  });
});
