/**
 * What the page says of its connection, and no more than is true.
 *
 * In: the client's state, when the newest price was made, whether the API answers. Out: a headline that changes
 * seldom (a screen reader reads it out), a detail that may change each second, a mood for the colour beside them;
 * and a notice of what is missing meanwhile.
 */

import type { State } from "../src/index";
import { age, clock } from "./format";

export interface Told {
  readonly mood: "live" | "waiting" | "quiet" | "trouble";
  readonly headline: string;
  readonly detail: string;
}

export function status(state: State, newestMs: number | undefined, nowMs: number): Told {
  switch (state.name) {
    case "connecting":
      return { mood: "waiting", headline: "Connecting", detail: "" };
    case "live":
      return newestMs === undefined
        ? { mood: "waiting", headline: "Connected", detail: "waiting for the first price" }
        : { mood: "live", headline: "Live", detail: `last price ${age(nowMs - newestMs)} ago` };
    case "delayed":
      return { mood: "waiting", headline: "Delayed", detail: state.why };
    case "stale":
      return { mood: "trouble", headline: "Stale", detail: state.why };
    case "quiet":
      return {
        mood: "quiet",
        headline: state.because === "market" ? "Market closed" : "Feed paused",
        detail: state.untilMs === undefined ? state.why : `until ${when(state.untilMs, nowMs)}`,
      };
    case "reconnecting":
      return { mood: "trouble", headline: "Reconnecting", detail: `${left(state.retryAtMs - nowMs)}: ${state.why}` };
    case "hidden":
      return { mood: "quiet", headline: "Paused", detail: state.why };
    case "closed":
      return { mood: "trouble", headline: "Closed", detail: state.why };
  }
}

/** What a person should know besides: which half of the platform is missing. Empty when it's all there. */
export function notice(state: State, apiFault: string | undefined, newestMs: number | undefined): string {
  const isCut = state.name === "reconnecting" || state.name === "closed";
  if (isCut && apiFault !== undefined) return "Neither live prices nor history can be reached. What you see is the last that came.";
  if (isCut && newestMs !== undefined) return `History only: the newest price is from ${clock(newestMs)}.`;
  if (apiFault !== undefined) return `Live only: history can't be reached (${apiFault}).`;
  return "";
}

function left(leftMs: number): string {
  return leftMs > 0 ? `in ${Math.ceil(leftMs / 1000)} s` : "now";
}

function when(timeMs: number, nowMs: number): string {
  const isSoon = timeMs - nowMs < 86_400_000;
  const day = isSoon ? "" : `${new Intl.DateTimeFormat(undefined, { weekday: "short" }).format(timeMs)} `;
  return `${day}${clock(timeMs).slice(0, 5)}`;
}
