/** Full jitter between nothing and a ceiling that doubles from 0.5 s to 60 s. */

import { expect, test } from "vitest";

import { ceilingMs, delayMs } from "../src/backoff";

test("the ceiling doubles from half a second and stops at a minute", () => {
  const ceilings = [1, 2, 3, 7, 8, 9, 1_000_000].map(ceilingMs);
  expect(ceilings).toEqual([500, 1000, 2000, 32_000, 60_000, 60_000, 60_000]);
});

test("the wait is anything from nothing to just below the ceiling", () => {
  expect(delayMs(3, () => 0)).toBe(0);
  expect(delayMs(3, () => 0.5)).toBe(1000);
  expect(delayMs(3, () => 1 - Number.EPSILON)).toBe(1999);
});
