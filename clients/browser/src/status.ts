/**
 * Status messages: whether the market is open and the platform well, so that silence can be told from a fault.
 *
 * In: UTF-8 JSON. Out: a Status, or a WireError that says what is wrong. Unknown fields are ignored.
 */

import { parsed, time, WireError } from "./wire.js";

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
  const message = parsed(payload);
  const { market, until, opens, reasons = [] } = message;
  if (market !== "open" && market !== "closed" && market !== "unknown") {
    throw new WireError(`market is ${JSON.stringify(market)}; expected open, closed or unknown`);
  }
  if (!Array.isArray(reasons)) throw new WireError("reasons is not a list");
  return {
    timeMs: time(message.time),
    market,
    ...(until != null && { untilMs: time(until) }),
    ...(opens != null && { opensMs: time(opens) }),
    paused: message.paused === true,
    degraded: message.degraded === true,
    reasons: reasons.map(({ what, says, see }: Record<string, unknown>) => ({
      what: String(what),
      says: String(says),
      see: String(see),
    })),
  };
}
