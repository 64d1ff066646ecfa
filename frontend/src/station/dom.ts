/** Makes elements without a framework, and what stands like what was made anew; nothing is ever parsed from text. */
import { PATHS } from "./icons";

type Child = Node | string | number | null | undefined | false;
type Words = Record<string, unknown>;
type Heard = Record<string, EventListener>;

/** What each element does when something happens to it; one that stays is given what the one made anew would do. */
const heard = new WeakMap<Node, Heard>();
const hear = (event: Event) => heard.get(event.currentTarget as Node)?.[event.type]?.(event);

function listen(place: Node, acts: Heard): void {
  const before = heard.get(place) ?? {};
  heard.set(place, acts);
  for (const name of Object.keys(acts)) if (!(name in before)) place.addEventListener(name, hear);
}

/** Gives an element: words that begin with `on` listen, others are attributes; false and null are left out. */
export function h(name: string, words: Words = {}, ...children: (Child | Child[])[]): HTMLElement {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  const acts: Heard = {};
  for (const [key, value] of Object.entries(words)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) acts[key.slice(2)] = value as EventListener;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  if (Object.keys(acts).length) listen(made, acts);
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

const isAlike = (one: Node, other: Node): boolean => one.nodeName === other.nodeName && kind(one) === kind(other);
/** What an element is for as far as its name does not say: its id, or its first class. */
const kind = (one: Node): string => (one instanceof Element ? one.id || (one.getAttribute("class") ?? "").split(" ", 1)[0] : "");

/** Gives a place these children; those alike at its beginning and its end stay, and take only what differs. */
export function fill(place: Element, next: Node[]): void {
  const now = [...place.childNodes];
  const most = Math.min(now.length, next.length);
  let first = 0;
  while (first < most && isAlike(now[first], next[first])) become(now[first], next[first++]);
  let last = 0;
  while (last < most - first && isAlike(now[now.length - 1 - last], next[next.length - 1 - last])) become(now[now.length - 1 - last], next[next.length - 1 - last++]);
  for (const old of now.slice(first, now.length - last)) old.remove();
  const end = now[now.length - last] ?? null;
  for (const one of next.slice(first, next.length - last)) place.insertBefore(one, end);
}

/** Makes a node that stands like one made anew. A closure must not hold the new one: what is in the page is the old. */
function become(now: Node, next: Node): void {
  if (!(now instanceof Element && next instanceof Element)) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  for (const name of now.getAttributeNames()) if (!next.hasAttribute(name)) now.removeAttribute(name);
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  if (heard.has(now) || heard.has(next)) listen(now, heard.get(next) ?? {});
  fill(now, [...next.childNodes]);
  if (isField(now) && isField(next) && now.value !== next.value) now.value = next.value;
}

const isField = (one: Element): one is HTMLInputElement | HTMLSelectElement => one instanceof HTMLInputElement || one instanceof HTMLSelectElement;
