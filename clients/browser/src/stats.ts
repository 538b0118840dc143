/**
 * What a client has seen: counts since it was made, and what the last seconds were like.
 *
 * In: each thing as it happens. Out: one Stats. Memory is bounded: rates are those of the last 10 seconds, latency that of
 * the last 512 live messages.
 */

import type { Gap } from "./sequence.js";

const RECENT_MS = 10_000;
const RECENT_MAX = 4_000; // twice what ten seconds bring on a connection that AWS IoT Core doesn't cut
const LATENCIES = 512;
const FEW = 5;

export interface Stats {
  /** Ticks that arrived and could be read. */
  readonly received: number;
  /** Ticks left out because they, or newer ones, had come already. */
  readonly duplicates: number;
  /** Ticks that a newer one of their symbol replaced because a `for await` reader was too far behind. */
  readonly conflated: number;
  /** Messages that made no sense. */
  readonly undecodable: number;
  /** Runs of ticks that were published and didn't come, by any way. */
  readonly gaps: number;
  /** Ticks of such runs that were fetched over HTTP. */
  readonly filled: number;
  readonly reconnects: number;
  /** Messages of all lanes: what the platform is billed for. */
  readonly messages: number;
  /** Over the last 10 seconds. */
  readonly messagesPerS: number;
  readonly ticksPerS: number;
  /** From a tick's time to its arrival, of the last 512 live messages; it holds the difference of the clocks too. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number };
}

export class Counters {
  received = 0;
  duplicates = 0;
  conflated = 0;
  undecodable = 0;
  gaps = 0;
  filled = 0;
  messages = 0;
  reconnects = -1; // the first connection isn't one
  readonly #sinceMs = Date.now();
  #recent: (readonly [atMs: number, ticks: number])[] = [];
  readonly #latencies: number[] = [];

  message(ticks: number, nowMs: number): void {
    this.messages += 1;
    this.received += ticks;
    this.#recent.push([nowMs, ticks]);
    if (this.#recent.length > RECENT_MAX) this.#forget(nowMs);
  }

  gap({ first, last, filled }: Gap): void {
    if (filled) this.filled += last + 1 - first;
    else this.gaps += 1;
  }

  latency(ms: number): void {
    if (this.#latencies.push(ms) > LATENCIES) this.#latencies.shift();
  }

  /** The latency that none of the last few live messages stayed below; NaN while there were fewer. */
  get lagMs(): number {
    const few = this.#latencies.slice(-FEW);
    return few.length === FEW ? Math.min(...few) : NaN;
  }

  stats(nowMs: number): Stats {
    this.#forget(nowMs);
    const overS = Math.max(1, Math.min(RECENT_MS, nowMs - this.#sinceMs) / 1000);
    const sorted = [...this.#latencies].sort((one, other) => one - other);
    const [p50, p95] = [0.5, 0.95].map((part) => sorted[Math.floor(sorted.length * part)]);
    return {
      ...this,
      reconnects: Math.max(0, this.reconnects),
      messagesPerS: this.#recent.length / overS,
      ticksPerS: this.#recent.reduce((sum, [, ticks]) => sum + ticks, 0) / overS,
      ...(p50 !== undefined && { latencyMs: { p50, p95: p95! } }),
    };
  }

  #forget(nowMs: number): void {
    this.#recent = this.#recent.slice(-RECENT_MAX / 2).filter(([atMs]) => atMs > nowMs - RECENT_MS);
  }
}
