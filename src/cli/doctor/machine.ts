import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { silentLog } from "../../ports/index.js";
import type { Network } from "../../ports/index.js";
import { udpDrops } from "../../ports/real/index.js";
import { ok, problem, warning } from "./finding.js";
import type { Finding } from "./finding.js";

const oldest = [20, 19] as const;

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  return enough ? ok("node", `Node.js ${version}`) : problem("node", `Node.js ${version} is too old`, `install Node.js ${oldest.join(".")} or newer`);
}

/** Sockets and files of a run beside its devices. */
const otherDescriptors = 256;

/** `limit`: open files per process, undefined where it cannot be known. One device holds one descriptor per account. */
export function descriptors(limit: number | undefined, devices: number): Finding {
  const needed = devices * 2 + otherDescriptors;
  if (limit === undefined) return warning("descriptors", "the limit of open files cannot be read here", `make sure that it is ${needed} or more for ${devices} devices`);
  if (limit >= needed) return ok("descriptors", `${limit} open files allowed, ${devices} devices with two accounts need ${needed}`);
  return problem("descriptors", `${limit} open files allowed, ${devices} devices with two accounts need ${needed}`, `raise it with ulimit -n ${needed}, or use --devices ${Math.max(1, Math.floor((limit - otherDescriptors) / 2))}`);
}

/** What a role asks for its CoAP socket. */
const wantedBuffer = 4_194_304;
/** The kernel counts its own bookkeeping in; a short datagram takes about 800 bytes of the buffer. */
const bytesPerDatagram = 800;

export function receiveBuffer(granted: number | undefined): Finding {
  if (granted === undefined) return warning("receive-buffer", "the granted receive buffer cannot be read here", "kernel drops will show as unknown");
  // Linux reports twice what it grants.
  if (granted >= wantedBuffer) return ok("receive-buffer", `${granted} bytes granted`);
  return warning(
    "receive-buffer",
    `${granted} bytes granted of the ${wantedBuffer} asked for: room for about ${Math.floor(granted / bytesPerDatagram)} datagrams in a burst`,
    `on Linux: sysctl -w net.core.rmem_max=${wantedBuffer}; smaller fleets, or --rate, also help`,
  );
}

export function drops(count: number | undefined): Finding {
  return count === undefined
    ? warning("kernel-drops", "datagrams that the kernel drops cannot be counted here", "nothing to repair; a report will show them as unknown (only Linux counts them)")
    : ok("kernel-drops", "datagrams that the kernel drops are counted");
}

/** `range`: first and last ephemeral port. A device takes one port per account on its source address; fleets spread over 127.0.0.0/8. */
export function ports(range: readonly [number, number] | undefined, devices: number): Finding {
  if (range === undefined) return ok("ports", "the range of ephemeral ports cannot be read here; fleets spread over several source addresses");
  const available = range[1] - range[0] + 1;
  return available >= Math.min(devices * 2, 10_000)
    ? ok("ports", `${available} ephemeral ports per source address (${range[0]} to ${range[1]})`)
    : problem("ports", `only ${available} ephemeral ports per source address`, 'widen the range: sysctl -w net.ipv4.ip_local_port_range="32768 60999"');
}

export function cores(count: number, memoryBytes: number): Finding {
  const gibibytes = (memoryBytes / 2 ** 30).toFixed(1);
  return count >= 2 ? ok("cores", `${count} cores, ${gibibytes} GiB of memory`) : warning("cores", `${count} core, ${gibibytes} GiB of memory`, "roles and fleet share it: expect slower runs, use fewer --devices");
}

/** Looks at this machine as it is. */
export async function machine(devices: number, network: Network): Promise<Finding[]> {
  return [
    nodeVersion(process.versions.node),
    cores(availableParallelism(), totalmem()),
    descriptors(openFilesLimit(), devices),
    ports(ephemeralPorts(), devices),
    await loopbackSocket(network),
    drops(udpDrops()),
  ];
}

async function loopbackSocket(network: Network): Promise<Finding> {
  try {
    const socket = await network.bind({ host: "127.0.0.1", receiveBuffer: wantedBuffer }, { onDatagram: () => {}, onSocketError: (error) => silentLog.debug({ error: error.message }, "socket") });
    await socket.close();
    return receiveBuffer(socket.receiveBuffer);
  } catch (error) {
    return problem("receive-buffer", `no UDP socket can be had on 127.0.0.1: ${error instanceof Error ? error.message : String(error)}`, "allow UDP on the loopback interface");
  }
}

const readLines = (path: string): string[] => {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
};

/** Soft limit of this process; Node raises it to the hard one when it starts. */
function openFilesLimit(): number | undefined {
  const line = readLines("/proc/self/limits").find((candidate) => candidate.startsWith("Max open files"));
  const soft = line?.slice("Max open files".length).trim().split(/\s+/)[0];
  if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? undefined : Number(soft);
}

function ephemeralPorts(): readonly [number, number] | undefined {
  const [first, last] = readLines("/proc/sys/net/ipv4/ip_local_port_range")[0]?.trim().split(/\s+/).map(Number) ?? [];
  return first === undefined || last === undefined || Number.isNaN(first) || Number.isNaN(last) ? undefined : [first, last];
}
