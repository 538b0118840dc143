/**
 * Status messages: whether the market is open and the platform well, so that silence can be told from a fault.
 *
 * In: UTF-8 JSON. Out: a Status, or a WireError that says what is wrong. Unknown fields are ignored.
 */

import { list, parsed, text, time } from "./wire.js";

export interface Reason {
  /** Such as `silence`, `queue` or `blind`. */
  readonly what: string;
  /** In words. */
  readonly says: string;
  /** Where it stands what to do. */
  readonly see: string;
}

export interface Status {
  readonly timeMs: number;
  /** unknown: outside the days that the stage was told of. */
  readonly market: "open" | "closed" | "unknown";
  /** When `market` changes; undefined when it never does or nobody knows. */
  readonly untilMs?: number;
  /** When it opens next. */
  readonly opensMs?: number;
  /** Whether the simulated feed is paused. */
  readonly paused: boolean;
  /** Whether there is a reason to doubt the prices or their absence. */
  readonly degraded: boolean;
  readonly reasons: readonly Reason[];
}

export function decodeStatus(payload: string): Status {
  const { time: at, market, until, opens, paused, degraded, reasons } = parsed(payload);
  return {
    timeMs: time(at),
    market: text(market, "market") as Status["market"],
    ...(until != null && { untilMs: time(until) }),
    ...(opens != null && { opensMs: time(opens) }),
    paused: paused === true,
    degraded: degraded === true,
    reasons: list(reasons, "reasons") as Reason[],
  };
}
