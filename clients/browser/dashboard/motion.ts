/**
 * What moves on the page: one loop of animation frames, which rests as soon as nothing moves.
 *
 * In: things that have something new to draw. Out: a call a frame to each, until it says that it's done. A thing
 * that has ten new values between two frames is drawn once.
 */

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
    this.#ask();
  }

  remove(thing: Moving): void {
    this.#moving.delete(thing);
  }

  #ask(): void {
    if (this.#isAsked || this.#moving.size === 0) return;
    this.#isAsked = true;
    requestAnimationFrame((nowMs) => this.#draw(nowMs));
  }

  #draw(nowMs: number): void {
    this.#isAsked = false;
    for (const thing of this.#moving) {
      if (!thing.frame(nowMs)) this.#moving.delete(thing);
    }
    this.#ask();
  }
}

/** A short effect on one element, played by the compositor alone, again and again; never under reduced motion. */
export class Effect {
  readonly #element: Element;
  readonly #keyframes: Keyframe[];
  readonly #lastsMs: number;
  #animation: Animation | undefined;

  constructor(element: Element, keyframes: Keyframe[], lastsMs: number) {
    this.#element = element;
    this.#keyframes = keyframes;
    this.#lastsMs = lastsMs;
  }

  play(): void {
    if (calm.matches) return;
    this.#animation ??= this.#element.animate(this.#keyframes, { duration: this.#lastsMs, easing: "ease-out" });
    this.#animation.currentTime = 0;
    this.#animation.play();
  }
}
