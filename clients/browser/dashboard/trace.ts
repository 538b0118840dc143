/**
 * A sparkline's points: where a price has been, in at most 240 points by time.
 *
 * In: prices with their times, oldest first; minutes of history first, then ticks. Out: a path in a box of 100 by
 * 100. Ticks that fall closer together than the line can show replace the last point; when there are too many
 * points, every second one goes. Later points than an hour ago only.
 */

export const SPAN_MS = 3_600_000;
const POINTS_MAX = 240;
const SHOWN = 120;
const CLOSE_MS = 250;
const MARGIN = 8; // above and below, so that a thick line isn't cut

interface Point {
  readonly timeMs: number;
  readonly price: number;
}

export class Trace {
  #points: Point[] = [];

  /** History, which may come after the first ticks: what is older than they are goes before them. */
  begin(points: readonly Point[]): void {
    const firstMs = this.#points[0]?.timeMs ?? Infinity;
    this.#points = [...points.filter(({ timeMs }) => timeMs < firstMs), ...this.#points];
    this.#bound();
  }

  add(timeMs: number, price: number): void {
    const points = this.#points;
    const [before, last] = [points.at(-2), points.at(-1)];
    if (last !== undefined && timeMs < last.timeMs) return; // late ticks change bars, not the line
    const widthMs = Math.max(CLOSE_MS, (timeMs - (points[0]?.timeMs ?? timeMs)) / SHOWN);
    if (before !== undefined && timeMs - before.timeMs < widthMs) points.pop();
    points.push({ timeMs, price });
    this.#bound();
  }

  get length(): number {
    return this.#points.length;
  }

  /** The line, and how far down its end is, 0 to 100. A price that never moved is a line in the middle. */
  draw(): { readonly line: string; readonly end: number } {
    const points = this.#points;
    if (points.length === 0) return { line: "", end: 50 };
    let [low, high] = [Infinity, -Infinity];
    for (const { price } of points) {
      low = Math.min(low, price);
      high = Math.max(high, price);
    }
    const firstMs = points[0]!.timeMs;
    const spanMs = Math.max(1, points.at(-1)!.timeMs - firstMs);
    const scale = high > low ? (100 - 2 * MARGIN) / (high - low) : 0;
    const y = (price: number) => (scale === 0 ? 50 : MARGIN + (high - price) * scale);
    const parts = points.map(({ timeMs, price }) => `${(((timeMs - firstMs) / spanMs) * 100).toFixed(1)} ${y(price).toFixed(1)}`);
    const line = points.length === 1 ? `M0 50L100 50` : `M${parts.join("L")}`;
    return { line, end: y(points.at(-1)!.price) };
  }

  #bound(): void {
    const endMs = this.#points.at(-1)?.timeMs ?? 0;
    if (this.#points[0] !== undefined && this.#points[0].timeMs < endMs - SPAN_MS) {
      this.#points = this.#points.filter(({ timeMs }) => timeMs >= endMs - SPAN_MS);
    }
    if (this.#points.length > POINTS_MAX) {
      const last = this.#points.length - 1;
      this.#points = this.#points.filter((_, place) => (last - place) % 2 === 0);
    }
  }
}
