/**
 * Candles and volume on a canvas, by TradingView's Lightweight Charts. It is loaded when a symbol's page first opens.
 *
 * In: candles, all at once or one that changed. Out: the picture, in the page's own colours; the candle under the
 * crosshair, which the mouse and the arrow keys move. The logo is off, since it would need inline styles, which the
 * page's security policy forbids: the page itself names TradingView and links to it.
 */

import {
  CandlestickSeries,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  TickMarkType,
  type UTCTimestamp,
} from "lightweight-charts";

import type { Candle } from "./candles";
import { priceWith, volume } from "./format";

const KEY_STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
const SHOWN = 90;
const VOLUME = "volume";
const DARK = matchMedia("(prefers-color-scheme: dark)");

export class Chart {
  readonly #box: HTMLElement;
  readonly #chart: IChartApi;
  readonly #prices: ISeriesApi<"Candlestick">;
  readonly #volumes: ISeriesApi<"Histogram">;
  readonly #onPoint: (startMs: number | undefined) => void;
  readonly #abort = new AbortController();
  #starts: number[] = [];
  #place: number | undefined;
  #decimals = 2;
  #isDaily = false;
  #colours = colours(document.documentElement);

  constructor(box: HTMLElement, onPoint: (startMs: number | undefined) => void) {
    this.#box = box;
    this.#onPoint = onPoint;
    this.#chart = createChart(box, { autoSize: true, layout: { attributionLogo: false } });
    this.#prices = this.#chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.#volumes = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: VOLUME,
      priceFormat: { type: "custom", formatter: volume, minMove: 1e-8 },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.#prices.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.26 } });
    this.#chart.priceScale(VOLUME).applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.#chart.subscribeCrosshairMove(({ time }) => {
      this.#place = time === undefined ? undefined : this.#starts.indexOf((time as number) * 1000);
      this.#onPoint(time === undefined ? undefined : (time as number) * 1000);
    });
    const { signal } = this.#abort;
    box.addEventListener("keydown", (event) => this.#key(event), { signal });
    box.addEventListener("blur", () => this.#chart.clearCrosshairPosition(), { signal });
    DARK.addEventListener("change", () => this.#paint(), { signal });
    this.#paint();
  }

  /** All candles of a symbol, oldest first; what was there goes. */
  show(candles: readonly Candle[], decimals: number, isDaily: boolean): void {
    this.#starts = candles.map(({ startMs }) => startMs);
    this.#decimals = decimals;
    this.#isDaily = isDaily;
    this.#applyFormats();
    this.#prices.setData(candles.map((candle) => row(candle)));
    this.#volumes.setData(candles.map((candle) => this.#bar(candle)));
    const end = candles.length;
    this.#chart.timeScale().setVisibleLogicalRange({ from: Math.max(end - SHOWN, -SHOWN / 3), to: end + 4 });
  }

  /** One candle that is new or has changed. */
  update(candle: Candle, decimals: number): void {
    if (decimals > this.#decimals) {
      this.#decimals = decimals;
      this.#applyFormats();
    }
    const last = this.#starts.at(-1) ?? -Infinity;
    const isLate = candle.startMs < last;
    if (isLate && !this.#starts.includes(candle.startMs)) return; // the next reading of history has it
    if (candle.startMs > last) this.#starts.push(candle.startMs);
    this.#prices.update(row(candle), isLate);
    this.#volumes.update(this.#bar(candle), isLate);
  }

  close(): void {
    this.#abort.abort();
    this.#chart.remove();
  }

  /** The arrow keys move the crosshair, from the newest candle on. */
  #key(event: KeyboardEvent): void {
    const step = KEY_STEPS[event.key];
    if (step === undefined || this.#starts.length === 0) return;
    event.preventDefault();
    const last = this.#starts.length - 1;
    const place = Math.min(last, Math.max(0, this.#place === undefined ? last : this.#place + step));
    const time = (this.#starts[place]! / 1000) as UTCTimestamp;
    const data = this.#prices.data()[place];
    if (data === undefined || !("close" in data)) return;
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    if (range !== null && place < range.from) this.#chart.timeScale().scrollToPosition(place - last - 1, false);
    this.#chart.setCrosshairPosition(data.close, time, this.#prices);
    this.#place = place;
    this.#onPoint(this.#starts[place]);
  }

  #bar(candle: Candle) {
    return { time: seconds(candle.startMs), value: candle.volume, color: this.#tint(candle) };
  }

  #tint({ open, close }: { readonly open: number; readonly close: number }): string {
    return close < open ? this.#colours.downQuiet : this.#colours.upQuiet;
  }

  #applyFormats(): void {
    const minMove = 10 ** -this.#decimals;
    const formatter = (value: number) => priceWith(this.#decimals, value);
    this.#prices.applyOptions({ priceFormat: { type: "custom", formatter, minMove } });
    this.#chart.applyOptions({
      localization: { timeFormatter: (time: number) => moment(time, this.#isDaily) },
      timeScale: {
        timeVisible: !this.#isDaily,
        tickMarkFormatter: (time: number, type: TickMarkType) => mark(time, type, this.#isDaily),
      },
    });
  }

  #paint(): void {
    const { ground, quiet, line, up, down } = (this.#colours = colours(this.#box));
    const cross = { color: quiet, labelBackgroundColor: quiet };
    this.#chart.applyOptions({
      layout: { background: { color: ground }, textColor: quiet, fontFamily: getComputedStyle(this.#box).fontFamily },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      crosshair: { vertLine: cross, horzLine: cross },
      rightPriceScale: { borderVisible: false },
      timeScale: { borderVisible: false, rightOffset: 4 },
    });
    this.#prices.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    const candles = this.#prices.data();
    this.#volumes.setData(
      this.#volumes.data().map((bar, place) => ({ ...bar, color: this.#tint(candles[place] as { open: number; close: number }) })),
    );
  }
}

function row({ startMs, open, high, low, close }: Candle) {
  return { time: seconds(startMs), open, high, low, close };
}

function seconds(timeMs: number): UTCTimestamp {
  return (timeMs / 1000) as UTCTimestamp;
}

function colours(element: HTMLElement) {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [ground, quiet, line] = ["panel", "quiet", "line"].map(colour) as [string, string, string];
  const [up, down] = ["up", "down"].map(colour) as [string, string];
  return { ground, quiet, line, up, down, upQuiet: `${up}55`, downQuiet: `${down}55` };
}

/** A time as the reader's clock has it; a day as UTC has it, which is how days are cut. */
function moment(time: number, isDaily: boolean): string {
  const options: Intl.DateTimeFormatOptions = isDaily
    ? { dateStyle: "medium", timeZone: "UTC" }
    : { dateStyle: "short", timeStyle: "short", hourCycle: "h23" };
  return new Intl.DateTimeFormat(undefined, options).format(time * 1000);
}

function mark(time: number, type: TickMarkType, isDaily: boolean): string {
  const zone = isDaily ? { timeZone: "UTC" } : {};
  const options: Intl.DateTimeFormatOptions =
    type === TickMarkType.Year
      ? { year: "numeric" }
      : type === TickMarkType.Month
        ? { month: "short" }
        : type === TickMarkType.DayOfMonth
          ? { day: "numeric", month: "short" }
          : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(undefined, { ...options, ...zone }).format(time * 1000);
}
