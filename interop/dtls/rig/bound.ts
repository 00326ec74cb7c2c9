import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Whether somebody has a UDP socket on 127.0.0.1 at this port. Nothing is sent, since a server that serves one client at a time would take it for one. */
export async function bound(port: number): Promise<boolean> {
  const { stdout } = await run("ss", ["-Hlun", `sport = :${port}`]);
  return stdout.includes(`127.0.0.1:${port}`);
}
