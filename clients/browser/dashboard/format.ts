/** Numbers and times as people read them. In: values. Out: text. */

const DECIMALS_MAX = 8;

const PRICES = new Map<number, Intl.NumberFormat>();
const CHANGE = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: DECIMALS_MAX,
  signDisplay: "exceptZero",
});
const PERCENT = new Intl.NumberFormat("en-US", {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: "exceptZero",
});
const WHOLE = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const ROUND_DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** How many decimals a price needs: at least two, at most eight; binary noise beyond that is none. */
export function decimalsOf(value: number): number {
  const [, decimals = ""] = value.toFixed(DECIMALS_MAX).replace(/0+$/, "").split(".");
  return Math.max(2, decimals.length);
}

export function price(value: number): string {
  return priceWith(decimalsOf(value), value);
}

export function priceWith(decimals: number, value: number): string {
  let format = PRICES.get(decimals);
  if (format === undefined) {
    format = new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    PRICES.set(decimals, format);
  }
  return format.format(value);
}

/** `+0.45`; binary noise beyond eight decimals is cut off. */
export function change(from: number, to: number): string {
  return CHANGE.format(Number((to - from).toFixed(DECIMALS_MAX)));
}

/** `+0.24%`. */
export function percent(from: number, to: number): string {
  return PERCENT.format(to / from - 1);
}

/** `1,204`, `0.0125`, `1M`, `1.25M`. */
export function volume(value: number): string {
  return (value < 1_000_000 ? WHOLE : COMPACT).format(value);
}

/** `$41.20`, `$1,234`; what is less than a cent says so. */
export function dollars(value: number): string {
  if (value > 0 && value < 0.01) return "< $0.01";
  return (value < 100 ? DOLLARS : ROUND_DOLLARS).format(value);
}

/** `12 ms`, `1.2 s`; a source whose clock runs ahead is 0 ms away. */
export function latency(valueMs: number): string {
  const ms = Math.max(0, valueMs);
  return ms < 1_000 ? `${Math.round(ms)} ms` : ms < 100_000 ? `${(ms / 1_000).toFixed(1)} s` : age(ms);
}

/** `0.4`, `16`: things a second. */
export function rate(value: number): string {
  return value < 10 ? value.toFixed(1) : WHOLE.format(Math.round(value));
}

/** The time of day where the reader is. */
export function clock(timeMs: number): string {
  return CLOCK.format(timeMs);
}

/** `0.4 s`, `12 s`, `5 min`, `3 h`, `2 d`. A source whose clock runs ahead is 0 s old. */
export function age(ageMs: number): string {
  const s = Math.max(0, ageMs) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.floor(s)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}
