/**
 * Candles of one symbol and width, by the time of their events.
 *
 * In: bars as the platform has them, ticks as they come. Out: the candles that changed. A bar is the platform's
 * word: it takes the place of the candle with its start, and of the ticks that it counts, by `seq`; those after it
 * are added again from the last thousand. A late tick changes its own candle, never the newest.
 */

import type { Bar, Tick } from "../src/index";

const RECENT_MAX = 1_000;

export interface Candle {
  readonly startMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** The newest tick in it. */
  readonly seq: number;
  readonly series: number;
  /** The time of the tick that made `close`, where a tick did. */
  readonly closeMs: number;
}

export class Candles {
  readonly #candles = new Map<number, Candle>();
  #recent: Tick[] = [];
  #newestMs = -Infinity;

  constructor(readonly widthMs: number) {}

  /** All, oldest first. */
  get all(): Candle[] {
    return [...this.#candles.values()].sort((one, other) => one.startMs - other.startMs);
  }

  /** The newest, which is still open as a rule. */
  get newest(): Candle | undefined {
    return this.#candles.get(this.#newestMs);
  }

  at(startMs: number): Candle | undefined {
    return this.#candles.get(startMs);
  }

  /** Take the platform's bar, and what came after it. */
  put(bar: Bar): Candle {
    const { startMs, open, high, low, close, volume, last: seq, series } = bar;
    this.#keep({ startMs, open, high, low, close, volume, seq, series, closeMs: startMs });
    for (const tick of this.#recent) {
      if (this.#start(tick) === startMs) this.#fold(tick);
    }
    return this.#candles.get(startMs)!;
  }

  /** Take a tick; undefined when a bar has counted it. */
  add(tick: Tick): Candle | undefined {
    this.#recent.push(tick);
    if (this.#recent.length >= 2 * RECENT_MAX) this.#recent = this.#recent.slice(-RECENT_MAX);
    return this.#fold(tick);
  }

  #fold(tick: Tick): Candle | undefined {
    const startMs = this.#start(tick);
    const { price, timeMs, volume = 0, seq, series } = tick;
    const here = this.#candles.get(startMs);
    if (here !== undefined && (series < here.series || (series === here.series && seq <= here.seq))) return undefined;
    const isLast = here === undefined || timeMs >= here.closeMs;
    return this.#keep({
      startMs,
      open: here?.open ?? price,
      high: Math.max(here?.high ?? price, price),
      low: Math.min(here?.low ?? price, price),
      close: isLast ? price : here.close,
      closeMs: isLast ? timeMs : here.closeMs,
      volume: (here?.volume ?? 0) + volume,
      seq,
      series,
    });
  }

  #keep(candle: Candle): Candle {
    this.#candles.set(candle.startMs, candle);
    this.#newestMs = Math.max(this.#newestMs, candle.startMs);
    return candle;
  }

  #start(tick: Tick): number {
    return Math.floor(tick.timeMs / this.widthMs) * this.widthMs;
  }
}
