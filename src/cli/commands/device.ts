import { Command } from "commander";
import type { ServerAccountSpec } from "../../../simulators/device/index.js";
import { checkFlags, deviceSchema, timing, seedNumber, type DeviceOptions } from "../../config/index.js";
import { realPorts } from "../../ports/real/index.js";
import { ExitCode } from "../exit.js";
import { roleLog } from "../log.js";
import type { Invocation } from "../program.js";
import { credentialFor, keyLogTo } from "../psk.js";
import { freshSeed } from "../seed.js";
import type { Terminal } from "../terminal.js";
import { checkTrusted, trustGiven, trustStoreGiven } from "../trust.js";
import { onStop, stopped } from "../stop.js";
import { within } from "../within.js";
import { checkHosts } from "../sockets.js";

/** A device that may not leave for want of answers is given up. */
const leaveMs = 10_000;

export function deviceCommand(invocation: Invocation): Command {
  return new Command("device")
    .description("run one simulated device in the foreground and tell what happens")
    .requiredOption("--endpoint <name>", "endpoint name")
    .option("--bootstrap <uri>", "start at this Bootstrap Server: coap://HOST:PORT, or coaps://HOST:PORT with a key")
    .option("--server <uri>", "or register with this LwM2M Server")
    .option("--credentials <file>", "file with the device's key, CSV or JSON (see muster credentials export)")
    .option("--psk-key-file <file>", "or a file with the key in hex; or the environment variable MUSTER_PSK_KEY")
    .option("--psk-identity <identity>", "PSK identity (default: the endpoint name)")
    .option("--trust <file>", "what the server is known by, for credentials with public keys: its public key, its certificate or its authority's, PEM or DER")
    .option("--certificate-usage <n>", "what the certificate of --trust is: 0 to 3, as /0/x/15 has it (default 3: the server's own)")
    .option("--server-name <name>", "name that has to be in the server's certificate (default: the host of the URI)")
    .option("--trust-store <file>", "authorities the device knows anyway, for certificate usages 0 and 1, PEM")
    .option("--cid [length]", "use connection ids (RFC 9146); length of the device's own (default 0)")
    .option("--key-log <file>", "append the secrets of DTLS sessions to this file, for Wireshark")
    .option("--lifetime <seconds>", "registration lifetime, with --server (default 300)")
    .option("--short-server-id <id>", "Short Server ID of the account, with --server (default 101)")
    .option("--personality <name>", "how it behaves where texts leave a choice, and how it misbehaves (default: default)")
    .option("--lwm2m <version>", "1.0 or 1.1 (default 1.1)")
    .option("--seed <seed>", "seed of its message ids, tokens and values (default: a new one, printed)")
    .option("--timing <profile>", "times of the profile rfc or lab (default rfc)")
    .option("--duration <time>", "leave after 30s, 5m, 2h; exit 1 when it is not registered then (default: stay until stopped)")
    .option("--json", "log JSON lines")
    .addHelpText(
      "after",
      `
It de-registers when it is stopped with SIGINT or SIGTERM.

Example:
  muster device --endpoint dev-1 --bootstrap coap://127.0.0.1:5783 --personality sleepy`,
    )
    .action((flags: Record<string, unknown>) => runDevice(invocation, flags));
}

async function runDevice(invocation: Invocation, flags: Record<string, unknown>): Promise<void> {
  const { terminal } = invocation;
  const options = checkFlags(flags, deviceSchema);
  await checkHosts({ "--bootstrap": options.bootstrap, "--server": options.server });
  const [{ Device, DeviceHost }, { narrated }, { personalityNamed }] = await Promise.all([import("../../../simulators/device/index.js"), import("../device-log.js"), import("../personality.js")]);
  const seed = options.seed ?? freshSeed();
  const log = roleLog(terminal, { json: options.json, level: "info", fields: { endpoint: options.endpoint } });
  const ports = realPorts(seed, log);
  const { listener, trace } = narrated(log);
  const personality = personalityNamed(options.personality, "--personality");
  const { coap, dtls, device: times } = timing(options.timing);
  const secured = (options.bootstrap ?? options.server)?.startsWith("coaps:") === true;
  const own = secured ? await accountOf(options, terminal) : {};
  const keyLog = keyLogTo(options.keyLog, (text) => terminal.err(options.json ? JSON.stringify({ msg: text }) : text));
  const stop = onStop((name) => terminal.err(options.json ? JSON.stringify({ msg: "leaving", signal: name }) : `${name}: leaving`));
  const device = new Device(new DeviceHost(ports, listener, trace, undefined, keyLog), {
    endpoint: options.endpoint,
    lwm2m: options.lwm2m,
    personality,
    seed: seedNumber(seed),
    ...(options.bootstrap === undefined ? {} : { bootstrap: { uri: options.bootstrap, ...own } }),
    ...(options.server === undefined ? {} : { servers: [{ uri: options.server, shortServerId: options.shortServerId, lifetime: options.lifetime, ...own }] }),
    ...(await trustStoreGiven(options)),
    ...(options.cid === undefined ? {} : { connectionIdLength: options.cid }),
    timing: { coap, dtls, device: times },
  });
  terminal.out(
    options.json
      ? JSON.stringify({ msg: "started", endpoint: options.endpoint, to: options.bootstrap ?? options.server, personality, seed })
      : `${options.endpoint} started: ${options.bootstrap === undefined ? `registers with ${options.server ?? ""}` : `bootstraps at ${options.bootstrap}`}, personality ${personality}, seed ${seed}`,
  );
  device.start();
  try {
    const over = stopped(stop.signal);
    if (options.duration === undefined) await over;
    else {
      await within(over, options.duration);
      if (!stop.signal.aborted && device.fleetState !== "registered") invocation.exit = ExitCode.fail;
    }
    const at = device.fleetState;
    await within(new Promise<void>((resolve) => device.stop(true, resolve)), leaveMs);
    terminal.out(options.json ? JSON.stringify({ msg: "left", endpoint: options.endpoint, state: at, ...device.counters }) : `${options.endpoint} left; it was ${at}`);
  } finally {
    stop.release();
  }
}

/** How its account at a coaps:// URI is entered. */
async function accountOf(options: DeviceOptions, terminal: Terminal): Promise<Pick<ServerAccountSpec, "credential" | "trust">> {
  const credential = await credentialFor(options, terminal);
  const given = await trustGiven(options, credential.mode ?? "psk");
  checkTrusted(credential, options.endpoint, given.trust);
  return { credential, ...given };
}
