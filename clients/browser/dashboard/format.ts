/** Numbers and times as people read them. In: values. Out: text. */

const PRICE = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 8 });
const CHANGE = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 8,
  signDisplay: "exceptZero",
});
const PERCENT = new Intl.NumberFormat("en-US", {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: "exceptZero",
});
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

export function price(value: number): string {
  return PRICE.format(value);
}

/** `+0.45`; binary noise beyond eight decimals is cut off. */
export function change(from: number, to: number): string {
  return CHANGE.format(Number((to - from).toFixed(8)));
}

/** `+0.24%`. */
export function percent(from: number, to: number): string {
  return PERCENT.format(to / from - 1);
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
