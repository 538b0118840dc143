/** Reading every lane, whole and in order, with a slow reader, a loss and an API that's down. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { type BarMessage, type BoardUpdate, connect, type Events, LaneConflated, type Quote, TopicRefused } from "../src/index";
import { closeAll, closeLater, connected, cutAndBack, hear, message } from "./page";
import { Platform, URL_ } from "./platform";
import { soon } from "./soon";

const ALL = { price: "prices/{symbol}", board: "board", status: "status", bar: "bars/{interval}/{symbol}" };
const BAR = {
  symbol: "AAPL", interval: "1m", start: "2026-11-21T14:30:00.000Z", end: "2026-11-21T14:31:00.000Z",
  open: 1, high: 4, low: 0.5, close: 2, volume: 10, vwap: null, average5m: 1.5, count: 3, first: 1, last: 3, series: 1,
}; // prettier-ignore

let platform: Platform;

beforeEach(() => {
  platform = new Platform();
  vi.spyOn(Math, "random").mockReturnValue(0); // reconnect and fill at once
});

afterEach(closeAll);

/** As many values as asked for. */
async function take<T>(values: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const value of values) if (taken.push(value) === count) break;
  return taken;
}

function board(...prices: object[]): object {
  return { time: "2026-11-21T14:30:01.000Z", full: false, part: 1, parts: 1, prices };
}

describe("ticks", () => {
  test("for await begins with the snapshot, then live, and unsubscribes when it ends", async () => {
    platform.newest = { AAPL: message(7, { previousClose: 90.5 }) };
    const prices = await connected();
    const reading = take(prices.ticks("AAPL"), 3);
    await soon(() => expect(platform.calls).toContain("snapshot"));
    platform.socket.publish("prices/AAPL", message(9, { first: 7, older: [[107, 20], [108, 10]] }));
    const ticks = await reading;
    expect(ticks.map(({ seq }) => seq)).toEqual([7, 8, 9]);
    expect(ticks[0]!.previousClose).toBe(90.5);
    await soon(() => expect(platform.packets("unsubscribe")).toHaveLength(1));
  });

  test("what comes before the snapshot is held for it", async () => {
    platform.newest = { AAPL: message(1) };
    platform.delayMs = 200;
    const prices = await connected();
    const seen: number[] = [];
    prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq));
    await soon(() => expect(platform.filters).toHaveLength(1));
    platform.socket.publish("prices/AAPL", message(2));
    expect(seen).toEqual([]);
    await soon(() => expect(seen).toEqual([1, 2]));
  });

  test("a snapshot that takes long doesn't hold live prices up", async () => {
    platform.delayMs = 60_000;
    const prices = await connected();
    const seen: number[] = [];
    prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq));
    await soon(() => expect(platform.filters).toHaveLength(1));
    platform.socket.publish("prices/AAPL", message(2));
    await soon(() => expect(seen).toEqual([2]));
  });

  test("a second listener has the newest tick at once", async () => {
    platform.newest = { AAPL: message(5) };
    const prices = await connected();
    await hear(prices, () => {});
    const seen: number[] = [];
    prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq));
    await Promise.resolve();
    expect(seen).toEqual([5]);
  });

  test("with the API down prices come live, and that is told", async () => {
    platform.newest = null;
    const prices = await connected();
    const told: Events["snapshot"][] = [];
    prices.on("snapshot", (snapshot) => told.push(snapshot));
    const reading = take(prices.ticks(["AAPL"]), 1);
    await soon(() => expect(told).toHaveLength(3)); // tries
    expect(told[0]).toMatchObject({ symbols: ["AAPL"], ok: false, why: expect.stringContaining("status 503") });
    platform.socket.publish("prices/AAPL", message(3));
    expect((await reading)[0]!.seq).toBe(3);
  });

  test("a slow reader gets the newest, and is told how much it missed", async () => {
    const prices = await connected();
    const dropped: number[] = [];
    prices.on("dropped", ({ count }) => dropped.push(count));
    const ticks = prices.ticks("AAPL", { maxsize: 2 });
    const first = ticks.next();
    await soon(() => expect(platform.calls).toContain("snapshot"));
    for (let seq = 1; seq <= 8; seq += 1) platform.socket.publish("prices/AAPL", message(seq));
    const seen = [(await first).value!.seq];
    for (let count = 0; count < 2; count += 1) seen.push((await ticks.next()).value!.seq);
    expect(seen).toEqual([1, 2, 8]);
    expect(dropped).toEqual([5]);
    expect(prices.stats()).toMatchObject({ received: 8, conflated: 5 });
    await ticks.return();
  });

  test("a refused topic ends the reader with its name, and a closed client without an error", async () => {
    platform.grants = (filter) => (filter.endsWith("MSFT") ? 0x87 : 0);
    const prices = await connected();
    const others = take(prices.ticks("AAPL"), 1);
    await expect(prices.ticks("MSFT").next()).rejects.toThrow(TopicRefused);
    await expect(prices.ticks("MSFT").next()).rejects.toThrow("the subscription to prices/MSFT: not authorized (0x87)");
    prices.close();
    expect(await others).toEqual([]);
    expect(await take(prices.ticks("AAPL"), 1)).toEqual([]);
  });
});

describe("a lossless reader", () => {
  test("has what the lane lost fetched in whole blocks, before what follows", async () => {
    for (let seq = 1; seq <= 300; seq += 1) platform.history.set(seq, { seq, price: seq, timestamp: "2026-11-21T14:30:00Z" });
    platform.history.delete(150);
    const prices = await connected();
    const gaps: Events["gap"][] = [];
    prices.on("gap", (gap) => gaps.push(gap));
    const seen: Quote[] = [];
    await hear(prices, (tick) => seen.push(tick), { lossless: true });
    platform.socket.publish("prices/AAPL", message(98));
    platform.socket.publish("prices/AAPL", message(203));
    await soon(() => expect(seen.at(-1)?.seq).toBe(203));
    const expected = Array.from({ length: 106 }, (_, place) => 98 + place).filter((seq) => seq !== 150);
    expect(seen.map(({ seq }) => seq)).toEqual(expected);
    expect(platform.blocks).toEqual([0, 100, 200].map((after) => `?series=1&after_seq=${after}&limit=100`));
    expect(gaps.filter(({ filled }) => !filled)).toEqual([{ symbol: "AAPL", series: 1, first: 150, last: 150, filled: false }]);
    expect(prices.stats()).toMatchObject({ gaps: 1, filled: 103 });
  });

  test("gives the oldest of a long loss up, and says so", async () => {
    for (let seq = 1; seq <= 5_000; seq += 1) platform.history.set(seq, { seq, price: seq, timestamp: "2026-11-21T14:30:00Z" });
    const prices = await connected();
    const gaps: Events["gap"][] = [];
    prices.on("gap", (gap) => gaps.push(gap));
    const seen: number[] = [];
    await hear(prices, ({ seq }) => seen.push(seq), { lossless: true });
    platform.socket.publish("prices/AAPL", message(1));
    platform.socket.publish("prices/AAPL", message(5_000));
    await soon(() => expect(seen.at(-1)).toBe(5_000));
    expect(gaps[0]).toMatchObject({ first: 2, last: 3_999, filled: false });
    expect(seen.slice(0, 2)).toEqual([1, 4_000]);
    expect(platform.blocks).toHaveLength(11);
  });

  test("sees in the snapshot after a cut what it missed meanwhile", async () => {
    for (let seq = 1; seq <= 20; seq += 1) platform.history.set(seq, { seq, price: seq, timestamp: "2026-11-21T14:30:00Z" });
    platform.newest = { AAPL: message(3) };
    const prices = await connected();
    const seen: number[] = [];
    await hear(prices, ({ seq }) => seen.push(seq), { lossless: true });
    platform.newest = { AAPL: message(9) };
    await cutAndBack(platform, prices);
    await soon(() => expect(seen).toEqual([3, 4, 5, 6, 7, 8, 9]));
  });

  test("can't be had of a lane that leaves ticks out by design", async () => {
    platform.lanes = { AAPL: "5s" };
    const prices = await connected();
    expect(() => prices.subscribe(["AAPL"], () => {}, { lossless: true })).toThrow(LaneConflated);
    expect(() => prices.ticks("AAPL", { lossless: true })).toThrow("the price lane of AAPL is the newest each 5s");
  });
});

describe("the other lanes", () => {
  beforeEach(() => {
    platform.topics = ALL;
  });

  test("the board: many symbols in one message, to a listener or to for await", async () => {
    const prices = await connected();
    const seen: BoardUpdate[] = [];
    const stop = prices.board((update) => seen.push(update));
    const reading = take(prices.board(), 1);
    await soon(() => expect(platform.filters.flat()).toContain("board"));
    platform.socket.publish("board", board(message(4, { previousClose: 99, dayOpen: null })));
    expect(seen).toEqual(await reading);
    expect(seen[0]).toMatchObject({ full: false, part: 1, prices: [{ symbol: "AAPL", seq: 4, previousClose: 99 }] });
    expect(seen[0]!.prices[0]).not.toHaveProperty("dayOpen");
    stop();
    await soon(() => expect(platform.packets("unsubscribe").flatMap(({ unsubscriptions }) => unsubscriptions)).toEqual(["board"]));
  });

  test("bars: live as they close, and over HTTP with the open one", async () => {
    const prices = await connected();
    const seen: BarMessage[] = [];
    prices.subscribeBars(["AAPL"], (bar) => seen.push(bar));
    await soon(() => expect(platform.filters.flat()).toContain("bars/1m/AAPL"));
    platform.socket.publish("bars/1m/AAPL", BAR);
    platform.socket.publish("bars/1m/AAPL", { ...BAR, close: "2" });
    expect(seen).toMatchObject([{ symbol: "AAPL", interval: "1m", endMs: seen[0]!.startMs + 60_000, close: 2, isOpen: false }]);
    expect(prices.stats().undecodable).toBe(1);
    platform.bars = [BAR, { ...BAR, closed: false }];
    expect((await prices.bars("AAPL", { interval: "5m", fromMs: 0 })).map(({ isOpen }) => isOpen)).toEqual([false, true]);
    expect(platform.barRequests).toEqual(["?interval=5m&from=1970-01-01T00%3A00%3A00.000Z"]);
  });

  test.each(["5m", "15m", "1h"] as const)("bars of %s aren't on the bar lane, which is an error that says where they are", async (interval) => {
    const prices = await connected();
    // @ts-expect-error: it doesn't compile either
    const subscribing = () => prices.subscribeBars(["AAPL"], () => {}, interval);
    expect(subscribing).toThrow(`interval is "${interval}"; expected 1m or 1d on the bar lane: bars() has the others`);
    expect(platform.filters.flat().join()).not.toContain("bars");
  });

  test("each day's bar", async () => {
    const prices = await connected();
    prices.subscribeBars(["AAPL"], () => {}, "1d");
    await soon(() => expect(platform.filters.flat()).toContain("bars/1d/AAPL"));
  });

  test("the status tells a market that is closed from a fault", async () => {
    const prices = await connected();
    const status = { time: new Date().toISOString(), market: "closed", paused: false, degraded: false, reasons: [] };
    platform.socket.publish("status", { ...status, until: "2026-11-23T14:30:00.000Z", opens: "2026-11-23T14:30:00.000Z" });
    expect(prices.status).toMatchObject({ market: "closed", opensMs: Date.parse("2026-11-23T14:30:00Z") });
    expect(prices.state).toMatchObject({ name: "quiet", because: "market", untilMs: prices.status!.opensMs });
  });

  test("the newest of each symbol over HTTP, without a connection", async () => {
    platform.newest = { AAPL: message(2, { previousClose: 100 }), TSLA: message(8, { symbol: "TSLA" }) };
    const prices = closeLater(await connect(URL_));
    const newest = await prices.latest(["AAPL", "MSFT", "TSLA"]);
    expect([...newest].map(([symbol, { seq }]) => [symbol, seq])).toEqual([["AAPL", 2], ["TSLA", 8]]);
  });
});
