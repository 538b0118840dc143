/**
 * A platform's lanes on one connection: prices by symbol, the board, bars and the status.
 *
 * In: what someone wants to hear of. Out: each tick of it once and in order, the newest at once and the others as they
 * happen; what is wanted twice is subscribed to once. What can't be delivered is told as an event, never dropped in
 * silence, and `state` says what these prices are worth at this moment.
 */

import { type BarRange, bars, snapshot } from "./api.js";
import { sleep } from "./backoff.js";
import { type BarMessage, decodeBar } from "./barwire.js";
import { type BoardUpdate, decodeBoard } from "./board.js";
import { Buffer } from "./buffer.js";
import { Connection } from "./connection.js";
import { type Discovery, discover } from "./discovery.js";
import { LaneConflated, LaneOff, TickwireError, TooManyTopics, TopicRefused, UnknownSymbol } from "./errors.js";
import { type Events, Listeners, type Stop, tell } from "./events.js";
import { Feed } from "./feed.js";
import { type Lanes, lanesFor, Presence } from "./presence.js";
import type { Granted } from "./session.js";
import { condition, type State } from "./state.js";
import { Counters, type Stats } from "./stats.js";
import { decodeStatus, type Status } from "./status.js";
import { isAfter, type Place, type Quote } from "./tick.js";
import { type Interval, Topics } from "./topic.js";
import { Watchdog } from "./watchdog.js";
import { decode } from "./wire.js";

/** AWS IoT Core takes no more subscriptions than this on one connection. */
export const TOPICS_MAX = 50;
/** As many symbols leave room for the board and the status. */
export const SYMBOLS_MAX = TOPICS_MAX - 2;

const MAXSIZE = 10_000;
const BEAT_MS = 1_000;
/** A snapshot that takes longer doesn't hold live prices up. */
const HOLD_MS = 2_000;
/** What history has and the connection hasn't brought after this time, it won't bring. */
const PROOF_MS = 3_000;
const LAG_MESSAGES = 20;

export interface ConnectOptions {
  /**
   * What a hidden tab takes: `board`, by default, is the board in place of each symbol's lane after 30 s, and nothing
   * after 5 minutes; `stay` is all that's wanted.
   */
  readonly whenHidden?: "board" | "stay";
}

export interface TickOptions {
  /** Have ticks that the live lane lost fetched over HTTP, before newer ones are given. */
  readonly lossless?: boolean;
}

export interface ReadOptions extends TickOptions {
  /** Ticks kept for a slow reader, by default 10,000; one that is further behind gets the newest of each symbol. */
  readonly maxsize?: number;
}

/** Connect to the platform at `url`, by default the page's own; rejects when its discovery document can't be read. */
export async function connect(url: string | URL = location.origin, options: ConnectOptions = {}): Promise<Prices> {
  if (crypto.subtle === undefined) {
    throw new TickwireError(`${location.origin} can't sign requests; expected a page from https:// or http://127.0.0.1`);
  }
  return new Prices(url, await discover(url), options);
}

export class Prices {
  readonly #connection: Connection;
  readonly #presence: Presence;
  readonly #watchdog = new Watchdog();
  readonly #counters = new Counters();
  readonly #listeners = new Listeners();
  readonly #feeds = new Map<string, Feed>();
  readonly #others = new Map<string, Set<(value: never) => void>>(); // by topic: boards and bars
  readonly #newest = new Map<string, Place>();
  readonly #abort = new AbortController();
  readonly #whenHidden: "board" | "stay";
  #topics: Topics;
  #lanes: Lanes = "all";
  #state: State = { name: "connecting", sinceMs: Date.now() };
  #aheadMs = Infinity; // how far this clock is ahead of the platform's, and the way of the fastest message

  constructor(url: string | URL, discovery: Discovery, { whenHidden = "board" }: ConnectOptions = {}) {
    this.#whenHidden = whenHidden;
    this.#topics = new Topics(discovery.topics);
    this.#connection = new Connection(url, discovery, {
      onMessage: (topic, text) => this.#receive(topic, text),
      onPhase: () => this.#phaseChanged(),
      onAnswers: (answers) => this.#answered(answers),
    });
    const { signal } = this.#abort;
    this.#presence = new Presence((how) => {
      this.#beat();
      this.#connection.nudge(how);
    }, signal);
    const beats = setInterval(() => this.#beat(), BEAT_MS);
    signal.addEventListener("abort", () => clearInterval(beats));
    this.#apply();
    this.#connection.start();
  }

  /** What the prices are worth now. */
  get state(): State {
    return this.#state;
  }

  /** What the platform says of itself: its symbols, its API. */
  get discovery(): Discovery {
    return this.#connection.discovery;
  }

  /** The last message of the status lane: whether the market is open, and the platform well. */
  get status(): Status | undefined {
    return this.#watchdog.status;
  }

  stats(): Stats {
    return this.#counters.stats(Date.now());
  }

  /**
   * Call `onTick` with the newest tick of each of `symbols`, then with each one as it happens; the function returned
   * ends it. Throws UnknownSymbol for one that the platform doesn't carry, LaneOff for one that has no price lane,
   * LaneConflated for a lossless one whose lane isn't live, TooManyTopics for the 51st topic on one connection.
   */
  subscribe(symbols: Iterable<string>, onTick: (tick: Quote) => void, { lossless = false }: TickOptions = {}): Stop {
    const wanted = [...new Set(symbols)];
    this.#check(wanted, lossless);
    const listener = (tick: Quote) => onTick(tick); // its own, so that one function may be given twice
    for (const symbol of wanted) {
      const feed = this.#feeds.get(symbol) ?? this.#feed(symbol);
      if (lossless) feed.loseNothing();
      feed.listeners.add(listener);
      queueMicrotask(() => feed.newest && feed.listeners.has(listener) && tell([listener], feed.newest));
    }
    this.#apply();
    return () => {
      for (const symbol of wanted) {
        const listeners = this.#feeds.get(symbol)?.listeners;
        if (listeners?.delete(listener) && listeners.size === 0) this.#feeds.delete(symbol);
      }
      this.#apply();
    };
  }

  /** The same for `for await`. It ends with `close`, and throws what ended it otherwise. */
  ticks(symbols: string | Iterable<string>, options: ReadOptions = {}): AsyncGenerator<Quote, void, undefined> {
    const wanted = typeof symbols === "string" ? [symbols] : [...symbols];
    this.#check(wanted, options.lossless ?? false);
    const topics = wanted.map((symbol) => this.#topics.price(symbol));
    return this.#read(topics, options.maxsize, (offer) =>
      this.subscribe(wanted, (tick) => offer(tick.symbol, tick), options),
    );
  }

  /** Each message of the board: to a listener, or without one to `for await`. */
  board(onUpdate: (update: BoardUpdate) => void): Stop;
  board(): AsyncGenerator<BoardUpdate, void, undefined>;
  board(onUpdate?: (update: BoardUpdate) => void): Stop | AsyncGenerator<BoardUpdate, void, undefined> {
    const topic = this.#topics.board;
    if (onUpdate === undefined) {
      return this.#read([topic], MAXSIZE, (offer) => this.board((update) => offer(`${update.part}`, update)));
    }
    return this.#listen([topic], onUpdate);
  }

  /** Call `onBar` with each bar of `symbols` that closes or is corrected. One-minute and daily bars go out. */
  subscribeBars(symbols: Iterable<string>, onBar: (bar: BarMessage) => void, interval: Interval = "1m"): Stop {
    const wanted = [...new Set(symbols)];
    this.#known(wanted);
    return this.#listen(wanted.map((symbol) => this.#topics.bar(interval, symbol)), onBar);
  }

  /** The newest tick of each symbol over HTTP, all of the stage's when none is named, with the previous close. */
  async latest(symbols: Iterable<string> = this.discovery.symbols): Promise<Map<string, Quote>> {
    const wanted = [...symbols];
    this.#known(wanted);
    return new Map((await snapshot(this.discovery.api, wanted)).map((quote) => [quote.symbol, quote]));
  }

  /** Bars over HTTP, in order; the last may be open. */
  async bars(symbol: string, range: BarRange = {}): Promise<BarMessage[]> {
    this.#known([symbol]);
    return bars(this.discovery.api, symbol, range);
  }

  /** Call `listener` at each event of that name; the function returned ends it. */
  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): Stop {
    return this.#listeners.on(event, listener);
  }

  /** End the connection for good. */
  close(): void {
    this.#connection.close();
    this.#abort.abort();
  }

  #feed(symbol: string): Feed {
    const isConflated = (this.discovery.lanes?.[symbol] ?? "live") !== "live";
    const feed = new Feed(symbol, isConflated, this.#counters, () => this.discovery.api, (gap) => {
      this.#counters.gap(gap);
      this.#listeners.tell("gap", { symbol, ...gap });
    });
    this.#feeds.set(symbol, feed);
    return feed;
  }

  #listen<T>(topics: readonly string[], onMessage: (value: T) => void): Stop {
    this.#fits(topics);
    const listener = (value: T) => onMessage(value); // its own, so that one function may be given twice
    for (const topic of topics) this.#others.set(topic, (this.#others.get(topic) ?? new Set()).add(listener));
    this.#apply();
    return () => {
      for (const topic of topics) {
        const listeners = this.#others.get(topic);
        if (listeners?.delete(listener) && listeners.size === 0) this.#others.delete(topic);
      }
      this.#apply();
    };
  }

  async *#read<T>(
    topics: readonly string[],
    maxsize: number = MAXSIZE,
    begin: (offer: (key: string, value: T) => void) => Stop,
  ): AsyncGenerator<T, void, undefined> {
    const buffer = new Buffer<T>(maxsize, (count) => {
      this.#counters.conflated += count;
      this.#listeners.tell("dropped", { count });
    });
    const closed = () => this.#state.name === "closed" && buffer.end(this.#state.error);
    const stops = [
      this.on("state", closed),
      this.on("refused", ({ topic, reason }) => topics.includes(topic) && buffer.end(new TopicRefused(topic, reason))),
      begin((key, value) => buffer.offer(key, value)),
    ];
    closed();
    try {
      yield* buffer.read();
    } finally {
      for (const stop of stops) stop();
    }
  }

  #receive(topic: string, text: string): void {
    const nowMs = Date.now();
    try {
      this.#hear(topic, text, nowMs);
    } catch (error) {
      this.#counters.undecodable += 1;
      this.#listeners.tell("undecodable", { topic, reason: (error as Error).message });
    }
  }

  /** Decode one message, and give it to whom it concerns. What listeners throw doesn't come back here. */
  #hear(topic: string, text: string, nowMs: number): void {
    const { lane } = this.#topics.parse(topic) ?? {};
    let count = 0;
    if (lane === "price") {
      const ticks = decode(text);
      const newest = ticks.at(-1)!;
      count = ticks.length;
      this.#counters.latency(nowMs - newest.timeMs);
      this.#watchdog.hearPrices(1, nowMs);
      this.#note(newest);
      this.#feeds.get(newest.symbol)?.live(ticks);
    } else if (lane === "board") {
      const update = decodeBoard(text);
      count = update.prices.length;
      this.#watchdog.hearPrices(1, nowMs);
      this.#compareClocks(update.timeMs, nowMs);
      for (const quote of update.prices) {
        this.#note(quote);
        if (this.#lanes === "board") this.#feeds.get(quote.symbol)?.board(quote);
      }
      this.#tellOthers(topic, update);
    } else if (lane === "bar") {
      this.#tellOthers(topic, decodeBar(text));
    } else if (lane === "status") {
      const status = decodeStatus(text);
      this.#watchdog.hearStatus(status, nowMs);
      this.#compareClocks(status.timeMs, nowMs);
      this.#listeners.tell("status", status);
      this.#tellState();
    }
    this.#counters.message(count, nowMs);
  }

  #tellOthers<T>(topic: string, value: T): void {
    tell((this.#others.get(topic) ?? []) as Iterable<(value: T) => void>, value);
  }

  #compareClocks(timeMs: number, nowMs: number): void {
    this.#aheadMs = Math.min(this.#aheadMs, nowMs - timeMs);
  }

  #note(tick: Quote): void {
    if (isAfter(tick, this.#newest.get(tick.symbol))) this.#newest.set(tick.symbol, tick);
  }

  #answered(answers: readonly Granted[]): void {
    const granted = answers.filter(({ code }) => code < 0x80).map(({ topic }) => this.#topics.parse(topic));
    const symbols = granted.flatMap((address) => (address?.lane === "price" ? [address.symbol!] : []));
    if (symbols.length > 0) void this.#catchUp(symbols);
    for (const refusal of answers.filter(({ code }) => code >= 0x80)) this.#listeners.tell("refused", refusal);
  }

  /** Subscribed; now what was there before: the snapshot, with live prices held back for it, but not for long. */
  async #catchUp(symbols: readonly string[]): Promise<void> {
    const give = (quotes: ReadonlyMap<string, Quote>) => {
      for (const symbol of symbols) this.#feeds.get(symbol)?.snapshot(quotes.get(symbol));
    };
    const late = setTimeout(give, HOLD_MS, new Map());
    try {
      const quotes = await snapshot(this.discovery.api, symbols);
      if (this.#abort.signal.aborted) return;
      for (const quote of quotes) this.#note(quote);
      give(new Map(quotes.map((quote) => [quote.symbol, quote])));
      this.#listeners.tell("snapshot", { symbols, ok: true });
    } catch (error) {
      give(new Map());
      this.#listeners.tell("snapshot", { symbols, ok: false, why: (error as Error).message });
    } finally {
      clearTimeout(late);
    }
  }

  #phaseChanged(): void {
    const { name } = this.#connection.phase;
    if (name === "connected") {
      this.#counters.reconnects += 1;
      this.#topics = new Topics(this.discovery.topics);
      this.#watchdog.connected(Date.now());
    }
    this.#tellState();
    if (name === "closed") this.#abort.abort();
  }

  /** Each second, and when the tab is shown: what the clock alone tells. */
  #beat(): void {
    if (this.#abort.signal.aborted) return;
    const nowMs = Date.now();
    this.#presence.beat(nowMs);
    const lanes = this.#whenHidden === "stay" ? "all" : lanesFor(this.#presence.hiddenMs);
    if (lanes !== this.#lanes) this.#enter(lanes);
    if (this.#connection.phase.name === "connected") {
      const look = this.#watchdog.look(nowMs);
      if (look === "stale") this.#connection.drop("no status came, and one is due each minute");
      else if (look === "ask") void this.#compare();
    }
    this.#tellState();
  }

  #enter(lanes: Lanes): void {
    const before = this.#lanes;
    this.#lanes = lanes;
    if (lanes === "all") for (const feed of this.#feeds.values()) feed.skip();
    this.#apply();
    if (lanes === "none") this.#connection.suspend("the tab has been hidden for 5 minutes");
    else if (before === "none") this.#connection.start();
  }

  /** Silence: if history has what didn't come, the connection is dead; if it hasn't, nothing happened. */
  async #compare(): Promise<void> {
    const symbols = this.#feeds.size > 0 ? [...this.#feeds.keys()] : this.discovery.symbols;
    const windowsS = symbols.map((symbol) => parseInt(this.discovery.lanes?.[symbol] ?? "") || 0);
    const { phase } = this.#connection;
    const isMissing = (quote: Quote) => isAfter(quote, this.#newest.get(quote.symbol));
    const ahead = (await snapshot(this.discovery.api, symbols).catch(() => [])).filter(isMissing);
    if (ahead.length === 0) return;
    await sleep(PROOF_MS + Math.max(...windowsS) * 1000);
    const proof = ahead.find(isMissing);
    if (proof === undefined || this.#connection.phase !== phase) return;
    this.#connection.drop(`history has ${proof.symbol} seq ${proof.seq}, which didn't come`);
  }

  /** Subscribe to what is wanted, as far as somebody looks. */
  #apply(): void {
    const filters = new Set<string>(this.#others.keys());
    const { board, status } = this.discovery.topics;
    if (this.#lanes !== "board" || board === undefined) {
      for (const symbol of this.#feeds.keys()) filters.add(this.#topics.price(symbol));
    } else if (this.#feeds.size > 0) filters.add(this.#topics.board);
    if (status !== undefined && filters.size < TOPICS_MAX) filters.add(this.#topics.status);
    this.#connection.want(filters);
  }

  #tellState(): void {
    const nowMs = Date.now();
    const lag = this.#counters.percentile(0.5, LAG_MESSAGES);
    const found = condition({
      phase: this.#connection.phase,
      lanes: this.#lanes,
      status: this.status,
      heardMs: this.#watchdog.heardMs,
      lagMs: lag === undefined || this.#aheadMs === Infinity ? undefined : lag - this.#aheadMs,
      nowMs,
    });
    const { sinceMs, ...before } = this.#state;
    if (JSON.stringify(before) === JSON.stringify(found)) return;
    this.#state = { ...found, sinceMs: found.name === before.name ? sinceMs : nowMs };
    this.#listeners.tell("state", this.#state);
  }

  #check(symbols: readonly string[], lossless: boolean): void {
    this.#known(symbols);
    for (const symbol of symbols) {
      const lane = this.discovery.lanes?.[symbol] ?? "live";
      if (lane === "off") throw new LaneOff(symbol);
      if (lossless && lane !== "live") throw new LaneConflated(symbol, lane);
    }
    this.#fits(symbols.map((symbol) => this.#topics.price(symbol)));
  }

  #known(symbols: readonly string[]): void {
    const known = this.discovery.symbols;
    for (const symbol of symbols) if (!known.includes(symbol)) throw new UnknownSymbol(symbol, known);
  }

  #fits(topics: readonly string[]): void {
    const held = [...this.#feeds.keys()].map((symbol) => this.#topics.price(symbol));
    const count = new Set([...held, ...this.#others.keys(), ...topics]).size;
    if (count > TOPICS_MAX) throw new TooManyTopics(count, TOPICS_MAX);
  }
}
