/**
 * Which symbols a person wants to see, in which order, and which are pinned to the front.
 *
 * In: the address's query, what was chosen before, the platform's symbols. Out: symbols to show. A choice is a
 * value; as text it's the query of an address, so that a link carries it. An address that says something wins over
 * what was chosen before. What the platform no longer carries is left out, not forgotten.
 */

export const SHOWN_MAX = 20;
export const ORDERS = ["given", "name", "gainers", "losers"] as const;
export type Order = (typeof ORDERS)[number];

export interface Choice {
  /** Those chosen, in their order; undefined is the platform's first twenty. */
  readonly symbols: readonly string[] | undefined;
  readonly pinned: readonly string[];
  readonly order: Order;
}

export const FIRST: Choice = { symbols: undefined, pinned: [], order: "given" };

/** The choice that the address makes, else the one made before, else the platform's own. */
export function read(query: string, kept: string | null): Choice {
  return parse(query) ?? parse(kept ?? "") ?? FIRST;
}

function parse(query: string): Choice | undefined {
  const fields = new URLSearchParams(query);
  if (!["symbols", "pinned", "order"].some((name) => fields.has(name))) return undefined;
  const order = ORDERS.find((name) => name === fields.get("order")) ?? FIRST.order;
  const symbols = fields.has("symbols") ? list(fields.get("symbols")) : undefined;
  return { symbols, pinned: list(fields.get("pinned")), order };
}

function list(text: string | null): string[] {
  return [...new Set((text ?? "").split(",").filter((symbol) => symbol !== ""))];
}

/** The choice as the query of an address: empty where nothing was chosen. */
export function text({ symbols, pinned, order }: Choice): string {
  const fields = [
    symbols && `symbols=${symbols.map(encodeURIComponent).join(",")}`,
    pinned.length > 0 && `pinned=${pinned.map(encodeURIComponent).join(",")}`,
    order !== FIRST.order && `order=${order}`,
  ].filter(Boolean);
  return fields.length === 0 ? "" : `?${fields.join("&")}`;
}

/** The symbols chosen that the platform carries. */
export function chosen(choice: Choice, carried: readonly string[]): string[] {
  return (choice.symbols ?? carried).filter((symbol) => carried.includes(symbol)).slice(0, SHOWN_MAX);
}

/** With `symbols` shown, and no others. */
export function withSymbols(choice: Choice, carried: readonly string[], symbols: readonly string[]): Choice {
  const others = (choice.symbols ?? []).filter((symbol) => !carried.includes(symbol));
  return { ...choice, symbols: [...symbols, ...others] };
}

/** With `symbol` shown as well, in the place of the last one when there's no other. */
export function withSymbol(choice: Choice, carried: readonly string[], symbol: string): Choice {
  return withSymbols(choice, carried, [...chosen(choice, carried).slice(0, SHOWN_MAX - 1), symbol]);
}

/** With `symbol` pinned, or no longer. */
export function withPin(choice: Choice, symbol: string): Choice {
  const isPinned = choice.pinned.includes(symbol);
  return { ...choice, pinned: isPinned ? choice.pinned.filter((one) => one !== symbol) : [...choice.pinned, symbol] };
}

/** The symbols to show that match what is searched for: the pinned ones first, the others in the order chosen. */
export function arranged(
  choice: Choice,
  carried: readonly string[],
  search: string,
  changeOf: (symbol: string) => number | undefined,
): string[] {
  const found = matching(chosen(choice, carried), search);
  const front = choice.pinned.filter((symbol) => found.includes(symbol));
  const others = found.filter((symbol) => !front.includes(symbol));
  if (choice.order === "name") others.sort((one, other) => (one < other ? -1 : 1));
  if (choice.order === "gainers" || choice.order === "losers") {
    const sign = choice.order === "gainers" ? -1 : 1;
    const rank = (symbol: string) => sign * (changeOf(symbol) ?? sign * Number.MAX_VALUE);
    others.sort((one, other) => rank(one) - rank(other));
  }
  return [...front, ...others];
}

export function matching(symbols: readonly string[], search: string): string[] {
  const wanted = search.trim().toUpperCase();
  return symbols.filter((symbol) => symbol.includes(wanted));
}
