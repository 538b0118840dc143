/** What the dashboard asks the library for. */

import { expect, test, vi } from "vitest";

import { Feed } from "../dashboard/feed";
import { Platform, URL_ } from "./platform";
import { soon } from "./soon";

test("a symbol that the platform dropped when it was set up anew doesn't cost the others", async () => {
  const platform = new Platform();
  vi.spyOn(Math, "random").mockReturnValue(0); // reconnect at once
  vi.stubGlobal("location", { origin: URL_ });
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  vi.stubGlobal("addEventListener", () => {});
  const feed = new Feed({ quote() {}, lacks: () => false, bar() {}, changed() {} });
  await feed.start();
  feed.want(["AAPL", "MSFT"]);
  await soon(() => expect(feed.state.name).toBe("live"));
  platform.symbols = ["AAPL", "TSLA"];
  platform.socket.cut(1006);
  await soon(() => expect(platform.sockets).toHaveLength(2));
  await soon(() => expect(feed.state.name).toBe("live"));
  feed.want(["MSFT", "TSLA"]);
  feed.wantBars("MSFT");
  await soon(() => expect(platform.filters.at(-1)).toEqual(["prices/TSLA"]));
  expect(await feed.bars("MSFT", "1m", 0)).toEqual([]);
  expect(feed.apiFault).toBeUndefined();
});
