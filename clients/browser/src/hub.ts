/**
 * What everyone on one connection wants to hear, and what they hear.
 *
 * In: who wants which symbol or topic; messages and answers of the broker. Out: ticks, boards and bars to whoever
 * wants them, the filters to subscribe to, and what the watchdog and the counters go by. What is wanted twice is
 * subscribed to once.
 */

import { snapshot } from "./api.js";
import { delayMs, sleep } from "./backoff.js";
import { decodeBar } from "./barwire.js";
import { decodeBoard } from "./board.js";
import type { Discovery } from "./discovery.js";
import { TooManyTopics } from "./errors.js";
import { type Listeners, type Stop, tell } from "./events.js";
import { Feed } from "./feed.js";
import type { Lanes } from "./presence.js";
import type { Granted } from "./session.js";
import type { Counters } from "./stats.js";
import { decodeStatus } from "./status.js";
import { isAfter, type Place, type Quote } from "./tick.js";
import { Topics } from "./topic.js";
import type { Watchdog } from "./watchdog.js";
import { decode } from "./wire.js";

/** AWS IoT Core takes no more subscriptions than this on one connection. */
export const TOPICS_MAX = 50;
/** A snapshot that takes longer doesn't hold live prices up. */
const HOLD_MS = 2_000;
const TRIES_MAX = 3;
/** What history has and the connection hasn't brought after this time, it won't bring. */
const PROOF_MS = 3_000;

export class Hub {
  topics: Topics;
  lanes: Lanes = "all";
  /** How far this clock is ahead of the platform's, and the way of its last status or board; NaN before it. */
  aheadMs = NaN;
  readonly #feeds = new Map<string, Feed>();
  readonly #others = new Map<string, Set<(value: never) => void>>(); // by topic: boards and bars
  readonly #newest = new Map<string, Place>();
  readonly #refused = new Map<string, Granted>(); // topics that the broker won't give, as long as they're wanted
  readonly #asked = new Set<string>(); // symbols whose snapshot was asked for since their feed began

  constructor(
    readonly platform: () => Discovery,
    readonly counters: Counters,
    readonly listeners: Listeners,
    readonly watchdog: Watchdog,
    /** What is wanted has changed. */
    readonly onWanted: () => void,
  ) {
    this.topics = new Topics(platform().topics);
  }

  /** Hear each tick of `symbols`, the newest at once. */
  follow(symbols: readonly string[], listener: (tick: Quote) => void, lossless: boolean): Stop {
    for (const symbol of symbols) {
      const feed = this.#feeds.get(symbol) ?? this.#open(symbol);
      if (lossless) feed.loseNothing();
      feed.listeners.add(listener);
      queueMicrotask(() => feed.newest && feed.listeners.has(listener) && tell([listener], feed.newest));
    }
    this.#want(symbols.map((symbol) => this.topics.price(symbol)));
    return () => {
      for (const symbol of symbols) this.#feeds.get(symbol)?.listeners.delete(listener);
      // Only then, so that who is back in the same breath finds the feed as it was.
      queueMicrotask(() => {
        for (const symbol of symbols) if (this.#feeds.get(symbol)?.listeners.size === 0) this.#feeds.delete(symbol);
        this.onWanted();
      });
    };
  }

  /** Hear each message of `topics`. */
  listen<T>(topics: readonly string[], listener: (value: T) => void): Stop {
    for (const topic of topics) this.#others.set(topic, (this.#others.get(topic) ?? new Set()).add(listener));
    this.#want(topics);
    return () => {
      for (const topic of topics) {
        const listeners = this.#others.get(topic);
        if (listeners?.delete(listener) && listeners.size === 0) this.#others.delete(topic);
      }
      this.onWanted();
    };
  }

  /** What to subscribe to, as far as somebody looks. */
  filters(): ReadonlySet<string> {
    const filters = new Set<string>(this.#others.keys());
    const { board, status } = this.platform().topics;
    const hasBoard = this.lanes === "board" && board !== undefined;
    for (const topic of this.#priced()) filters.add(hasBoard ? board : topic);
    if (status) filters.add(status);
    else this.watchdog.isTold = false;
    for (const topic of this.#refused.keys()) if (!filters.has(topic)) this.#refused.delete(topic);
    return filters;
  }

  /** TooManyTopics when these don't fit as well, beside the status. */
  check(topics: readonly string[]): void {
    const { status = [] } = this.platform().topics;
    const count = new Set([...this.#priced(), ...this.#others.keys(), ...topics].concat(status)).size;
    if (count > TOPICS_MAX) throw new TooManyTopics(count, TOPICS_MAX);
  }

  /** What the next ticks leave out isn't missing: nobody looked. */
  skip(): void {
    for (const feed of this.#feeds.values()) feed.skip();
  }

  receive(topic: string, text: string): void {
    try {
      this.#hear(topic, text, Date.now());
    } catch (error) {
      this.counters.undecodable += 1;
      this.listeners.tell("undecodable", { topic, reason: (error as Error).message });
    }
  }

  /** The broker's answers to a SUBSCRIBE: what it granted is caught up with, what it refused is told. */
  answer(answers: readonly Granted[]): void {
    const symbols: string[] = [];
    for (const answer of answers) {
      const { topic, code } = answer;
      const { lane, symbol } = this.topics.parse(topic) ?? {};
      if (lane === "status") this.watchdog.isTold = code < 0x80;
      this.#refused.delete(topic);
      if (code >= 0x80) {
        this.#refused.set(topic, answer);
        this.listeners.tell("refused", answer);
      } else if (lane === "price") symbols.push(symbol!);
    }
    if (symbols.length > 0) void this.#catchUp(symbols, TRIES_MAX);
  }

  /** What the connection hasn't brought though history has it, and a moment later still hasn't: a proof against it. */
  async lost(): Promise<Quote | undefined> {
    const { api, symbols, lanes, topics } = this.platform();
    const all = this.#others.has(topics.board ?? "") ? symbols : [];
    const followed = this.#followed().filter((symbol) => !this.#refused.has(this.topics.price(symbol)));
    const heard = followed.length > 0 ? followed : all;
    if (heard.length === 0) return undefined;
    const isMissing = (quote: Quote) => isAfter(quote, this.#newest.get(quote.symbol));
    const missing = (await snapshot(api, heard).catch(() => [])).filter(isMissing);
    const windowsS = heard.map((symbol) => parseInt(lanes?.[symbol] ?? "") || 0);
    await sleep(PROOF_MS + Math.max(...windowsS) * 1000);
    return missing.find(isMissing);
  }

  /** Decode one message, and give it to whom it concerns. What listeners throw doesn't come back here. */
  #hear(topic: string, text: string, nowMs: number): void {
    const { lane } = this.topics.parse(topic) ?? {};
    let count = 0;
    if (lane === "price") {
      const ticks = decode(text);
      const newest = ticks.at(-1)!;
      count = ticks.length;
      this.counters.latency(nowMs - newest.timeMs);
      this.watchdog.hearPrices(1, nowMs);
      this.#note(newest);
      const { symbol } = newest;
      this.#feeds.get(symbol)?.live(ticks);
      // A feed given up and begun again while the broker was asked for others: nothing was asked for it anew.
      if (this.#feeds.has(symbol) && !this.#asked.has(symbol)) void this.#catchUp([symbol], TRIES_MAX);
    } else if (lane === "board") {
      const update = decodeBoard(text);
      count = update.prices.length;
      this.watchdog.hearPrices(1, nowMs);
      this.aheadMs = nowMs - update.timeMs;
      for (const quote of update.prices) {
        this.#note(quote);
        if (this.lanes === "board") this.#feeds.get(quote.symbol)?.board(quote);
      }
      this.#tell(topic, update);
    } else if (lane === "bar") {
      this.#tell(topic, decodeBar(text));
    } else if (lane === "status") {
      const status = decodeStatus(text);
      this.watchdog.hearStatus(status, nowMs);
      this.aheadMs = nowMs - status.timeMs;
      this.listeners.tell("status", status);
    }
    this.counters.message(count, nowMs);
  }

  /** Subscribed; now what was there before: the snapshot, with live prices held back for it, but not for long. */
  async #catchUp(symbols: readonly string[], tries: number): Promise<void> {
    for (const symbol of symbols) this.#asked.add(symbol);
    const give = (quotes: ReadonlyMap<string, Quote>) => {
      for (const symbol of symbols) this.#feeds.get(symbol)?.snapshot(quotes.get(symbol));
    };
    const late = setTimeout(give, HOLD_MS, new Map());
    try {
      const quotes = await snapshot(this.platform().api, symbols);
      for (const quote of quotes) this.#note(quote);
      give(new Map(quotes.map((quote) => [quote.symbol, quote])));
      this.listeners.tell("snapshot", { symbols, ok: true });
    } catch (error) {
      give(new Map());
      this.listeners.tell("snapshot", { symbols, ok: false, why: (error as Error).message });
      if (tries > 1) void sleep(delayMs(4)).then(() => this.#catchUp(symbols, tries - 1));
    } finally {
      clearTimeout(late);
    }
  }

  #open(symbol: string): Feed {
    const { lanes } = this.platform();
    const isConflated = (lanes?.[symbol] ?? "live") !== "live";
    const feed = new Feed(symbol, isConflated, this.counters, () => this.platform().api, (gap) => {
      this.counters.gap(gap);
      this.listeners.tell("gap", { symbol, ...gap });
    });
    this.#feeds.set(symbol, feed);
    this.#asked.delete(symbol);
    return feed;
  }

  /** These are wanted, perhaps once more: what the broker has refused it isn't asked for again, so it's told again. */
  #want(topics: readonly string[]): void {
    this.onWanted();
    queueMicrotask(() => this.answer(topics.flatMap((topic) => this.#refused.get(topic) ?? [])));
  }

  #note(tick: Quote): void {
    if (isAfter(tick, this.#newest.get(tick.symbol))) this.#newest.set(tick.symbol, tick);
  }

  #tell<T>(topic: string, value: T): void {
    tell((this.#others.get(topic) ?? []) as Iterable<(value: T) => void>, value);
  }

  #priced(): string[] {
    return this.#followed().map((symbol) => this.topics.price(symbol));
  }

  /** The symbols that somebody listens to. */
  #followed(): string[] {
    return [...this.#feeds].filter(([, { listeners }]) => listeners.size > 0).map(([symbol]) => symbol);
  }
}
