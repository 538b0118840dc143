/**
 * The newest quote of each symbol, and what its change is measured from.
 *
 * In: quotes of every lane, in any order. Out: the newest by `(series, seq)`; an older one only adds what it alone
 * knows. The change is since the previous close; on a symbol's first day since its open; and where neither is
 * known, since the first price that this page saw.
 */

import { isAfter, type Quote } from "../src/index";

export type Since = "the previous close" | "the day's open" | "this page opened";

export interface Known {
  readonly quote: Quote;
  readonly base: number;
  readonly since: Since;
}

export class Quotes {
  readonly #known = new Map<string, Known>();

  /** Keep `quote`; say whether there is something new to show. */
  take(quote: Quote): boolean {
    const before = this.#known.get(quote.symbol);
    const newest = isAfter(quote, before?.quote) ? quote : before!.quote;
    const known = { quote: newest, ...baseOf(quote, before) };
    if (before !== undefined && newest === before.quote && known.base === before.base) return false;
    this.#known.set(quote.symbol, known);
    return true;
  }

  /** Whether the change of `symbol` is only since this page opened. */
  lacks(symbol: string): boolean {
    return (this.#known.get(symbol)?.since ?? "this page opened") === "this page opened";
  }

  get(symbol: string): Known | undefined {
    return this.#known.get(symbol);
  }
}

function baseOf(quote: Quote, before: Known | undefined): { base: number; since: Since } {
  const close = quote.previousClose;
  if (close !== undefined) return { base: close, since: "the previous close" };
  if (before?.since === "the previous close") return { base: before.base, since: before.since };
  if (quote.dayOpen !== undefined) return { base: quote.dayOpen, since: "the day's open" };
  return { base: before?.base ?? quote.price, since: before?.since ?? "this page opened" };
}
