/** Which symbols are shown: the address, what was kept, the platform. */

import { describe, expect, test } from "vitest";

import { arranged, type Choice, chosen, FIRST, read, SHOWN_MAX, text, withPin, withSymbol, withSymbols } from "../dashboard/choice";
import { hash, parse } from "../dashboard/route";

const CARRIED = ["AAPL", "MSFT", "TSLA", "BRK.B", "BTC-USD"];
const none = () => undefined;

describe("a choice as text", () => {
  test.each<[Choice, string]>([
    [FIRST, ""],
    [{ symbols: ["TSLA", "BRK.B"], pinned: ["TSLA"], order: "gainers" }, "?symbols=TSLA,BRK.B&pinned=TSLA&order=gainers"],
    [{ symbols: [], pinned: [], order: "given" }, "?symbols="],
  ])("%o is %s, and comes back from it", (choice, query) => {
    expect(text(choice)).toBe(query);
    expect(read(query, null)).toEqual(choice);
  });

  test("the address wins over what was kept, and without it that counts", () => {
    expect(read("?symbols=AAPL", "?symbols=TSLA").symbols).toEqual(["AAPL"]);
    expect(read("?utm=1", "?symbols=TSLA").symbols).toEqual(["TSLA"]);
  });

  test("nonsense is as if nothing was said", () => {
    expect(read("?order=sideways", null)).toEqual(FIRST);
    expect(read("?symbols=A,A,,B", null).symbols).toEqual(["A", "B"]);
  });
});

describe("what is shown", () => {
  test("the platform's first twenty, unless something was chosen", () => {
    const many = Array.from({ length: 100 }, (_, number) => `S${number}`);
    expect(chosen(FIRST, many)).toEqual(many.slice(0, SHOWN_MAX));
    expect(chosen({ ...FIRST, symbols: ["S99", "GONE", "S0"] }, many)).toEqual(["S99", "S0"]);
    expect(chosen({ ...FIRST, symbols: [] }, many)).toEqual([]);
  });

  test("pinned ones come first, in the order of pinning, whatever the order of the others", () => {
    const choice: Choice = { symbols: undefined, pinned: ["TSLA", "MSFT", "GONE"], order: "name" };
    expect(arranged(choice, CARRIED, "", none)).toEqual(["TSLA", "MSFT", "AAPL", "BRK.B", "BTC-USD"]);
  });

  test("by change, those without a price come last", () => {
    const changes = new Map([["AAPL", -0.01], ["MSFT", 0.03], ["TSLA", 0.01]]);
    const by = (order: Choice["order"]) => arranged({ ...FIRST, order }, CARRIED, "", (symbol) => changes.get(symbol));
    expect(by("gainers")).toEqual(["MSFT", "TSLA", "AAPL", "BRK.B", "BTC-USD"]);
    expect(by("losers")).toEqual(["AAPL", "TSLA", "MSFT", "BRK.B", "BTC-USD"]);
  });

  test("a search finds parts of names, in any case", () => {
    expect(arranged(FIRST, CARRIED, " b", none)).toEqual(["BRK.B", "BTC-USD"]);
    expect(arranged(FIRST, CARRIED, "zz", none)).toEqual([]);
  });

  test("a symbol is added to those shown, and to twenty in the place of the last", () => {
    const twenty = Array.from({ length: SHOWN_MAX }, (_, place) => `S${place}`);
    expect(withSymbol({ ...FIRST, symbols: ["AAPL"] }, CARRIED, "MSFT").symbols).toEqual(["AAPL", "MSFT"]);
    expect(withSymbol(FIRST, [...twenty, "AAPL"], "AAPL").symbols).toEqual([...twenty.slice(0, -1), "AAPL"]);
  });

  test("a choice anew forgets nothing that the platform doesn't carry just now", () => {
    const before: Choice = { ...FIRST, symbols: ["GONE", "AAPL"] };
    const made = withSymbols(before, CARRIED, ["TSLA"]);
    expect(chosen(made, CARRIED)).toEqual(["TSLA"]);
    expect(chosen(made, [...CARRIED, "GONE"])).toEqual(["TSLA", "GONE"]);
    expect(withSymbol(before, CARRIED, "MSFT").symbols).toEqual(["AAPL", "MSFT", "GONE"]);
  });

  test("pinning twice is unpinning", () => {
    const once = withPin(FIRST, "AAPL");
    expect(once.pinned).toEqual(["AAPL"]);
    expect(withPin(once, "AAPL").pinned).toEqual([]);
  });
});

describe("the page in the address", () => {
  test.each([
    ["#/AAPL", "AAPL", "1m"],
    ["#/BTC-USD/1h", "BTC-USD", "1h"],
    ["#/BRK.B/2w", "BRK.B", "1m"],
    ["", undefined, "1m"],
    ["#/", undefined, "1m"],
    ["#/%E0%A4%A", "%E0%A4%A", "1m"],
  ])("%s is %s at %s", (address, symbol, interval) => expect(parse(address)).toEqual({ symbol, interval }));

  test("an address comes back from it", () => {
    expect(parse(hash("BRK.B", "5m"))).toEqual({ symbol: "BRK.B", interval: "5m" });
    expect(hash("AAPL", "1m")).toBe("#/AAPL");
  });
});
