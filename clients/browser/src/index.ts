/**
 * Live prices from a Tickwire platform in any browser tab.
 *
 *     import { connect } from "/tickwire.js";
 *
 *     const prices = await connect();
 *     prices.subscribe(["AAPL"], (tick) => console.log(tick.symbol, tick.price));
 */

export { type BarRange, snapshot } from "./api.js";
export type { Bar } from "./bars.js";
export type { BarMessage } from "./barwire.js";
export type { BoardUpdate } from "./board.js";
export type { Discovery } from "./discovery.js";
export {
  LaneConflated,
  LaneOff,
  NotTickwire,
  TickwireError,
  TooManyTopics,
  TopicRefused,
  Unauthorized,
  UnknownSymbol,
  Unreachable,
} from "./errors.js";
export type { Events, Stop } from "./events.js";
export { TOPICS_MAX } from "./hub.js";
export { connect, type ConnectOptions, Prices, type ReadOptions, SYMBOLS_MAX, type TickOptions } from "./prices.js";
export type { Gap } from "./sequence.js";
export type { State } from "./state.js";
export type { Stats } from "./stats.js";
export type { Reason, Status } from "./status.js";
export { isAfter, type Quote, type Tick } from "./tick.js";
export { type Address, type Interval, type Lane, Topics } from "./topic.js";
export { decode, WireError } from "./wire.js";
