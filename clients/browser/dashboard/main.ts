/**
 * The dashboard: a grid of live prices, a page for each symbol, and the truth about the connection.
 *
 * In: the platform that serves the page, the address, what the person does. Out: the page. The address says what is
 * shown; only that is subscribed to. It works without the API (live only) and without the broker (history only),
 * and goes on trying while neither can be reached.
 */

import type { Bar, Quote } from "../src/index";
import { ConnectionBar } from "./bar";
import { arranged, type Choice, chosen, matching, type Order, ORDERS, read, text, withPin, withSymbol, withSymbols } from "./choice";
import { Chooser } from "./chooser";
import { tariffOf } from "./cost";
import { make, part } from "./dom";
import { Feed } from "./feed";
import { Grid } from "./grid";
import { Motion } from "./motion";
import { Quotes } from "./quotes";
import { parse } from "./route";
import { SPEAK_EVERY_MS, summary } from "./summary";
import { SymbolPage } from "./symbolpage";
import { SPAN_MS } from "./trace";

const KEPT_AS = "tickwire.choice";
const TELL_EVERY_MS = 1_000;
const SORT_EVERY_MS = 5_000;
const FOUND_MAX = 8;
/** Candles miss no tick in these. */
const WHOLE: readonly string[] = ["live", "delayed", "quiet"];

const search = part<HTMLInputElement>("search");
const order = part<HTMLSelectElement>("order");
const motion = new Motion();
const quotes = new Quotes();
const feed = new Feed({ quote: take, lacks: (symbol) => quotes.lacks(symbol), bar: takeBar, changed: tell });
const bar = new ConnectionBar();
const grid = new Grid(part("tiles"), motion, (symbol) => choose(withPin(choice, symbol)));
const page = new SymbolPage(motion, (symbol, interval, fromMs) => feed.bars(symbol, interval, fromMs));
const chooser = new Chooser((symbols) => choose(withSymbols(choice, carried!, symbols)));

let carried: readonly string[] | undefined;
let choice: Choice = read(location.search, kept());
let newestMs: number | undefined;
let isWhole = true;
let hasShown = false;
const begun = new Set<string>();

order.value = choice.order;
tellAddress();
search.addEventListener("input", arrange);
search.addEventListener("keydown", (event) => event.key === "Enter" && part("tiles").querySelector("a")?.click());
order.addEventListener("change", () => choose({ ...choice, order: ORDERS.find((one) => one === order.value) as Order }));
part("choose").addEventListener("click", () => carried && chooser.open(carried, chosen(choice, carried)));
addEventListener("hashchange", go);
addEventListener("keydown", (event) => event.key === "Escape" && page.symbol !== undefined && (location.hash = ""));
setInterval(tell, TELL_EVERY_MS);
setInterval(() => choice.order !== "given" && !grid.isHeld && arrange(), SORT_EVERY_MS);
setInterval(speak, SPEAK_EVERY_MS);
void start();

async function start(): Promise<void> {
  tell();
  await feed.start();
  adopt();
}

/** Show what the platform carries, at first and when it was set up anew. */
function adopt(): void {
  const discovery = feed.discovery!;
  carried = discovery.symbols;
  bar.tariff = tariffOf(discovery);
  part("stage").textContent = discovery.stage;
  go();
}

/** Show what the address says. */
function go(): void {
  if (carried === undefined) return;
  const { symbol, interval } = parse(location.hash);
  const isKnown = symbol !== undefined && carried.includes(symbol);
  const was = page.symbol;
  part("grid-page").hidden = isKnown;
  if (isKnown) {
    feed.want([symbol]);
    feed.wantBars(symbol);
    page.open(symbol, interval, quotes.get(symbol));
    if (was !== symbol && hasShown) part("symbol-name").focus();
    hasShown = true;
    return;
  }
  hasShown = true;
  page.close();
  feed.wantBars(undefined);
  document.title = "Tickwire: live prices";
  arrange();
  if (was !== undefined) part("tiles").querySelector<HTMLElement>(`[data-symbol="${CSS.escape(was)}"] a`)?.focus();
}

/** Bring the grid in line with the choice, the search and the prices. */
function arrange(): void {
  if (carried === undefined || page.symbol !== undefined) return;
  const wanted = chosen(choice, carried);
  const shown = arranged(choice, carried, search.value, changeOf);
  grid.arrange(shown, new Set(choice.pinned), new Set(wanted));
  feed.want(wanted);
  for (const symbol of begun) if (!wanted.includes(symbol)) begun.delete(symbol); // its tile is gone
  for (const symbol of wanted) {
    const known = quotes.get(symbol);
    if (known !== undefined && !begun.has(symbol)) grid.show(known);
  }
  part("choose-count").textContent = `${wanted.length} of ${carried.length}`;
  tellEmpty(shown, wanted);
  void begin(wanted);
}

/** The last hour of each symbol, one after the other, for the sparklines; they do without it. */
async function begin(symbols: readonly string[]): Promise<void> {
  for (const symbol of symbols.filter((one) => !begun.has(one))) {
    begun.add(symbol);
    const bars = await feed.bars(symbol, "1m", Date.now() - SPAN_MS).catch(() => undefined);
    if (bars === undefined) return;
    grid.begin(symbol, bars.map(({ startMs, close }) => ({ timeMs: startMs + 59_999, price: close })));
  }
}

function tellEmpty(shown: readonly string[], wanted: readonly string[]): void {
  const { symbol } = parse(location.hash);
  const others = search.value === "" ? [] : matching(carried!, search.value).filter((symbol) => !wanted.includes(symbol));
  const words =
    carried!.length === 0
      ? "This stage carries no symbols."
      : symbol !== undefined
        ? `This stage doesn't carry ${symbol}.`
        : wanted.length === 0 && search.value === ""
          ? "No symbols are chosen."
          : shown.length === 0 && others.length === 0
            ? `No symbol has “${search.value.trim()}” in its name.`
            : "";
  part("empty").textContent = words;
  const buttons = others.slice(0, FOUND_MAX).map((symbol) => {
    const button = make("button", "", `Add ${symbol}`);
    button.addEventListener("click", () => {
      search.value = "";
      choose(withSymbol(choice, carried!, symbol));
    });
    return button;
  });
  part("others").replaceChildren(...buttons);
}

function choose(made: Choice): void {
  choice = made;
  order.value = made.order;
  tellAddress();
  try {
    localStorage.setItem(KEPT_AS, text(made));
  } catch {
    // a browser that keeps nothing still has the address
  }
  arrange();
}

/** The address carries the choice, so that it can be passed on. */
function tellAddress(): void {
  history.replaceState(null, "", `${location.pathname}${text(choice)}${location.hash}`);
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function take(quote: Quote): void {
  if (quote.symbol === page.symbol) page.add(quote);
  if (!quotes.take(quote)) return;
  newestMs = Math.max(newestMs ?? 0, quote.timeMs);
  if (quote.source === "simulated") part("simulated").hidden = false;
  const known = quotes.get(quote.symbol)!;
  grid.show(known);
  if (quote.symbol === page.symbol) page.show(known);
}

function takeBar(closed: Bar): void {
  if (closed.symbol === page.symbol) page.put(closed);
}

function tell(): void {
  const { state, stats, apiFault, trouble, discovery } = feed;
  if (carried !== undefined && carried.join() !== discovery!.symbols.join()) adopt();
  bar.tell(state, stats, newestMs, apiFault, trouble);
  const nowMs = Date.now();
  if (page.symbol === undefined) grid.tellAges(nowMs);
  else page.tellAge(nowMs);
  const wasWhole = isWhole;
  const isHeard = WHOLE.includes(state.name) || (wasWhole && state.name === "connecting"); // the first time, opening reads
  isWhole = apiFault === undefined && isHeard;
  if (isWhole && !wasWhole) void page.read();
}

function changeOf(symbol: string): number | undefined {
  const known = quotes.get(symbol);
  return known && known.quote.price / known.base - 1;
}

/** Say how things stand, to those who listen. */
function speak(): void {
  if (carried === undefined || document.hidden) return;
  const symbols = page.symbol === undefined ? chosen(choice, carried) : [page.symbol];
  const known = symbols.map((symbol) => quotes.get(symbol)).filter((one) => one !== undefined);
  part("spoken").textContent = summary(known);
}
