/**
 * The grid: tiles in the order asked for, each made once and moved only when its place changes.
 *
 * In: symbols in order, and what is known of them. Out: tiles; the arrow keys go from one to the next as the eye
 * sees them. Nobody's focus is lost by a new order.
 */

import type { Motion } from "./motion";
import type { Known } from "./quotes";
import { Tile } from "./tile";

export class Grid {
  readonly #list: HTMLElement;
  readonly #motion: Motion;
  readonly #onPin: (symbol: string) => void;
  readonly #tiles = new Map<string, Tile>();
  #order: readonly string[] = [];

  constructor(list: HTMLElement, motion: Motion, onPin: (symbol: string) => void) {
    this.#list = list;
    this.#motion = motion;
    this.#onPin = onPin;
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Whether a hand or a cursor is in it: then its order should rest. */
  get isHeld(): boolean {
    return this.#list.matches(":hover, :focus-within");
  }

  /** Show these symbols in this order. A tile that goes is forgotten, its sparkline with it. */
  arrange(symbols: readonly string[], pinned: ReadonlySet<string>, keep: ReadonlySet<string>): void {
    for (const [symbol, tile] of this.#tiles) {
      if (keep.has(symbol)) continue;
      this.#motion.remove(tile);
      this.#tiles.delete(symbol);
    }
    const tiles = symbols.map((symbol) => this.#tile(symbol));
    const focused = document.activeElement;
    tiles.forEach((tile, place) => {
      tile.isPinned = pinned.has(symbols[place]!);
      const there = this.#list.children[place];
      if (there !== tile.element) this.#list.insertBefore(tile.element, there ?? null);
    });
    while (this.#list.children.length > tiles.length) this.#list.lastElementChild!.remove();
    this.#list.dataset.count = String(tiles.length);
    this.#order = symbols;
    if (focused instanceof HTMLElement && focused !== document.activeElement && this.#list.contains(focused)) focused.focus();
  }

  show(known: Known): void {
    this.#tiles.get(known.quote.symbol)?.show(known);
  }

  /** A symbol's last hour, for its sparkline. */
  begin(symbol: string, points: readonly { readonly timeMs: number; readonly price: number }[]): void {
    this.#tiles.get(symbol)?.begin(points);
  }

  tellAges(nowMs: number): void {
    for (const tile of this.#tiles.values()) tile.tellAge(nowMs);
  }

  #tile(symbol: string): Tile {
    let tile = this.#tiles.get(symbol);
    if (tile === undefined) {
      tile = new Tile(symbol, this.#motion);
      tile.pin.addEventListener("click", () => this.#onPin(symbol));
      this.#tiles.set(symbol, tile);
    }
    return tile;
  }

  #key(event: KeyboardEvent): void {
    const here = (event.target as Element).closest<HTMLElement>(".tile")?.dataset.symbol;
    if (here === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "p") {
      event.preventDefault();
      this.#onPin(here);
      return;
    }
    const place = this.#order.indexOf(here);
    const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: this.#order.length - 1 }[event.key];
    const target = next ?? this.#above(event.key, place);
    const symbol = target === undefined ? undefined : this.#order[target];
    if (symbol === undefined) return;
    event.preventDefault();
    this.#tiles.get(symbol)!.link.focus();
  }

  #above(key: string, place: number): number | undefined {
    const tops = this.#order.map((symbol) => this.#tiles.get(symbol)!.element.offsetTop);
    const columns = tops.filter((top) => top === tops[0]).length;
    return { ArrowUp: place - columns, ArrowDown: place + columns }[key];
  }
}
