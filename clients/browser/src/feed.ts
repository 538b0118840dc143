/**
 * One symbol's ticks on their way to whoever listens, whole from the first.
 *
 * In: messages, the snapshot, prices of the board. Out: each tick once and in order to each listener; gaps as events.
 * When a listener wants it lossless, what is missing is fetched in the blocks of 100 that a CDN may keep, after a
 * random wait of up to 2 s, so that a thousand tabs that missed the same message don't ask at once. Bounded: the
 * newest 1,000 ticks of a hole, three tries a block.
 */

import { BLOCK, block } from "./api.js";
import { delayMs, sleep } from "./backoff.js";
import { Unreachable } from "./errors.js";
import { tell } from "./events.js";
import { type Counts, type Gap, isGap, type Item, Sequence } from "./sequence.js";
import type { Quote, Tick } from "./tick.js";

export const FILL_WAIT_MS = 2_000;
export const FILL_MAX = 10 * BLOCK;
const TRIES_MAX = 3;

export class Feed {
  newest: Quote | undefined;
  readonly listeners = new Set<(tick: Quote) => void>();
  readonly #sequence: Sequence;
  #isFilling = false;

  constructor(
    readonly symbol: string,
    isConflated: boolean,
    counts: Counts,
    readonly api: () => string,
    readonly onGap: (gap: Gap) => void,
  ) {
    this.#sequence = new Sequence(isConflated, counts);
  }

  /** From now on fill what is missing, for all who listen. */
  loseNothing(): void {
    this.#sequence.lossless = true;
  }

  snapshot(quote: Quote | undefined): void {
    this.#emit(this.#sequence.snapshot(quote));
  }

  live(ticks: readonly Tick[]): void {
    this.#emit(this.#sequence.live(ticks));
  }

  /** A price of the board stands in for the lane while the tab is hidden; what lies between isn't missing. */
  board(quote: Quote): void {
    if (this.#sequence.lossless) return; // it fetches all of them when the tab is shown
    this.skip();
    this.snapshot(quote);
    this.skip();
  }

  /** What the next tick leaves out isn't missing, unless someone wants it all. */
  skip(): void {
    this.#sequence.skip();
  }

  #emit(items: readonly Item[]): void {
    for (const item of items) {
      if (isGap(item)) this.onGap(item);
      else tell(this.listeners, (this.newest = item));
    }
    if (!this.#isFilling && this.#sequence.missing) void this.#fill();
  }

  async #fill(): Promise<void> {
    this.#isFilling = true;
    await sleep(Math.random() * FILL_WAIT_MS);
    for (let run = this.#sequence.missing; run && this.listeners.size > 0; run = this.#sequence.missing) {
      const { series, first, last } = run;
      const after = Math.floor((first - 1) / BLOCK) * BLOCK;
      const isFar = last - first >= FILL_MAX;
      const ticks = isFar ? [] : await this.#block(series, after);
      this.#emit(this.#sequence.fill({ ...run, last: isFar ? last - FILL_MAX : Math.min(last, after + BLOCK) }, ticks));
    }
    this.#isFilling = false;
  }

  /** A block's ticks; none when they can't be had. */
  async #block(series: number, after: number): Promise<Tick[]> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await block(this.api(), this.symbol, series, after);
      } catch (error) {
        const status = error instanceof Unreachable ? (error.status ?? 500) : 400;
        if ((status < 500 && status !== 429) || failures === TRIES_MAX) return [];
        await sleep(delayMs(failures + 1));
      }
    }
  }
}
