/** The page on this library: a guest sees the price of AAPL. */

import { connect } from "../../clients/browser/src/index.ts";

const prices = await connect();
prices.subscribe(["AAPL"], ({ price }) => (document.body.textContent = price));
