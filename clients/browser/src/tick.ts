/**
 * A tick: one observation of one symbol's price, and its place in the symbol's order.
 *
 * Numbers are JavaScript's, which shows every price as it was sent but isn't for book-keeping: use the REST API
 * or the Python client where a sum must be exact. Order is `(series, seq)`, never the time.
 */

export interface Tick {
  readonly symbol: string;
  readonly price: number;
  /** Milliseconds since 1970, UTC. */
  readonly timeMs: number;
  /** The same as ISO 8601, such as `2026-11-21T14:30:00.123Z`. */
  readonly timestamp: string;
  /** Rises by one for each tick of its symbol, from 1, within a `series`. */
  readonly seq: number;
  /** Rises when the platform's history was wiped. */
  readonly series: number;
  readonly bid?: number;
  readonly ask?: number;
  readonly volume?: number;
  readonly source?: string;
}

/** A tick, and what the day's change is reckoned from, where the message told it: the snapshot and the board do. */
export interface Quote extends Tick {
  /** The last price of the day before, UTC. */
  readonly previousClose?: number;
  /** The first price of the tick's day, UTC. */
  readonly dayOpen?: number;
}

export type Place = Pick<Tick, "series" | "seq">;

/** Whether `tick` comes after `other` in their symbol's order; anything comes after nothing. */
export function isAfter(tick: Place, other: Place | undefined): boolean {
  return (
    !other || tick.series > other.series || (tick.series === other.series && tick.seq > other.seq)
  );
}
