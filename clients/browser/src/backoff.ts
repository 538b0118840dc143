/**
 * How long to wait before another attempt: full jitter, so that a thousand tabs cut off together don't come back
 * together.
 *
 * In: how many attempts failed in a row, and for how long there has been no connection. Out: a ceiling that doubles
 * from 0.5 s to 60 s, and stays below a third of the outage, so that a short one is over soon after it's over.
 */

export const BASE_MS = 500;
export const CEILING_MS = 60_000;

/** The longest wait after `failures` failed attempts in a row (1 or more). */
export function ceilingMs(failures: number, downMs = Infinity): number {
  return Math.min(CEILING_MS, BASE_MS * 2 ** (failures - 1), Math.max(BASE_MS, downMs / 3));
}

/** The wait after `failures` failed attempts in a row. */
export function delayMs(failures: number): number {
  return Math.random() * ceilingMs(failures);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
