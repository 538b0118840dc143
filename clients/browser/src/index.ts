/**
 * Live prices from a Tickwire platform in any browser tab.
 *
 *     import { connect } from "/tickwire.js";
 *
 *     const prices = await connect();
 *     prices.subscribe(["AAPL"], (tick) => console.log(tick.symbol, tick.price));
 */

export type { Refusal, State } from "./connection.js";
export type { Discovery } from "./discovery.js";
export { LaneOff, NotTickwire, TickwireError, TooManySymbols, UnknownSymbol, Unreachable } from "./errors.js";
export { connect, type Events, Prices, type Stop, SYMBOLS_MAX } from "./prices.js";
export { type Quote, snapshot } from "./snapshot.js";
export { isAfter, type Tick } from "./tick.js";
export { type Address, type Interval, type Lane, Topics } from "./topic.js";
export { decode, WireError } from "./wire.js";
