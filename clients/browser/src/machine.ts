/**
 * What is done about each thing that happens to the connection.
 *
 * In: an event and its time. Out: the state to tell, and what to do next. Pure; Python's does the same on the same
 * cases. A fault of the network is waited out; a refusal is tried once more with everything fetched anew, and then
 * it is final; a client id taken over elsewhere is final, since coming back would throw the other one out.
 */

import { ceilingMs } from "./backoff.js";

/** A connection that held for this long starts the count of failures anew. */
export const STEADY_MS = 10_000;

export type Kind = "network" | "refused" | "taken-over";
export type Happening =
  | "start"
  /** Connected, and subscribed to all that's wanted. */
  | "up"
  /** An attempt came to nothing. */
  | "failed"
  /** The connection ended. */
  | "lost"
  /** It's open, and the watchdog found it dead. */
  | "stale"
  /** Another one should stand beside it: its planned life is over, or it can't be trusted. */
  | "aged"
  /** That other one has taken its place. */
  | "replaced"
  | "spare-failed"
  | "close";

export interface Step {
  readonly state: "connecting" | "connected" | "reconnecting" | "stale" | "closed";
  /** dial: at once; wait: a random time up to `ceilingMs`; renew: fetch all anew and dial; spare: dial beside this one. */
  readonly next: "dial" | "wait" | "renew" | "spare" | "none" | "end";
  readonly ceilingMs?: number;
  readonly why?: "closed" | "unauthorized" | "taken-over";
}

export class Machine {
  failures = 0;
  #upMs: number | undefined;
  #lostMs = 0;
  #isRenewed = false;
  #ended: Step["why"];

  step(happening: Happening, kind: Kind, nowMs: number): Step {
    if (this.#ended) return this.#end(this.#ended);
    switch (happening) {
      case "start":
        this.#lostMs = nowMs;
        return to("connecting", "dial");
      case "up":
      case "replaced":
        this.#upMs = nowMs;
        this.#isRenewed = false;
        return to("connected", "none");
      case "aged":
        return to("connected", "spare");
      case "spare-failed":
        return { ...to("connected", "wait"), ceilingMs: ceilingMs(Infinity) };
      case "close":
        return this.#end("closed");
      case "failed":
        if (kind === "refused") return this.#refused();
        return this.#wait(this.#upMs === undefined ? "connecting" : "reconnecting", nowMs);
      case "lost":
        if (kind !== "network") return this.#end(kind === "refused" ? "unauthorized" : kind);
        return this.#over("reconnecting", nowMs);
      case "stale":
        return this.#over("stale", nowMs);
    }
  }

  /** A connection is no more. One that broke soon is another failure in a row. */
  #over(state: Step["state"], nowMs: number): Step {
    if (nowMs - (this.#upMs ?? nowMs) >= STEADY_MS || this.failures === 0) {
      this.failures = 0;
      this.#lostMs = nowMs;
    }
    return this.#wait(state, nowMs);
  }

  #wait(state: Step["state"], nowMs: number): Step {
    this.failures += 1;
    return { ...to(state, "wait"), ceilingMs: ceilingMs(this.failures, nowMs - this.#lostMs) };
  }

  #refused(): Step {
    if (this.#isRenewed) return this.#end("unauthorized");
    this.#isRenewed = true;
    return to(this.#upMs === undefined ? "connecting" : "reconnecting", "renew");
  }

  #end(why: NonNullable<Step["why"]>): Step {
    this.#ended = why;
    return { ...to("closed", "end"), why };
  }
}

function to(state: Step["state"], next: Step["next"]): Step {
  return { state, next };
}
