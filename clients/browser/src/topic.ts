/**
 * Topic names of the lanes, built and taken apart by the templates of the discovery document.
 *
 * In: templates such as `{"price": "prices/{symbol}"}`, a symbol, an interval. Out: MQTT topics, or what a topic
 * means. A topic made here never holds a wildcard, since no symbol or interval can.
 */

export const INTERVALS = ["1m", "5m", "15m", "1h", "1d"] as const;
export type Interval = (typeof INTERVALS)[number];
export type Lane = "price" | "board" | "status" | "bar" | "alert";

/** What a topic means: its lane, and the symbol and interval where the lane has them. */
export interface Address {
  readonly lane: Lane;
  readonly symbol?: string;
  readonly interval?: Interval;
}

const SYMBOL = /^[A-Z0-9.-]{1,12}$/;
const GRAMMAR: Readonly<Record<string, string>> = {
  symbol: "(?<symbol>[A-Z0-9.-]{1,12})",
  interval: `(?<interval>${INTERVALS.join("|")})`,
};
const LANES: readonly Lane[] = ["price", "board", "status", "bar", "alert"];

/** Whether `text` is a well-formed symbol (not whether a platform carries it). */
export function isSymbol(text: unknown): text is string {
  return typeof text === "string" && SYMBOL.test(text);
}

/** A platform's topic names. A lane without a template doesn't exist on that platform. */
export class Topics {
  readonly #templates: Partial<Record<Lane, string>>;
  readonly #patterns: readonly (readonly [Lane, RegExp])[];

  constructor(templates: Partial<Record<Lane, string>>) {
    this.#templates = templates;
    this.#patterns = LANES.flatMap((lane) => {
      const template = templates[lane];
      return template === undefined ? [] : [[lane, pattern(template)] as const];
    });
  }

  price(symbol: string): string {
    return this.#fill("price", { symbol });
  }

  bar(interval: Interval, symbol: string): string {
    return this.#fill("bar", { interval, symbol });
  }

  alert(symbol: string): string {
    return this.#fill("alert", { symbol });
  }

  get board(): string {
    return this.#fill("board", {});
  }

  get status(): string {
    return this.#fill("status", {});
  }

  /** What `topic` means, or undefined when it isn't one of this platform's. */
  parse(topic: string): Address | undefined {
    for (const [lane, expression] of this.#patterns) {
      const found = expression.exec(topic);
      if (found) return { lane, ...found.groups };
    }
    return undefined;
  }

  #fill(lane: Lane, values: Readonly<Record<string, string>>): string {
    const template = this.#templates[lane];
    if (template === undefined) throw new RangeError(`this platform has no ${lane} lane`);
    if (values.symbol !== undefined && !isSymbol(values.symbol)) {
      throw new RangeError(
        `symbol is ${JSON.stringify(values.symbol)}; expected 1 to 12 upper-case letters, digits, '.' or '-', such as AAPL`,
      );
    }
    return template.replace(/\{(\w+)\}/g, (hole, name: string) => values[name] ?? hole);
  }
}

function pattern(template: string): RegExp {
  const parts = template.split(/\{(\w+)\}/);
  const source = parts.map((part, place) =>
    place % 2 === 1 ? (GRAMMAR[part] ?? "[^/]+") : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return new RegExp(`^${source.join("")}$`);
}
