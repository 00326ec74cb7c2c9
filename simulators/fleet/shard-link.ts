import type { MessagePort } from "node:worker_threads";
import type { FromShard, Replies, ToShard } from "./protocol.js";

type Question = ToShard extends infer Message ? (Message extends ToShard ? Omit<Message, "id"> : never) : never;

interface Waiting {
  readonly resolve: (result: Replies[keyof Replies]) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's end of one shard: questions with their answers, and statistics. */
export class ShardLink {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #lost: string | undefined = undefined;
  /** `Clock.now()` of the last sign of life. */
  heardAt: number;
  readonly ready: Promise<void>;
  #onReady: () => void = () => {};

  constructor(
    readonly port: MessagePort,
    readonly now: () => number,
    readonly onStatistics: (statistics: Extract<FromShard, { type: "statistics" }>) => void,
    readonly onKeyLog: (line: string) => void = () => {},
  ) {
    this.heardAt = now();
    this.ready = new Promise((resolve) => (this.#onReady = resolve));
    port.on("message", (message: FromShard) => this.#take(message));
  }

  /** Rejects when the shard refuses, or is lost. */
  ask<Q extends Question>(question: Q): Promise<Replies[Q["type"]]> {
    const asked: Question = question;
    if (this.#lost !== undefined) return Promise.reject(new Error(this.#lost));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // The shard answers each question with what `Replies` says of its type.
      this.#waiting.set(id, { resolve: (result) => resolve(result as Replies[Q["type"]]), reject });
      this.port.postMessage({ ...asked, id } satisfies ToShard);
    });
  }

  #take(message: FromShard): void {
    this.heardAt = this.now();
    switch (message.type) {
      case "ready":
        this.#onReady();
        return;
      case "statistics":
        this.onStatistics(message);
        return;
      case "key-log":
        this.onKeyLog(message.line);
        return;
      case "reply":
        this.#settle(message.id)?.resolve(message.result);
        return;
      case "refused":
        this.#settle(message.id)?.reject(new Error(message.reason));
        return;
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** No answer will come any more. */
  lose(reason: string): void {
    this.#lost ??= reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
    this.#onReady();
    this.port.close();
  }
}
