import type { Envelope, GherkinDocument } from "@cucumber/messages";

/** One of Cucumber's messages as plain data. */
export type Message = { readonly [K in keyof Envelope]: Envelope[K] };

type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/** Every `id` in a tree, in a fixed order: two parses of one text give lists of equal length that correspond. */
function idsIn(value: unknown, found: string[] = []): string[] {
  if (Array.isArray(value)) for (const item of value) idsIn(item, found);
  else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      if (key === "id" && typeof member === "string") found.push(member);
      else idsIn(member, found);
    }
  }
  return found;
}

/** The same tree with other ids, wherever one stands. */
function renamed<T>(value: T, names: ReadonlyMap<string, string>): T {
  const visit = (node: Json): Json => {
    if (typeof node === "string") return names.get(node) ?? node;
    if (Array.isArray(node)) return node.map((item: Json) => visit(item));
    if (typeof node === "object" && node !== null) return Object.fromEntries(Object.entries(node).map(([key, member]: [string, Json]) => [key, visit(member)]));
    return node;
  };
  return visit(value as Json) as T;
}

/**
 * Makes one stream of messages, as of one Cucumber run, out of several runs that share their step definitions: one `meta`, each feature once, one
 * start and one end. Each run parsed its features anew and gave them ids of its own; these are mapped to those of the first parse.
 */
export class MessageMerger {
  readonly #documents = new Map<string, readonly string[]>();
  readonly #pickles = new Map<string, { readonly id: string; readonly steps: readonly string[] }>();
  #head: Message | undefined;
  #support: Message[] = [];
  #started: Message | undefined;
  #runId = "";
  #success = true;
  #finished: Message | undefined;
  readonly #body: Message[] = [];
  readonly #features: Message[] = [];

  /** Takes over the messages of one run. */
  add(run: readonly Message[]): void {
    const names = new Map<string, string>();
    const first = this.#head === undefined;
    for (const envelope of run) {
      if (envelope.meta !== undefined) this.#head ??= envelope;
      else if (envelope.source !== undefined) {
        const { uri } = envelope.source;
        if (!this.#documents.has(uri)) this.#features.push(envelope);
      } else if (envelope.gherkinDocument !== undefined) this.#document(envelope.gherkinDocument, names);
      else if (envelope.pickle !== undefined) this.#pickle(envelope, names);
      else if (envelope.stepDefinition !== undefined || envelope.hook !== undefined || envelope.parameterType !== undefined) {
        if (first) this.#support.push(envelope);
      } else if (envelope.testRunStarted !== undefined) {
        if (this.#started === undefined) {
          this.#started = envelope;
          this.#runId = envelope.testRunStarted.id ?? "";
        } else if (envelope.testRunStarted.id !== undefined) names.set(envelope.testRunStarted.id, this.#runId);
      } else if (envelope.testRunFinished !== undefined) {
        this.#success &&= envelope.testRunFinished.success;
        this.#finished = renamed(envelope, names);
      } else this.#body.push(renamed(envelope, names));
    }
  }

  #document(document: GherkinDocument, names: Map<string, string>): void {
    const uri = document.uri ?? "";
    const ids = idsIn(document.feature);
    const known = this.#documents.get(uri);
    if (known === undefined) {
      this.#documents.set(uri, ids);
      this.#features.push({ gherkinDocument: document });
      return;
    }
    ids.forEach((id, index) => names.set(id, known[index] ?? id));
  }

  #pickle(envelope: Message, names: Map<string, string>): void {
    const pickle = envelope.pickle;
    if (pickle === undefined) return;
    const nodes = pickle.astNodeIds.map((id) => names.get(id) ?? id);
    const key = `${pickle.uri} ${nodes.join(" ")}`;
    const known = this.#pickles.get(key);
    if (known === undefined) {
      this.#pickles.set(key, { id: pickle.id, steps: pickle.steps.map((step) => step.id) });
      this.#features.push(renamed(envelope, names));
      return;
    }
    names.set(pickle.id, known.id);
    pickle.steps.forEach((step, index) => names.set(step.id, known.steps[index] ?? step.id));
  }

  /** The one stream. Empty when nothing ran. */
  merged(): object[] {
    const head = this.#head === undefined ? [] : [this.#head];
    const started = this.#started === undefined ? [] : [this.#started];
    const finished = this.#finished?.testRunFinished;
    const end: object[] = finished === undefined ? [] : [{ testRunFinished: { timestamp: finished.timestamp, success: this.#success, ...(this.#runId === "" ? {} : { testRunStartedId: this.#runId }) } }];
    return [...head, ...this.#features, ...this.#support, ...started, ...this.#body, ...end];
  }
}
