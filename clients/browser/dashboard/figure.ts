/**
 * A price that runs to its new value in 150 ms instead of jumping.
 *
 * In: prices. Out: the text of the one that is due in this frame, always with as many decimals as the finest price
 * so far, so that digits keep their places; and which way the last change went.
 */

import { write } from "./dom";
import { decimalsOf, priceWith } from "./format";
import { calm } from "./motion";

export const RUN_MS = 150;

export type Move = "up" | "down" | "same";

export function moveOf(from: number, to: number): Move {
  return to > from ? "up" : to < from ? "down" : "same";
}

export class Figure {
  readonly text = document.createTextNode("–");
  #from = NaN;
  #to = NaN;
  #startMs = 0;
  #shown = NaN;
  #decimals = 2;

  /** Start towards `price`; say which way that is from the one before. The first price is shown at once. */
  run(price: number, nowMs: number): Move {
    const move = Number.isNaN(this.#to) ? "same" : moveOf(this.#to, price);
    this.#decimals = Math.max(this.#decimals, decimalsOf(price));
    const steps = Math.abs(price - this.#shown) * 10 ** this.#decimals;
    this.#from = steps > 1.5 ? this.#shown : price; // between neighbours, and before the first price, is nothing
    this.#to = price;
    this.#startMs = nowMs;
    return move;
  }

  /** Write what is due; say whether it still runs. */
  frame(nowMs: number): boolean {
    const left = calm.matches ? 0 : Math.min(1, Math.max(0, 1 - (nowMs - this.#startMs) / RUN_MS));
    this.#shown = this.#to + (this.#from - this.#to) * left ** 3; // fast at first, then slower
    write(this.text, Number.isNaN(this.#shown) ? "–" : priceWith(this.#decimals, this.#shown));
    return left > 0 && this.#from !== this.#to;
  }
}
