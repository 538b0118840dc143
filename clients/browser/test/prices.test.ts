/** The client as a page uses it, against a platform in memory. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  connect,
  LaneOff,

  type State,
  type Tick,
  TooManyTopics,
  TopicRefused,
  Unauthorized,
  UnknownSymbol,
} from "../src/index";
import { closeAll, closeLater, connected, cutAndBack, hear, live, message } from "./page";
import { Platform, published, URL_ } from "./platform";
import { soon } from "./soon";

let platform: Platform;

beforeEach(() => {
  platform = new Platform();
  vi.spyOn(Math, "random").mockReturnValue(0); // reconnect at once
});

afterEach(closeAll);

describe("connecting", () => {
  test("a guest connects with a client id made from its identity, and a new signature", async () => {
    await connected();
    expect(platform.calls).toEqual(["discovery", "GetId", "GetCredentialsForIdentity"]);
    const [hello] = platform.packets("connect");
    expect(hello).toMatchObject({ protocolVersion: 5, clean: true, keepalive: 60 });
    expect(hello!.clientId).toMatch(/^us-east-1:pool-guest-0-[0-9a-f]{16}$/);
    expect(platform.socket.url).toMatch(/^ws:\/\/broker\.test\/mqtt\?.*&X-Amz-Signature=\w{64}&X-Amz-Security-Token=token$/);
  });

  test("two tabs are one guest with two client ids", async () => {
    await connected();
    await connected();
    expect(platform.known.size).toBe(1);
    expect(new Set(platform.packets("connect").map(({ clientId }) => clientId)).size).toBe(2);
  });

  test("an identity that the pool no longer knows is replaced", async () => {
    platform.kept.set("tickwire:identity:us-east-1:pool", "us-east-1:gone");
    await connected();
    expect(platform.calls.slice(1)).toEqual(["GetCredentialsForIdentity", "GetId", "GetCredentialsForIdentity"]);
    expect(platform.kept.get("tickwire:identity:us-east-1:pool")).toBe("us-east-1:pool-guest-0");
  });

  test("a page that may not use local storage connects all the same", async () => {
    vi.stubGlobal("localStorage", undefined);
    await connected();
  });

  test("an address that isn't a platform's is told apart from one that can't be reached", async () => {
    await expect(connect("http://identity.test")).rejects.toThrow("http://identity.test/tickwire.json isn't a Tickwire's");
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(connect(URL_)).rejects.toThrow("no answer from http://platform.test/tickwire.json: Failed to fetch");
  });
});

describe("subscribing", () => {
  test("twenty symbols go in packets of at most eight filters", async () => {
    platform.symbols = Array.from({ length: 20 }, (_, place) => `S${place}`);
    const prices = await connected();
    prices.subscribe(platform.symbols, () => {});
    await soon(() => expect(platform.filters.map((filters) => filters.length)).toEqual([8, 8, 4]));
    expect(platform.filters.flat()).toEqual(platform.symbols.map((symbol) => `prices/${symbol}`));
  });

  test("what is wanted before the connection stands is there when the state says live", async () => {
    const prices = await connect(URL_);
    closeLater(prices);
    prices.subscribe(["AAPL"], () => {});
    await live(prices);
    expect(platform.filters).toEqual([["prices/AAPL"]]);
  });

  test("a symbol wanted twice is subscribed to once, until nobody wants it", async () => {
    const prices = await connected();
    const seen: number[] = [];
    const stops = [await hear(prices, (tick) => seen.push(tick.seq))];
    stops.push(prices.subscribe(["AAPL"], (tick) => seen.push(tick.seq)));
    expect(platform.filters).toEqual([["prices/AAPL"]]);
    platform.socket.publish("prices/AAPL", message(1));
    stops[0]!();
    platform.socket.publish("prices/AAPL", message(2));
    expect(seen).toEqual([1, 1, 2]);
    expect(platform.packets("unsubscribe")).toHaveLength(0);
    stops[1]!();
    await soon(() => expect(platform.packets("unsubscribe")).toHaveLength(1));
  });

  test("a topic for which the broker hangs up doesn't take those with it that were asked for together with it", async () => {
    platform.hangsUp = { topic: "prices/MSFT", code: undefined };
    const prices = await connected();
    const refused: string[] = [];
    prices.on("refused", ({ topic }) => refused.push(topic));
    prices.subscribe(["MSFT", "AAPL"], () => {});
    await soon(() => expect(refused).toEqual(["prices/MSFT"]));
    await live(prices);
    expect(platform.filters.at(-1)).toEqual(["prices/AAPL"]);
  });

  test("a connection that is cut now and then while it subscribes costs no topic", async () => {
    const prices = await connected();
    const refused: string[] = [];
    prices.on("refused", ({ topic }) => refused.push(topic));
    await hear(prices, () => {});
    for (let cuts = 0; cuts < 6; cuts += 1) {
      platform.isHeld = true;
      const before = platform.filters.length;
      platform.socket.cut(1006);
      await soon(() => expect(platform.filters).toHaveLength(before + 1), 2);
      platform.isHeld = false;
      await cutAndBack(platform, prices);
    }
    expect(refused).toEqual([]);
    expect(platform.filters.at(-1)).toEqual(["prices/AAPL"]);
  });

  test("a filter that the broker refuses is told, and the others work", async () => {
    platform.grants = (filter) => (filter.endsWith("MSFT") ? 0x87 : 0);
    const prices = await connected();
    const refused: object[] = [];
    prices.on("refused", (refusal) => refused.push(refusal));
    prices.subscribe(["AAPL", "MSFT"], () => {});
    await soon(() =>
      expect(refused).toEqual([{ topic: "prices/MSFT", code: 0x87, reason: "not authorized (0x87)" }]),
    );
    expect(prices.state.name).toBe("live");
  });

  test.each([
    ["says why", 0x87, 1],
    ["doesn't say why", undefined, 5],
  ])("a topic for which the broker hangs up and %s is given up, and the others work", async (_, hangsUpWith, times) => {
    const prices = await connected();
    const refused: string[] = [];
    prices.on("refused", ({ topic }) => refused.push(topic));
    await hear(prices, () => {});
    platform.hangsUp = { topic: "prices/MSFT", code: hangsUpWith };
    prices.subscribe(["MSFT"], () => {});
    await soon(() => expect(refused).toEqual(["prices/MSFT"]));
    await live(prices);
    expect(platform.sockets).toHaveLength(times + 1);
    expect(platform.filters.at(-1)).toEqual(["prices/AAPL"]);
  });

  test("a topic that was refused is told again to who wants it besides, and asked for again when nobody has wanted it", async () => {
    platform.grants = (filter) => (filter.endsWith("MSFT") ? 0x87 : 0);
    const prices = await connected();
    const refused = vi.fn();
    prices.on("refused", refused);
    const stop = prices.subscribe(["MSFT"], () => {});
    await soon(() => expect(refused).toHaveBeenCalledTimes(1));
    await expect(prices.ticks("MSFT").next()).rejects.toThrow(TopicRefused);
    expect(platform.filters).toEqual([["prices/MSFT"]]);
    stop();
    platform.grants = () => 0;
    await Promise.resolve();
    await hear(prices, () => {});
    const [reader, calls] = [prices.ticks("MSFT"), refused.mock.calls.length];
    const next = reader.next();
    await soon(() => expect(platform.filters.at(-1)).toEqual(["prices/MSFT"]));
    platform.socket.publish("prices/MSFT", message(1, { symbol: "MSFT" }));
    expect((await next).value).toMatchObject({ symbol: "MSFT", seq: 1 });
    expect(refused).toHaveBeenCalledTimes(calls);
    await reader.return();
  });

  test("a topic given up because the broker hung up is told again, too", async () => {
    const prices = await connected();
    platform.hangsUp = { topic: "prices/MSFT", code: 0x87 };
    prices.subscribe(["MSFT"], () => {});
    await soon(() => expect(platform.sockets).toHaveLength(2));
    await live(prices);
    await expect(prices.ticks("MSFT").next()).rejects.toThrow("it hung up when asked");
    expect(platform.sockets).toHaveLength(2);
  });

  test("what isn't wanted any more goes before what is newly wanted, so that both together are never too many", async () => {
    const prices = await connected();
    const stop = await hear(prices, () => {});
    stop();
    prices.subscribe(["MSFT"], () => {});
    await soon(() => expect(platform.filters).toEqual([["prices/AAPL"], ["prices/MSFT"]]));
    const kinds = platform.socket.packets.map(({ cmd }) => cmd).filter((cmd) => cmd.endsWith("subscribe"));
    expect(kinds).toEqual(["subscribe", "unsubscribe", "subscribe"]);
  });

  test("a price lane that is off is an error instead of silence", async () => {
    platform.lanes = { MSFT: "off", AAPL: "1s" };
    const prices = await connected();
    expect(() => prices.subscribe(["AAPL", "MSFT"], () => {})).toThrow(LaneOff);
    expect(() => prices.subscribe(["MSFT"], () => {})).toThrow("the price lane of MSFT is off on this stage; the board");
    expect(platform.filters).toEqual([]);
  });

  test("an unknown symbol, and the 51st, are errors that say what to do", async () => {
    platform.symbols = Array.from({ length: 51 }, (_, place) => `S${place}`);
    const prices = await connected();
    expect(() => prices.subscribe(["AAPL"], () => {})).toThrow(UnknownSymbol);
    expect(() => prices.subscribe(["AAPL"], () => {})).toThrow('symbol is "AAPL"; expected one that the platform carries: S0, S1');
    expect(() => prices.subscribe(platform.symbols, () => {})).toThrow(TooManyTopics);
    prices.subscribe(platform.symbols.slice(0, 50), () => {});
    expect(() => prices.subscribe(["S50"], () => {})).toThrow("51 topics on one connection");
  });

  test("the status is one of the 50 topics, so that 49 others fit", async () => {
    platform.topics = { ...platform.topics, status: "status" };
    platform.symbols = Array.from({ length: 50 }, (_, place) => `S${place}`);
    const prices = await connected();
    prices.subscribe(platform.symbols.slice(0, 49), () => {});
    expect(() => prices.subscribe(["S49"], () => {})).toThrow("51 topics on one connection, the status included; expected at most 50");
    await soon(() => expect(platform.filters.flat()).toHaveLength(50));
    expect(platform.filters.flat()).toContain("status");
  });
});

describe("receiving", () => {
  test("a message with several ticks gives each of them, in order", async () => {
    const prices = await connected();
    const seen: Tick[] = [];
    await hear(prices, (tick) => seen.push(tick));
    platform.socket.publish("prices/AAPL", message(3, { first: 1, older: [[101.5, 400, 7], [102, 200]] }));
    expect(seen.map(({ seq, price, volume }) => [seq, price, volume])).toEqual([
      [1, 101.5, 7],
      [2, 102, undefined],
      [3, 103, undefined],
    ]);
    expect(seen[0]!.timestamp).toBe("2026-11-21T14:29:59.600Z");
  });

  test.each([
    [89, 0],
    [95, 1],
  ])("%d messages a second for a minute are told as crowded %d times", async (messages, times) => {
    vi.useFakeTimers();
    const prices = closeLater(await connect(URL_));
    await soon(() => expect(prices.state.name).toBe("live"));
    const crowded = vi.fn();
    prices.on("crowded", crowded);
    for (let second = 0; second < 60; second += 1) {
      for (let place = 0; place < messages; place += 1) platform.socket.publish("prices/AAPL", message(1));
      await vi.advanceTimersByTimeAsync(1_000);
      if (second === 1) expect(crowded).not.toHaveBeenCalled(); // a burst isn't one yet
    }
    vi.useRealTimers();
    expect(crowded).toHaveBeenCalledTimes(times);
    for (const [{ messagesPerS }] of crowded.mock.calls) expect(Math.abs(messagesPerS - messages)).toBeLessThan(10);
  });

  test("packets cut and joined by the network are put together again", async () => {
    const prices = await connected();
    const seen: number[] = [];
    await hear(prices, (tick) => seen.push(tick.seq));
    const bytes = Buffer.concat([1, 2, 3].map((seq) => published("prices/AAPL", message(seq))));
    for (const [from, to] of [[0, 1], [1, 60], [60, 250], [250, bytes.length]]) {
      platform.socket.giveBytes(bytes.subarray(from, to));
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  test("a tick comes once, and never after a newer one; a new series starts over", async () => {
    const prices = await connected();
    const seen: [number, number][] = [];
    await hear(prices, ({ series, seq }) => seen.push([series, seq]));
    for (const [series, seq] of [[1, 5], [1, 5], [1, 4], [1, 6], [2, 1], [1, 7]]) {
      platform.socket.publish("prices/AAPL", message(seq!, { series }));
    }
    expect(seen).toEqual([[1, 5], [1, 6], [2, 1]]);
  });

  test("who stops and subscribes again in the same breath goes on hearing", async () => {
    const prices = await connected();
    const seen: number[] = [];
    const stop = await hear(prices, () => {});
    stop();
    prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq));
    await soon(() => expect(platform.filters).toHaveLength(1));
    platform.socket.publish("prices/AAPL", message(1));
    expect(seen).toEqual([1]);
    expect(platform.packets("unsubscribe")).toHaveLength(0);
  });

  test("who stops and subscribes again while the broker is asked for another symbol goes on hearing", async () => {
    const prices = await connected();
    const seen: number[] = [];
    const stop = await hear(prices, () => {});
    platform.isHeld = true;
    prices.subscribe(["MSFT"], () => {});
    await soon(() => expect(platform.filters).toHaveLength(2));
    stop();
    await new Promise((resolve) => setTimeout(resolve));
    prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq));
    platform.socket.publish("prices/AAPL", message(1));
    await soon(() => expect(seen).toEqual([1]));
  });

  test("a message that makes no sense is told, and the next one is heard", async () => {
    const prices = await connected();
    const told: string[] = [];
    const seen: number[] = [];
    prices.on("undecodable", ({ topic, reason }) => told.push(`${topic}: ${reason}`));
    await hear(prices, (tick) => seen.push(tick.seq));
    platform.socket.publish("prices/AAPL", { symbol: "AAPL" });
    platform.socket.publish("prices/AAPL", message(1));
    expect(told).toEqual(["prices/AAPL: price is missing; expected a number"]);
    expect(seen).toEqual([1]);
  });

  test("a listener that throws is reported, and the others still hear", async () => {
    const reported: unknown[] = [];
    vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
    const prices = await connected();
    const seen: number[] = [];
    prices.subscribe(["AAPL"], () => {
      throw new Error("mine");
    });
    await hear(prices, (tick) => seen.push(tick.seq));
    platform.socket.publish("prices/AAPL", message(1));
    expect(reported).toEqual([new Error("mine")]);
    expect(seen).toEqual([1]);
  });
});

describe("reconnecting", () => {
  test("after a cut the client comes back, with a new signature and the same subscriptions", async () => {
    const prices = await connected();
    const states: State[] = [];
    prices.on("state", (state) => states.push(state));
    prices.subscribe(["AAPL"], () => {});
    await soon(() => expect(platform.filters).toHaveLength(1));
    await cutAndBack(platform, prices);
    expect(states.map(({ name }) => name)).toEqual(["reconnecting", "live"]);
    expect(states[0]).toMatchObject({ attempt: 1, why: "the connection was cut (1006)" });
    expect(platform.filters).toEqual([["prices/AAPL"], ["prices/AAPL"]]);
    expect(platform.sockets).toHaveLength(2);
    expect(new Set(platform.packets("connect").map(({ clientId }) => clientId)).size).toBe(2);
  });

  test("good credentials are used again; ones with less than 10 minutes left are replaced", async () => {
    const prices = await connected();
    await cutAndBack(platform, prices);
    const count = () => platform.calls.filter((call) => call === "GetCredentialsForIdentity").length;
    expect(count()).toBe(1);
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 3_600_000 - 599_000);
    await cutAndBack(platform, prices);
    expect(count()).toBe(2);
  });

  test("the reason that the broker gives before it hangs up is the one told", async () => {
    const prices = await connected();
    const reasons: string[] = [];
    prices.on("state", (state) => state.name === "reconnecting" && reasons.push(state.why));
    platform.socket.give({ cmd: "disconnect", reasonCode: 0x8b });
    platform.socket.cut(1000);
    await soon(() => expect(reasons).not.toEqual([]));
    expect(reasons).toEqual(["the broker ended the connection: server shutting down (0x8b)"]);
  });

  test("a refusal is tried once more with everything fetched anew", async () => {
    platform.connackCodes = [0x87];
    const states: State[] = [];
    const prices = await connect(URL_);
    closeLater(prices);
    prices.on("state", (state) => states.push(state));
    await live(prices);
    expect(states[0]).toMatchObject({
      name: "reconnecting",
      why: "the broker refused the connection: not authorized (0x87)",
    });
    expect(platform.calls.filter((call) => call === "discovery")).toHaveLength(2);
    expect(platform.calls.filter((call) => call === "GetCredentialsForIdentity")).toHaveLength(2);
  });

  test.each([
    ["client id", () => (platform.connackCodes = [0x87, 0x87]), "not authorized (0x87)"],
    ["guest", () => (platform.refusesGuests = true), "GetCredentialsForIdentity was refused with NotAuthorizedException, no guests"],
  ])("a second refusal of the %s is final, and readers are told", async (_, refuse, why) => {
    refuse();
    const prices = await connect(URL_);
    const reading = prices.ticks("AAPL").next();
    await expect(reading).rejects.toThrow(Unauthorized);
    await expect(reading).rejects.toThrow(why);
    expect(prices.state).toMatchObject({ name: "closed", error: await reading.catch((error: Error) => error) });
    expect(platform.sockets.length).toBeLessThanOrEqual(2);
  });

  test("a client id taken over elsewhere is final", async () => {
    const prices = await connected();
    platform.socket.give({ cmd: "disconnect", reasonCode: 0x8e });
    platform.socket.cut(1000);
    await soon(() => expect(prices.state).toMatchObject({ name: "closed", why: expect.stringContaining("taken over") }));
    expect(platform.sockets).toHaveLength(1);
  });

  test("a platform set up anew is found again, with its new pool and a new identity", async () => {
    const prices = await connected();
    platform.poolId = "us-east-1:other";
    platform.known.clear();
    await cutAndBack(platform, prices);
    expect(platform.packets("connect").at(-1)!.clientId).toMatch(/^us-east-1:other-guest-0-/);
  });

  test("attempts against a broker that's down are further and further apart", async () => {
    vi.mocked(Math.random).mockReturnValue(0.001);
    const prices = await connected();
    const attempts: number[] = [];
    prices.on("state", (state) => state.name === "reconnecting" && attempts.push(state.attempt));
    platform.isUp = false;
    platform.socket.cut(1006);
    await soon(() => expect(attempts).toEqual([1, 2, 3, 4]), 1);
    platform.isUp = true;
    await live(prices);
  });

  test("a network that comes back, and a tab that's shown again, end the wait at once", async () => {
    const page = new EventTarget();
    vi.stubGlobal("document", Object.assign(page, { hidden: false }));
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    const now = Date.now;
    let laterMs = 0;
    vi.spyOn(Date, "now").mockImplementation(() => now() + laterMs);
    vi.mocked(Math.random).mockReturnValue(300); // a wait of minutes
    const prices = await connected();
    for (const event of ["online", "visibilitychange"]) {
      platform.socket.cut(1006);
      await soon(() => expect(prices.state.name).toBe("reconnecting"));
      laterMs += 2_000; // not right after the last attempt began
      page.dispatchEvent(new Event(event));
      await live(prices);
    }
  });

  test.each([
    ["right after an attempt", false],
    ["during one", true],
  ])("a network that comes back %s is tried a moment later", async (_, isDuring) => {
    const page = new EventTarget();
    vi.stubGlobal("document", Object.assign(page, { hidden: false }));
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    const prices = await connected();
    prices.on("state", () => vi.mocked(Math.random).mockReturnValue(300)); // after the next attempt, a wait of minutes
    platform.isUp = false;
    platform.openMs = 50;
    platform.socket.cut(1006);
    await soon(() => expect(platform.sockets).toHaveLength(2), 1);
    if (!isDuring) await soon(() => expect(prices.state).toMatchObject({ name: "reconnecting", attempt: 2 }));
    page.dispatchEvent(new Event("online"));
    await soon(() => expect(prices.state).toMatchObject({ name: "reconnecting", attempt: 2 }));
    platform.isUp = true;
    await soon(() => expect(prices.state.name).toBe("live"));
    expect(platform.sockets).toHaveLength(3);
  });

  test("a broker that has gone silent is left when a ping isn't answered", async () => {
    const prices = await connected();
    prices.close();
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
    const next = await connect(URL_);
    closeLater(next);
    await soon(() => expect(next.state.name).toBe("live"));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(platform.packets("pingreq").length).toBeGreaterThanOrEqual(3);
    expect(next.state.name).toBe("live");
    platform.answersPings = false;
    const whys: string[] = [];
    next.on("state", (state) => state.name === "reconnecting" && whys.push(state.why));
    await vi.advanceTimersByTimeAsync(40_000);
    vi.useRealTimers();
    expect(whys[0]).toBe("the broker sent no PINGRESP in 10 s");
  });

  test("once closed it stays closed", async () => {
    const prices = await connected();
    prices.close();
    await soon(() => expect(platform.socket.readyState).toBe(3));
    expect(platform.packets("disconnect")).toHaveLength(1);
    expect(prices.state.name).toBe("closed");
    expect(platform.sockets).toHaveLength(1);
  });
});
