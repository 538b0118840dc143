/** The cases that the Python code runs as well: both must agree on every one. */

import { describe, expect, test } from "vitest";

import messages from "../../../tests/vectors/messages.json";
import topics from "../../../tests/vectors/topics.json";
import { decode, type Interval, type Lane, Topics, WireError } from "../src/index";

/** A platform's templates as its discovery document gives them. */
function templates(prefix: string): Record<Lane, string> {
  const head = prefix === "" ? "" : `${prefix}/`;
  return {
    price: `${head}prices/{symbol}`,
    board: `${head}board`,
    status: `${head}status`,
    bar: `${head}bars/{interval}/{symbol}`,
    alert: `${head}alerts/{symbol}`,
  };
}

describe("topics", () => {
  test.each(topics.build)("$topic is what the parts build", ({ prefix, lane, symbol, interval, topic }) => {
    const names = new Topics(templates(prefix));
    const built = {
      price: () => names.price(symbol!),
      board: () => names.board,
      status: () => names.status,
      bar: () => names.bar(interval as Interval, symbol!),
      alert: () => names.alert(symbol!),
    };
    expect(built[lane as Lane]()).toBe(topic);
  });

  test.each(topics.parse)("'$topic' under prefix '$prefix' means lane $lane", ({ prefix, topic, ...means }) => {
    const expected = means.lane === null ? undefined : means;
    expect(new Topics(templates(prefix)).parse(topic)).toEqual(expected);
  });
});

describe("messages", () => {
  test.each(messages.decode)("$name: every tick with its own number, oldest first", ({ payload, ticks }) => {
    const expected = (ticks as Record<string, string | number>[]).map(({ time_ms, ...tick }) => ({
      ...tick,
      ...Object.fromEntries(
        ["price", "bid", "ask", "volume"].filter((name) => name in tick).map((name) => [name, Number(tick[name])]),
      ),
      timeMs: time_ms,
      timestamp: new Date(time_ms as number).toISOString(),
    }));
    expect(decode(payload)).toEqual(expected);
  });

  test.each(messages.refused)("$name is refused", ({ payload }) => {
    expect(() => decode(payload)).toThrow(WireError);
  });
});
