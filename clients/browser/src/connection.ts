/**
 * The connection that never gives up: session after session, each with a newly signed address and a client id of its
 * own, until it's closed or told for good that it may not.
 *
 * In: the platform's address, the filters that are wanted, the person's or the network's return. Out: messages, the
 * phase at each change, the broker's answer for each filter. `machine.ts` says what is done about what happens; here
 * it is done. Always holds: one session is in use, and a second one only while it takes the first one's place.
 */

import { sleep } from "./backoff.js";
import { type Discovery, discover } from "./discovery.js";
import { Refused, TakenOver, Unauthorized } from "./errors.js";
import { Identity } from "./identity.js";
import { type Happening, type Kind, Machine, type Step } from "./machine.js";
import { type End, type Granted, openSession } from "./session.js";
import { hex, signedUrl } from "./signing.js";
import { Subscriptions } from "./subscriptions.js";

/** A session is replaced by another one at an age between these: AWS IoT Core ends it at 24 hours. */
export const LIFE_MS_MIN = 79_200_000;
export const LIFE_MS_MAX = 84_600_000;
/** A broker that hangs up this often in a row when asked for one topic refuses it in this way. */
const TRIES_MAX = 5;
/** Attempts that a return sets off are at least this far apart. */
const NUDGE_MS = 1_000;
/** A person who comes back doesn't wait longer for a broker's sign of life. */
const PROBE_MS = 800;
/** What a new connection brings waits no longer for the one that it replaces, which may be dead: a person waits too. */
const LEAVE_MS = 500;

export interface Phase {
  readonly name: Step["state"] | "hidden";
  readonly why: string;
  /** When the next attempt is made, and how many have failed. */
  readonly retryAtMs: number;
  readonly attempt: number;
  readonly error?: Error;
}

export interface ConnectionEvents {
  onMessage(topic: string, text: string): void;
  onPhase(): void;
  /** A session is in use, the first or another one. */
  onUp(): void;
  onAnswers(answers: readonly Granted[]): void;
}

export class Connection {
  phase: Phase = { name: "connecting", why: "", retryAtMs: 0, attempt: 0 };
  #discovery: Discovery;
  #identity: Identity;
  #machine = new Machine();
  #link: Subscriptions | undefined;
  #run = new AbortController(); // ends with a suspension, and for good when closed
  #isDialing = false;
  #dialedMs = 0;
  #isNudged = false; // while it dialed
  #timer: ReturnType<typeof setTimeout> | undefined;
  #life: ReturnType<typeof setTimeout> | undefined;
  #filters: ReadonlySet<string> = new Set();
  readonly #url: string | URL;
  readonly #events: ConnectionEvents;
  readonly #hangUps = new Map<string, number>(); // by topic, of those suspected

  constructor(url: string | URL, discovery: Discovery, events: ConnectionEvents) {
    this.#url = url;
    this.#discovery = discovery;
    this.#identity = new Identity(discovery.identity);
    this.#events = events;
  }

  get discovery(): Discovery {
    return this.#discovery;
  }

  /** Connect for the first time, or again after a suspension. */
  start(): void {
    this.#machine = new Machine();
    this.#hangUps.clear();
    this.#run = new AbortController();
    this.#happen("start");
  }

  /** Subscribe to these filters and no others. */
  want(filters: ReadonlySet<string>): void {
    this.#filters = filters;
    for (const topic of this.#hangUps.keys()) if (!filters.has(topic)) this.#hangUps.delete(topic);
    queueMicrotask(() => void this.#link?.sync().catch(() => {})); // a failure ends the session, which tells why
  }

  /** Hold no connection until `start`. */
  suspend(why: string): void {
    this.#stop();
    this.#enter("hidden", why);
  }

  /** The watchdog found the connection dead. */
  drop(why: string): void {
    if (!this.#link) return;
    this.#link.session.close();
    this.#link = undefined;
    this.#happen("stale", "network", why);
  }

  /** The person or the network is back: don't wait, and don't trust a connection only because it looks open. */
  nudge(how: "shown" | "online" | "woke"): void {
    if (this.#run.signal.aborted) return;
    const link = this.#link;
    const restMs = this.#restMs();
    if (!link) {
      this.#isNudged = this.#isDialing; // then the timer comes to nothing
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#dial(), restMs);
      return;
    }
    if (restMs > 0) return;
    if (how !== "shown") return this.#happen("aged");
    void link.session.isAlive(PROBE_MS).then((isAlive) => isAlive || this.#link !== link || this.#happen("aged"));
  }

  close(): void {
    this.#happen("close", "network", "closed by the page");
  }

  #happen(happening: Happening, kind: Kind = "network", why = ""): void {
    if (this.phase.name === "closed") return;
    const { state, next, ceilingMs = 0, why: cause } = this.#machine.step(happening, kind, Date.now());
    clearTimeout(this.#timer);
    const waitMs = this.#isNudged ? Math.min(this.#restMs(), ceilingMs) : Math.random() * ceilingMs;
    this.#isNudged = false;
    // The first attempt is under way until it has failed.
    const name = state === "connecting" && why !== "" ? "reconnecting" : state;
    this.#enter(name, why, Date.now() + waitMs, this.#error(cause, why));
    if (next === "end") this.#stop();
    else if (next === "wait") this.#timer = setTimeout(() => this.#dial(), waitMs);
    else if (next !== "none") void this.#dial(next === "renew");
  }

  /** Until an attempt that a return sets off may be made. */
  #restMs(): number {
    return Math.max(0, Math.min(NUDGE_MS, this.#dialedMs + NUDGE_MS - Date.now()));
  }

  async #dial(anew = false): Promise<void> {
    if (this.#isDialing) return;
    this.#isDialing = true;
    clearTimeout(this.#timer);
    this.#dialedMs = Date.now();
    const { signal } = this.#run;
    let made: Subscriptions | undefined;
    let failure: unknown;
    try {
      if (anew || this.#machine.failures > 0 || this.#link) await this.#rediscover(anew);
      made = await this.#open(signal);
    } catch (error) {
      failure = error;
      this.#identity.forget();
    }
    if (signal.aborted) return made?.session.close();
    this.#isDialing = false;
    if (!made) {
      const kind = failure instanceof Refused ? "refused" : "network";
      this.#happen(this.#link ? "spare-failed" : "failed", kind, (failure as Error).message);
    } else this.#adopt(made);
  }

  /** A session with all that's wanted subscribed to. */
  async #open(signal: AbortSignal): Promise<Subscriptions> {
    const { iot, region, clientId } = this.#discovery;
    const credentials = await this.#identity.credentials();
    const address = await signedUrl(iot, region, credentials);
    signal.throwIfAborted();
    // Another id for each session: one that the broker still holds open isn't thrown out, and doesn't throw us out.
    const random = hex(crypto.getRandomValues(new Uint8Array(8)));
    const held: (() => void)[] = [];
    const tellNow = (what: () => void) => signal.aborted || what();
    let tell = this.#link ? (what: () => void) => held.push(what) : tellNow;
    const session = await openSession({
      url: address,
      clientId: clientId.replace("{identityId}", credentials.identityId).replace("{random}", random),
      onMessage: (topic, text) => tell(() => this.#events.onMessage(topic, text)),
    });
    const made = new Subscriptions(session, () => this.#wanted(), this.#hangUps, (answers) => {
      for (const { topic } of answers) this.#hangUps.delete(topic);
      tell(() => this.#events.onAnswers(answers));
    });
    try {
      await made.sync();
    } catch (error) {
      this.#blame(made, await session.ended);
      throw error;
    }
    await Promise.race([this.#link?.leave(), sleep(LEAVE_MS)]).catch(() => {}); // it may have ended
    tell = tellNow;
    held.forEach(tell);
    return made;
  }

  #adopt(made: Subscriptions): void {
    const before = this.#link;
    this.#link = made;
    void made.session.ended.then((end) => this.#lost(made, end));
    clearTimeout(this.#life);
    const lifeMs = LIFE_MS_MIN + Math.random() * (LIFE_MS_MAX - LIFE_MS_MIN);
    this.#life = setTimeout(() => this.#link === made && this.#happen("aged"), lifeMs);
    this.#events.onUp();
    this.#happen(before ? "replaced" : "up");
    before?.session.close();
  }

  #lost(link: Subscriptions, end: End): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    const isBlamed = this.#blame(link, end);
    this.#happen("lost", isBlamed ? "network" : end.kind, end.why);
  }

  /** A broker that hangs up when asked for one topic means it; of several, each is asked for alone. Says whether it did. */
  #blame({ asked }: Subscriptions, { kind, why }: End): boolean {
    for (const topic of asked) {
      const before = this.#hangUps.get(topic) ?? 0;
      const count = asked.length > 1 ? before : kind === "refused" ? TRIES_MAX : before + 1;
      this.#hangUps.set(topic, count);
      if (count >= TRIES_MAX) this.#events.onAnswers([{ topic, code: 0x80, reason: `it hung up when asked: ${why}` }]);
    }
    return asked.length > 0;
  }

  /** Without the topics that have cost the connection too often. */
  #wanted(): ReadonlySet<string> {
    return new Set([...this.#filters].filter((topic) => (this.#hangUps.get(topic) ?? 0) < TRIES_MAX));
  }

  /** A platform that was set up anew has another pool; one that can't be asked just now is as it was. */
  async #rediscover(anew: boolean): Promise<void> {
    const found = await discover(this.#url).catch(() => this.#discovery);
    if (anew || found.identity.poolId !== this.#discovery.identity.poolId) this.#identity = new Identity(found.identity);
    this.#discovery = found;
  }

  #stop(): void {
    this.#run.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#life);
    this.#isDialing = false;
    this.#link?.session.close();
    this.#link = undefined;
  }

  #error(cause: Step["why"], why: string): Error | undefined {
    if (cause === "unauthorized") return new Unauthorized(this.#discovery.iot.url, why);
    return cause === "taken-over" ? new TakenOver(why) : undefined;
  }

  #enter(name: Phase["name"], why: string, retryAtMs = 0, error?: Error): void {
    this.phase = { name, why, retryAtMs, attempt: this.#machine.failures, ...(error && { error }) };
    this.#events.onPhase();
  }
}
