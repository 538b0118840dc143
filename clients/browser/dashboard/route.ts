/** Which page the address shows: the grid, or one symbol at an interval: `#/AAPL`, `#/AAPL/5m`. */

export const INTERVALS = ["1m", "5m", "1h", "1d"] as const;
export type Interval = (typeof INTERVALS)[number];

export interface Route {
  readonly symbol: string | undefined;
  readonly interval: Interval;
}

export function parse(hash: string): Route {
  const [, symbol, interval] = /^#\/([^/]+)(?:\/(\w+))?$/.exec(hash) ?? [];
  return { symbol: symbol && decoded(symbol), interval: INTERVALS.find((one) => one === interval) ?? "1m" };
}

export function hash(symbol: string, interval: Interval): string {
  return `#/${encodeURIComponent(symbol)}${interval === "1m" ? "" : `/${interval}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
