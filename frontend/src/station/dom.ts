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

/** One of each icon that was shown: a copy of it takes one call instead of seven. */
const icons = new Map<string, SVGElement>();

/** Gives an icon; the word beside it says what it means, so it is hidden from readers. */
export function icon(name: string): Node {
  const known = icons.get(name) ?? drawnIcon(name);
  icons.set(name, known);
  return known.cloneNode(true);
}

function drawnIcon(name: string): SVGElement {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  made.append(path);
  return made;
}

/** A part of a screen, and what it hangs on. */
interface Part {
  name: string;
  on: unknown[];
  made: HTMLElement;
}

/** The parts of each stage, and of the one that is drawn now. */
const staged = new Map<string, Map<string, Part>>();
let parts = new Map<string, Part>();
/** Which part an element was made as, and which one in the page a stand-in means. */
const madeAs = new WeakMap<Node, Part>();
const standIns = new WeakMap<Node, HTMLElement>();

/** Gives a part of a screen, made by `make`; while it hangs on the same, only a stand-in for the one in the page, which is then neither made anew nor compared. */
export function steady(name: string, on: unknown[], make: () => HTMLElement): Node {
  const all = [document.documentElement.lang, ...on];
  const before = parts.get(name);
  if (before?.made.isConnected && before.on.length === all.length && all.every((one, n) => Object.is(one, before.on[n]))) {
    const standIn = document.createComment("");
    standIns.set(standIn, before.made);
    return standIn;
  }
  const part = { name, on: all, made: make() };
  parts.set(name, part);
  madeAs.set(part.made, part);
  return part.made;
}

/** Says on which stage parts are drawn from now on; a new one has none. */
export function onStage(name: string, isNew = false): void {
  parts = (isNew ? undefined : staged.get(name)) ?? new Map();
  staged.set(name, parts);
}

/** Puts a node where it is to be, with the parts that it has stand-ins for. */
function place(into: Element, one: Node, before: Node | null): void {
  into.insertBefore(standIns.get(one) ?? one, before);
  const walk = document.createTreeWalker(one, NodeFilter.SHOW_COMMENT);
  const found: Comment[] = [];
  while (walk.nextNode()) found.push(walk.currentNode as Comment);
  for (const standIn of found) standIn.replaceWith(standIns.get(standIn) ?? "");
}

function isAlike(one: Node, other: Node): boolean {
  if (standIns.has(other)) return standIns.get(other) === one;
  return one.nodeName === other.nodeName && madeAs.get(one)?.name === madeAs.get(other)?.name && kind(one) === kind(other);
}

/** What an element is for as far as its name does not say: its id, or its first class. */
const kind = (one: Node): string => (one instanceof Element ? one.id || (one.getAttribute("class") ?? "").split(" ", 1)[0] : "");

/** Gives an element these children; those alike at its beginning and its end stay, and take only what differs. */
export function fill(into: Element, next: Node[]): void {
  const now = [...into.childNodes];
  const most = Math.min(now.length, next.length);
  let first = 0;
  while (first < most && isAlike(now[first], next[first])) become(now[first], next[first++]);
  let last = 0;
  while (last < most - first && isAlike(now[now.length - 1 - last], next[next.length - 1 - last])) become(now[now.length - 1 - last], next[next.length - 1 - last++]);
  for (const old of now.slice(first, now.length - last)) old.remove();
  const end = now[now.length - last] ?? null;
  for (const one of next.slice(first, next.length - last)) place(into, one, end);
}

/** Makes a node that stands like one made anew. A closure must not hold the new one: what is in the page is the old. */
function become(now: Node, next: Node): void {
  if (standIns.has(next)) return;
  const part = madeAs.get(next);
  if (part && now instanceof HTMLElement) {
    part.made = now;
    madeAs.set(now, part);
  }
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
