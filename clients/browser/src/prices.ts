/**
 * A platform's lanes on one connection: prices by symbol, the board, bars and the status.
 *
 * In: what someone wants to hear of. Out: each tick of it once and in order, the newest at once and the others as they
 * happen. What can't be delivered is told as an event, never dropped in silence, and `state` says what these prices
 * are worth at this moment.
 */

import { type BarRange, bars, snapshot } from "./api.js";
import type { BarMessage } from "./barwire.js";
import type { BoardUpdate } from "./board.js";
import { Buffer } from "./buffer.js";
import { Connection } from "./connection.js";
import { type Discovery, discover } from "./discovery.js";
import { LaneConflated, LaneOff, TickwireError, TopicRefused, UnknownSymbol } from "./errors.js";
import { type Events, Listeners, type Stop } from "./events.js";
import { Hub, TOPICS_MAX } from "./hub.js";
import { lanesFor, Presence } from "./presence.js";
import { condition, FRESH_MS, type State } from "./state.js";
import { Counters, type Stats } from "./stats.js";
import type { Status } from "./status.js";
import type { Quote } from "./tick.js";
import { Topics } from "./topic.js";
import { Watchdog } from "./watchdog.js";

/** As many symbols leave room for the board and the status. */
export const SYMBOLS_MAX = TOPICS_MAX - 2;

const MAXSIZE = 10_000;
const BEAT_MS = 1_000;
const RATE_MAX = 90; // messages a second on one connection: the broker discards what comes beyond 100
const CROWDED_BEATS = 3; // in a row

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
  if (!crypto.subtle) {
    throw new TickwireError(`${location.origin} can't sign requests; expected a page from https:// or http://127.0.0.1`);
  }
  return new Prices(url, await discover(url), options);
}

export class Prices {
  readonly #connection: Connection;
  readonly #hub: Hub;
  readonly #presence: Presence;
  readonly #watchdog = new Watchdog();
  readonly #counters = new Counters();
  readonly #listeners = new Listeners();
  readonly #abort = new AbortController();
  readonly #whenHidden: "board" | "stay";
  #crowded = 0; // beats
  #state: State = { name: "connecting", sinceMs: Date.now() };

  constructor(url: string | URL, discovery: Discovery, { whenHidden = "board" }: ConnectOptions = {}) {
    this.#whenHidden = whenHidden;
    this.#connection = new Connection(url, discovery, {
      onMessage: (topic, text) => this.#hub.receive(topic, text),
      onAnswers: (answers) => this.#hub.answer(answers),
      onPhase: () => this.#tellState(),
      onUp: () => this.#up(),
    });
    this.#hub = new Hub(() => this.discovery, this.#counters, this.#listeners, this.#watchdog, () => this.#apply());
    const { signal } = this.#abort;
    this.#presence = new Presence((how) => {
      this.#beat();
      this.#connection.nudge(how);
    }, signal);
    const beats = setInterval(() => this.#beat(), BEAT_MS);
    signal.addEventListener("abort", () => clearInterval(beats));
    this.on("status", () => this.#tellState());
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
   * LaneConflated for a lossless one whose lane isn't live, TooManyTopics for the 51st topic on one connection: the
   * status is one.
   */
  subscribe(symbols: Iterable<string>, onTick: (tick: Quote) => void, { lossless = false }: TickOptions = {}): Stop {
    const wanted = [...new Set(symbols)];
    this.#check(wanted, lossless);
    return this.#hub.follow(wanted, (tick) => onTick(tick), lossless);
  }

  /** The same for `for await`. It ends with `close`, and throws what ended it otherwise. */
  ticks(symbols: string | Iterable<string>, options: ReadOptions = {}): AsyncGenerator<Quote, void, undefined> {
    const wanted = typeof symbols === "string" ? [symbols] : [...symbols];
    this.#check(wanted, options.lossless ?? false);
    const topics = wanted.map((symbol) => this.#hub.topics.price(symbol));
    return this.#read(topics, options.maxsize, (offer) =>
      this.subscribe(wanted, (tick) => offer(tick.symbol, tick), options),
    );
  }

  /** Each message of the board: to a listener, or without one to `for await`. */
  board(onUpdate: (update: BoardUpdate) => void): Stop;
  board(): AsyncGenerator<BoardUpdate, void, undefined>;
  board(onUpdate?: (update: BoardUpdate) => void): Stop | AsyncGenerator<BoardUpdate, void, undefined> {
    const topic = this.#hub.topics.board;
    if (!onUpdate) {
      return this.#read([topic], MAXSIZE, (offer) => this.board((update) => offer(`${update.part}`, update)));
    }
    return this.#listen([topic], onUpdate);
  }

  /**
   * Call `onBar` with each bar of `symbols` that closes or is corrected. Throws RangeError for an interval that isn't
   * published: `bars` has it.
   */
  subscribeBars(symbols: Iterable<string>, onBar: (bar: BarMessage) => void, interval: "1m" | "1d" = "1m"): Stop {
    if (interval !== "1m" && interval !== "1d") {
      const wrong = `interval is ${JSON.stringify(interval)}; expected 1m or 1d on the bar lane`;
      throw new RangeError(`${wrong}: bars() has the others`);
    }
    const wanted = [...new Set(symbols)];
    this.#known(wanted);
    return this.#listen(wanted.map((symbol) => this.#hub.topics.bar(interval, symbol)), onBar);
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
  }

  #listen<T>(topics: readonly string[], onMessage: (value: T) => void): Stop {
    this.#hub.check(topics);
    return this.#hub.listen(topics, (value: T) => onMessage(value)); // its own: one function may be given twice
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

  /** A connection is there, the first or another one. */
  #up(): void {
    this.#counters.reconnects += 1;
    this.#watchdog.connected(Date.now());
    this.#hub.topics = new Topics(this.discovery.topics);
    this.#apply();
  }

  /** Each second, and when the tab is shown: what the clock alone tells. */
  #beat(): void {
    if (this.#abort.signal.aborted) return;
    const nowMs = Date.now();
    this.#presence.beat(nowMs);
    const before = this.#hub.lanes;
    const lanes = this.#whenHidden === "stay" ? "all" : lanesFor(this.#presence.hiddenMs);
    this.#hub.lanes = lanes;
    if (lanes !== before) {
      if (lanes === "all") this.#hub.skip();
      this.#apply();
      if (lanes === "none") this.#connection.suspend("the tab has been hidden for 5 minutes");
      else if (before === "none") this.#connection.start();
    }
    this.#watch(nowMs);
    this.#tellState();
    const { messagesPerS } = this.stats();
    this.#crowded = messagesPerS > RATE_MAX ? this.#crowded + 1 : 0;
    if (this.#crowded === CROWDED_BEATS) this.#listeners.tell("crowded", { messagesPerS });
  }

  #watch(nowMs: number): void {
    const { phase } = this.#connection;
    const look = phase.name === "connected" ? this.#watchdog.look(nowMs) : "fine";
    const isHeard = nowMs - this.#watchdog.heardMs < FRESH_MS; // then it's the status that is missing, and no more
    if (look === "stale" && !isHeard) this.#connection.drop("no status came, and one is due each minute");
    if (look !== "ask") return;
    void this.#hub.lost().then((proof) => {
      if (!proof || this.#connection.phase !== phase) return;
      this.#connection.drop(`history has ${proof.symbol} seq ${proof.seq}, which didn't come`);
    });
  }

  #apply(): void {
    this.#connection.want(this.#hub.filters());
  }

  #tellState(): void {
    const nowMs = Date.now();
    const found = condition({
      phase: this.#connection.phase,
      lanes: this.#hub.lanes,
      status: this.#watchdog.believed(nowMs),
      heardMs: this.#watchdog.heardMs,
      lagMs: this.#counters.lagMs - this.#hub.aheadMs,
      nowMs,
    });
    const { sinceMs, ...before } = this.#state;
    if (JSON.stringify(before) !== JSON.stringify(found)) {
      this.#state = { ...found, sinceMs: found.name === before.name ? sinceMs : nowMs };
      this.#listeners.tell("state", this.#state);
    }
    if (found.name === "closed") this.#abort.abort();
  }

  #check(symbols: readonly string[], lossless: boolean): void {
    this.#known(symbols);
    for (const symbol of symbols) {
      const lane = this.discovery.lanes?.[symbol] ?? "live";
      if (lane === "off") throw new LaneOff(symbol);
      if (lossless && lane !== "live") throw new LaneConflated(symbol, lane);
    }
    this.#hub.check(symbols.map((symbol) => this.#hub.topics.price(symbol)));
  }

  #known(symbols: readonly string[]): void {
    const known = this.discovery.symbols;
    for (const symbol of symbols) if (!known.includes(symbol)) throw new UnknownSymbol(symbol, known);
  }
}
