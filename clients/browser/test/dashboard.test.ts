/** What the page says in words and numbers. */

import { describe, expect, test } from "vitest";

import { dollarsAMonth, LIST, tariffOf } from "../dashboard/cost";
import { age, change, decimalsOf, dollars, latency, percent, price, priceWith, rate, volume } from "../dashboard/format";
import type { Known } from "../dashboard/quotes";
import { notice, status } from "../dashboard/status";
import { summary } from "../dashboard/summary";
import type { State } from "../src/index";

describe("numbers", () => {
  test.each([
    [189.4, "189.40"],
    [0.0001, "0.0001"],
    [0.00000001, "0.00000001"],
    [64_000.125, "64,000.125"],
    [0.1 + 0.2, "0.30"],
  ])("%d is shown as %s", (value, text) => expect(price(value)).toBe(text));

  test("a price on its way keeps the decimals of where it goes", () => {
    expect(decimalsOf(0.0001)).toBe(4);
    expect(decimalsOf(189)).toBe(2);
    expect(priceWith(4, 0.000151)).toBe("0.0002");
    expect(priceWith(2, 189.45678)).toBe("189.46");
  });

  test("a change has its sign, and no binary noise", () => {
    expect(change(0.1, 0.3)).toBe("+0.20");
    expect(change(189.45, 189.4)).toBe("-0.05");
    expect(change(5, 5)).toBe("0.00");
    expect(percent(200, 199)).toBe("-0.50%");
  });

  test.each([
    [0, "0"],
    [0.0125, "0.0125"],
    [999_999, "999,999"],
    [1_000_000, "1M"],
    [1_250_000, "1.25M"],
  ])("a volume of %d is %s", (value, text) => expect(volume(value)).toBe(text));

  test.each([
    [-50, "0.0 s"],
    [9_940, "9.9 s"],
    [10_000, "10 s"],
    [119_999, "119 s"],
    [120_000, "2 min"],
    [7_200_000, "2 h"],
    [172_800_000, "2 d"],
  ])("%d ms is %s old", (ageMs, text) => expect(age(ageMs)).toBe(text));

  test.each([
    [-3, "0 ms"],
    [999, "999 ms"],
    [1_000, "1.0 s"],
    [100_000, "100 s"],
    [200_000, "3 min"],
  ])("a latency of %d ms is %s", (value, text) => expect(latency(value)).toBe(text));

  test("rates below ten have a decimal", () => {
    expect(rate(0)).toBe("0.0");
    expect(rate(9.94)).toBe("9.9");
    expect(rate(1_600.4)).toBe("1,600");
  });
});

describe("what this tab costs", () => {
  test("16 messages a second are 42 million a month, and the connection's minutes are next to nothing", () => {
    expect(dollarsAMonth(16, LIST)).toBeCloseTo(42.05, 2);
    expect(dollarsAMonth(0, LIST)).toBeCloseTo(0.0035, 4);
  });

  test("the platform's own prices count where it names them", () => {
    const prices = { delivery: 2e-6, deliveryBytes: 5_000, connectionMinute: 0.1e-6, currency: "USD" };
    expect(dollarsAMonth(16, tariffOf({ prices }))).toBeCloseTo(84.1, 2);
    expect(tariffOf({})).toBe(LIST);
  });

  test.each([
    [0, "$0.00"],
    [0.0035, "< $0.01"],
    [41.2, "$41.20"],
    [1_234.5, "$1,235"],
  ])("%d dollars are shown as %s", (value, text) => expect(dollars(value)).toBe(text));
});

describe("the truth about the connection", () => {
  const NOW = 1_000_000;
  const LIVE = { name: "live", sinceMs: NOW - 60_000 } as const;
  const CUT = { name: "reconnecting", sinceMs: NOW, retryAtMs: NOW + 2_100, attempt: 3, why: "the connection was cut" } as const;

  test("live means that prices come", () => {
    expect(status(LIVE, NOW - 300, NOW)).toEqual({ mood: "live", headline: "Live", detail: "last price 0.3 s ago" });
  });

  test("without any price so far it's connected, no more", () => {
    const told = status(LIVE, undefined, NOW);
    expect(told).toEqual({ mood: "waiting", headline: "Connected", detail: "waiting for the first price" });
  });

  test("reconnecting says when and why", () => {
    expect(status(CUT, undefined, NOW).detail).toBe("in 3 s: the connection was cut");
    expect(status(CUT, undefined, NOW + 2_100).detail).toBe("now: the connection was cut");
  });

  test.each<[State, string, string]>([
    [{ name: "connecting", sinceMs: NOW }, "Connecting", ""],
    [{ name: "delayed", sinceMs: NOW, why: "prices are 12 s old" }, "Delayed", "prices are 12 s old"],
    [{ name: "stale", sinceMs: NOW, why: "no price for 20 s" }, "Stale", "no price for 20 s"],
    [{ name: "quiet", sinceMs: NOW, because: "paused", why: "the feed is paused" }, "Feed paused", "the feed is paused"],
    [{ name: "hidden", sinceMs: NOW, why: "hidden for 5 minutes" }, "Paused", "hidden for 5 minutes"],
    [{ name: "closed", sinceMs: NOW, why: "closed" }, "Closed", "closed"],
  ])("%o has its own headline", (state, headline, detail) => {
    expect(status(state, NOW, NOW)).toMatchObject({ headline, detail });
  });

  test("a closed market says until when, and the day when it's another", () => {
    const closed = { name: "quiet", sinceMs: NOW, because: "market", why: "closed" } as const;
    expect(status({ ...closed, untilMs: NOW + 60_000 }, NOW, NOW).detail).toMatch(/^until \d\d:\d\d$/);
    expect(status({ ...closed, untilMs: NOW + 172_800_000 }, NOW, NOW).detail).toMatch(/^until \S+ \d\d:\d\d$/);
  });

  test("which half is missing is said: history, live prices, or both", () => {
    expect(notice(LIVE, undefined, NOW)).toBe("");
    expect(notice(LIVE, "status 503", NOW)).toBe("Live only: history can't be reached (status 503).");
    expect(notice(CUT, undefined, NOW)).toMatch(/^History only: the newest price is from \d\d:\d\d:\d\d\.$/);
    expect(notice(CUT, "status 503", NOW)).toMatch(/^Neither/);
  });
});

describe("what is spoken", () => {
  const known = (symbol: string, price_: number, base: number) =>
    ({ quote: { symbol, price: price_ }, base, since: "the previous close" }) as Known;

  test("several symbols are counted, and the ends named", () => {
    const all = [known("AAPL", 101, 100), known("TSLA", 103, 100), known("MSFT", 99, 100), known("KO", 100, 100)];
    expect(summary(all)).toBe("4 prices: 2 up, 1 down. Most up TSLA, +3.00%. Most down MSFT, -1.00%.");
  });

  test("one symbol is told by its price; none is silence", () => {
    expect(summary([known("AAPL", 101, 100)])).toBe("AAPL 101.00, +1.00%.");
    expect(summary([])).toBe("");
  });
});
