/** A sparkline: a trace as a line over a tinted area, and a dot at its end that pulses while messages come. */

import { make } from "./dom";
import { Effect } from "./motion";
import { Trace } from "./trace";

const SVG = "http://www.w3.org/2000/svg";
const PULSE = [
  { transform: "scale(1)", opacity: 0.7 },
  { transform: "scale(3.2)", opacity: 0 },
];
const PULSE_MS = 600;
const PULSE_EVERY_MS = 1_500;

export class Sparkline {
  readonly element = make("div", "trace");
  readonly trace = new Trace();
  readonly #line = document.createElementNS(SVG, "path");
  readonly #area = document.createElementNS(SVG, "path");
  readonly #end = make("span", "end");
  readonly #pulse: Effect;

  constructor() {
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", "0 0 100 100");
    picture.setAttribute("preserveAspectRatio", "none");
    this.#line.setAttribute("class", "line");
    this.#area.setAttribute("class", "area");
    picture.append(this.#area, this.#line);
    const ring = make("span", "ring");
    this.#end.append(make("span", "dot"), ring);
    this.#end.hidden = true;
    this.#pulse = new Effect(ring, PULSE, PULSE_MS, PULSE_EVERY_MS);
    this.element.append(picture, this.#end);
    this.element.ariaHidden = "true";
  }

  paint(): void {
    const { line, end } = this.trace.draw();
    this.#line.setAttribute("d", line);
    this.#area.setAttribute("d", line === "" ? "" : `${line}V100H0Z`);
    this.#end.hidden = line === "";
    this.#end.style.transform = `translateY(${end.toFixed(1)}%)`;
  }

  pulse(): void {
    this.#pulse.play();
  }
}
