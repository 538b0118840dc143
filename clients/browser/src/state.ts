/**
 * What the client says of its prices, in one word and one sentence, and never better than it is.
 *
 * In: how the connection stands, what the person's tab is doing, what was heard and when. Out: one State. Pure, so
 * that each of its sentences has a test.
 */

import type { Phase } from "./connection.js";
import type { Lanes } from "./presence.js";
import type { Status } from "./status.js";

/** Prices that are this much older than the platform's own messages are delayed. */
export const LAG_MS_MAX = 5_000;
/** A price that came this short a while ago says more than any status. */
export const FRESH_MS = 15_000;

export type Condition =
  /** The first connection is being made. */
  | { readonly name: "connecting" }
  /** Connected, and nothing to doubt; a topic that the broker refuses is told as `refused`. */
  | { readonly name: "live" }
  /** Prices come, and later than they could. */
  | { readonly name: "delayed"; readonly why: string }
  /** Connected, and what should come doesn't. */
  | { readonly name: "stale"; readonly why: string }
  | { readonly name: "reconnecting"; readonly retryAtMs: number; readonly attempt: number; readonly why: string }
  /** Rightly without prices: the market is closed, or the feed paused. */
  | { readonly name: "quiet"; readonly because: "market" | "paused"; readonly untilMs?: number; readonly why: string }
  /** Nobody has looked for five minutes, so nothing is asked for until somebody does. */
  | { readonly name: "hidden"; readonly why: string }
  /** Over for good; with an error when it wasn't the page that closed it. */
  | { readonly name: "closed"; readonly why: string; readonly error?: Error };

/** `sinceMs` is when the client came into it. */
export type State = Condition & { readonly sinceMs: number };

export interface View {
  readonly phase: Phase;
  readonly lanes: Lanes;
  readonly status: Status | undefined;
  /** When the newest price came, on any lane; 0 before it. */
  readonly heardMs: number;
  /** How old prices are on arrival by the platform's clock; NaN while that isn't known. */
  readonly lagMs: number;
  readonly nowMs: number;
}

export function condition({ phase, lanes, status, heardMs, lagMs, nowMs }: View): Condition {
  const { name, why, retryAtMs, attempt, error } = phase;
  if (name === "reconnecting") return { name, why, retryAtMs, attempt };
  if (name === "connecting") return { name };
  if (name !== "connected") return { name, why, ...(error && { error }) };
  const said = (what: string) => status?.reasons.find((reason) => reason.what === what)?.says;
  const isFresh = nowMs - heardMs < FRESH_MS;
  if (status && !isFresh) {
    const { paused, market, opensMs } = status;
    if (paused) return { name: "quiet", because: "paused", why: "the feed is paused" };
    if (market === "closed") {
      return { name: "quiet", because: "market", why: "the market is closed", ...(opensMs && { untilMs: opensMs }) };
    }
    const silence = said("silence");
    if (silence !== undefined) return { name: "stale", why: silence };
  }
  const queue = said("queue");
  if (queue !== undefined) return { name: "delayed", why: queue };
  if (lanes === "board") return { name: "delayed", why: "the tab is hidden, so prices come from the board" };
  if (lagMs > LAG_MS_MAX) return { name: "delayed", why: `prices are ${Math.round(lagMs / 1000)} s old when they come` };
  return { name: "live" };
}
