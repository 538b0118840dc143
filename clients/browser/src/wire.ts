/**
 * Price messages: what travels on the price lane.
 *
 * In: UTF-8 JSON. Out: its ticks, oldest first, each with its own `seq`; or a WireError that says what is wrong.
 * The newest tick is the message's top level. The older ones are `older`, each
 * `[price, age_ms, volume, bid, ask]` with trailing nulls dropped, `age_ms` before the newest's timestamp.
 * Unknown fields are ignored.
 */

import type { Quote, Tick } from "./tick.js";

/** A payload that isn't a price message. */
export class WireError extends Error {
  override readonly name = "WireError";
}

const ISO = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

type Fields = Record<string, unknown>;

/** The ticks of a price message, oldest first. */
export function decode(payload: string): Tick[] {
  return ticksOf(parsed(payload));
}

/** A payload's fields. */
export function parsed(payload: string): Fields {
  try {
    return fields(JSON.parse(payload));
  } catch (error) {
    throw error instanceof WireError ? error : new WireError(`payload is not JSON: ${(error as Error).message}`);
  }
}

/** The newest tick of a price that is parsed already, with what its day's change is reckoned from. */
export function quoteOf(value: unknown): Quote {
  const { previousClose, dayOpen } = fields(value);
  return {
    ...ticksOf(value).at(-1)!,
    ...(previousClose != null && { previousClose: number(previousClose, "previousClose") }),
    ...(dayOpen != null && { dayOpen: number(dayOpen, "dayOpen") }),
  };
}

/** The ticks of a price message that is parsed already, oldest first. */
export function ticksOf(value: unknown): Tick[] {
  const message = fields(value);
  const symbol = text(message.symbol, "symbol");
  const price = number(message.price, "price");
  const newestMs = time(message.timestamp);
  const seq = whole(message.seq, "seq");
  const series = whole(message.series, "series");
  const older = list(message.older ?? [], "older");
  const first = message.first === undefined ? seq : whole(message.first, "first");
  if (first !== seq - older.length) {
    throw new WireError(`seq ${seq}, first ${first} and ${older.length} older ticks don't agree`);
  }
  const ticks = older.map((row, place) => {
    const [was, ageMs, volume, bid, ask] = list(row, "a row of older");
    const timeMs = newestMs - whole(ageMs, "a row's age");
    const facts = { bid, ask, volume, source: message.source };
    return observed(symbol, number(was, "a row's price"), timeMs, first + place, series, facts);
  });
  return [...ticks, observed(symbol, price, newestMs, seq, series, message)];
}

/** Milliseconds since 1970 of an ISO 8601 time with a zone; finer parts are cut off. */
export function time(value: unknown): number {
  const found = typeof value === "string" ? ISO.exec(value) : null;
  // Engines differ on more than three decimals, so what is finer than a millisecond goes before parsing.
  const timeMs = found ? Date.parse(`${found[1]}${(found[2] ?? ":00").slice(0, 7)}${found[4]}`) : NaN;
  if (Number.isNaN(timeMs)) {
    throw new WireError(`timestamp is ${show(value)}; expected ISO 8601 with a zone, such as 2026-11-21T14:30:00.123Z`);
  }
  return timeMs;
}

function observed(
  symbol: string,
  price: number,
  timeMs: number,
  seq: number,
  series: number,
  { bid, ask, volume, source }: Fields,
): Tick {
  return {
    symbol,
    price,
    timeMs,
    timestamp: new Date(timeMs).toISOString(),
    seq,
    series,
    ...(bid != null && { bid: number(bid, "bid") }),
    ...(ask != null && { ask: number(ask, "ask") }),
    ...(volume != null && { volume: number(volume, "volume") }),
    ...(source != null && { source: text(source, "source") }),
  };
}

function fields(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new WireError(`payload is ${show(value)}; expected an object`);
  }
  return value as Fields;
}

export function number(value: unknown, name: string): number {
  if (!Number.isFinite(value)) throw new WireError(`${name} is ${show(value)}; expected a number`);
  return value as number;
}

export function whole(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value)) throw new WireError(`${name} is ${show(value)}; expected a whole number`);
  return value as number;
}

export function list(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw new WireError(`${name} is ${show(value)}; expected a list`);
  return value;
}

export function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new WireError(`${name} is ${show(value)}; expected text`);
  return value;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "missing").slice(0, 60);
}
