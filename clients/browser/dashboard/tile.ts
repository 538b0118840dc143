/**
 * A tile: one symbol's price, change, bid and ask, volume, sparkline and age.
 *
 * In: what is known of its symbol, as often as it changes. Out: one drawing a frame at most. A move shows as an
 * arrow and a sign, and as a flash of colour besides; under reduced motion the flash and the running stay away.
 */

import { fact, make, mark, spoken, write } from "./dom";
import { Figure, moveOf } from "./figure";
import { age, change, percent, price, volume } from "./format";
import { Effect, type Motion, type Moving } from "./motion";
import type { Known } from "./quotes";
import { Sparkline } from "./sparkline";
import type { Trace } from "./trace";

const ARROWS = { up: "▲", down: "▼", same: "" };
const FLASH = [{ opacity: 1 }, { opacity: 0 }];
const FLASH_MS = 450;
const LINE_EVERY_MS = 500;

export class Tile implements Moving {
  readonly element = make("li", "tile");
  readonly link = make("a");
  readonly pin = make("button", "pin");
  readonly line = new Sparkline();
  readonly #symbol: string;
  readonly #motion: Motion;
  readonly #figure = new Figure();
  readonly #arrow = document.createTextNode("");
  readonly #percent = document.createTextNode("");
  readonly #amount = document.createTextNode("");
  readonly #change = make("p", "change");
  readonly #bid = fact("Bid");
  readonly #ask = fact("Ask");
  readonly #volume = fact("Vol", "volume");
  readonly #age = document.createTextNode("no price yet");
  readonly #flash: Effect;
  #known: Known | undefined;
  #isNew = false;
  #isLineOld = false;
  #lineMs = -Infinity;

  constructor(symbol: string, motion: Motion) {
    this.#symbol = symbol;
    this.#motion = motion;
    this.element.dataset.symbol = symbol;
    this.link.textContent = symbol;
    this.link.href = `#/${encodeURIComponent(symbol)}`;
    this.pin.type = "button";
    const flash = make("span", "flash");
    this.#flash = new Effect(flash, FLASH, FLASH_MS);
    const arrow = make("span", "arrow", this.#arrow);
    arrow.ariaHidden = "true";
    this.#change.append(make("span", "percent", this.#percent), " ", make("span", "amount", this.#amount));
    this.element.append(
      flash,
      make("h3", "symbol", this.link),
      this.pin,
      make("p", "price", spoken("Price "), make("span", "value", this.#figure.text), arrow),
      this.#change,
      this.line.element,
      make("dl", "facts", this.#bid.element, this.#ask.element, this.#volume.element),
      make("p", "age", spoken("Age "), make("span", "", this.#age)),
    );
    this.isPinned = false;
  }

  set isPinned(value: boolean) {
    this.pin.ariaPressed = String(value);
    this.pin.ariaLabel = `Pin ${this.#symbol}`;
    this.pin.title = value ? "Pinned to the front; press to unpin" : "Pin to the front";
    this.pin.textContent = value ? "★" : "☆";
  }

  show(known: Known): void {
    this.#known = known;
    this.#isNew = true;
    this.line.trace.add(known.quote.timeMs, known.quote.price);
    this.#motion.add(this);
  }

  /** Once a second: the age, and the end of the line where it isn't drawn yet. */
  tellAge(nowMs: number): void {
    if (this.#known !== undefined) write(this.#age, age(nowMs - this.#known.quote.timeMs));
    if (this.#isLineOld) this.#paintLine(performance.now());
  }

  /** A symbol's last hour came. */
  begin(points: Parameters<Trace["begin"]>[0]): void {
    this.line.trace.begin(points);
    this.#paintLine(performance.now());
  }

  frame(nowMs: number): boolean {
    if (this.#isNew) this.#begin(nowMs);
    return this.#figure.frame(nowMs);
  }

  #begin(nowMs: number): void {
    this.#isNew = false;
    const { quote, base, since } = this.#known!;
    const move = this.#figure.run(quote.price, nowMs);
    if (move !== "same") {
      mark(this.element, "move", move);
      write(this.#arrow, ARROWS[move]);
      this.#flash.play();
    }
    write(this.#percent, percent(base, quote.price));
    write(this.#amount, change(base, quote.price));
    this.#change.title = `Since ${since}`;
    mark(this.element, "day", moveOf(base, quote.price));
    write(this.#bid.text, quote.bid === undefined ? "–" : price(quote.bid));
    write(this.#ask.text, quote.ask === undefined ? "–" : price(quote.ask));
    write(this.#volume.text, quote.volume === undefined ? "–" : volume(quote.volume));
    this.#isLineOld = true;
    if (nowMs - this.#lineMs >= LINE_EVERY_MS) this.#paintLine(nowMs);
    this.line.pulse();
    this.element.dataset.seq = String(quote.seq);
    write(this.#age, age(Date.now() - quote.timeMs));
  }

  #paintLine(nowMs: number): void {
    this.#isLineOld = false;
    this.#lineMs = nowMs;
    this.line.paint();
  }
}
