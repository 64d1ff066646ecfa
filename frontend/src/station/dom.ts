/** Makes elements without a framework; nothing is ever parsed from text. */
import { PATHS } from "./icons";

type Child = Node | string | number | null | undefined | false;
type Words = Record<string, unknown>;

/** Gives an element: words that begin with `on` listen, others are attributes; false and null are left out. */
export function h(name: string, words: Words = {}, ...children: (Child | Child[])[]): HTMLElement {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(words)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value as EventListener);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) made.append(child instanceof Node ? child : String(child));
  }
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** Gives an icon; the word beside it says what it means, so it is hidden from readers. */
export function icon(name: string): SVGElement {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  made.append(path);
  return made;
}
