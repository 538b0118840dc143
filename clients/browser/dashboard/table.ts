/**
 * The table: a row for each symbol, there from the start so that nothing jumps.
 *
 * In: quotes, in any order and as often as they like. Out: the newest of each on the page, painted at most once a
 * frame, so that a burst costs one paint. An older quote never replaces a newer one.
 */

import { isAfter, type Quote } from "../src/index";
import { age, change, clock, percent, price } from "./format";

const ARROWS = { up: "▲", down: "▼", same: "" };
type Move = keyof typeof ARROWS;

export class Table {
  readonly #rows: ReadonlyMap<string, Row>;
  readonly #waiting = new Set<Row>();

  constructor(body: HTMLElement, symbols: readonly string[]) {
    this.#rows = new Map(symbols.map((symbol) => [symbol, new Row(symbol)]));
    body.replaceChildren(...[...this.#rows.values()].map((row) => row.element));
  }

  show(quote: Quote): void {
    const row = this.#rows.get(quote.symbol);
    if (row === undefined || !row.take(quote)) return;
    if (this.#waiting.size === 0) requestAnimationFrame(() => this.#paint());
    this.#waiting.add(row);
  }

  /** Bring the ages up to date. */
  tellAges(nowMs: number): void {
    for (const row of this.#rows.values()) row.tellAge(nowMs);
  }

  #paint(): void {
    const nowMs = Date.now();
    for (const row of this.#waiting) row.paint(nowMs);
    this.#waiting.clear();
  }
}

class Row {
  readonly element = document.createElement("tr");
  readonly #arrow = span("arrow");
  readonly #spoken = span("spoken");
  readonly #price = span("value");
  readonly #move = cell("number move");
  readonly #change = span("change");
  readonly #percent = span("percent");
  readonly #time = cell("number wide");
  readonly #age = cell("number");
  #newest: Quote | undefined;
  #base: number | undefined;
  #painted: number | undefined;

  constructor(symbol: string) {
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = symbol;
    this.#arrow.ariaHidden = "true";
    this.#price.textContent = "–";
    const amount = cell("number price");
    amount.append(this.#arrow, this.#spoken, this.#price);
    this.#move.append(this.#change, " ", this.#percent);
    this.element.append(name, amount, this.#move, this.#time, this.#age);
    this.element.dataset.symbol = symbol;
  }

  /** Keep `quote` when it's newer than what is here; say whether it was. */
  take(quote: Quote): boolean {
    this.#base = quote.previousClose ?? this.#base ?? quote.price;
    if (!isAfter(quote, this.#newest)) return false;
    this.#newest = quote;
    return true;
  }

  paint(nowMs: number): void {
    const quote = this.#newest!;
    const before = this.#painted ?? quote.price;
    const move: Move = quote.price > before ? "up" : quote.price < before ? "down" : "same";
    this.#painted = quote.price;
    if (move !== "same") {
      this.#arrow.textContent = ARROWS[move];
      this.#spoken.textContent = `${move} to `;
      this.#flash(move);
    }
    this.#price.textContent = price(quote.price);
    const base = this.#base ?? quote.price;
    this.#change.textContent = change(base, quote.price);
    this.#percent.textContent = percent(base, quote.price);
    this.#move.dataset.move = quote.price > base ? "up" : quote.price < base ? "down" : "same";
    this.#time.textContent = clock(quote.timeMs);
    this.#time.title = quote.timestamp;
    this.element.dataset.seq = String(quote.seq);
    this.tellAge(nowMs);
  }

  tellAge(nowMs: number): void {
    if (this.#painted !== undefined) this.#age.textContent = age(nowMs - this.#newest!.timeMs);
  }

  #flash(move: Move): void {
    this.element.dataset.move = move;
    const twice = this.element.classList.contains("flash-a"); // another name starts the animation anew
    this.element.classList.toggle("flash-a", !twice);
    this.element.classList.toggle("flash-b", twice);
  }
}

function cell(name: string): HTMLTableCellElement {
  const made = document.createElement("td");
  made.className = name;
  return made;
}

function span(name: string): HTMLSpanElement {
  const made = document.createElement("span");
  made.className = name;
  return made;
}
