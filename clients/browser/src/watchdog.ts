/**
 * Whether silence on an open connection means that it's dead: judged by the status lane, and by the pace at which
 * prices came before.
 *
 * In: what was heard, and when. Out: what to do. Pure; Python's does the same on the same cases. A closed market and
 * a paused feed are rightly silent.
 */

import type { Status } from "./status.js";

/** Two statuses missed, and some seconds for their way. Each connection in vain doubles it. */
export const STATUS_MS_MAX = 130_000;
export const DOUBLED_MAX = 8;
/** Silence that's shorter isn't one, and one that's longer always is. */
export const SILENCE_MS_MIN = 10_000;
export const SILENCE_MS_MAX = 120_000;
/** Silence this many times longer than the usual pause is one. */
export const PAUSES = 10;
const WINDOW = 20; // messages that tell the usual pause

/** ask: compare with the snapshot over HTTP, which is ahead when the connection is dead. stale: it is dead. */
export type Look = "fine" | "ask" | "stale";

export class Watchdog {
  status: Status | undefined;
  /** Whether the status lane is subscribed to. */
  isTold = true;
  /** When the newest price came; 0 before it. */
  heardMs = 0;
  #connectedMs = 0;
  #statusMs = 0;
  #openMs = 0; // when the market opened, as the status before told
  #pauseMs: number | undefined;
  #askMs = 0; // the silence at which it asks again
  #vain = 0.5;

  connected(nowMs: number): void {
    this.#connectedMs = nowMs;
    this.#askMs = 0;
    this.#vain = Math.min(DOUBLED_MAX, this.#vain * 2);
  }

  hearStatus(status: Status, nowMs: number): void {
    this.status = status;
    this.#statusMs = nowMs;
    this.#vain = 1;
    this.#openMs = status.market === "closed" && status.untilMs !== undefined ? nowMs + status.untilMs - status.timeMs : 0;
  }

  hearPrices(messages: number, nowMs: number): void {
    const pauseMs = (nowMs - Math.max(this.heardMs, this.#connectedMs, this.#openMs)) / messages;
    const before = this.#pauseMs ?? pauseMs;
    this.#pauseMs = before + (pauseMs - before) * Math.min(1, messages / WINDOW);
    this.heardMs = nowMs;
    this.#askMs = 0;
  }

  look(nowMs: number): Look {
    if (!this.#isOpen(nowMs)) return "fine";
    const sinceMs = Math.max(this.#connectedMs, this.#openMs);
    const untoldMs = this.isTold ? nowMs - Math.max(sinceMs, this.#statusMs) : 0;
    if (untoldMs >= STATUS_MS_MAX * this.#vain) return "stale";
    if (this.#pauseMs === undefined) return "fine";
    const silentMs = nowMs - Math.max(sinceMs, this.heardMs);
    const quietMs = Math.min(SILENCE_MS_MAX, Math.max(SILENCE_MS_MIN, PAUSES * this.#pauseMs));
    if (silentMs < Math.max(quietMs, this.#askMs)) return "fine";
    this.#askMs = 2 * silentMs;
    return "ask";
  }

  /**
   * The last status, unless the next is overdue; then only one by which the market is closed still. After that of a
   * pause none is due until it ends: each connection is told it once, at its beginning or when it comes.
   */
  believed(nowMs: number): Status | undefined {
    const { status } = this;
    const dueMs = this.#statusMs + STATUS_MS_MAX;
    if (status?.paused) return this.#connectedMs < dueMs ? status : undefined;
    return nowMs < dueMs || (status?.market === "closed" && !this.#isOpen(nowMs)) ? status : undefined;
  }

  /** Whether prices should come; so it is too while nobody has said. */
  #isOpen(nowMs: number): boolean {
    const { status } = this;
    if (!status) return true;
    if (status.paused) return false;
    const hasChanged = status.untilMs !== undefined && nowMs - this.#statusMs >= status.untilMs - status.timeMs;
    return (status.market === "closed") === hasChanged;
  }
}
