/**
 * Bar messages: one bar, as the bar lane and the API tell it.
 *
 * In: UTF-8 JSON, or what is parsed of it. Out: a BarMessage, or a WireError that says what is wrong. A bar that
 * comes again, with the same symbol, interval and start, stands in for the one before it.
 */

import type { Bar } from "./bars.js";
import { INTERVALS, type Interval } from "./topic.js";
import { number, parsed, text, time, whole, WireError } from "./wire.js";

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
  const bar = value as Record<string, unknown>;
  const interval = INTERVALS.find((name) => name === bar.interval);
  if (interval === undefined) throw new WireError(`interval is ${JSON.stringify(bar.interval)}; expected one of ${INTERVALS}`);
  const figure = (name: string) => number(bar[name], name);
  const count = (name: string) => whole(bar[name], name);
  return {
    symbol: text(bar.symbol, "symbol"),
    interval,
    startMs: time(bar.start),
    endMs: time(bar.end),
    open: figure("open"),
    high: figure("high"),
    low: figure("low"),
    close: figure("close"),
    volume: figure("volume"),
    vwap: bar.vwap == null ? null : figure("vwap"),
    average5m: figure("average5m"),
    count: count("count"),
    first: count("first"),
    last: count("last"),
    series: count("series"),
    corrected: bar.corrected === true,
    isOpen: bar.closed === false,
  };
}
