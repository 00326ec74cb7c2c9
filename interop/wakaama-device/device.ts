import { createSocket } from "node:dgram";
import { once, EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import { z } from "zod";
import { DatagramReader, type SeenDatagram } from "./datagrams.js";
import type { ClientProxy, ObjectStore, WakaamaPackage } from "./npm-package.js";
import { definitions, factoryObjects } from "./objects.js";
import { Overheard } from "./overheard.js";
import { Registrations } from "./registrations.js";
import { heldAccounts, snapshotObjects, valuesOf } from "./snapshot.js";
import { NotSupported, type Spec } from "./spec.js";

const action = z.discriminatedUnion("do", [
  z.object({ do: z.enum(["start", "power-cycle"]) }),
  z.object({ do: z.literal("stop"), deregister: z.boolean().default(true) }),
  z.object({ do: z.literal("deregister") }),
  z.object({ do: z.literal("set-resource"), path: z.string(), value: z.union([z.string(), z.number(), z.boolean()]) }),
]);
const done = { ok: true } as const;

interface SeenMessage {
  readonly seq: number;
  /** Nanoseconds of the clock that all processes of the machine share. */
  readonly at: string;
  readonly direction: "in" | "out";
  readonly local: string;
  readonly peer: string;
  readonly hex: string;
}

const quiet = (): void => {};

/** One device: the values are in this process, the package's store of them; the client is a native process beside it. */
export class WakaamaDevice {
  #proxy: ClientProxy | undefined;
  #state = "off";
  readonly #registrations = new Registrations();
  readonly #messages: SeenMessage[] = [];
  readonly #overheard = new Map<string, Overheard>();
  readonly #executed: Record<string, number> = {};

  private constructor(
    private readonly wakaama: WakaamaPackage,
    private readonly spec: Spec,
    private readonly store: ObjectStore,
    private readonly port: number,
    changes: EventEmitter,
  ) {
    changes.on("object-event", (change: { readonly uri: string; readonly eventType: string; readonly remote: boolean }) => {
      if (change.eventType === "executed" && change.remote) this.#executed[change.uri] = (this.#executed[change.uri] ?? 0) + 1;
    });
  }

  static async make(wakaama: WakaamaPackage, spec: Spec): Promise<WakaamaDevice> {
    const changes = Object.assign(new EventEmitter(), { serverId: spec.servers[0]?.shortServerId });
    const store = new wakaama.LwM2MObjectStore(changes);
    store.repo = await new wakaama.ResourceRepositoryBuilder([factoryObjects(wakaama, spec)], false).build({ definitions: definitions(wakaama) });
    return new WakaamaDevice(wakaama, spec, store, await freePort(), changes);
  }

  /** What the native client writes while it runs. */
  readLog(log: Readable): void {
    const reader = new DatagramReader((datagram) => this.#saw(datagram));
    log.setEncoding("latin1").on("data", (text: string) => reader.push(text));
  }

  async act(json: unknown): Promise<{ readonly ok: boolean; readonly failure?: string }> {
    const asked = action.safeParse(json);
    if (!asked.success) throw new NotSupported(`Wakaama's npm client has no call to ${z.object({ do: z.string() }).parse(json).do}`);
    switch (asked.data.do) {
      case "start":
        this.#start();
        return done;
      case "stop":
        await this.stop(asked.data.deregister);
        return done;
      case "deregister":
        await this.stop(true);
        return done;
      case "power-cycle":
        await this.stop(false);
        this.#start();
        return done;
      case "set-resource":
        if (this.store.repo?.[asked.data.path] === undefined) return { ok: false, failure: "unknown-path" };
        await this.store.write(asked.data.path, asked.data.value, false);
        return done;
    }
  }

  #start(): void {
    if (this.#proxy !== undefined) return;
    const proxy = new this.wakaama.LwM2MClientProxy({
      clientName: this.spec.endpoint,
      clientPort: `${this.port}`,
      useIPv4: true,
      objectStore: this.store,
      reconnectSec: 1,
      bootstrapIntervalSec: 1,
      redirectLwm2mClientLog: true,
      dumpLwm2mMessages: true,
      log: quiet,
      trace: quiet,
      debug: quiet,
      error: quiet,
    });
    for (const state of ["started", "bootstrapRequired", "bootstrapping", "registerRequired", "registering", "connected"]) proxy.on(state, () => (this.#state = state));
    proxy.on("disconnected", () => this.#registrations.locations.clear());
    this.#proxy = proxy;
    this.#state = "started";
    proxy.start();
  }

  async stop(deregister: boolean): Promise<void> {
    const proxy = this.#proxy;
    if (proxy === undefined) return;
    this.#proxy = undefined;
    await proxy.shutdown({ deregister });
    this.#state = "off";
  }

  #saw({ direction, peer, bytes }: SeenDatagram): void {
    const at = process.hrtime.bigint().toString();
    const messages = this.#securedWith(peer) ? this.#overhearing(peer).read(direction, bytes) : [bytes];
    for (const message of messages) {
      this.#messages.push({ seq: this.#messages.length + 1, at, direction, local: this.#local, peer, hex: message.toString("hex") });
      this.#registrations.saw(direction, peer, message);
    }
  }

  get #local(): string {
    return `127.0.0.1:${this.port}`;
  }

  #overhearing(peer: string): Overheard {
    const known = this.#overheard.get(peer) ?? new Overheard(() => this.#accounts().flatMap(({ uri, key }) => (key !== undefined && hostOf(uri) === peer ? [key] : [])));
    this.#overheard.set(peer, known);
    return known;
  }

  #accounts() {
    return this.store.repo === null ? [] : heldAccounts(valuesOf(this.store.repo));
  }

  #securedWith(peer: string): boolean {
    return this.#overheard.has(peer) || this.#accounts().some(({ uri, secured }) => secured && hostOf(uri) === peer);
  }

  trace(after: number, limit: number): { readonly events: readonly SeenMessage[]; readonly next: number } {
    const events = this.#messages.slice(after, after + limit);
    return { events, next: after + events.length };
  }

  snapshot(): unknown {
    const values = this.store.repo === null ? {} : valuesOf(this.store.repo);
    const held = heldAccounts(values);
    const bootstrap = held.find((account) => account.bootstrap);
    const { locations, lastFailure, bootstrapsFinished } = this.#registrations;
    const accounts = held
      .filter((account) => !account.bootstrap)
      .map(({ uri, secured, shortServerId, securityInstance }) => {
        const [serverInstance, server] = Object.entries(values[1] ?? {}).find(([, resources]) => Number(resources[0]) === shortServerId) ?? [];
        const location = locations.get(hostOf(uri));
        return {
          shortServerId,
          uri,
          security: secured ? "psk" : "nosec",
          securityInstance,
          ...(server === undefined ? {} : { serverInstance: Number(serverInstance), lifetime: Number(server[1]) }),
          state: location !== undefined ? "registered" : this.#proxy === undefined ? "idle" : "registering",
          local: this.#local,
          ...(location === undefined ? {} : { location }),
          ...(lastFailure === undefined ? {} : { lastFailure }),
        };
      });
    return {
      endpoint: this.spec.endpoint,
      lwm2m: "1.0",
      personality: "wakaama",
      state: this.#proxy === undefined ? "off" : this.#bootstrapping ? "bootstrapping" : "serving",
      fleetState: this.#fleetState(accounts.length),
      asleep: false,
      silent: false,
      ...(bootstrap === undefined ? {} : { bootstrap: { uri: bootstrap.uri, securityInstance: bootstrap.securityInstance } }),
      accounts,
      objects: snapshotObjects(values),
      counters: { bootstrapsFinished },
      executed: this.#executed,
      observations: [],
    };
  }

  get #bootstrapping(): boolean {
    return this.#state === "bootstrapping" || this.#state === "bootstrapRequired";
  }

  #fleetState(accounts: number): string {
    if (this.#proxy === undefined) return "off";
    if (this.#bootstrapping) return "bootstrapping";
    const registered = this.#registrations.locations.size;
    return registered === 0 ? "registering" : registered < accounts ? "partly-registered" : "registered";
  }
}

const hostOf = (uri: string): string => /^coaps?:\/\/([^/]+)/.exec(uri)?.[1] ?? uri;

/** Free a moment ago: the client takes its port from the command line. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
