/**
 * What one session is subscribed to, kept equal to what's wanted.
 *
 * In: the filters that are wanted, which may change at any time. Out: SUBSCRIBE and UNSUBSCRIBE; what the broker
 * granted and what it refused. A refused filter isn't asked for again on this session; a suspect, at which the broker
 * may have hung up, is asked for alone and last.
 */

import type { Granted, Session } from "./session.js";

export class Subscriptions {
  /** What a SUBSCRIBE without an answer asks for. */
  asked: readonly string[] = [];
  readonly #held = new Set<string>(); // asked for on this session, refused ones included
  #isSyncing = false;

  constructor(
    readonly session: Session,
    readonly wanted: () => ReadonlySet<string>,
    readonly suspects: { has(filter: string): boolean },
    readonly onAnswers: (answers: readonly Granted[]) => void,
  ) {}

  /** Bring what's subscribed to in line with what's wanted. Rejects when the session ends meanwhile. */
  async sync(): Promise<void> {
    if (this.#isSyncing) return; // who is at it sees what has changed
    this.#isSyncing = true;
    try {
      for (;;) {
        const wanted = this.wanted();
        const lacking = [...wanted].filter((filter) => !this.#held.has(filter));
        const surplus = [...this.#held].filter((filter) => !wanted.has(filter));
        if (lacking.length + surplus.length === 0) return;
        for (const filter of surplus) this.#held.delete(filter);
        const sound = lacking.filter((filter) => !this.suspects.has(filter));
        const asked = sound.length > 0 ? sound : lacking.slice(0, 1);
        for (const filter of asked) this.#held.add(filter);
        this.asked = asked;
        // In this order, so that the broker never counts both.
        const [, answers] = await Promise.all([this.session.unsubscribe(surplus), this.session.subscribe(asked)]);
        this.asked = [];
        this.onAnswers(answers);
      }
    } finally {
      this.#isSyncing = false;
    }
  }
  /** Ask for nothing any more; what the broker has sent until then has come when this resolves. */
  leave(): Promise<void> {
    return this.session.unsubscribe([...this.#held]);
  }
}
