/** Folding ticks into bars, on the cases that the Python code runs as well. */

import { describe, expect, test } from "vitest";

import vectors from "../../../tests/vectors/bars.json";
import { type Bar, BarFold } from "../src/bars";
import type { Tick } from "../src/index";

type Facts = Record<string, string | number | boolean | null>;

function tick(facts: Facts): Tick {
  const { symbol, seq, series, price, timestamp, volume } = facts;
  return {
    symbol: symbol as string,
    seq: seq as number,
    series: series as number,
    price: Number(price),
    timestamp: timestamp as string,
    timeMs: Date.parse(timestamp as string),
    ...(volume !== undefined && { volume: Number(volume) }),
  };
}

/** Prices and counts exactly; what comes of sums as near as JavaScript's numbers allow. */
function expectBar(bar: Bar | undefined, facts: Facts): void {
  const { vwap, average5m, volume, ...exact } = bar!;
  expect(exact).toEqual({
    symbol: facts.symbol,
    startMs: Date.parse(facts.start as string),
    open: Number(facts.open),
    high: Number(facts.high),
    low: Number(facts.low),
    close: Number(facts.close),
    count: facts.count,
    first: facts.first,
    last: facts.last,
    series: facts.series,
    corrected: facts.corrected ?? false,
  });
  for (const [found, expected] of [
    [volume, facts.volume],
    [vwap, facts.vwap],
    [average5m, facts.average5m],
  ] as const) {
    if (expected === null) expect(found).toBeNull();
    else expect(Math.abs(found! / Number(expected) - 1) < 1e-9 || found === Number(expected)).toBe(true);
  }
}

describe("bars", () => {
  test.each(vectors.fold)("$name", ({ ticks, closed, corrections, open }) => {
    const fold = new BarFold();
    const made = (ticks as unknown as Facts[]).map((facts) => fold.add(tick(facts))).filter((one) => one !== undefined);
    const corrected = made.flatMap((one) => one.corrections);
    expect(made.length).toBe(closed.length);
    expect(corrected.length).toBe(corrections.length);
    made.forEach((one, place) => expectBar(one.closed, closed[place] as Facts));
    corrected.forEach((bar, place) => expectBar(bar, corrections[place] as Facts));
    if (open === null) expect(fold.open).toBeUndefined();
    else expectBar(fold.open, open as Facts);
  });
});
