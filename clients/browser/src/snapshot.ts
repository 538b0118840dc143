/**
 * The newest tick of each symbol over HTTP: what to show before the first live tick.
 *
 * In: the API's address, symbols. Out: quotes; symbols that have no tick yet are left out.
 */

import { reach, Unreachable } from "./errors.js";
import type { Tick } from "./tick.js";
import { ticksOf } from "./wire.js";

const TIMEOUT_MS = 10_000;

/** A tick, and the last price of the day before where the platform knows it. */
export interface Quote extends Tick {
  readonly previousClose?: number;
}

export async function snapshot(api: string, symbols: readonly string[]): Promise<Quote[]> {
  const address = `${api.replace(/\/+$/, "")}/prices?symbols=${symbols.map(encodeURIComponent).join(",")}`;
  const response = await reach(address, TIMEOUT_MS, { cache: "no-cache" });
  if (!response.ok) throw new Unreachable(address, `status ${response.status}`);
  const answer = (await response.json().catch(() => undefined)) as { prices?: unknown } | undefined;
  if (!Array.isArray(answer?.prices)) throw new Unreachable(address, "an answer without a list of prices");
  return answer.prices.map(quote);
}

function quote(entry: { previousClose?: unknown }): Quote {
  const tick = ticksOf(entry).at(-1)!;
  return typeof entry.previousClose === "number" ? { ...tick, previousClose: entry.previousClose } : tick;
}
