import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { coapFigures } from "./coap.js";
import { type Figure, keeps } from "./figure.js";
import { encryptedVsPlain, pskHandshake, rpkHandshake, x509Handshake } from "./dtls.js";
import { bootstrapRegisterRate, coldStart, coldStartPsk, pskRegisterRate, registerRate, smProvisionRate } from "./fleet.js";
import { memoryPerDevice, memoryPerPskDevice, memoryPerX509Device, referenceGrowth } from "./memory.js";
import { sessionSize } from "./session-size.js";
import { rebindAll } from "./rebind.js";
import { leshanRegister } from "./leshan.js";

/** Each group runs in a process of its own: what one leaves in memory is not the next one's. */
const groups: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  coap: coapFigures,
  "psk-handshake": pskHandshake,
  "rpk-handshake": rpkHandshake,
  "x509-handshake": x509Handshake,
  "session-size": sessionSize,
  "encrypted-vs-plain": encryptedVsPlain,
  "register-rate": registerRate,
  "psk-register-rate": pskRegisterRate,
  "bootstrap-register-rate": bootstrapRegisterRate,
  "sm-provision-rate": smProvisionRate,
  "leshan-register": leshanRegister,
  "memory-per-device": memoryPerDevice,
  "memory-per-psk-device": memoryPerPskDevice,
  "memory-per-x509-device": memoryPerX509Device,
  "cold-start-10k": coldStart,
  "cold-start-5k-psk": coldStartPsk,
  "rebind-2k": rebindAll,
  "reference-growth": referenceGrowth,
};

const groupTimeoutMs = 120_000;

function flags() {
  try {
    return parseArgs({ allowPositionals: true, options: { json: { type: "boolean" }, group: { type: "string" }, help: { type: "boolean" } } });
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}; npm run bench -- --help\n`);
    return process.exit(2);
  }
}
const { values, positionals } = flags();

if (values.help === true) {
  process.stdout.write(`usage: npm run bench -- [--json] [group ...]\ngroups: ${Object.keys(groups).join(", ")}\nexample: npm run bench -- --json register-rate\n`);
} else if (values.group !== undefined) {
  const measure = groups[values.group];
  if (measure === undefined) throw new Error(`no group ${values.group}`);
  process.send?.(await measure());
  process.disconnect();
} else {
  await all(positionals.length === 0 ? Object.keys(groups) : positionals);
}

async function all(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !(name in groups));
  if (unknown !== undefined) {
    process.stderr.write(`there is no group "${unknown}"; there are ${Object.keys(groups).join(", ")}\n`);
    process.exitCode = 2;
    return;
  }
  const figures: Figure[] = [];
  for (const name of names) {
    process.stderr.write(`measuring ${name} ...\n`);
    try {
      figures.push(...(await measured(name)));
    } catch (error) {
      process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
  process.stdout.write(values.json === true ? `${JSON.stringify({ figures }, undefined, 2)}\n` : table(figures));
}

function measured(name: string): Promise<readonly Figure[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ["--group", name], { execArgv: ["--expose-gc"], stdio: ["ignore", 2, 2, "ipc"] });
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`not done within ${groupTimeoutMs / 1000} s`));
    }, groupTimeoutMs);
    child.once("message", (figures) => resolve(figures as readonly Figure[]));
    child.once("exit", (code) => {
      clearTimeout(late);
      reject(new Error(`ended with ${code ?? "a signal"} and no figures`));
    });
  });
}

function table(figures: readonly Figure[]): string {
  const shown = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2));
  const mark = (figure: Figure): string => (keeps(figure.value, figure.floor) === false ? "below the floor" : keeps(figure.value, figure.aim) === false ? "" : "ok");
  const rows = [["figure", "value", "unit", "floor", "aim", "", "measured"], ...figures.map((figure) => [figure.id, shown(figure.value), figure.unit, figure.floor, figure.aim, mark(figure), figure.against])];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n") + "\n";
}
