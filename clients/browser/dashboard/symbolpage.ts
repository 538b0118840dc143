/**
 * One symbol's page: its price large, its facts, and its candles, which the ticks move.
 *
 * In: a symbol and an interval, quotes and bars as they come, history over HTTP. Out: the page. Without history the
 * candles begin with the ticks, and the page says so; when history is back, or the connection, it's read again.
 */

import type { Bar, Quote } from "../src/index";
import { type Candle, Candles } from "./candles";
import type { Chart } from "./chart";
import { fact, make, mark, part, spoken, write } from "./dom";
import { Figure, moveOf } from "./figure";
import { age, change, decimalsOf, percent, price, priceWith, volume } from "./format";
import { Effect, type Motion, type Moving } from "./motion";
import type { Known } from "./quotes";
import { hash, type Interval, INTERVALS } from "./route";

const WIDTHS_MS: Readonly<Record<Interval, number>> = { "1m": 60_000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000 };
const KEPT: Readonly<Record<Interval, number>> = { "1m": 480, "5m": 576, "1h": 167, "1d": 730 };
const ARROWS = { up: "▲", down: "▼", same: "" };

type ReadBars = (symbol: string, interval: Interval, fromMs: number) => Promise<Bar[]>;

export class SymbolPage implements Moving {
  readonly #section = part("symbol-page");
  readonly #motion: Motion;
  readonly #readBars: ReadBars;
  readonly #facts = ["Bid", "Ask", "Spread", "Volume", "Age"].map((term) => fact(term));
  readonly #links = INTERVALS.map((interval) => [interval, make("a", "", interval)] as const);
  readonly #legend = part("legend");
  readonly #box = part("chart");
  readonly #percent = document.createTextNode("");
  readonly #arrow = document.createTextNode("");
  readonly #flash = new Effect(part("symbol-flash"), [{ opacity: 1 }, { opacity: 0 }], 700);
  #figure = new Figure();
  #symbol: string | undefined;
  #interval: Interval = "1m";
  #candles = new Candles(WIDTHS_MS["1m"]);
  #changed = new Map<number, Candle>();
  #chart: Chart | undefined;
  #pointed: number | undefined;
  #known: Known | undefined;
  #isNew = false;
  #decimals = 2;
  #hasHistory = true;
  #hasChart = true;

  constructor(motion: Motion, readBars: ReadBars) {
    this.#motion = motion;
    this.#readBars = readBars;
    part("symbol-facts").append(...this.#facts.map(({ element }) => element));
    part("intervals").append(...this.#links.map(([, link]) => make("li", "", link)));
    part("symbol-change").append(this.#percent);
  }

  get symbol(): string | undefined {
    return this.#symbol;
  }

  open(symbol: string, interval: Interval, known: Known | undefined): void {
    if (symbol === this.#symbol && interval === this.#interval) return;
    if (symbol !== this.#symbol) this.#begin(symbol);
    this.#interval = interval;
    this.#candles = new Candles(WIDTHS_MS[interval]);
    this.#changed.clear();
    this.#pointed = undefined;
    for (const [one, link] of this.#links) {
      link.href = hash(symbol, one);
      link.ariaCurrent = String(one === interval);
    }
    this.#section.hidden = false;
    if (known !== undefined) this.show(known);
    this.#tellCandle();
    void this.read();
  }

  close(): void {
    if (this.#symbol === undefined) return;
    this.#symbol = undefined;
    this.#section.hidden = true;
    this.#motion.remove(this);
    this.#chart?.close();
    this.#chart = undefined;
  }

  show(known: Known): void {
    this.#known = known;
    this.#isNew = true;
    this.#motion.add(this);
  }

  /** Every tick counts for the candles, also those between two frames. */
  add(quote: Quote): void {
    const candle = this.#candles.add(quote);
    if (candle !== undefined) this.#changed.set(candle.startMs, candle);
  }

  /** A minute has closed, or was corrected. A wider candle is read again: it has more minutes. */
  put(bar: Bar): void {
    if (this.#interval !== "1m") return void this.read(Math.floor(bar.startMs / this.#candles.widthMs) * this.#candles.widthMs);
    const candle = this.#candles.put(bar);
    this.#changed.set(candle.startMs, candle);
    this.#motion.add(this);
  }

  /** Read history, all that the chart holds or from a time on. */
  async read(fromMs?: number): Promise<void> {
    const [symbol, interval, candles] = [this.#symbol, this.#interval, this.#candles];
    if (symbol === undefined) return;
    const [loaded, bars] = await Promise.all([
      import("./chart").catch(() => undefined), // gone when the site was put up anew since
      this.#readBars(symbol, interval, fromMs ?? Date.now() - KEPT[interval] * candles.widthMs).catch(() => undefined),
    ]);
    if (candles !== this.#candles || symbol !== this.#symbol) return; // another page since
    this.#hasHistory = bars !== undefined;
    this.#hasChart = loaded !== undefined;
    for (const bar of bars ?? []) {
      const candle = candles.put(bar);
      this.#decimals = Math.max(this.#decimals, decimalsOf(candle.close));
      if (fromMs !== undefined) this.#changed.set(candle.startMs, candle);
    }
    if (fromMs === undefined && loaded !== undefined) {
      this.#chart ??= new loaded.Chart(this.#box, (startMs) => this.#point(startMs));
      this.#chart.show(candles.all, this.#decimals, interval === "1d");
      this.#changed.clear();
    }
    this.#tellCandle();
    this.#motion.add(this);
  }

  tellAge(nowMs: number): void {
    if (this.#known === undefined || this.#symbol === undefined) return;
    const { quote } = this.#known;
    write(this.#facts[4]!.text, age(nowMs - quote.timeMs));
    document.title = `${priceWith(this.#decimals, quote.price)} ${this.#arrow.data} ${this.#symbol} · Tickwire`;
  }

  frame(nowMs: number): boolean {
    if (this.#isNew) this.#tell(nowMs);
    if (this.#chart !== undefined && this.#changed.size > 0) {
      for (const candle of this.#changed.values()) this.#chart.update(candle, this.#decimals);
      this.#changed.clear();
      this.#tellCandle();
    }
    return this.#figure.frame(nowMs);
  }

  #begin(symbol: string): void {
    this.#symbol = symbol;
    this.#known = undefined;
    this.#isNew = false;
    this.#decimals = 2;
    this.#figure = new Figure();
    write(this.#arrow, "");
    write(this.#percent, "");
    for (const { text } of this.#facts) write(text, "–");
    part("symbol-name").textContent = symbol;
    const arrow = make("span", "arrow", this.#arrow);
    arrow.ariaHidden = "true";
    part("symbol-price").replaceChildren(spoken("Price "), make("span", "value", this.#figure.text), arrow);
  }

  #tell(nowMs: number): void {
    this.#isNew = false;
    const { quote, base, since } = this.#known!;
    this.#decimals = Math.max(this.#decimals, decimalsOf(quote.price));
    const move = this.#figure.run(quote.price, nowMs);
    if (move !== "same") {
      mark(this.#section, "move", move);
      write(this.#arrow, ARROWS[move]);
      this.#flash.play();
    }
    mark(this.#section, "day", moveOf(base, quote.price));
    write(this.#percent, `${percent(base, quote.price)} (${change(base, quote.price)}) since ${since}`);
    const { bid, ask } = quote;
    const spread = bid === undefined || ask === undefined ? undefined : ask - bid;
    const values = [bid, ask, spread].map((value) => (value === undefined ? "–" : price(value)));
    values.push(quote.volume === undefined ? "–" : volume(quote.volume));
    values.forEach((value, place) => write(this.#facts[place]!.text, value));
    this.#section.dataset.seq = String(quote.seq);
    this.tellAge(Date.now());
  }

  #point(startMs: number | undefined): void {
    this.#pointed = startMs;
    this.#tellCandle();
    if (document.activeElement === this.#box) part("spoken").textContent = this.#legend.textContent;
  }

  /** The candle under the crosshair in words, else the newest. */
  #tellCandle(): void {
    const candle = this.#pointed === undefined ? this.#candles.newest : this.#candles.at(this.#pointed);
    const bare = this.#hasChart ? "" : "The chart can't be loaded. Reload the page to see it. ";
    const without = this.#hasHistory ? "" : "History can't be reached: these candles begin with this page. ";
    this.#legend.textContent = bare + without + (candle === undefined ? "No candle yet." : this.#inWords(candle));
  }

  #inWords({ startMs, open, high, low, close, volume: sum }: Candle): string {
    const options: Intl.DateTimeFormatOptions =
      this.#interval === "1d" ? { dateStyle: "medium", timeZone: "UTC" } : { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" };
    const start = new Intl.DateTimeFormat(undefined, options).format(startMs);
    const [o, h, l, c] = [open, high, low, close].map((value) => priceWith(this.#decimals, value));
    return `${start}: open ${o}, high ${h}, low ${l}, close ${c}, volume ${volume(sum)}`;
  }
}
