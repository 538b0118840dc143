/** What the client says of its prices, in each situation: one word and one sentence. */

import { describe, expect, test } from "vitest";

import type { Phase } from "../src/connection";
import { lanesFor } from "../src/presence";
import { condition, FRESH_MS, LAG_MS_MAX, type View } from "../src/state";
import type { Status } from "../src/status";
import { STATUS_MS_MAX, Watchdog } from "../src/watchdog";

const NOW = 1_000_000;
const CONNECTED: Phase = { name: "connected", why: "", retryAtMs: 0, attempt: 0 };
const OPEN: Status = { timeMs: NOW, market: "open", paused: false, degraded: false, reasons: [] };
const LIVE: View = {
  phase: CONNECTED,
  lanes: "all",
  status: OPEN,
  heardMs: NOW - 100,
  lagMs: 20,
  nowMs: NOW,
};

function degraded(what: string): Status {
  return { ...OPEN, degraded: true, reasons: [{ what, says: `the ${what} says so`, see: "docs" }] };
}

describe("the state", () => {
  test.each<[string, Partial<View>, object]>([
    ["live", {}, { name: "live" }],
    ["live before the first status", { status: undefined, heardMs: 0 }, { name: "live" }],
    ["reconnecting", { phase: { name: "reconnecting", why: "cut", retryAtMs: NOW + 1, attempt: 2 } }, { name: "reconnecting", why: "cut", retryAtMs: NOW + 1, attempt: 2 }],
    ["stale by the watchdog", { phase: { ...CONNECTED, name: "stale", why: "dead" } }, { name: "stale", why: "dead" }],
    ["hidden", { phase: { ...CONNECTED, name: "hidden", why: "away" }, lanes: "none" }, { name: "hidden", why: "away" }],
    ["a closed market", { status: { ...OPEN, market: "closed", opensMs: NOW + 9 }, heardMs: 0 }, { name: "quiet", because: "market", untilMs: NOW + 9, why: "the market is closed" }],
    ["a paused feed", { status: { ...OPEN, paused: true }, heardMs: NOW - FRESH_MS }, { name: "quiet", because: "paused", why: "the feed is paused" }],
    ["a price in a closed market", { status: { ...OPEN, market: "closed" } }, { name: "live" }],
    ["silence that the platform tells", { status: degraded("silence"), heardMs: 0 }, { name: "stale", why: "the silence says so" }],
    ["silence that is over", { status: degraded("silence") }, { name: "live" }],
    ["a queue", { status: degraded("queue") }, { name: "delayed", why: "the queue says so" }],
    ["dead letters, which are nothing to a reader", { status: degraded("dead-letters") }, { name: "live" }],
    ["the board in place of the lanes", { lanes: "board" }, { name: "delayed", why: "the tab is hidden, so prices come from the board" }],
    ["old prices", { lagMs: LAG_MS_MAX + 900 }, { name: "delayed", why: "prices are 6 s old when they come" }],
    ["prices just not too old", { lagMs: LAG_MS_MAX }, { name: "live" }],
  ])("%s", (_, change, expected) => {
    expect(condition({ ...LIVE, ...change })).toEqual(expected);
  });
});

test.each<[string, Partial<Status>, number, boolean]>([
  ["open", {}, STATUS_MS_MAX - 1, true],
  ["open", {}, STATUS_MS_MAX, false],
  ["paused", { paused: true }, STATUS_MS_MAX, true],
  ["paused", { paused: true }, 86_400_000, true],
  ["closed for an hour", { market: "closed", untilMs: NOW + 3_600_000 }, 3_599_999, true],
  ["closed for an hour", { market: "closed", untilMs: NOW + 3_600_000 }, 3_600_000, false],
])("that the market was %s is believed %o after %d ms: %s", (_, change, afterMs, isBelieved) => {
  const watchdog = new Watchdog();
  watchdog.hearStatus({ ...OPEN, ...change }, NOW);
  expect(watchdog.believed(NOW + afterMs) !== undefined).toBe(isBelieved);
});

test.each<[string, Partial<Status>, number, boolean]>([
  ["paused", { paused: true }, 0, true], // it may come before the broker's last answer
  ["paused", { paused: true }, STATUS_MS_MAX - 1, true],
  ["paused", { paused: true }, STATUS_MS_MAX, false],
  ["paused, and closed", { paused: true, market: "closed" }, STATUS_MS_MAX, false],
  ["closed", { market: "closed" }, STATUS_MS_MAX, true],
])("that the market was %s is believed %o on a connection made %d ms later: %s", (_, change, laterMs, isBelieved) => {
  const watchdog = new Watchdog();
  watchdog.hearStatus({ ...OPEN, ...change }, NOW);
  watchdog.connected(NOW + laterMs);
  expect(watchdog.believed(NOW + 86_400_000) !== undefined).toBe(isBelieved);
});

test.each([
  [0, "all"],
  [29_999, "all"],
  [30_000, "board"],
  [299_999, "board"],
  [300_000, "none"],
])("a tab that is hidden for %s ms takes %s", (hiddenMs, lanes) => expect(lanesFor(hiddenMs)).toBe(lanes));
