/**
 * One symbol's ticks on their way to whoever listens, whole from the first.
 *
 * In: messages, the snapshot, prices of the board. Out: each tick once and in order to each listener; gaps as events.
 * A lossless feed has what is missing fetched in the blocks of 100 that a CDN may keep, after a random wait of up to
 * 2 s, so that a thousand tabs that missed the same message don't ask at once. Bounded: the newest 1,000 ticks of a
 * hole, three tries a block.
 */

import { BLOCK } from "./api.js";
import { delayMs } from "./backoff.js";
import { Unreachable } from "./errors.js";
import { type Gap, isGap, type Item, Sequence } from "./sequence.js";
import type { Quote, Tick } from "./tick.js";

export const FILL_WAIT_MS = 2_000;
export const FILL_MAX = 10 * BLOCK;
const TRIES_MAX = 3;

export interface FeedOptions {
  readonly symbol: string;
  readonly isConflated: boolean;
  readonly lossless: boolean;
  readonly counts: { duplicates: number };
  /** The stored ticks of the block that begins after `after`. */
  fetch(series: number, after: number): Promise<Tick[]>;
  onTick(tick: Quote, listeners: Iterable<(tick: Quote) => void>): void;
  onGap(gap: Gap): void;
  readonly signal: AbortSignal;
}

export class Feed {
  newest: Quote | undefined;
  readonly listeners = new Set<(tick: Quote) => void>();
  readonly lossless: boolean;
  readonly #sequence: Sequence;
  readonly #options: FeedOptions;
  #isFilling = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.lossless = options.lossless;
    this.#sequence = new Sequence(options);
  }

  snapshot(quote: Quote | undefined): void {
    this.#emit(this.#sequence.snapshot(quote));
  }

  live(ticks: readonly Tick[]): void {
    this.#emit(this.#sequence.live(ticks));
  }

  /** A price of the board stands in for the lane while the tab is hidden; what lies between isn't missing. */
  board(quote: Quote): void {
    if (this.lossless) return; // fetches all of it when the tab is shown
    this.skip();
    this.#emit(this.#sequence.snapshot(quote));
    this.skip();
  }

  /** What the next tick leaves out isn't missing. */
  skip(): void {
    if (!this.lossless) this.#sequence.skip();
  }

  #emit(items: readonly Item[]): void {
    for (const item of items) {
      if (isGap(item)) this.#options.onGap(item);
      else {
        this.newest = item;
        this.#options.onTick(item, this.listeners);
      }
    }
    if (this.#sequence.missing !== undefined && !this.#isFilling) void this.#fill();
  }

  async #fill(): Promise<void> {
    const { signal } = this.#options;
    this.#isFilling = true;
    await sleep(Math.random() * FILL_WAIT_MS);
    for (let run = this.#sequence.missing; run !== undefined && !signal.aborted; run = this.#sequence.missing) {
      const { series, first, last } = run;
      if (last - first >= FILL_MAX) {
        this.#emit(this.#sequence.fill({ ...run, last: last - FILL_MAX }, []));
        continue;
      }
      const after = Math.floor((first - 1) / BLOCK) * BLOCK;
      const ticks = await this.#block(series, after);
      if (!signal.aborted) this.#emit(this.#sequence.fill({ ...run, last: Math.min(last, after + BLOCK) }, ticks));
    }
    this.#isFilling = false;
  }

  /** A block's ticks; none when they can't be had. */
  async #block(series: number, after: number): Promise<Tick[]> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#options.fetch(series, after);
      } catch (error) {
        const status = error instanceof Unreachable ? (error.status ?? 500) : 400;
        if ((status < 500 && status !== 429) || failures === TRIES_MAX) return [];
        await sleep(delayMs(failures + 1));
      }
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
