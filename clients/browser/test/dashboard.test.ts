/** What the page says in words and numbers. */

import { describe, expect, test } from "vitest";

import { age, change, percent, price } from "../dashboard/format";
import { status } from "../dashboard/status";

describe("numbers", () => {
  test.each([
    [189.4, "189.40"],
    [0.0001, "0.0001"],
    [64_000.125, "64,000.125"],
    [0.1 + 0.2, "0.30"],
  ])("%d is shown as %s", (value, text) => expect(price(value)).toBe(text));

  test("a change has its sign, and no binary noise", () => {
    expect(change(0.1, 0.3)).toBe("+0.20");
    expect(change(189.45, 189.4)).toBe("-0.05");
    expect(change(5, 5)).toBe("0.00");
    expect(percent(200, 199)).toBe("-0.50%");
  });

  test.each([
    [-50, "0.0 s"],
    [9_940, "9.9 s"],
    [10_000, "10 s"],
    [119_999, "119 s"],
    [120_000, "2 min"],
    [7_200_000, "2 h"],
    [172_800_000, "2 d"],
  ])("%d ms is %s", (ageMs, text) => expect(age(ageMs)).toBe(text));
});

describe("the truth about the connection", () => {
  const NOW = 1_000_000;

  test("live means that prices come", () => {
    const told = status({ name: "live", sinceMs: NOW - 60_000 }, NOW - 300, NOW);
    expect(told).toEqual({ mood: "live", headline: "Live", detail: "last price 0.3 s ago" });
  });

  test("a new connection waits for its first price, even when an old one had some", () => {
    const told = status({ name: "live", sinceMs: NOW - 1_000 }, NOW - 5_000, NOW);
    expect(told).toEqual({ mood: "waiting", headline: "Connected", detail: "waiting for the next price" });
  });

  test.each([
    [14_999, "Live"],
    [15_000, "Connected, but silent"],
  ])("after %d ms without a price it says %s", (silentMs, headline) => {
    expect(status({ name: "live", sinceMs: 0 }, NOW - silentMs, NOW).headline).toBe(headline);
  });

  test("reconnecting says when and why", () => {
    const state = { name: "reconnecting", retryAtMs: NOW + 2_100, attempt: 3, why: "the connection was cut", sinceMs: NOW } as const;
    expect(status(state, undefined, NOW).detail).toBe("in 3 s: the connection was cut");
    expect(status(state, undefined, NOW + 2_100).detail).toBe("now: the connection was cut");
  });
});
