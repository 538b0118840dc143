/** What is done about what happens to the connection, and about silence, on the cases that Python runs as well. */

import { describe, expect, test, vi } from "vitest";

import vectors from "../../../tests/vectors/reconnect.json";
import { BASE_MS, CEILING_MS, ceilingMs, delayMs } from "../src/backoff";
import { LIFE_MS_MAX, LIFE_MS_MIN } from "../src/connection";
import { type Happening, type Kind, Machine, STEADY_MS } from "../src/machine";
import type { Status } from "../src/status";
import { Watchdog } from "../src/watchdog";

describe("back-off", () => {
  const { back_off: rule } = vectors;

  test("the constants are the ones that Python has", () => {
    expect([BASE_MS, CEILING_MS, STEADY_MS].map((ms) => ms / 1000)).toEqual([rule.base_s, rule.ceiling_s, rule.steady_s]);
    expect([LIFE_MS_MIN, LIFE_MS_MAX].map((ms) => ms / 1000)).toEqual(Object.values(vectors.planned_life_s));
  });

  test.each(rule.cases)("failure $failures, $down_s s down: at most $ceiling_s s", ({ failures, down_s, ceiling_s }) => {
    expect(ceilingMs(failures, down_s * 1000)).toBe(ceiling_s * 1000);
  });

  test("the jitter is full: from nothing to the ceiling", () => {
    const random = vi.spyOn(Math, "random");
    expect([0, 0.5, 0.999].map((share) => random.mockReturnValueOnce(share) && delayMs(4))).toEqual([0, 2000, 3996]);
  });
});

describe("the connection", () => {
  test.each(vectors.cases)("$name", ({ steps }) => {
    const machine = new Machine();
    for (const { at_s, event, kind = "network", ceiling_s, ...expected } of steps as Step[]) {
      const { ceilingMs, ...step } = machine.step(event, kind, at_s * 1000);
      const found = { ...step, ...(ceilingMs !== undefined && { ceiling_s: ceilingMs / 1000 }) };
      expect(found, `${event} at ${at_s} s`).toEqual({ ...expected, ...(ceiling_s !== undefined && { ceiling_s }) });
    }
  });
});

describe("silence", () => {
  test.each(vectors.quiet.cases)("$name", ({ steps }) => {
    const watchdog = new Watchdog();
    for (const { at_s, connected, status, heard, look } of steps as Moment[]) {
      const nowMs = at_s * 1000;
      if (connected) watchdog.connected(nowMs);
      if (status !== undefined) watchdog.hearStatus(told(status, nowMs), nowMs);
      if (heard !== undefined) watchdog.hearPrices(heard, nowMs);
      if (look !== undefined) expect(watchdog.look(nowMs), `at ${at_s} s`).toBe(look);
    }
  });
});

interface Step {
  at_s: number;
  event: Happening;
  kind?: Kind;
  ceiling_s?: number;
}

interface Moment {
  at_s: number;
  connected?: boolean;
  status?: { market: Status["market"]; paused: boolean; until_s: number | null };
  heard?: number;
  look?: string;
}

function told({ market, paused, until_s }: NonNullable<Moment["status"]>, timeMs: number): Status {
  const until = until_s === null ? {} : { untilMs: timeMs + until_s * 1000 };
  return { timeMs, market, paused, degraded: false, reasons: [], ...until };
}
