/** A second connection beside the first: before the broker's 24 hours, and when the first can't be trusted. */

import { generate, type IUnsubscribePacket } from "mqtt-packet";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { connect, type Prices, type TickOptions } from "../src/index";
import { LIFE_MS_MAX, LIFE_MS_MIN } from "../src/connection";
import { closeAll, closeLater, connected, hear, live, message, shownPage } from "./page";
import { type FakeSocket, Platform, published, URL_ } from "./platform";
import { soon } from "./soon";

let platform: Platform;

beforeEach(() => {
  platform = new Platform();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});

afterEach(() => {
  vi.useRealTimers();
  closeAll();
});

test("before the broker would end it, a connection hands over to another one without a gap", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
  const prices = closeLater(await connect(URL_));
  const [seen, states]: [number[], string[]] = [[], []];
  prices.on("state", ({ name }) => states.push(name));
  prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq));
  await soon(() => expect(platform.calls).toContain("snapshot"));
  platform.socket.publish("prices/AAPL", message(1));
  const [first] = platform.sockets;
  platform.isHeld = true; // the next connection is there, and isn't subscribed yet
  await vi.advanceTimersByTimeAsync((LIFE_MS_MIN + LIFE_MS_MAX) / 2);
  await soon(() => expect(platform.packets("subscribe")).toHaveLength(2));
  first!.publish("prices/AAPL", message(2));
  expect(first!.readyState).toBe(1);
  platform.isHeld = false;
  platform.socket.give({ cmd: "suback", messageId: platform.packets("subscribe")[1]!.messageId!, granted: [0] });
  await soon(() => expect(first!.readyState).toBe(3));
  platform.socket.publish("prices/AAPL", message(2)); // both had it
  platform.socket.publish("prices/AAPL", message(3));
  expect(seen).toEqual([1, 2, 3]);
  expect(states).toEqual(["live"]);
  expect(prices.stats()).toMatchObject({ duplicates: 1, gaps: 0 });
  expect(platform.filters.every((filters) => filters.join() === "prices/AAPL")).toBe(true);
  expect(new Set(platform.packets("connect").map(({ clientId }) => clientId)).size).toBe(platform.sockets.length);
});

/** Connected for AAPL with tick 1; then another connection stands beside the first, and that one hasn't been left. */
async function handingOver(options?: TickOptions): Promise<{ prices: Prices; seen: number[]; old: FakeSocket }> {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
  const prices = closeLater(await connect(URL_));
  const seen: number[] = [];
  prices.subscribe(["AAPL"], ({ seq }) => seen.push(seq), options);
  await soon(() => expect(platform.calls).toContain("snapshot"));
  const old = platform.socket;
  old.publish("prices/AAPL", message(1));
  platform.answersUnsubscribes = false;
  platform.newest = { AAPL: message(4) };
  await vi.advanceTimersByTimeAsync((LIFE_MS_MIN + LIFE_MS_MAX) / 2);
  await soon(() => expect(platform.packets("unsubscribe")).toHaveLength(1));
  expect(platform.sockets).toHaveLength(2);
  return { prices, seen, old };
}

test.each([false, true])("what is still on its way by the old one comes first, with lossless %s", async (lossless) => {
  const { prices, seen, old } = await handingOver({ lossless });
  platform.socket.publish("prices/AAPL", message(4)); // subscribed after 3 was sent
  old.publish("prices/AAPL", message(2));
  expect(seen).toEqual([1, 2]);
  const [{ messageId, unsubscriptions }] = platform.packets("unsubscribe") as [IUnsubscribePacket];
  expect(unsubscriptions).toEqual(["prices/AAPL"]);
  const answer = generate({ cmd: "unsuback", messageId: messageId!, granted: [0] }, { protocolVersion: 5 });
  old.giveBytes(Buffer.concat([published("prices/AAPL", message(3)), answer]));
  await vi.advanceTimersByTimeAsync(0);
  await soon(() => expect(old.readyState).toBe(3));
  platform.socket.publish("prices/AAPL", message(5));
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  expect(prices.stats()).toMatchObject({ gaps: 0, filled: 0, reconnects: 1 });
  expect(platform.blocks).toEqual([]);
});

test("an old one that doesn't answer is waited for half a second, and no longer", async () => {
  const { prices, seen, old } = await handingOver();
  platform.newest = {};
  platform.socket.publish("prices/AAPL", message(2));
  await vi.advanceTimersByTimeAsync(400);
  expect([seen, old.readyState]).toEqual([[1], 1]);
  await vi.advanceTimersByTimeAsync(200);
  expect([seen, old.readyState]).toEqual([[1, 2], 3]);
  expect(prices.state.name).toBe("live");
});

test("an old one that is cut isn't waited for", async () => {
  const { prices, seen, old } = await handingOver();
  platform.newest = {};
  platform.socket.publish("prices/AAPL", message(2));
  old.cut(1006);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual([1, 2]);
  expect([prices.state.name, platform.sockets.length]).toEqual(["live", 2]);
});

test("closed while one hands over to the other, both are closed and neither is heard", async () => {
  const { prices, seen, old } = await handingOver();
  platform.socket.publish("prices/AAPL", message(2));
  prices.close();
  old.publish("prices/AAPL", message(2));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(platform.sockets.map(({ readyState }) => readyState)).toEqual([3, 3]);
  expect([seen, prices.state.name]).toEqual([[1], "closed"]);
});

test("a tab that is hidden while one hands over to the other has the board, and none of the prices' own lanes", async () => {
  platform.topics = { ...platform.topics, board: "board" };
  const page = shownPage();
  const now = Date.now;
  let laterMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + laterMs);
  const { prices, seen } = await handingOver();
  platform.answersUnsubscribes = true;
  page.hidden = true;
  page.dispatchEvent(new Event("visibilitychange"));
  laterMs = 30_000;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(prices.state.name).toBe("delayed");
  const asked = platform.socket.packets.flatMap((packet) => (packet.cmd === "subscribe" ? packet.subscriptions : []));
  const left = platform.socket.packets.flatMap((packet) => (packet.cmd === "unsubscribe" ? packet.unsubscriptions : []));
  expect([asked.map(({ topic }) => topic), left]).toEqual([["prices/AAPL", "board"], ["prices/AAPL"]]);
  platform.socket.publish("board", { time: "2026-11-21T14:30:00Z", full: true, part: 1, parts: 1, prices: [message(6)] });
  expect(seen.at(-1)).toBe(6);
  laterMs = 300_000;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(prices.state.name).toBe("hidden");
  expect(platform.sockets.map(({ readyState }) => readyState)).toEqual([3, 3]);
});

test.each([
  ["no status and no price came", true, false, 2],
  ["no status came, but prices did", true, true, 1],
  ["the platform has no status lane", false, false, 1],
])("after minutes in which %s", async (_, hasStatus, hasPrices, connections) => {
  vi.useFakeTimers();
  if (hasStatus) platform.topics = { ...platform.topics, status: "status" };
  const prices = closeLater(await connect(URL_));
  const whys: string[] = [];
  prices.on("state", (state) => state.name === "stale" && whys.push(state.why));
  prices.subscribe(["AAPL"], () => {});
  await soon(() => expect(platform.calls).toContain("snapshot"));
  for (let seq = 1; seq <= 14; seq += 1) {
    if (hasPrices) platform.socket.publish("prices/AAPL", message(seq));
    await vi.advanceTimersByTimeAsync(10_000);
  }
  await soon(() => expect(platform.sockets).toHaveLength(connections));
  expect(whys).toEqual(connections === 2 ? ["no status came, and one is due each minute"] : []);
});

test("silence where prices came is compared with history: what is there and didn't come proves the connection dead", async () => {
  vi.useFakeTimers();
  const prices = closeLater(await connect(URL_));
  const whys: string[] = [];
  prices.on("state", (state) => state.name === "stale" && whys.push(state.why));
  prices.subscribe(["AAPL"], () => {});
  await soon(() => expect(platform.calls).toContain("snapshot"));
  for (let seq = 1; seq <= 5; seq += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    platform.socket.publish("prices/AAPL", message(seq));
  }
  platform.newest = { AAPL: message(5) };
  await vi.advanceTimersByTimeAsync(15_000);
  expect(platform.calls.filter((call) => call === "snapshot")).toHaveLength(2);
  expect(whys).toEqual([]); // history has no more than came
  platform.newest = { AAPL: message(7) };
  await vi.advanceTimersByTimeAsync(30_000);
  expect(whys).toEqual(["history has AAPL seq 7, which didn't come"]);
  await soon(() => expect(platform.sockets).toHaveLength(2));
});

test.each([
  ["that nobody wants", () => 0, true],
  ["that the broker refused", (filter: string) => (filter.endsWith("MSFT") ? 0x87 : 0), false],
])("prices %s prove nothing when they don't come", async (_, grants, isStopped) => {
  vi.useFakeTimers();
  platform.grants = grants;
  const prices = closeLater(await connect(URL_));
  const stop = prices.subscribe(isStopped ? ["AAPL"] : ["AAPL", "MSFT"], () => {});
  await soon(() => expect(platform.calls).toContain("snapshot"));
  for (let seq = 1; seq <= 5; seq += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    platform.socket.publish("prices/AAPL", message(seq));
  }
  platform.newest = { AAPL: message(5), MSFT: message(9, { symbol: "MSFT" }) };
  if (isStopped) stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(prices.state.name).toBe("live");
  expect(platform.sockets).toHaveLength(1);
});

test("one that doesn't answer a person who comes back is replaced, and left when the other one is there", async () => {
  const page = shownPage();
  const prices = await connected();
  const [first] = platform.sockets;
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() + 2_000); // not right after the last attempt began
  platform.answersPings = false;
  page.dispatchEvent(new Event("visibilitychange"));
  await soon(() => expect(platform.sockets).toHaveLength(2));
  await soon(() => expect(first!.readyState).toBe(3));
  await live(prices);
  expect(prices.stats().reconnects).toBe(1);
});

test("one that answers is kept", async () => {
  const page = shownPage();
  const prices = await connected();
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() + 2_000);
  page.dispatchEvent(new Event("visibilitychange"));
  await soon(() => expect(platform.packets("pingreq")).toHaveLength(1));
  await hear(prices, () => {});
  expect(platform.sockets).toHaveLength(1);
});

test("a hidden tab's lanes: the board, nothing, and all of it again", async () => {
  platform.topics = { ...platform.topics, board: "board" };
  platform.newest = { AAPL: message(1) };
  const page = shownPage();
  const now = Date.now;
  let laterMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + laterMs);
  const prices = await connected();
  const gaps: object[] = [];
  prices.on("gap", (gap) => gaps.push(gap));
  const seen: number[] = [];
  await hear(prices, ({ seq }) => seen.push(seq));

  page.hidden = true;
  page.dispatchEvent(new Event("visibilitychange"));
  laterMs = 30_000;
  await soon(() => expect(prices.state.name).toBe("delayed"));
  await soon(() => expect(platform.packets("unsubscribe")).toHaveLength(1));
  expect(platform.filters.at(-1)).toEqual(["board"]);
  platform.socket.publish("board", { time: "2026-11-21T14:30:00Z", full: true, part: 1, parts: 1, prices: [message(6)] });

  laterMs = 300_000;
  await soon(() => expect(prices.state.name).toBe("hidden"));
  await soon(() => expect(platform.socket.readyState).toBe(3));

  platform.newest = { AAPL: message(40) };
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  await soon(() => expect(seen).toEqual([1, 6, 40]));
  expect(prices.state.name).toBe("live");
  expect(platform.filters.at(-1)).toEqual(["prices/AAPL"]);
  expect(gaps).toEqual([]);
});

test("a paused stage, which says so once on a connection, is quiet until it says otherwise", async () => {
  vi.useFakeTimers();
  platform.topics = { ...platform.topics, status: "status" };
  const status = { time: "2026-11-21T14:30:00Z", market: "open", paused: true, degraded: false, reasons: [] };
  const prices = closeLater(await connect(URL_));
  await soon(() => expect(prices.state.name).toBe("live"));
  platform.socket.publish("status", status);
  const states: string[] = [];
  prices.on("state", ({ name }) => states.push(name));
  await vi.advanceTimersByTimeAsync(600_000);
  expect([prices.state.name, ...states]).toEqual(["quiet"]);
  platform.socket.publish("status", { ...status, paused: false });
  expect(states).toEqual(["live"]);
});

test("what the platform said before a tab was hidden isn't believed when it's shown again", async () => {
  vi.useFakeTimers();
  platform.topics = { ...platform.topics, status: "status" };
  const page = shownPage();
  const prices = closeLater(await connect(URL_));
  await soon(() => expect(prices.state.name).toBe("live"));
  platform.socket.publish("status", { time: "2026-11-21T14:30:00Z", market: "open", paused: true, degraded: false, reasons: [] });
  expect(prices.state.name).toBe("quiet");
  page.hidden = true;
  page.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(310_000);
  expect(prices.state.name).toBe("hidden");
  const states: string[] = [];
  prices.on("state", ({ name }) => states.push(name));
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  await soon(() => expect(prices.state.name).toBe("live"));
  expect(states).toEqual(["connecting", "live"]);
});
