/** The bar that is always in view: the connection's state and why, how fast prices come, what this tab costs. */

import type { State, Stats } from "../src/index";
import { dollarsAMonth, LIST, type Tariff } from "./cost";
import { mark, part, write } from "./dom";
import { dollars, latency, rate } from "./format";
import { notice, status } from "./status";

const textOf = (id: string) => part(id).appendChild(document.createTextNode(""));

export class ConnectionBar {
  tariff: Tariff = LIST;
  readonly #status = part("status");
  readonly #headline = textOf("status-text");
  readonly #detail = textOf("status-detail");
  readonly #p50 = textOf("p50");
  readonly #p95 = textOf("p95");
  readonly #rate = textOf("rate");
  readonly #cost = textOf("cost");
  readonly #notice = part("notice");

  tell(state: State, stats: Stats | undefined, newestMs: number | undefined, apiFault: string | undefined, trouble: string): void {
    const nowMs = Date.now();
    const { mood, headline, detail } = status(state, newestMs, nowMs);
    mark(this.#status, "mood", mood);
    write(this.#headline, headline);
    write(this.#detail, detail);
    const { latencyMs, messagesPerS = 0 } = stats ?? {};
    write(this.#p50, latencyMs === undefined ? "–" : latency(latencyMs.p50));
    write(this.#p95, latencyMs === undefined ? "–" : latency(latencyMs.p95));
    write(this.#rate, rate(messagesPerS));
    write(this.#cost, dollars(dollarsAMonth(messagesPerS, this.tariff)));
    const text = notice(state, apiFault, newestMs) || trouble;
    if (this.#notice.textContent !== text) this.#notice.textContent = text;
    this.#notice.hidden = text === "";
  }
}
