import childProcess, { type ChildProcess, type SpawnOptions } from "node:child_process";
import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** As an object definition of the package has it: types and rights by name or by the package's numbers. */
export interface ResourceDefinition {
  readonly type: string | number;
  /** Of R, W, E, D, C. */
  readonly acl: string | number;
  readonly value?: unknown;
}
/** Instance id, resource id. */
export type ObjectDefinition = Readonly<Record<string, Readonly<Record<string, ResourceDefinition>>>>;

export interface Repository {
  toJSONString(): string;
  readonly [path: string]: unknown;
}

/** The values; the native client asks for each one. */
export interface ObjectStore {
  repo: Repository | null;
  write(path: string, value: unknown, remote: boolean): Promise<void>;
}

/** A native client in a process of its own, started anew when it ends. Emits the names of its states, and `disconnected`. */
export interface ClientProxy extends EventEmitter {
  start(): void;
  shutdown(options: { readonly deregister: boolean }): Promise<void>;
}

export interface ClientOptions {
  readonly clientName: string;
  readonly clientPort: string;
  readonly useIPv4: boolean;
  readonly objectStore: ObjectStore;
  readonly reconnectSec: number;
  readonly bootstrapIntervalSec: number;
  readonly redirectLwm2mClientLog: boolean;
  readonly dumpLwm2mMessages: boolean;
  readonly log: () => void;
  readonly trace: () => void;
  readonly debug: () => void;
  readonly error: () => void;
}

/** `node-red-contrib-lwm2m`, as far as it is used here. */
export interface WakaamaPackage {
  readonly LwM2MClientProxy: new (options: ClientOptions) => ClientProxy;
  /** Tells the emitter `object-event`. */
  readonly LwM2MObjectStore: new (propagator: EventEmitter) => ObjectStore;
  readonly ResourceRepositoryBuilder: new (objects: readonly Readonly<Record<string, ObjectDefinition>>[], withDefaults: boolean) => { build(options: { readonly definitions: unknown }): Promise<Repository> };
  /** What the package gives an instance of /0, /1 and /2. */
  readonly instances: { readonly security: ObjectDefinition[string]; readonly server: ObjectDefinition[string]; readonly accessControl: ObjectDefinition[string] };
}

const hasAll = (value: unknown, ...names: readonly string[]): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && names.every((name) => name in value);
const isCommon = (value: unknown): value is Omit<WakaamaPackage, "instances"> => hasAll(value, "LwM2MClientProxy", "LwM2MObjectStore", "ResourceRepositoryBuilder");
const isObject = (value: unknown): value is { readonly 0: ObjectDefinition[string] } => hasAll(value, "0");

/** The package as it is installed in a folder; throws when it is not. */
export function wakaamaIn(folder: string): WakaamaPackage {
  const load = createRequire(join(folder, "package.json"));
  const common: unknown = load("node-red-contrib-lwm2m/dist/lwm2m-common.js");
  if (!isCommon(common)) throw new Error("node-red-contrib-lwm2m has no client");
  const instance = (name: string): ObjectDefinition[string] => {
    const object: unknown = load(`node-red-contrib-lwm2m/dist/object-${name}.js`);
    if (!isObject(object)) throw new Error(`node-red-contrib-lwm2m has no object ${name}`);
    return object[0];
  };
  const { LwM2MClientProxy, LwM2MObjectStore, ResourceRepositoryBuilder } = common;
  return { LwM2MClientProxy, LwM2MObjectStore, ResourceRepositoryBuilder, instances: { security: instance("security"), server: instance("server"), accessControl: instance("acl") } };
}

type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/**
 * The package lets a native client write its log to this process's own standard error. Here the log is read, since every datagram is in it, and kept from
 * there, since every key is. Returns what kills the clients that still run.
 */
export function readLogs(heard: (endpoint: string, log: Readable) => void, preload: string): () => void {
  const running = new Set<ChildProcess>();
  const spawn: Spawn = childProcess.spawn;
  const spawnReadable: Spawn = (command, args, options) => {
    const child = spawn(command, args, { ...options, env: { ...options.env, LD_PRELOAD: preload }, stdio: ["pipe", "pipe", "pipe"] });
    running.add(child);
    child.once("close", () => running.delete(child));
    // It may be gone when it is answered.
    child.stdin?.on("error", () => {});
    if (child.stderr !== null) heard(args[args.indexOf("-n") + 1] ?? "", child.stderr);
    return child;
  };
  Reflect.set(childProcess, "spawn", spawnReadable);
  return () => {
    for (const child of running) child.kill("SIGKILL");
  };
}
