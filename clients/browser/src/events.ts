/**
 * What a client tells besides prices, and who hears it. What can't be delivered is an event here, never silence.
 */

import type { Gap } from "./sequence.js";
import type { State } from "./state.js";
import type { Status } from "./status.js";

export interface Events {
  /** What the prices are worth has changed. */
  state: State;
  /** A message of the status lane. */
  status: Status;
  /** The broker won't let this client have a topic. */
  refused: { readonly topic: string; readonly code: number; readonly reason: string };
  /** A message made no sense; what it held is lost. */
  undecodable: { readonly topic: string; readonly reason: string };
  /** Ticks that didn't come by the live lane; `filled` when they were had over HTTP. */
  gap: Gap & { readonly symbol: string };
  /** This connection carries almost more than the broker delivers on one: it discards what is beyond 100 a second. */
  crowded: { readonly messagesPerS: number };
  /** A `for await` reader came back, and as many values had been replaced by newer ones of their symbol. */
  dropped: { readonly count: number };
  /** What was there before a subscription came, or didn't: then prices appear as they change. */
  snapshot: { readonly symbols: readonly string[]; readonly ok: boolean; readonly why?: string };
}

export type Stop = () => void;
type Listener<K extends keyof Events> = (value: Events[K]) => void;

export class Listeners {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  on<K extends keyof Events>(event: K, listener: Listener<K>): Stop {
    const own: Listener<K> = (value) => listener(value);
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(own));
    return () => void listeners.delete(own);
  }

  tell<K extends keyof Events>(event: K, value: Events[K]): void {
    tell((this.#listeners.get(event) ?? []) as Iterable<Listener<K>>, value);
  }
}

/** Tell every listener; one that throws is reported to the page and doesn't keep the others from hearing. */
export function tell<T>(listeners: Iterable<(value: T) => void>, value: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(value);
    } catch (error) {
      reportError(error);
    }
  }
}
