/**
 * Board messages: many symbols' newest prices at once.
 *
 * In: UTF-8 JSON. Out: a BoardUpdate, or a WireError that says what is wrong. A window that didn't fit into one
 * message comes in parts, each of which stands for itself.
 */

import type { Quote } from "./tick.js";
import { list, parsed, quoteOf, time, whole } from "./wire.js";

export interface BoardUpdate {
  readonly timeMs: number;
  /** Whether no symbol is left out; else these are the ones that changed. */
  readonly full: boolean;
  readonly part: number;
  readonly parts: number;
  readonly prices: readonly Quote[];
}

export function decodeBoard(payload: string): BoardUpdate {
  const { time: at, full, part, parts, prices } = parsed(payload);
  return {
    timeMs: time(at),
    full: full === true,
    part: whole(part, "part"),
    parts: whole(parts, "parts"),
    prices: list(prices, "prices").map(quoteOf),
  };
}
