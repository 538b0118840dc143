/**
 * Values on their way to a `for await` that may be slower than they come.
 *
 * In: values, each with a key. Out: the same in order. Memory is bounded: when `size` of them wait, only the newest
 * of each key is kept until the reader comes back, which is told how many newer ones replaced.
 */

export class Buffer<T> {
  #queue: T[] = [];
  #newest = new Map<string, T>(); // only filled while the queue is full
  #replaced = 0;
  #wake: (() => void) | undefined;
  #over: { readonly error?: Error | undefined } | undefined;
  readonly #size: number;
  readonly #onDropped: (count: number) => void;

  constructor(size: number, onDropped: (count: number) => void) {
    if (!(size >= 1)) throw new RangeError(`maxsize is ${size}; expected 1 or more`);
    this.#size = size;
    this.#onDropped = onDropped;
  }

  offer(key: string, value: T): void {
    if (this.#over) return;
    if (this.#queue.length < this.#size) this.#queue.push(value);
    else {
      if (this.#newest.delete(key)) this.#replaced += 1;
      this.#newest.set(key, value);
    }
    this.#wake?.();
  }

  /** Take nothing more; the reader gets what is here, then the error, or its end without one. */
  end(error?: Error): void {
    this.#over ??= { error };
    this.#wake?.();
  }

  /** What comes, in order. One reader at a time. */
  async *read(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const batch = [...this.#queue, ...this.#newest.values()];
      if (this.#replaced > 0) this.#onDropped(this.#replaced);
      this.#queue = [];
      this.#newest.clear();
      this.#replaced = 0;
      yield* batch;
      if (this.#queue.length > 0) continue;
      if (this.#over?.error !== undefined) throw this.#over.error;
      if (this.#over) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
