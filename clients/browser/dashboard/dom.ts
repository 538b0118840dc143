/** Elements, made and written with as little work as possible: text that hasn't changed isn't written again. */

type Child = Node | string;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

/** The element with that id, which index.html has. */
export function part<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element with the id ${id}`);
  return found as T;
}

/** For ears only. */
export function spoken(text: string): HTMLElement {
  return make("span", "spoken", text);
}

export function write(text: Text, value: string): void {
  if (text.data !== value) text.data = value;
}

/** Set a `data-` attribute, unless it is so already. */
export function mark(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** A term and its value, for a `dl`; what is written to the text shows as the value. */
export function fact(term: string, className = ""): { readonly element: HTMLElement; readonly text: Text } {
  const text = document.createTextNode("–");
  return { element: make("div", className, make("dt", "", term), make("dd", "", text)), text };
}
