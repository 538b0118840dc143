/**
 * The dialog in which a person chooses up to twenty symbols.
 *
 * In: what the platform carries, and what is chosen now. Out: the new choice, once it's closed by its button. A
 * `dialog` of the browser's own: it keeps the focus, and Escape leaves all as it was.
 */

import { make, part } from "./dom";
import { matching, SHOWN_MAX } from "./choice";

export class Chooser {
  readonly #dialog = part<HTMLDialogElement>("chooser");
  readonly #list = part("chooser-list");
  readonly #count = part("chooser-count");
  readonly #search = part<HTMLInputElement>("chooser-search");
  readonly #onChoose: (symbols: string[]) => void;
  #carried: readonly string[] = [];
  #chosen = new Set<string>();

  constructor(onChoose: (symbols: string[]) => void) {
    this.#onChoose = onChoose;
    this.#search.addEventListener("input", () => this.#show());
    this.#list.addEventListener("change", (event) => this.#toggle(event.target as HTMLInputElement));
    part("chooser-none").addEventListener("click", () => this.#choose([]));
    part("chooser-first").addEventListener("click", () => this.#choose(this.#carried.slice(0, SHOWN_MAX)));
    this.#dialog.addEventListener("close", () => {
      if (this.#dialog.returnValue === "show") this.#onChoose([...this.#chosen]);
    });
  }

  open(carried: readonly string[], chosen: readonly string[]): void {
    this.#carried = carried;
    this.#search.value = "";
    this.#dialog.returnValue = "";
    this.#choose(chosen);
    this.#dialog.showModal();
  }

  #choose(symbols: readonly string[]): void {
    this.#chosen = new Set(symbols);
    this.#show();
  }

  #toggle(box: HTMLInputElement): void {
    if (box.checked) this.#chosen.add(box.value);
    else this.#chosen.delete(box.value);
    this.#limit();
  }

  #show(): void {
    const boxes = matching(this.#carried, this.#search.value).map((symbol) => {
      const box = make("input");
      box.type = "checkbox";
      box.value = symbol;
      box.checked = this.#chosen.has(symbol);
      return make("label", "", box, make("span", "", symbol));
    });
    this.#list.replaceChildren(...boxes);
    this.#limit();
  }

  #limit(): void {
    const isFull = this.#chosen.size >= SHOWN_MAX;
    for (const box of this.#list.querySelectorAll("input")) box.disabled = isFull && !box.checked;
    this.#count.textContent = `${this.#chosen.size} of at most ${SHOWN_MAX}`;
  }
}
