import { createSocket } from "node:dgram";
import { once } from "node:events";
import { randomBytes, randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { start, type RunningProcess } from "../interop/process.js";

const root = join(import.meta.dirname, "..");
export const mainFile = join(root, "dist", "src", "cli", "main.js");

/** Nothing has the port of 127.0.0.1. */
export async function bindable(protocol: "udp" | "tcp", port: number): Promise<boolean> {
  const socket = protocol === "udp" ? createSocket("udp4") : createServer();
  try {
    if ("listen" in socket) socket.listen(port, "127.0.0.1");
    else socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    socket.close();
    return true;
  } catch {
    return false;
  }
}

/** Both protocols' port, free now, and out of the range from which the kernel serves the sockets of devices. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(20_000, 32_000);
    if ((await bindable("udp", port)) && (await bindable("tcp", port))) return port;
  }
  throw new Error("no free port from 20000 to 32000");
}

const roles = ["bootstrap-server", "server-a", "server-b"] as const;
export type ServedName = (typeof roles)[number];

export interface Served {
  /** Path of the target file. */
  readonly target: string;
  /** What the target file and the roles take their tokens from. */
  readonly env: Readonly<Record<string, string>>;
  readonly roles: Readonly<Record<ServedName, RunningProcess>>;
  /** `http://127.0.0.1:8783`. */
  readonly http: Readonly<Record<ServedName, string>>;
  stop(): Promise<void>;
}

/** The files of `targets/`, as they are but for their ports, with the three roles of theirs running as processes. Files go to `folder`. */
export async function serveAll(folder: string): Promise<Served> {
  const sources = ["served.yaml", ...roles.map((name) => `served/${name}.yaml`)].map((name) => ({ name, text: readFileSync(join(root, "targets", name), "utf8") }));
  const ports = new Map<string, number>();
  for (const { text } of sources) {
    for (const [, port = ""] of text.matchAll(/127\.0\.0\.1:(\d+)/g)) {
      while (!ports.has(port)) {
        const free = await freePort();
        if (![...ports.values()].includes(free)) ports.set(port, free);
      }
    }
  }
  const tokens = new Set(sources.flatMap(({ text }) => [...text.matchAll(/[tT]okenEnv: (\w+)/g)].map(([, name = ""]) => name)));
  const env = Object.fromEntries([...tokens].map((name) => [name, randomBytes(32).toString("base64url")]));
  mkdirSync(join(folder, "served"), { recursive: true });
  for (const { name, text } of sources) writeFileSync(join(folder, name), text.replaceAll(/(127\.0\.0\.1:)(\d+)/g, (_all, host: string, port: string) => `${host}${ports.get(port) ?? 0}`));

  const running: RunningProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((role) => role.stop()));
  };
  const serve = async (name: ServedName): Promise<RunningProcess> => {
    const kind = name === "bootstrap-server" ? name : "lwm2m-server";
    const role = await start(process.execPath, [mainFile, "serve", kind, "--config", join(folder, "served", `${name}.yaml`)], {
      env,
      ready: (output) => / ready: /.test(output),
      readyWithinMs: 60_000,
    });
    running.push(role);
    return role;
  };
  try {
    const [bootstrapServer, a, b] = [await serve("bootstrap-server"), await serve("server-a"), await serve("server-b")];
    const httpOf = (role: RunningProcess): string => / (http:\/\/\S+)/.exec(role.output())?.[1] ?? "";
    return {
      target: join(folder, "served.yaml"),
      env,
      roles: { "bootstrap-server": bootstrapServer, "server-a": a, "server-b": b },
      http: { "bootstrap-server": httpOf(bootstrapServer), "server-a": httpOf(a), "server-b": httpOf(b) },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
