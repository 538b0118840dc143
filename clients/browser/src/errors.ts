/**
 * The errors that a caller can act on, named as in the Python client. Each text gives the value, what was expected
 * and what to do. A fault of the network after `connect` isn't among them: the client reconnects by itself.
 */

export class TickwireError extends Error {}

/** Something answered at the address, and it isn't a Tickwire. */
export class NotTickwire extends TickwireError {
  override readonly name = "NotTickwire";

  constructor(
    readonly url: string,
    readonly found: string,
  ) {
    super(`${url} isn't a Tickwire's: ${found}; expected the address that \`make run\` or \`pulumi up\` printed`);
  }
}

/** No answer in time, or a refusal that may pass. Trying again may help. */
export class Unreachable extends TickwireError {
  override readonly name = "Unreachable";

  constructor(
    readonly url: string,
    readonly why: string,
    /** The HTTP status, where one came. */
    readonly status?: number,
  ) {
    super(`no answer from ${url}: ${why}`);
  }
}

/** No to this client: its identity, credentials or client id. What is fetched anew may be let in. */
export class Refused extends TickwireError {}

/** A symbol that the platform doesn't carry. */
export class UnknownSymbol extends TickwireError {
  override readonly name = "UnknownSymbol";

  constructor(
    readonly symbol: string,
    readonly known: readonly string[],
  ) {
    const some = known.slice(0, 10).join(", ") + (known.length > 10 ? ", …" : "");
    super(`symbol is ${JSON.stringify(symbol)}; expected one that the platform carries: ${some}`);
  }
}

/** A symbol whose price lane the stage has turned off: waiting for it would be in vain. */
export class LaneOff extends TickwireError {
  override readonly name = "LaneOff";

  constructor(readonly symbol: string) {
    super(`the price lane of ${symbol} is off on this stage; the board and GET /prices have its newest price`);
  }
}

/** A reader that wants every tick, on a lane that leaves some out by design. */
export class LaneConflated extends TickwireError {
  override readonly name = "LaneConflated";

  constructor(
    readonly symbol: string,
    readonly lane: string,
  ) {
    super(`the price lane of ${symbol} is the newest each ${lane}; expected a live one for lossless: read GET /prices/${symbol}`);
  }
}

/** More topics than the broker lets one connection subscribe to. */
export class TooManyTopics extends TickwireError {
  override readonly name = "TooManyTopics";

  constructor(
    readonly count: number,
    readonly most: number,
  ) {
    super(`${count} topics on one connection; expected at most ${most}: connect once more for the others`);
  }
}

/** The broker refused a subscription. The reader that asked for it has ended; others go on. */
export class TopicRefused extends TickwireError {
  override readonly name = "TopicRefused";

  constructor(
    readonly topic: string,
    readonly why: string,
  ) {
    super(`the broker refused the subscription to ${topic}: ${why}; expected a topic that a guest of this stage may have`);
  }
}

/** Identity, credentials or client id were refused, also after everything was fetched anew. Terminal. */
export class Unauthorized extends TickwireError {
  override readonly name = "Unauthorized";

  constructor(
    readonly url: string,
    readonly why: string,
  ) {
    super(`${url} refused this client: ${why}; check the identity pool and its role, and that the stage is still deployed`);
  }
}

/** `fetch` whose every failure is an Unreachable with the reason. */
export async function reach(url: string, timeoutMs: number, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const isLate = (error as Error).name === "TimeoutError";
    throw new Unreachable(url, isLate ? `nothing came in ${timeoutMs / 1000} s` : (error as Error).message);
  }
}
