import type { Files, TraceEvent } from "../../ports/index.js";
import type { RunResult } from "../result.js";
import { resultSchema } from "../result.js";
import { captureOf } from "./capture.js";
import type { KeyLog } from "./key-log.js";
import { encodeCapture } from "./pcapng.js";
import type { StepRecord } from "../verdict.js";

const ndjson = (lines: readonly unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** The step that was being carried out when an event happened, by number from 1. */
function stepAt(steps: readonly Pick<StepRecord, "startedAt" | "endedAt">[], at: string): number | undefined {
  const time = BigInt(at);
  const index = steps.findIndex((step) => BigInt(step.startedAt) <= time && time <= BigInt(step.endedAt));
  return index < 0 ? undefined : index + 1;
}

/** For what decrypts the devices' sessions: in a Bootstrap-Write stand their keys. */
const ownerOnly = 0o600;

/** Where a run's evidence goes: `<root>/<run>/`, every file written beside and renamed. */
export class EvidenceStore {
  constructor(
    private readonly files: Files,
    /** Folder of this run. */
    readonly folder: string,
    /** Nanoseconds since 1970 at hrtime 0. */
    private readonly epochOffset: bigint,
    private readonly application: string,
    /** Where the secrets of the devices' sessions are, when the run was asked to keep them. */
    private readonly keyLog?: KeyLog,
  ) {}

  /** Writes trace and capture of one scenario; resolves with their folder, relative to the run's. */
  async scenario(id: string, events: readonly TraceEvent[], steps: readonly Pick<StepRecord, "startedAt" | "endedAt">[]): Promise<string> {
    const folder = `scenarios/${id}`;
    const lines = events.map((event) => {
      const step = stepAt(steps, event.at);
      return { ...event, ...(step === undefined ? {} : { step }) };
    });
    await this.files.writeAtomic(`${this.folder}/${folder}/trace.ndjson`, ndjson(lines));
    const datagrams = captureOf(events, this.epochOffset);
    const secrets = this.keyLog?.of(datagrams) ?? [];
    await this.files.writeAtomic(`${this.folder}/${folder}/capture.pcapng`, encodeCapture(datagrams, this.application, secrets), secrets.length > 0 ? ownerOnly : undefined);
    return folder;
  }

  /** `keys.log`, for the owner's eyes only; nothing where no keys were kept. */
  async keys(): Promise<void> {
    if (this.keyLog === undefined) return;
    await this.files.writeAtomic(`${this.folder}/keys.log`, this.keyLog.lines.map((line) => `${line}\n`).join(""), ownerOnly);
  }

  /** Cucumber's own messages, of all scenarios as one run. */
  async messages(envelopes: readonly object[]): Promise<void> {
    await this.files.writeAtomic(`${this.folder}/cucumber-messages.ndjson`, ndjson(envelopes));
  }

  /** `result.json`, checked against its own schema; the newest run is linked as `latest` beside its folder. */
  async result(result: RunResult): Promise<void> {
    resultSchema.parse(result);
    await this.files.writeAtomic(`${this.folder}/result.json`, `${JSON.stringify(result, null, 2)}\n`);
    const parts = this.folder.split("/");
    const name = parts.pop() ?? "";
    await this.files.link(name, [...parts, "latest"].join("/"));
  }
}
