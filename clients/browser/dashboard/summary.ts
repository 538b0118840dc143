/**
 * What a screen reader hears now and then instead of every tick.
 *
 * In: the symbols on the page and what is known of them. Out: one sentence or two, such as `8 prices: 5 up, 3 down.
 * Most up TSLA, +2.10%.`; for one symbol its price and change.
 */

import { percent, price } from "./format";
import type { Known } from "./quotes";

export const SPEAK_EVERY_MS = 60_000;

export function summary(known: readonly Known[]): string {
  if (known.length === 0) return "";
  if (known.length === 1) return `${known[0]!.quote.symbol} ${price(known[0]!.quote.price)}, ${told(known[0]!)}.`;
  const ranked = [...known].sort((one, other) => share(other) - share(one));
  const [top, bottom] = [ranked[0]!, ranked.at(-1)!];
  const up = known.filter((one) => share(one) > 0).length;
  const down = known.filter((one) => share(one) < 0).length;
  const parts = [`${known.length} prices: ${up} up, ${down} down.`];
  if (share(top) > 0) parts.push(`Most up ${top.quote.symbol}, ${told(top)}.`);
  if (share(bottom) < 0) parts.push(`Most down ${bottom.quote.symbol}, ${told(bottom)}.`);
  return parts.join(" ");
}

function share({ quote, base }: Known): number {
  return quote.price / base - 1;
}

function told({ quote, base }: Known): string {
  return percent(base, quote.price);
}
