/** What a page does with the library, for tests: each connection that it makes is closed at the end. */

import { expect, vi } from "vitest";

import { connect, type ConnectOptions, Prices, type Quote, type Stop, type TickOptions } from "../src/index";
import { type Platform, URL_ } from "./platform";
import { soon } from "./soon";

let open: Prices[] = [];

export function closeLater(prices: Prices): Prices {
  open.push(prices);
  return prices;
}

export function closeAll(): void {
  for (const prices of open) prices.close();
  open = [];
}

/** The tab itself, which is shown until a test sets `hidden` and tells of it. */
export function shownPage(): EventTarget & { hidden: boolean } {
  const page = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  return page;
}

export async function connected(options?: ConnectOptions): Promise<Prices> {
  const prices = closeLater(await connect(URL_, options));
  await live(prices);
  return prices;
}

export async function live(prices: Prices): Promise<void> {
  await soon(() => expect(prices.state.name).toBe("live"), 2);
}

/** Hear AAPL; whole, so that what is published from now on comes at once. */
export async function hear(prices: Prices, onTick: (tick: Quote) => void, options?: TickOptions): Promise<Stop> {
  const told = new Promise((resolve) => prices.on("snapshot", resolve));
  const stop = prices.subscribe(["AAPL"], onTick, options);
  await told;
  return stop;
}

/** Cut the connection, and wait until the client is back on a new one. */
export async function cutAndBack(platform: Platform, prices: Prices): Promise<void> {
  const before = platform.sockets.length;
  platform.socket.cut(1006);
  await soon(() => expect(platform.sockets.length).toBe(before + 1), 2);
  await live(prices);
}

/** A price message of AAPL, or of `more.symbol`. */
export function message(seq: number, more: object = {}): object {
  return { symbol: "AAPL", price: 100 + seq, timestamp: "2026-11-21T14:30:00.000Z", seq, series: 1, ...more };
}
