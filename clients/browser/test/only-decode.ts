/** A page that reads messages which it gets some other way. */

export { decode } from "../src/index";
