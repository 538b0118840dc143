/**
 * The errors that a caller can act on, named as in the Python client. Each text gives the value, what was expected
 * and what to do. A fault of the network after `connect` isn't among them: the client reconnects by itself.
 */

export class TickwireError extends Error {
  constructor(message: string, facts: object = {}) {
    super(message);
    Object.assign(this, facts);
  }
}

/** Something answered at the address, and it isn't a Tickwire. */
export class NotTickwire extends TickwireError {
  override readonly name = "NotTickwire";
  declare readonly url: string;
  declare readonly found: string;

  constructor(url: string, found: string) {
    super(`${url} isn't a Tickwire's: ${found}; expected the address that \`make run\` or \`pulumi up\` printed`, {
      url,
      found,
    });
  }
}

/** No answer in time, or a refusal that may pass. Trying again may help. */
export class Unreachable extends TickwireError {
  override readonly name = "Unreachable";
  declare readonly url: string;
  declare readonly why: string;
  /** The HTTP status, where one came. */
  declare readonly status?: number;

  constructor(url: string, why: string, status?: number) {
    super(`no answer from ${url}: ${why}`, { url, why, status });
  }
}

/** No to this client: its identity, credentials or client id. What is fetched anew may be let in. */
export class Refused extends TickwireError {}

/** A symbol that the platform doesn't carry. */
export class UnknownSymbol extends TickwireError {
  override readonly name = "UnknownSymbol";
  declare readonly symbol: string;
  declare readonly known: readonly string[];

  constructor(symbol: string, known: readonly string[]) {
    const some = known.slice(0, 10).join(", ") + (known.length > 10 ? ", …" : "");
    super(`symbol is ${JSON.stringify(symbol)}; expected one that the platform carries: ${some}`, { symbol, known });
  }
}

/** A symbol whose price lane the stage has turned off: waiting for it would be in vain. */
export class LaneOff extends TickwireError {
  override readonly name = "LaneOff";
  declare readonly symbol: string;

  constructor(symbol: string) {
    super(`the price lane of ${symbol} is off on this stage; the board and GET /prices have its newest price`, { symbol });
  }
}

/** A reader that wants every tick, on a lane that leaves some out by design. */
export class LaneConflated extends TickwireError {
  override readonly name = "LaneConflated";
  declare readonly symbol: string;
  declare readonly lane: string;

  constructor(symbol: string, lane: string) {
    super(`the price lane of ${symbol} is the newest each ${lane}; expected a live one for lossless`, { symbol, lane });
  }
}

/** More topics than the broker lets one connection subscribe to. */
export class TooManyTopics extends TickwireError {
  override readonly name = "TooManyTopics";
  declare readonly count: number;
  declare readonly most: number;

  constructor(count: number, most: number) {
    const text = `${count} topics on one connection, the status included; expected at most ${most}`;
    super(`${text}: connect once more for the others`, { count, most });
  }
}

/** The broker refused a subscription. The reader that asked for it has ended; others go on. */
export class TopicRefused extends TickwireError {
  override readonly name = "TopicRefused";
  declare readonly topic: string;
  declare readonly why: string;

  constructor(topic: string, why: string) {
    super(`the broker refused the subscription to ${topic}: ${why}; expected a topic that a guest may have`, { topic, why });
  }
}

/** Identity, credentials or client id were refused, also after everything was fetched anew. Terminal. */
export class Unauthorized extends TickwireError {
  override readonly name = "Unauthorized";
  declare readonly url: string;
  declare readonly why: string;

  constructor(url: string, why: string) {
    super(`${url} refused this client: ${why}; check that the stage is still deployed, and its pool's role`, { url, why });
  }
}

/** Another connection came with the same client id, and the broker closed this one. Terminal. */
export class TakenOver extends TickwireError {
  override readonly name = "TakenOver";
}

/** `fetch` whose every failure is an Unreachable with the reason. */
export async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const isLate = (error as Error).name === "TimeoutError";
    throw new Unreachable(url, isLate ? `nothing came in ${TIMEOUT_MS / 1000} s` : (error as Error).message);
  }
}

const TIMEOUT_MS = 10_000;
