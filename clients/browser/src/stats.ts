/**
 * What a client has seen: counts since it was made, and what the last seconds were like.
 *
 * In: each thing as it happens. Out: one Stats. Memory is bounded: a second's messages are one number, and latency
 * is that of the last 512 live messages.
 */

import type { Gap } from "./sequence.js";

const SECONDS = 10;
const LATENCIES = 512;

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
  connects = 0;
  messages = 0;
  readonly #buckets = Array.from({ length: SECONDS }, () => ({ second: -1, messages: 0, ticks: 0 }));
  readonly #latencies: number[] = [];
  #next = 0;

  constructor(readonly sinceMs: number = Date.now()) {}

  message(ticks: number, nowMs: number): void {
    this.messages += 1;
    this.received += ticks;
    const second = Math.floor(nowMs / 1000);
    const place = second % SECONDS;
    if (this.#buckets[place]!.second !== second) this.#buckets[place] = { second, messages: 0, ticks: 0 };
    this.#buckets[place]!.messages += 1;
    this.#buckets[place]!.ticks += ticks;
  }

  gap({ first, last, filled }: Gap): void {
    if (filled) this.filled += last + 1 - first;
    else this.gaps += 1;
  }

  latency(ms: number): void {
    this.#latencies[this.#next] = ms;
    this.#next = (this.#next + 1) % LATENCIES;
  }

  /** Of the last `count` live messages, the latency that the share `part` of them stays below. */
  percentile(part: number, count = LATENCIES): number | undefined {
    const ring = this.#latencies;
    const inOrder = ring.length < LATENCIES ? ring : [...ring.slice(this.#next), ...ring.slice(0, this.#next)];
    const sorted = inOrder.slice(-count).sort((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  }

  stats(nowMs: number): Stats {
    const { received, duplicates, conflated, undecodable, gaps, filled, messages } = this;
    const second = Math.floor(nowMs / 1000);
    const recent = this.#buckets.filter((bucket) => bucket.second > second - SECONDS);
    const overS = Math.max(1, Math.min(SECONDS, (nowMs - this.sinceMs) / 1000));
    const rate = (name: "messages" | "ticks") => recent.reduce((sum, bucket) => sum + bucket[name], 0) / overS;
    const p50 = this.percentile(0.5);
    const p95 = this.percentile(0.95);
    return {
      received,
      duplicates,
      conflated,
      undecodable,
      gaps,
      filled,
      reconnects: Math.max(0, this.connects - 1),
      messages,
      messagesPerS: rate("messages"),
      ticksPerS: rate("ticks"),
      ...(p50 !== undefined && p95 !== undefined && { latencyMs: { p50, p95 } }),
    };
  }
}
