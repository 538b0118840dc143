/**
 * Prices by symbol, on one connection.
 *
 * In: symbols that someone wants. Out: each tick of them once and in order, as it happens; a symbol wanted twice
 * is subscribed to once. What can't be delivered is told as an event, never dropped in silence.
 */

import { Connection, type Refusal, type State } from "./connection.js";
import { type Discovery, discover } from "./discovery.js";
import { LaneOff, TickwireError, TooManySymbols, UnknownSymbol } from "./errors.js";
import { isAfter, type Tick } from "./tick.js";
import { Topics } from "./topic.js";
import { decode } from "./wire.js";

/** AWS IoT Core takes no more subscriptions than this on one connection. */
export const SYMBOLS_MAX = 50;

export interface Events {
  /** The connection's state changed. */
  state: State;
  /** The broker won't let this client have a topic. */
  refused: Refusal;
  /** A message that isn't a price message arrived; its ticks are lost. */
  undecodable: { readonly topic: string; readonly reason: string };
}

export type Stop = () => void;
type Listener<T> = (value: T) => void;

/** Connect to the platform at `url`, by default the page's own; rejects when its discovery document can't be read. */
export async function connect(url: string | URL = location.origin): Promise<Prices> {
  if (crypto.subtle === undefined) {
    throw new TickwireError(`${location.origin} can't sign requests; expected a page from https:// or http://127.0.0.1`);
  }
  return new Prices(url, await discover(url));
}

export class Prices {
  readonly #connection: Connection;
  readonly #watchers = new Map<string, Set<Listener<Tick>>>();
  readonly #newest = new Map<string, Tick>();
  readonly #listeners: { readonly [K in keyof Events]: Set<Listener<Events[K]>> } = {
    state: new Set(),
    refused: new Set(),
    undecodable: new Set(),
  };

  constructor(url: string | URL, discovery: Discovery) {
    this.#connection = new Connection(url, discovery, {
      onMessage: (topic, text) => this.#receive(topic, text),
      onState: (state) => tell(this.#listeners.state, state),
      onRefused: (refusal) => tell(this.#listeners.refused, refusal),
    });
  }

  get state(): State {
    return this.#connection.state;
  }

  /** What the platform says of itself: its symbols, its API. */
  get discovery(): Discovery {
    return this.#connection.discovery;
  }

  /**
   * Call `onTick` with each tick of `symbols` from now on; the function returned ends it.
   * Throws UnknownSymbol for one that the platform doesn't carry, LaneOff for one that has no price lane,
   * TooManySymbols for the 51st on one connection.
   */
  subscribe(symbols: Iterable<string>, onTick: Listener<Tick>): Stop {
    const wanted = [...new Set(symbols)];
    this.#check(wanted);
    const listener: Listener<Tick> = (tick) => onTick(tick); // its own, so that one function may be given twice
    for (const symbol of wanted) {
      const watchers = this.#watchers.get(symbol) ?? new Set();
      this.#watchers.set(symbol, watchers.add(listener));
    }
    this.#connection.want(this.#topics(wanted));
    return () => {
      const unwatched = wanted.filter((symbol) => {
        const watchers = this.#watchers.get(symbol);
        return watchers?.delete(listener) && watchers.size === 0 && this.#watchers.delete(symbol);
      });
      this.#connection.unwant(this.#topics(unwatched));
    };
  }

  /** Call `listener` at each event of that name; the function returned ends it. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): Stop {
    const listeners = this.#listeners[event];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** End the connection for good. */
  close(): void {
    this.#connection.close();
  }

  #receive(topic: string, text: string): void {
    let ticks: Tick[];
    try {
      ticks = decode(text);
    } catch (error) {
      tell(this.#listeners.undecodable, { topic, reason: (error as Error).message });
      return;
    }
    for (const tick of ticks) {
      if (!isAfter(tick, this.#newest.get(tick.symbol))) continue; // the broker may deliver a message twice
      this.#newest.set(tick.symbol, tick);
      tell(this.#watchers.get(tick.symbol) ?? [], tick);
    }
  }

  #check(symbols: readonly string[]): void {
    const known = this.discovery.symbols;
    for (const symbol of symbols) {
      if (!known.includes(symbol)) throw new UnknownSymbol(symbol, known);
      if (this.discovery.lanes?.[symbol] === "off") throw new LaneOff(symbol);
    }
    const count = new Set([...this.#watchers.keys(), ...symbols]).size;
    if (count > SYMBOLS_MAX) throw new TooManySymbols(count, SYMBOLS_MAX);
  }

  #topics(symbols: readonly string[]): string[] {
    const topics = new Topics(this.discovery.topics);
    return symbols.map((symbol) => topics.price(symbol));
  }
}

/** Tell every listener; one that throws is reported to the page and doesn't keep the others from hearing. */
function tell<T>(listeners: Iterable<Listener<T>>, value: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(value);
    } catch (error) {
      reportError(error);
    }
  }
}
