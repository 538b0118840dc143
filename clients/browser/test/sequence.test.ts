/** What a reader gets of what arrives, on the cases that Python runs as well. */

import { describe, expect, test } from "vitest";

import vectors from "../../../tests/vectors/sequence.json";
import { isGap, type Item, Sequence, WAITING_MAX } from "../src/sequence";
import type { Tick } from "../src/tick";

type Range = [series: number, first: number, last: number];

interface Step {
  snapshot?: [series: number, seq: number] | null;
  live?: Range;
  fill?: Range;
  got?: [first: number, last: number][];
  out: unknown[];
  missing?: Range | null;
  ask?: { series: number; after_seq: number; limit: number };
}

function ticks([series, first, last]: Range): Tick[] {
  return Array.from({ length: last + 1 - first }, (_, place) => {
    return { symbol: "AAPL", price: 1, timeMs: 0, timestamp: "1970-01-01T00:00:00.000Z", series, seq: first + place };
  });
}

function shown(item: Item): unknown {
  const { series } = item;
  return isGap(item) ? { gap: [series, item.first, item.last], filled: item.filled } : [series, item.seq];
}

describe("a symbol's order", () => {
  test.each(vectors.cases)("$name", ({ lane, lossless, duplicates, steps }) => {
    const counts = { duplicates: 0 };
    const sequence = new Sequence(lane === "conflated", counts, lossless);
    for (const [place, step] of (steps as Step[]).entries()) {
      expect(taken(sequence, step).map(shown), `step ${place + 1}`).toEqual(step.out);
      if (step.missing === undefined) continue;
      const run = sequence.missing;
      expect(run ? [run.series, run.first, run.last] : null, `step ${place + 1}`).toEqual(step.missing);
    }
    expect(counts.duplicates).toBe(duplicates);
  });
});

function taken(sequence: Sequence, { snapshot, live, fill, got }: Step): Item[] {
  if (live !== undefined) return sequence.live(ticks(live));
  if (fill === undefined) return sequence.snapshot(snapshot ? ticks([...snapshot, snapshot[1]] as Range)[0] : undefined);
  const [series, first, last] = fill;
  return sequence.fill({ series, first, last }, got!.flatMap(([from, to]) => ticks([series, from, to])));
}

test("a hole behind which too much waits is given up, so that memory is bounded", () => {
  const sequence = new Sequence(false, { duplicates: 0 }, true);
  sequence.snapshot(ticks([1, 1, 1])[0]);
  expect(sequence.live(ticks([1, 3, WAITING_MAX + 2]))).toEqual([]);
  const out = sequence.live(ticks([1, WAITING_MAX + 3, WAITING_MAX + 3]));
  expect(out.slice(0, 2).map(shown)).toEqual([{ gap: [1, 2, 2], filled: false }, [1, 3]]);
  expect(out).toHaveLength(WAITING_MAX + 2);
});
