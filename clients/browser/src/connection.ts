/**
 * The connection that never gives up: session after session, each with a newly signed address, until it's closed.
 *
 * In: the platform's address and the filters that are wanted, which may change at any time. Out: messages, the
 * state at each change, and the filters that the broker refused. Always holds: at most one session is open; what
 * is wanted is subscribed to again after each reconnect; attempts are spread by full jitter from 0.5 s to 60 s,
 * and the network's or the person's return cuts a wait short.
 */

import { delayMs } from "./backoff.js";
import { type Discovery, discover } from "./discovery.js";
import { Identity } from "./identity.js";
import { openSession, type Session } from "./session.js";
import { signedUrl } from "./signing.js";

/** A session that lasted less than this counts as another failed attempt. */
const STEADY_MS = 10_000;
/** Credentials newer than this aren't what the broker refused. */
const FRESH_MS = 10_000;
/** Attempts that a return to the tab sets off are at least this far apart. */
const NUDGE_MS = 1_000;

export type State =
  | { readonly name: "connecting" }
  | { readonly name: "live"; readonly sinceMs: number }
  | { readonly name: "reconnecting"; readonly retryAtMs: number; readonly attempt: number; readonly reason: string }
  | { readonly name: "closed" };

export interface Refusal {
  readonly topic: string;
  readonly code: number;
  readonly reason: string;
}

export interface ConnectionEvents {
  onMessage(topic: string, text: string): void;
  onState(state: State): void;
  onRefused(refusal: Refusal): void;
}

export class Connection {
  #discovery: Discovery;
  #identity: Identity;
  #state: State = { name: "connecting" };
  #session: Session | undefined;
  #startedMs = 0;
  #cutWait: (() => void) | undefined;
  #isSyncing = false;
  readonly #url: string | URL;
  readonly #events: ConnectionEvents;
  readonly #random = randomId();
  readonly #wanted = new Set<string>();
  readonly #held = new Set<string>(); // sent on this session, refused ones included
  readonly #abort = new AbortController();

  constructor(url: string | URL, discovery: Discovery, events: ConnectionEvents) {
    this.#url = url;
    this.#discovery = discovery;
    this.#identity = new Identity(discovery.identity);
    this.#events = events;
    const { signal } = this.#abort;
    if (typeof document !== "undefined") {
      addEventListener("online", () => this.#nudge(), { signal });
      document.addEventListener("visibilitychange", () => document.hidden || this.#nudge(), { signal });
    }
    void this.#run(signal);
  }

  get state(): State {
    return this.#state;
  }

  get discovery(): Discovery {
    return this.#discovery;
  }

  want(filters: Iterable<string>): void {
    for (const filter of filters) this.#wanted.add(filter);
    this.#syncSoon();
  }

  unwant(filters: Iterable<string>): void {
    for (const filter of filters) this.#wanted.delete(filter);
    this.#syncSoon();
  }

  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#cutWait?.();
    this.#session?.close();
    this.#enter({ name: "closed" });
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      let reason: string;
      let liveMs = 0;
      this.#startedMs = Date.now();
      try {
        if (failures > 0) await this.#rediscover();
        const session = await this.#open(signal);
        const openedMs = Date.now();
        reason = await session.ended;
        liveMs = Date.now() - openedMs;
      } catch (error) {
        reason = (error as Error).message;
        this.#identity.forget({ olderThanMs: FRESH_MS });
      }
      this.#session = undefined;
      if (signal.aborted) return;
      failures = liveMs >= STEADY_MS ? 1 : failures + 1;
      const waitMs = delayMs(failures);
      this.#enter({ name: "reconnecting", retryAtMs: Date.now() + waitMs, attempt: failures, reason });
      await new Promise<void>((resolve) => {
        this.#cutWait = resolve;
        setTimeout(resolve, waitMs);
      });
    }
  }

  /** A session with all that's wanted subscribed to. */
  async #open(signal: AbortSignal): Promise<Session> {
    const { iot, region, clientId } = this.#discovery;
    const credentials = await this.#identity.credentials();
    const address = await signedUrl(iot, region, credentials);
    signal.throwIfAborted();
    const session = await openSession({
      url: address,
      clientId: clientId.replace("{identityId}", credentials.identityId).replace("{random}", this.#random),
      onMessage: (topic, text) => this.#events.onMessage(topic, text),
    });
    this.#session = session;
    this.#held.clear();
    if (signal.aborted) session.close();
    else await this.#sync();
    if (!signal.aborted) this.#enter({ name: "live", sinceMs: Date.now() });
    return session;
  }

  /** A platform that was set up anew has another pool; one that can't be asked just now is as it was. */
  async #rediscover(): Promise<void> {
    const found = await discover(this.#url).catch(() => this.#discovery);
    if (found.identity.poolId !== this.#discovery.identity.poolId) this.#identity = new Identity(found.identity);
    this.#discovery = found;
  }

  #syncSoon(): void {
    queueMicrotask(() => void this.#sync().catch(() => {})); // a failure ends the session, which tells why
  }

  /** Bring what's subscribed to in line with what's wanted. */
  async #sync(): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    try {
      for (let session = this.#session; session !== undefined && session === this.#session; ) {
        const missing = [...this.#wanted].filter((filter) => !this.#held.has(filter));
        const surplus = [...this.#held].filter((filter) => !this.#wanted.has(filter));
        if (missing.length + surplus.length === 0) return;
        for (const filter of surplus) this.#held.delete(filter);
        for (const filter of missing) this.#held.add(filter);
        const [granted] = await Promise.all([session.subscribe(missing), session.unsubscribe(surplus)]);
        for (const { filter, code, reason } of granted) {
          if (code >= 0x80) this.#events.onRefused({ topic: filter, code, reason });
        }
      }
    } finally {
      this.#isSyncing = false;
    }
  }

  /** The network or the person is back: don't wait any longer, and don't trust a connection that looks open. */
  #nudge(): void {
    if (Date.now() - this.#startedMs < NUDGE_MS) return;
    this.#cutWait?.();
    this.#session?.probe();
  }

  #enter(state: State): void {
    this.#state = state;
    this.#events.onState(state);
  }
}

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
