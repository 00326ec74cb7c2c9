import { dirname, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { ConfigError, addressSchema, bootstrapServerSchema, checkFlags, credentialFilesOf, flagOf, loadYaml, lwm2mServerSchema, resolveBootstrapServer, resolveLwM2mServer } from "../../config/index.js";
import type { BootstrapClientEntry, BootstrapServerConfig, KeyFiles, LoadedYaml, LwM2mServerConfig, RoleConfig, TokenSources } from "../../config/index.js";
import { formatAddress } from "../../ports/index.js";
import type { Address, Ports } from "../../ports/index.js";
import { osSecrets, realPorts } from "../../ports/real/index.js";
import { readBytesGiven, readGiven } from "../files.js";
import { logLevels, roleLog } from "../log.js";
import type { Invocation } from "../program.js";
import { asUsage } from "../sockets.js";
import { onStop, stopped } from "../stop.js";
import { writeTokenFile } from "../token-file.js";
import { within } from "../within.js";

/** A role that does not stop by then is left behind; its sockets end with the process. */
const stopMs = 5000;

interface RunningRole {
  readonly coap: Address;
  readonly coaps?: Address;
  readonly http: Address;
  stop(): Promise<void>;
}

const flagsSchema = z.strictObject({
  coap: addressSchema.optional(),
  coaps: addressSchema.optional(),
  http: addressSchema.optional(),
  config: z.string().optional(),
  name: z.string().min(1).max(64).optional(),
  timing: z.enum(["lab", "rfc"]).optional(),
  serverKey: z.string().optional(),
  serverCertificate: z.string().optional(),
  admission: z.enum(["open", "credential"]).optional(),
  credentials: z.string().optional(),
  json: z.boolean().default(false),
  logLevel: z.enum(logLevels).default("info"),
});

export function serveCommand(invocation: Invocation): Command {
  const bootstrapServer: ServedRole<BootstrapServerConfig> = {
    withoutFile: open,
    load: async (text, source, { credentials, ...flags }) => {
      const { value, locate } = loadYaml(text, source, bootstrapServerSchema, flags);
      const { clients, files } = await withCredentials(value.clients, source, credentials);
      const keyFiles = await keyFilesRead(value, source, flags);
      return { locate, resolve: (sources) => resolveBootstrapServer({ ...value, clients }, sources, files, keyFiles) };
    },
    plants: async () => (await import("../../../simulators/bootstrap-server/index.js")).plants,
    start: async (config, ports) => (await import("../../../simulators/bootstrap-server/index.js")).startBootstrapServer(config, ports),
  };
  const lwm2mServer: ServedRole<LwM2mServerConfig> = {
    withoutFile: { ...open, admission: "open" },
    load: async (text, source, { credentials, ...flags }) => {
      const { value, locate } = loadYaml(text, source, lwm2mServerSchema, flags);
      const { clients, files } = await withCredentials(value.clients, source, credentials);
      const keyFiles = await keyFilesRead(value, source, flags);
      return { locate, resolve: (sources) => resolveLwM2mServer({ ...value, clients }, sources, files, keyFiles) };
    },
    plants: async () => (await import("../../../simulators/lwm2m-server/index.js")).plants,
    start: async (config, ports) => (await import("../../../simulators/lwm2m-server/index.js")).startLwM2mServer(config, ports),
  };
  return new Command("serve")
    .description("run one reference role alone, for somebody else's device or server")
    .helpCommand(false)
    .addCommand(
      roleCommand("bootstrap-server", "the reference LwM2M Bootstrap Server, until it is stopped", "127.0.0.1:5783", "127.0.0.1:8783")
        .option("--credentials <file>", "keys of devices that come over DTLS, as CSV or JSON with endpoint, bootstrapIdentity, bootstrapKey")
        .action((flags: Record<string, unknown>) => serveRole(invocation, flags, bootstrapServer)),
    )
    .addCommand(
      roleCommand("lwm2m-server", "the LwM2M Server stub, until it is stopped", "127.0.0.1:5683", "127.0.0.1:8683")
        .option("--credentials <file>", "keys of devices that come over DTLS, as CSV or JSON with endpoint, serverIdentity, serverKey")
        .option("--admission <rule>", "who may register: open (everybody) or credential (an active SM-3 record); default: open without --config, else credential")
        .action((flags: Record<string, unknown>) => serveRole(invocation, flags, lwm2mServer)),
    )
    .addHelpText("after", "\nExample:\n  muster serve lwm2m-server --coap 127.0.0.1:5683 --http 127.0.0.1:8683 --config server-a.yaml");
}

/** The texts of the files of keys: those that the configuration names, which lie beside it, and the one of the flag, which becomes an entry of its own. */
async function withCredentials<Entry extends BootstrapClientEntry>(entries: readonly Entry[], source: string, flag: unknown): Promise<{ readonly clients: (Entry | { credentials: string })[]; readonly files: ReadonlyMap<string, string> }> {
  const files = new Map<string, string>();
  for (const name of credentialFilesOf(entries)) files.set(name, await readGiven(resolve(dirname(source), name), "clients: credentials"));
  if (typeof flag !== "string") return { clients: [...entries], files };
  files.set(flag, await readGiven(flag, "--credentials"));
  return { clients: [...entries, { credentials: flag }], files };
}

/** Files that the configuration names lie beside it; those of flags where the command runs. */
async function keyFilesRead(named: { readonly serverKey?: string | undefined; readonly serverCertificate?: string | undefined }, source: string, flags: Readonly<Record<string, unknown>>): Promise<KeyFiles> {
  const files = new Map<string, Uint8Array>();
  for (const key of ["serverKey", "serverCertificate"] as const) {
    const name = named[key];
    if (name !== undefined) files.set(name, await readBytesGiven(flags[key] === name ? name : resolve(dirname(source), name), flags[key] === name ? flagOf(key) : key));
  }
  return files;
}

function roleCommand(role: string, description: string, coap: string, http: string): Command {
  return new Command(role)
    .description(description)
    .option("--coap <host:port>", `UDP address for devices (default ${coap})`)
    .option("--coaps <host:port>", "UDP address for devices over DTLS 1.2 (default none)")
    .option("--server-key <file>", "this server's own private key on the DTLS port, PEM or DER (default: made at each start)")
    .option("--server-certificate <file>", "its certificate, and those of its issuers, PEM or DER")
    .option("--http <host:port>", `TCP address for /smp/v1, /operator/v1 and /metrics (default ${http})`)
    .option("--config <file>", "YAML file with peers, tokens and everything else; a flag wins over its key")
    .option("--name <name>", `name in traces, logs and metrics (default ${role})`)
    .option("--timing <profile>", "times of the profile rfc or lab (default rfc)")
    .option("--json", "log JSON lines")
    .option("--log-level <level>", `${logLevels.join(", ")} (default info)`)
    .addHelpText(
      "after",
      `
Without --config every endpoint name and one peer are let in, NoSec is allowed, and one token is made for all of them;
it is written to a file that only you can read, whose path is printed.

Example:
  muster serve ${role} --coap ${coap} --http ${http} --config ${role}.yaml

The file's keys are described in docs/command-line.md.`,
    );
}

/** What a role is without a configuration: open to one peer, for trying things out on one machine. */
const open = { peers: [{ id: "peer", tenant: "default" }], lab: true };

/** What differs between the roles when they are served. */
interface ServedRole<Config extends RoleConfig> {
  readonly withoutFile: Readonly<Record<string, unknown>>;
  load(text: string, source: string, flags: Readonly<Record<string, unknown>>): Promise<{ readonly locate: LoadedYaml<unknown>["locate"]; resolve(sources: TokenSources): Config }>;
  /** Rules it can break on purpose. */
  plants(): Promise<readonly { readonly name: string }[]>;
  start(config: Config, ports: Ports): Promise<RunningRole>;
}

async function serveRole<Config extends RoleConfig>(invocation: Invocation, given: Record<string, unknown>, role: ServedRole<Config>): Promise<void> {
  const { terminal } = invocation;
  const { config: path, json, logLevel, ...checked } = checkFlags(given, flagsSchema);
  const flags = Object.fromEntries(Object.entries(given).filter(([key]) => key in checked));
  const source = path ?? "command line";
  const file = path === undefined ? await role.load("", source, { ...role.withoutFile, ...flags }) : await role.load(await readGiven(path, "--config"), source, flags);

  const made = { token: osSecrets.token(), used: false };
  const generate = (key: string): string => {
    if (path !== undefined && key !== "operatorToken") {
      throw new ConfigError([{ source, ...file.locate(key.split(".")), key, message: "is missing", fix: `give it, or ${key.split(".").at(-1) ?? key}Env with the name of an environment variable: the peer needs the same one` }]);
    }
    made.used = true;
    return made.token;
  };
  const config = file.resolve({ env: terminal.env, generate, source, locate: file.locate });
  const plantable = (await role.plants()).map(({ name }) => name);
  const unknown = config.plants.flatMap((name, index) => (plantable.includes(name) ? [] : [{ source, ...file.locate(["plants", index]), key: `plants.${index}`, message: `"${name}" is no planted fault of this role`, fix: `use one of ${plantable.join(", ")}` }]));
  if (unknown.length > 0) throw new ConfigError(unknown);
  const stop = onStop((name) => terminal.err(json ? JSON.stringify({ msg: "stopping", signal: name }) : `${name}: stopping`));
  try {
    const running = await role.start(config, realPorts(config.name, roleLog(terminal, { json, level: logLevel, fields: { role: config.name } }))).catch((error: unknown) => {
      throw asUsage(error, { "--coap": config.coap, ...(config.coaps === undefined ? {} : { "--coaps": config.coaps }), "--http": config.http });
    });
    const tokenFile = made.used ? await writeTokenFile(`${config.name}-${running.http.port}.token`, made.token, terminal.env) : undefined;
    try {
      const facts = {
        name: config.name,
        coap: `coap://${formatAddress(running.coap)}`,
        ...(running.coaps === undefined ? {} : { coaps: `coaps://${formatAddress(running.coaps)}` }),
        http: `http://${formatAddress(running.http)}`,
        timing: `${config.timing.profile}${config.timing.changed ? " with changes" : ""}`,
        ...(config.secretTransport === "jwe" ? {} : { secretTransport: config.secretTransport }),
        ...(config.plants.length === 0 ? {} : { plants: config.plants }),
        ...(tokenFile === undefined ? {} : { tokenFile: tokenFile.path }),
      };
      terminal.out(json ? JSON.stringify({ msg: "ready", ...facts }) : readyLine(facts));
      await stopped(stop.signal);
      await within(running.stop(), stopMs);
    } finally {
      await tokenFile?.remove();
    }
  } finally {
    stop.release();
  }
}

function readyLine(facts: { readonly name: string; readonly coap: string; readonly coaps?: string; readonly http: string; readonly timing: string; readonly secretTransport?: string; readonly plants?: readonly string[]; readonly tokenFile?: string }): string {
  return [
    `${facts.name} ready: ${[facts.coap, ...(facts.coaps === undefined ? [] : [facts.coaps]), facts.http].join(" ")} timing ${facts.timing}`,
    ...(facts.secretTransport === undefined ? [] : ["keys travel in the clear"]),
    ...(facts.plants === undefined ? [] : [`planted faults: ${facts.plants.join(", ")}`]),
    ...(facts.tokenFile === undefined ? [] : [`token in ${facts.tokenFile}`]),
  ].join(", ");
}
