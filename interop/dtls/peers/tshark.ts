import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";

import { eventually, start, type RunningProcess } from "../../process.js";

const run = promisify(execFile);

/** What tshark shows of a file, `fields` of the packets that `filter` lets through. */
export async function show(file: string, port: number, filter: string, fields: readonly string[], ...more: string[]): Promise<string[]> {
  const asCoapInDtls = ["-d", `udp.port==${port},dtls`, "-d", `dtls.port==${port},coap`];
  const { stdout } = await run("tshark", ["-r", file, ...asCoapInDtls, ...more, "-Y", filter, "-T", "fields", ...fields.flatMap((field) => ["-e", field])], { timeout: 30_000 });
  return stdout.split("\n").filter((line) => line !== "");
}

/** Captures a UDP port of the loopback interface until it is stopped; returns once packets reach the file. */
export async function capture(port: number, file: string): Promise<RunningProcess> {
  const process = await start("tshark", ["-i", "lo", "-f", `udp port ${port}`, "-w", file], { ready: (output) => output.includes("Capturing on") });
  // It says so before it listens; the head of the file is there once it does.
  const open = await eventually(10_000, async () => ((await stat(file).catch(() => undefined))?.size ? true : undefined));
  if (open === undefined) throw new Error(`tshark captures nothing:\n${process.output()}`);
  return process;
}
