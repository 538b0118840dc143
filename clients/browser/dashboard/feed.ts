/**
 * What the page hears: live prices of the symbols on it, and history over HTTP while they can't come.
 *
 * In: the symbols that are wanted, which change as the person looks around. Out: each quote and bar, and a word
 * when the connection's state or the API's changed. Only what is on the page is subscribed to, since each message
 * is paid for. While the broker or the API can't be reached, the API is asked every ten seconds.
 */

import { type Bar, connect, type Discovery, type Prices, type Quote, type State, type Stats, type Stop } from "../src/index";
import { delayMs } from "../src/backoff";
import type { Interval } from "./route";

const ASK_EVERY_MS = 10_000;
/** By then the snapshot has told the closes that the changes are reckoned from, or it was too late to be waited for. */
const COMPLETE_MS = 4_000;

export interface Listener {
  quote(quote: Quote): void;
  /** Whether it isn't known what this symbol's change is reckoned from. */
  lacks(symbol: string): boolean;
  bar(bar: Bar): void;
  /** The state is another one, or the API is down or back. */
  changed(): void;
}

export class Feed {
  readonly #listener: Listener;
  #prices: Prices | undefined;
  #trying: State = { name: "connecting", sinceMs: Date.now() };
  #wanted: readonly string[] = [];
  #stop: Stop | undefined;
  #stopBoard: Stop | undefined;
  #stopBars: Stop | undefined;
  readonly #completed = new Set<string>();
  #apiFault: string | undefined;
  #trouble = "";

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Connect, however long it takes. */
  async start(): Promise<void> {
    const prices = (this.#prices = await this.#persistently());
    prices.on("state", () => this.#listener.changed());
    prices.on("snapshot", ({ ok, why }) => this.#tellApi(ok ? undefined : (why ?? "no answer")));
    prices.on("refused", ({ topic, reason }) => this.#tellTrouble(`The broker refused ${topic}: ${reason}.`));
    prices.on("undecodable", ({ topic, reason }) => this.#tellTrouble(`A message on ${topic} made no sense: ${reason}.`));
    setInterval(() => void this.#ask(), ASK_EVERY_MS);
  }

  /** What the platform says of itself, once it can be reached. */
  get discovery(): Discovery | undefined {
    return this.#prices?.discovery;
  }

  get state(): State {
    return this.#prices?.state ?? this.#trying;
  }

  /** Why the API can't be reached, if it can't. */
  get apiFault(): string | undefined {
    return this.#apiFault;
  }

  /** The last message or topic that went wrong. */
  get trouble(): string {
    return this.#trouble;
  }

  get stats(): Stats | undefined {
    return this.#prices?.stats();
  }

  /** Hear these symbols, and no others any more. Those without a price lane come from the board. */
  want(wanted: readonly string[]): void {
    const prices = this.#prices;
    if (prices === undefined) return;
    const symbols = wanted.filter((symbol) => this.#carries(symbol));
    if (symbols.join() === this.#wanted.join()) return;
    this.#wanted = symbols;
    const [before, boardBefore] = [this.#stop, this.#stopBoard];
    const { lanes } = prices.discovery;
    const heard = symbols.filter((symbol) => lanes?.[symbol] !== "off");
    const unheard = new Set(symbols.filter((symbol) => lanes?.[symbol] === "off"));
    this.#stop = heard.length > 0 ? prices.subscribe(heard, (quote) => this.#listener.quote(quote)) : undefined;
    this.#stopBoard =
      unheard.size > 0
        ? prices.board((update) => {
            for (const quote of update.prices) if (unheard.has(quote.symbol)) this.#listener.quote(quote);
          })
        : undefined;
    before?.(); // after the new ones, so that what is still wanted is never given up
    boardBefore?.();
    const isFirst = before === undefined && boardBefore === undefined;
    if (isFirst) void this.#ask(symbols); // a first price before the connection stands
    else if (unheard.size > 0) void this.#ask([...unheard]);
    setTimeout(() => this.#complete(symbols), COMPLETE_MS);
  }

  /** Hear the closed minutes of one symbol, or of none. */
  wantBars(symbol: string | undefined): void {
    this.#stopBars?.();
    const isHeard = symbol !== undefined && this.#carries(symbol);
    this.#stopBars = isHeard ? this.#prices?.subscribeBars([symbol], (bar) => this.#listener.bar(bar)) : undefined;
  }

  /** A symbol's bars from a time on, oldest first; rejects when the API doesn't give them. */
  async bars(symbol: string, interval: Interval, fromMs: number): Promise<Bar[]> {
    if (this.#prices === undefined || !this.#carries(symbol)) return [];
    try {
      const bars = await this.#prices.bars(symbol, { interval, fromMs });
      this.#tellApi(undefined);
      return bars;
    } catch (error) {
      this.#tellApi((error as Error).message);
      throw error;
    }
  }

  /** Ask once more, and only once, for what a snapshot should have told. */
  #complete(symbols: readonly string[]): void {
    const lacking = symbols.filter((symbol) => this.#listener.lacks(symbol) && !this.#completed.has(symbol));
    for (const symbol of lacking) this.#completed.add(symbol);
    if (lacking.length > 0) void this.#ask(lacking);
  }

  async #ask(symbols?: readonly string[]): Promise<void> {
    const { name } = this.state;
    const isCut = name === "reconnecting" || name === "connecting" || name === "closed";
    if (symbols === undefined && (document.hidden || !(isCut || this.#apiFault !== undefined))) return;
    const asked = (symbols ?? this.#wanted).filter((symbol) => this.#carries(symbol));
    if (asked.length === 0) return;
    try {
      const quotes = await this.#prices!.latest(asked);
      for (const quote of quotes.values()) this.#listener.quote(quote);
      this.#tellApi(undefined);
    } catch (error) {
      this.#tellApi((error as Error).message);
    }
  }

  /** Whether the platform has this symbol: one that was set up anew since may have dropped it. */
  #carries(symbol: string): boolean {
    return this.#prices?.discovery.symbols.includes(symbol) === true;
  }

  async #persistently(): Promise<Prices> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await connect();
      } catch (error) {
        const waitMs = delayMs(attempt);
        const retryAtMs = Date.now() + waitMs;
        this.#trying = { name: "reconnecting", sinceMs: Date.now(), retryAtMs, attempt, why: (error as Error).message };
        this.#listener.changed();
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  #tellApi(fault: string | undefined): void {
    if (fault === this.#apiFault) return;
    this.#apiFault = fault;
    this.#listener.changed();
  }

  #tellTrouble(text: string): void {
    this.#trouble = text;
    this.#listener.changed();
  }
}
