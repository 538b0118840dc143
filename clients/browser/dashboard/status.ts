/**
 * What the page says of its connection, and no more than is true.
 *
 * In: the client's state, and when the last message came. Out: a headline that changes seldom (a screen reader
 * reads it out), a detail that may change each second, and a mood for the colour beside them.
 */

import type { State } from "../src/index";
import { age } from "./format";

/** Connected without a message for longer than this is called silent. */
export const SILENT_MS = 15_000;

export interface Status {
  readonly mood: "live" | "waiting" | "trouble";
  readonly headline: string;
  readonly detail: string;
}

export function status(state: State, lastMessageMs: number | undefined, nowMs: number): Status {
  switch (state.name) {
    case "connecting":
      return { mood: "waiting", headline: "Connecting", detail: "" };
    case "closed":
      return { mood: "trouble", headline: "Closed", detail: state.why };
    case "reconnecting":
      return { mood: "trouble", headline: "Reconnecting", detail: `${when(state.retryAtMs - nowMs)}: ${state.why}` };
    case "delayed":
    case "stale":
    case "quiet":
    case "hidden":
      return { mood: "waiting", headline: state.name[0]!.toUpperCase() + state.name.slice(1), detail: state.why };
    case "live":
      return connected(state.sinceMs, lastMessageMs, nowMs);
  }
}

function connected(sinceMs: number, lastMessageMs: number | undefined, nowMs: number): Status {
  const silentMs = nowMs - Math.max(sinceMs, lastMessageMs ?? 0);
  if (silentMs >= SILENT_MS) {
    return { mood: "trouble", headline: "Connected, but silent", detail: `no price for ${age(silentMs)}` };
  }
  if (lastMessageMs === undefined || lastMessageMs < sinceMs) {
    return { mood: "waiting", headline: "Connected", detail: "waiting for the next price" };
  }
  return { mood: "live", headline: "Live", detail: `last price ${age(silentMs)} ago` };
}

function when(leftMs: number): string {
  return leftMs > 0 ? `in ${Math.ceil(leftMs / 1000)} s` : "now";
}
