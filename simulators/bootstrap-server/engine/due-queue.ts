import { Timer } from "../../../src/ports/index.js";
import type { Clock } from "../../../src/ports/index.js";

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Many deadlines behind one timer: a binary heap, earliest first, in the order of arrival where times are equal. */
export class DueQueue extends Timer {
  readonly #heap: Due[] = [];
  #arrivals = 0;
  #closed = false;
  #startedFor = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    override readonly timerName: string,
  ) {
    super();
  }

  get size(): number {
    return this.#heap.length;
  }

  /** There is no way to take an entry back: `run` looks whether it is still wanted. */
  add(delayMs: number, run: () => void): void {
    if (this.#closed) return;
    const due: Due = { at: this.clock.now() + delayMs, order: this.#arrivals++, run };
    this.#heap.push(due);
    this.#rise(this.#heap.length - 1);
    this.#arm();
  }

  /** For a server that stops: what is still added afterwards never runs. */
  close(): void {
    this.#closed = true;
    this.#heap.length = 0;
    this.#startedFor = Number.POSITIVE_INFINITY;
    this.clock.stop(this);
  }

  override fire(): void {
    this.#startedFor = Number.POSITIVE_INFINITY;
    for (let first = this.#heap[0]; first !== undefined && first.at <= this.clock.now(); first = this.#heap[0]) {
      this.#takeFirst();
      first.run();
    }
    this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.at >= this.#startedFor) return;
    this.#startedFor = first.at;
    this.clock.start(this, Math.max(0, first.at - this.clock.now()));
  }

  #takeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #before(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return one !== undefined;
    return one.at < other.at || (one.at === other.at && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#before(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
