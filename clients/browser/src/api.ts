/**
 * What the platform's API tells over HTTP: the newest prices, bars, and blocks of history that fill a gap.
 *
 * In: the API's address and what is wanted. Out: values in order; or Unreachable, whose `status` tells a refusal
 * from an outage. Each request has a deadline.
 */

import { type BarMessage, barOf } from "./barwire.js";
import { reach, Unreachable } from "./errors.js";
import type { Quote, Tick } from "./tick.js";
import type { Interval } from "./topic.js";
import { quoteOf, ticksOf } from "./wire.js";

/** Ticks in a block of history. A full one never changes, so that a CDN may keep it for ever. */
export const BLOCK = 100;

export interface BarRange {
  /** By default 1m. */
  readonly interval?: Interval;
  /** Bars that start at this time or later, in milliseconds since 1970; by default 60 intervals before `toMs`. */
  readonly fromMs?: number;
  /** Bars that start before this time; by default now. */
  readonly toMs?: number;
}

/** The newest tick of each symbol, with the previous close; a symbol that has no tick yet is left out. */
export async function snapshot(api: string, symbols: readonly string[]): Promise<Quote[]> {
  return list(api, `prices?symbols=${symbols.map(encodeURIComponent).join(",")}`, "prices", quoteOf);
}

/** Bars of `symbol` in order; the last may still be open. */
export async function bars(api: string, symbol: string, { interval = "1m", fromMs, toMs }: BarRange): Promise<BarMessage[]> {
  const query = new URLSearchParams({ interval });
  if (fromMs !== undefined) query.set("from", new Date(fromMs).toISOString());
  if (toMs !== undefined) query.set("to", new Date(toMs).toISOString());
  return list(api, `bars/${encodeURIComponent(symbol)}?${query}`, "bars", barOf);
}

/** The stored ticks of the block that begins after `after`, which is a multiple of BLOCK. */
export async function block(api: string, symbol: string, series: number, after: number): Promise<Tick[]> {
  const path = `prices/${encodeURIComponent(symbol)}?series=${series}&after_seq=${after}&limit=${BLOCK}`;
  return list(api, path, "ticks", (entry) => ticksOf({ ...(entry as object), symbol, series })[0]!, "default");
}

async function list<T>(
  api: string,
  path: string,
  name: string,
  decode: (entry: unknown) => T,
  cache: RequestCache = "no-cache",
): Promise<T[]> {
  const address = `${api.replace(/\/+$/, "")}/${path}`;
  const response = await reach(address, { cache });
  if (!response.ok) throw new Unreachable(address, `status ${response.status}`, response.status);
  const answer = (await response.json().catch(() => undefined)) as Record<string, unknown> | undefined;
  const found = answer?.[name];
  if (!Array.isArray(found)) throw new Unreachable(address, `an answer without a list of ${name}`);
  return found.map(decode);
}
