/** Candles by event time, sparklines, and the newest of each symbol. */

import { describe, expect, test } from "vitest";

import { Candles } from "../dashboard/candles";
import { Quotes } from "../dashboard/quotes";
import { SPAN_MS, Trace } from "../dashboard/trace";
import type { Bar, Quote } from "../src/index";

const MINUTE_MS = 60_000;

function tick(seq: number, timeMs: number, price: number, more: Partial<Quote> = {}): Quote {
  return { symbol: "AAPL", seq, series: 1, timeMs, timestamp: new Date(timeMs).toISOString(), price, volume: 10, ...more };
}

function bar(startMs: number, close: number, last: number, more: Partial<Bar> = {}): Bar {
  return { symbol: "AAPL", startMs, open: 100, high: 110, low: 90, close, volume: 500, last, series: 1, ...more } as Bar;
}

describe("candles", () => {
  test("a tick exactly on the boundary opens the next one", () => {
    const candles = new Candles(MINUTE_MS);
    candles.add(tick(1, 59_999, 100));
    candles.add(tick(2, 60_000, 101));
    expect(candles.all.map(({ startMs, open, close }) => [startMs, open, close])).toEqual([[0, 100, 100], [60_000, 101, 101]]);
  });

  test("the open one grows with its ticks", () => {
    const candles = new Candles(MINUTE_MS);
    for (const [seq, price] of [[1, 100], [2, 103], [3, 98], [4, 101]] as const) candles.add(tick(seq, seq * 1_000, price));
    expect(candles.newest).toMatchObject({ open: 100, high: 103, low: 98, close: 101, volume: 40, seq: 4 });
  });

  test("a tick that the platform's bar has counted isn't counted again, and those after it are", () => {
    const candles = new Candles(MINUTE_MS);
    candles.add(tick(7, 1_000, 104)); // came before history did
    candles.add(tick(8, 2_000, 120));
    expect(candles.put(bar(0, 105, 7))).toMatchObject({ open: 100, high: 120, low: 90, close: 120, volume: 510, seq: 8 });
    expect(candles.add(tick(8, 2_000, 120))).toBeUndefined();
    expect(candles.add(tick(9, 3_000, 121))).toMatchObject({ close: 121, volume: 520 });
  });

  test("a late tick changes its own candle, and not what it closed at", () => {
    const candles = new Candles(MINUTE_MS);
    candles.add(tick(1, 50_000, 100));
    candles.add(tick(2, 61_000, 105));
    expect(candles.add(tick(3, 20_000, 90))).toMatchObject({ startMs: 0, low: 90, close: 100 });
    expect(candles.newest).toMatchObject({ startMs: 60_000, close: 105 });
  });

  test("a corrected bar takes the place of the first", () => {
    const candles = new Candles(MINUTE_MS);
    candles.put(bar(0, 105, 7));
    expect(candles.put(bar(0, 104, 9, { volume: 600 }))).toMatchObject({ close: 104, volume: 600 });
  });

  test("after history was wiped, the new series counts", () => {
    const candles = new Candles(MINUTE_MS);
    candles.add(tick(900, 1_000, 100));
    expect(candles.add(tick(1, 2_000, 101, { series: 2 }))).toMatchObject({ close: 101, seq: 1, series: 2 });
  });
});

describe("a sparkline's trace", () => {
  test("the line spans the box from the first time to the last, high prices at the top", () => {
    const trace = new Trace();
    trace.add(0, 10);
    trace.add(500_000, 30);
    trace.add(1_000_000, 20);
    expect(trace.draw()).toEqual({ line: "M0.0 92.0L50.0 8.0L100.0 50.0", end: 50 });
  });

  test("a price that never moved is a line in the middle; no price is no line", () => {
    const trace = new Trace();
    expect(trace.draw()).toEqual({ line: "", end: 50 });
    trace.add(0, 10);
    expect(trace.draw()).toEqual({ line: "M0 50L100 50", end: 50 });
  });

  test("a day of ticks stays within its bounds, and ends at the newest price", () => {
    const trace = new Trace();
    let most = 0;
    for (let at = 0; at < 100_000; at += 1) {
      trace.add(at * 864, at % 97);
      most = Math.max(most, trace.length);
    }
    expect(most).toBeLessThanOrEqual(240);
    expect(trace.draw().line.endsWith(`${(8 + (96 - (99_999 % 97)) * (84 / 96)).toFixed(1)}`)).toBe(true);
  });

  test("what is older than an hour goes", () => {
    const trace = new Trace();
    trace.add(0, 10);
    trace.add(SPAN_MS / 2, 10);
    trace.add(SPAN_MS + 1, 10);
    expect(trace.length).toBe(2);
  });

  test("history that comes late goes before the ticks", () => {
    const trace = new Trace();
    trace.add(100_000, 20);
    trace.begin([{ timeMs: 0, price: 10 }, { timeMs: 100_001, price: 99 }]);
    expect(trace.draw().line).toBe("M0.0 92.0L100.0 8.0");
  });
});

describe("the newest of each symbol", () => {
  test("an older quote never replaces a newer one, whatever the lane", () => {
    const quotes = new Quotes();
    expect(quotes.take(tick(5, 5, 105))).toBe(true);
    expect(quotes.take(tick(4, 4, 104))).toBe(false);
    expect(quotes.take(tick(5, 5, 105))).toBe(false);
    expect(quotes.get("AAPL")).toMatchObject({ quote: { seq: 5, price: 105 } });
  });

  test("a newer quote without a close keeps the close that is known", () => {
    const quotes = new Quotes();
    quotes.take(tick(5, 5, 105, { previousClose: 100 }));
    quotes.take(tick(6, 6, 106));
    expect(quotes.get("AAPL")).toMatchObject({ quote: { price: 106 }, base: 100, since: "the previous close" });
  });

  test("an older quote that knows the close gives it", () => {
    const quotes = new Quotes();
    quotes.take(tick(6, 6, 106));
    expect(quotes.get("AAPL")).toMatchObject({ base: 106, since: "this page opened" });
    expect(quotes.lacks("AAPL")).toBe(true);
    expect(quotes.take(tick(5, 5, 105, { dayOpen: 101 }))).toBe(true);
    expect(quotes.get("AAPL")).toMatchObject({ quote: { seq: 6 }, base: 101, since: "the day's open" });
    expect(quotes.take(tick(5, 5, 105, { previousClose: 100 }))).toBe(true);
    expect(quotes.get("AAPL")).toMatchObject({ quote: { seq: 6 }, base: 100, since: "the previous close" });
    expect(quotes.lacks("AAPL")).toBe(false);
  });
});

