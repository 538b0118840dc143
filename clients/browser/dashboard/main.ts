/**
 * The page: the snapshot first, then live prices, and the truth about the connection.
 *
 * In: the platform that serves the page. Out: the table and the status line. It works without the API (live only,
 * and says so), and goes on trying while the platform can't be reached.
 */

import { connect, type Discovery, Prices, type Quote, snapshot, type State, SYMBOLS_MAX, type Tick } from "../src/index";
import { delayMs } from "../src/backoff";
import { status } from "./status";
import { Table } from "./table";

const AGES_EVERY_MS = 500;

const part = (id: string) => document.getElementById(id)!;
const connections: Prices[] = [];
let table: Table | undefined;
let trouble: State = { name: "connecting", sinceMs: Date.now() };
let lastMessageMs: number | undefined;

void start();
setInterval(tellTime, AGES_EVERY_MS);

async function start(): Promise<void> {
  const first = await persistently(() => connect());
  const { symbols, stage, lanes } = first.discovery;
  part("stage").textContent = stage;
  table = new Table(part("rows"), symbols);
  const heard = symbols.filter((symbol) => lanes?.[symbol] !== "off");
  watch(first, heard.slice(0, SYMBOLS_MAX));
  void showSnapshot(first.discovery);
  for (let from = SYMBOLS_MAX; from < heard.length; from += SYMBOLS_MAX) {
    watch(new Prices(location.origin, first.discovery), heard.slice(from, from + SYMBOLS_MAX));
  }
}

function watch(prices: Prices, symbols: readonly string[]): void {
  connections.push(prices);
  prices.on("state", tellTime);
  prices.on("refused", ({ topic, reason }) => notice(`The broker refused ${topic}: ${reason}.`));
  prices.on("undecodable", ({ topic, reason }) => notice(`A message on ${topic} made no sense: ${reason}.`));
  prices.subscribe(symbols, (tick: Tick) => {
    lastMessageMs = Date.now();
    show(tick);
  });
}

async function showSnapshot({ api, symbols }: Discovery): Promise<void> {
  try {
    for (const quote of await snapshot(api, symbols)) show(quote);
  } catch (error) {
    notice(`Prices appear as they change, since the snapshot failed: ${(error as Error).message}.`);
  }
}

function show(quote: Quote): void {
  table?.show(quote);
  if (quote.source === "simulated") part("simulated").hidden = false;
}

/** What `attempt` gives, tried again for as long as it takes. */
async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = delayMs(failures);
      const nowMs = Date.now();
      const why = (error as Error).message;
      trouble = { name: "reconnecting", sinceMs: nowMs, retryAtMs: nowMs + waitMs, attempt: failures, why };
      tellTime();
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

function tellTime(): void {
  const nowMs = Date.now();
  table?.tellAges(nowMs);
  const states = connections.map((prices) => prices.state);
  const state = states.find(({ name }) => name !== "live") ?? states[0] ?? trouble;
  const { mood, headline, detail } = status(state, lastMessageMs, nowMs);
  part("status").dataset.mood = mood;
  if (part("status-text").textContent !== headline) part("status-text").textContent = headline;
  part("status-detail").textContent = detail;
}

function notice(text: string): void {
  part("notice").textContent = text;
  part("notice").hidden = false;
}
