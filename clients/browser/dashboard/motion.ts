/**
 * What moves on the page: one loop of animation frames, which rests as soon as nothing moves.
 *
 * In: things that have something new to draw. Out: a call a drawing to each, until it says that it's done. A thing
 * that has ten new values between two drawings is drawn once. Thirty drawings a second are enough for numbers that
 * run, and cost half of sixty, since even a frame without news costs style and layout; what must be smooth is left
 * to the compositor.
 */

/** From one drawing to asking for the next frame, which comes up to 17 ms later. */
const REST_MS = 20;

export interface Moving {
  /** Draw what's due; say whether there is more to draw in the next frame. */
  frame(nowMs: number): boolean;
}

/** Whether the person asked for less motion. It may change while the page is open. */
export const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Motion {
  readonly #moving = new Set<Moving>();
  #isAsked = false;

  /** Draw `thing` in the next frame, and on until it's done. */
  add(thing: Moving): void {
    this.#moving.add(thing);
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#ask();
  }

  remove(thing: Moving): void {
    this.#moving.delete(thing);
  }

  #ask(): void {
    requestAnimationFrame((nowMs) => this.#draw(nowMs));
  }

  #draw(nowMs: number): void {
    for (const thing of this.#moving) {
      let isDone = true;
      try {
        isDone = !thing.frame(nowMs);
      } catch (error) {
        reportError(error); // the others still move
      }
      if (isDone) this.#moving.delete(thing);
    }
    setTimeout(() => {
      this.#isAsked = this.#moving.size > 0;
      if (this.#isAsked) this.#ask();
    }, REST_MS);
  }
}

/** A short effect on one element, played by the compositor alone, again and again; never under reduced motion. */
export class Effect {
  readonly #element: Element;
  readonly #keyframes: Keyframe[];
  readonly #lastsMs: number;
  readonly #everyMs: number;
  #playedMs = -Infinity;
  #animation: Animation | undefined;

  /** At most one begins in `everyMs`: what never ends isn't subtle. */
  constructor(element: Element, keyframes: Keyframe[], lastsMs: number, everyMs = 0) {
    this.#element = element;
    this.#keyframes = keyframes;
    this.#lastsMs = lastsMs;
    this.#everyMs = everyMs;
  }

  play(): void {
    const nowMs = performance.now();
    if (calm.matches || nowMs - this.#playedMs < this.#everyMs) return;
    this.#playedMs = nowMs;
    this.#animation ??= this.#element.animate(this.#keyframes, { duration: this.#lastsMs, easing: "ease-out" });
    this.#animation.currentTime = 0;
    this.#animation.play();
  }
}
