/**
 * Bar messages: one bar, as the bar lane and the API tell it.
 *
 * In: UTF-8 JSON, or what is parsed of it. Out: a BarMessage, or a WireError that says what is wrong. A bar that
 * comes again, with the same symbol, interval and start, stands in for the one before it.
 */

import type { Bar } from "./bars.js";
import type { Interval } from "./topic.js";
import { number, parsed, text, time } from "./wire.js";

export interface BarMessage extends Bar {
  readonly interval: Interval;
  /** Ticks from this moment on aren't in it. */
  readonly endMs: number;
  /** Whether more ticks may come into it; never so on the bar lane. */
  readonly isOpen: boolean;
}

export function decodeBar(payload: string): BarMessage {
  return barOf(parsed(payload));
}

export function barOf(value: unknown): BarMessage {
  const { start, end, closed, v, corrected, ...bar } = value as BarMessage & Record<string, unknown>;
  for (const name of FIGURES) number(bar[name], name);
  text(bar.symbol, "symbol");
  text(bar.interval, "interval");
  return { ...bar, startMs: time(start), endMs: time(end), corrected: corrected === true, isOpen: closed === false };
}

const FIGURES = "open high low close volume average5m count first last series".split(" ");
