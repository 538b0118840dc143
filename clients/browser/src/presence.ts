/**
 * Whether somebody looks: a tab that is hidden needs less, and one that is shown again needs all at once.
 *
 * In: the browser's events, or none where there is no document. Out: which lanes are worth their cost at a moment,
 * and a call when the person or the network is back. Timers of a hidden tab fire seldom and a frozen one's not at
 * all, so everything goes by the clock.
 */

/** `all` that's wanted; the `board` in place of each symbol's own lane; or `none`, and no connection. */
export type Lanes = "all" | "board" | "none";

export const BOARD_AFTER_MS = 30_000;
export const NONE_AFTER_MS = 5 * 60_000;
/** A visible page whose clock jumps by this much has slept. */
export const SLEPT_MS = 10_000;

/** What a tab needs that has been hidden for `hiddenMs`. */
export function lanesFor(hiddenMs: number): Lanes {
  if (hiddenMs < BOARD_AFTER_MS) return "all";
  return hiddenMs < NONE_AFTER_MS ? "board" : "none";
}

export type Return = "shown" | "online" | "woke";

export class Presence {
  #hiddenAtMs: number | undefined;
  #beatMs = Date.now();
  readonly #onReturn: (how: Return) => void;

  constructor(onReturn: (how: Return) => void, signal: AbortSignal) {
    this.#onReturn = onReturn;
    if (typeof document === "undefined") return;
    const look = () => {
      this.#hiddenAtMs = document.hidden ? Date.now() : undefined;
      if (!document.hidden) onReturn("shown");
    };
    if (document.hidden) look();
    document.addEventListener("visibilitychange", look, { signal });
    addEventListener("online", () => onReturn("online"), { signal });
  }

  /** 0 when it's shown. */
  get hiddenMs(): number {
    return this.#hiddenAtMs === undefined ? 0 : Date.now() - this.#hiddenAtMs;
  }

  /** To be called each second: finds out by the clock that the machine has slept. */
  beat(nowMs: number): void {
    const sleptMs = nowMs - this.#beatMs;
    this.#beatMs = nowMs;
    if (sleptMs > SLEPT_MS && this.#hiddenAtMs === undefined) this.#onReturn("woke");
  }
}
