/**
 * One symbol's order: what a reader gets of what arrives.
 *
 * In: the snapshot, messages as they come, answers of history. Out: ticks whose `(series, seq)` strictly rises, and
 * each run that's missing as a Gap in its place. Pure; Python's does the same on the same cases. What comes before
 * the first snapshot is held. A lossless one keeps what follows a hole back until `fill` has told what became of
 * it. A new series is a reset, never a gap; a conflated lane jumps without one.
 */

import { isAfter, type Place, type Quote } from "./tick.js";

/** As many ticks wait behind a hole before it's given up. */
export const WAITING_MAX = 10_000;

/** Ticks `first` to `last`, both included. */
export interface Run {
  readonly series: number;
  readonly first: number;
  readonly last: number;
}

/** A run that didn't come by the live lane; `filled` when it was had over HTTP, and follows. */
export interface Gap extends Run {
  readonly filled: boolean;
}

export type Item = Quote | Gap;

export function isGap(item: Item): item is Gap {
  return "filled" in item;
}

/** Where ticks are counted that were left out because they, or newer ones, had come already. */
export interface Counts {
  duplicates: number;
}

export class Sequence {
  #last: Place | undefined;
  #held: Quote[] | undefined = [];
  #waiting: Quote[] = []; // behind a hole, in order
  #maySkip = false;
  readonly #isConflated: boolean;
  readonly #counts: Counts;

  constructor(isConflated: boolean, counts: Counts, public lossless = false) {
    this.#isConflated = isConflated;
    this.#counts = counts;
  }

  /** The newest tick over HTTP; undefined when there is none or it can't be had. */
  snapshot(quote: Quote | undefined): Item[] {
    const held = this.#held ?? [];
    this.#held = undefined;
    return this.live(quote ? [quote, ...held] : held);
  }

  /** The ticks of one message. */
  live(ticks: readonly Quote[]): Item[] {
    if (this.#held) {
      this.#held = [...this.#held, ...ticks].slice(-WAITING_MAX);
      return [];
    }
    const out: Item[] = [];
    for (const tick of ticks) {
      if (!this.#isNew(tick)) {
        this.#counts.duplicates += 1;
      } else if (this.lossless) {
        this.#waiting.push(tick);
      } else {
        const hole = between(this.#last, tick);
        if (hole && !this.#isConflated && !this.#maySkip) out.push({ ...hole, filled: false });
        this.#give(tick, out);
      }
    }
    this.#waiting.sort((one, other) => one.series - other.series || one.seq - other.seq);
    return [...out, ...this.#drain()];
  }

  /** What the next item leaves out isn't missing: nobody asked for it. */
  skip(): void {
    this.#maySkip = true;
  }

  /** The run that has to be fetched, if any. */
  get missing(): Run | undefined {
    return this.#waiting[0] && between(this.#last, this.#waiting[0]);
  }

  /** History's answer to what was asked for: final, so what isn't in it is lost. */
  fill({ series, last }: Run, ticks: readonly Quote[]): Item[] {
    const fresh = ticks.filter((tick) => tick.series === series && tick.seq <= last && this.#isNew(tick));
    this.#counts.duplicates += ticks.length - fresh.length;
    const out: Item[] = [];
    if (this.#last?.series === series) this.#advance(last, new Map(fresh.map((tick) => [tick.seq, tick])), out);
    return [...out, ...this.#drain()];
  }

  #isNew(tick: Quote): boolean {
    const { series, seq } = tick;
    return isAfter(tick, this.#last) && !this.#waiting.some((other) => other.series === series && other.seq === seq);
  }

  /** Go on to `end`, with what was got in its place and what wasn't told as lost. */
  #advance(end: number, got: ReadonlyMap<number, Quote>, out: Item[]): void {
    while (this.#last!.seq < end) {
      const { series, seq } = this.#last!;
      const first = seq + 1;
      if (this.#waiting[0]?.seq === first) {
        this.#give(this.#waiting.shift()!, out);
        continue;
      }
      const filled = got.has(first);
      let last = first;
      while (last < end && got.has(last + 1) === filled && this.#waiting[0]?.seq !== last + 1) last += 1;
      out.push({ series, first, last, filled });
      for (let at = first; filled && at <= last; at += 1) out.push(got.get(at)!);
      this.#last = { series, seq: last };
    }
  }

  /** Give out what follows on what was given; over a hole only when there's no hope for it. */
  #drain(): Item[] {
    const out: Item[] = [];
    while (this.#waiting.length > 0) {
      const hole = this.missing;
      if (!hole) this.#give(this.#waiting.shift()!, out);
      else if (this.#waiting.at(-1)!.series > hole.series || this.#waiting.length > WAITING_MAX) {
        this.#advance(hole.last, new Map(), out);
      } else break;
    }
    return out;
  }

  #give(tick: Quote, out: Item[]): void {
    this.#last = tick;
    this.#maySkip = false;
    out.push(tick);
  }
}

function between(had: Place | undefined, next: Place): Run | undefined {
  if (!had || had.series !== next.series || next.seq <= had.seq + 1) return undefined;
  return { series: next.series, first: had.seq + 1, last: next.seq - 1 };
}
