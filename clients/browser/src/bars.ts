/**
 * Bars: a symbol's ticks, folded minute by minute in the order of their `seq`.
 *
 * In: numbered ticks in order. Out: the bars that each tick closes or corrects, and the one that is still open.
 * A minute closes with the first tick whose minute is later; a tick of an earlier minute is late and corrects
 * that minute's bar when the open one closes. The platform folds the same way, with exact decimals; here sums
 * are JavaScript's numbers.
 */

import type { Tick } from "./tick.js";

const MINUTE_MS = 60_000;
const AVERAGE_MS = 300_000;

export interface Bar {
  readonly symbol: string;
  readonly startMs: number;
  /** The first price by time, then `seq`; `close` is the last. */
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** Price weighted by volume; null without volume. */
  readonly vwap: number | null;
  /** Mean price of the ticks of the five minutes that end with this one. */
  readonly average5m: number;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly series: number;
  /** Whether a tick came after the bar had closed. */
  readonly corrected: boolean;
}

/** A bar as it grows: what a tick has to be compared with or added to. */
interface Sums extends Omit<Bar, "vwap" | "average5m"> {
  readonly opened: Tick;
  readonly closed: Tick;
  readonly turnover: number;
  readonly total: number;
}

export interface Closing {
  readonly closed: Bar;
  /** Bars that late ticks have changed since the last closing, by minute. */
  readonly corrections: readonly Bar[];
}

/** The bars of one symbol's ticks. Ticks that come more than `keep` minutes late are left out. */
export class BarFold {
  readonly #bars = new Map<number, Sums>();
  #open: { startMs: number; ticks: Tick[]; late: Tick[] } | undefined;

  constructor(readonly keep = 1_440) {}

  /** Add one tick; say what it closed, if anything. */
  add(tick: Tick): Closing | undefined {
    const startMs = minute(tick);
    const open = this.#open;
    if (open !== undefined && startMs < open.startMs) {
      if (startMs > open.startMs - this.keep * MINUTE_MS) open.late.push(tick);
      return undefined;
    }
    if (startMs === open?.startMs) {
      open.ticks.push(tick);
      return undefined;
    }
    this.#open = { startMs, ticks: [tick], late: [] };
    return open && this.#close(open.startMs, open.ticks, open.late);
  }

  /** The bar that is still open, as it stands. */
  get open(): Bar | undefined {
    if (this.#open === undefined) return undefined;
    const bars = new Map(this.#bars);
    for (const tick of [...this.#open.late, ...this.#open.ticks]) grow(bars, tick, false);
    return finished(bars, this.#open.startMs);
  }

  #close(startMs: number, ticks: Tick[], late: Tick[]): Closing {
    for (const tick of late) grow(this.#bars, tick, true);
    const minutes = [...new Set(late.map(minute))].sort((one, other) => one - other);
    const corrections = minutes.map((at) => finished(this.#bars, at));
    for (const tick of ticks) grow(this.#bars, tick, false);
    const closed = finished(this.#bars, startMs);
    for (const at of this.#bars.keys()) {
      if (at <= startMs - this.keep * MINUTE_MS) this.#bars.delete(at);
    }
    return { closed, corrections };
  }
}

function minute(tick: Tick): number {
  return Math.floor(tick.timeMs / MINUTE_MS) * MINUTE_MS;
}

function grow(bars: Map<number, Sums>, tick: Tick, corrected: boolean): void {
  const startMs = minute(tick);
  const bar = bars.get(startMs);
  const { price, seq, volume = 0 } = tick;
  const opened = bar !== undefined && !isEarlier(tick, bar.opened) ? bar.opened : tick;
  const closed = bar !== undefined && isEarlier(tick, bar.closed) ? bar.closed : tick;
  bars.set(startMs, {
    symbol: tick.symbol,
    startMs,
    open: opened.price,
    high: Math.max(bar?.high ?? price, price),
    low: Math.min(bar?.low ?? price, price),
    close: closed.price,
    volume: (bar?.volume ?? 0) + volume,
    count: (bar?.count ?? 0) + 1,
    first: Math.min(bar?.first ?? seq, seq),
    last: Math.max(bar?.last ?? seq, seq),
    series: tick.series,
    corrected: corrected || (bar?.corrected ?? false),
    opened,
    closed,
    turnover: (bar?.turnover ?? 0) + price * volume,
    total: (bar?.total ?? 0) + price,
  });
}

function isEarlier(tick: Tick, other: Tick): boolean {
  return tick.timeMs < other.timeMs || (tick.timeMs === other.timeMs && tick.seq < other.seq);
}

function finished(bars: ReadonlyMap<number, Sums>, startMs: number): Bar {
  const { opened, closed, turnover, total, ...bar } = bars.get(startMs)!;
  let [sum, count] = [total, bar.count];
  for (let at = startMs - AVERAGE_MS + MINUTE_MS; at < startMs; at += MINUTE_MS) {
    sum += bars.get(at)?.total ?? 0;
    count += bars.get(at)?.count ?? 0;
  }
  return { ...bar, vwap: bar.volume > 0 ? turnover / bar.volume : null, average5m: sum / count };
}
