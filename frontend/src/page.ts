/** Small helpers that every island uses. */
import htmx from "htmx.org";

export const all = <T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T[] =>
  Array.from(within.querySelectorAll<T>(selector));

export const one = <T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T | null =>
  within.querySelector<T>(selector);

/** Listens once for the whole document, so that swapped parts need no wiring. */
export function on<K extends keyof DocumentEventMap>(
  event: K | string,
  selector: string,
  act: (element: HTMLElement, event: Event) => void,
  capture = false,
): void {
  document.addEventListener(
    event,
    (e) => {
      const found = e.target instanceof Element ? e.target.closest<HTMLElement>(selector) : null;
      if (found) act(found, e);
    },
    capture,
  );
}

/** Runs for every part that matches, now and in whatever is put into the page later. */
export function each(selector: string, act: (element: HTMLElement) => void): void {
  htmx.onLoad((loaded) => {
    const root = loaded as HTMLElement;
    if (root.matches?.(selector)) act(root);
    all(selector, root).forEach(act);
  });
}

export function token(): string {
  try {
    return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  } catch {
    return "";
  }
}

export async function post(path: string, values: [string, string][]): Promise<Response> {
  const body = new URLSearchParams(values);
  return fetch(path, { method: "POST", body, headers: { "X-CSRFToken": token(), "HX-Request": "true" } });
}

/** Reads the page's main part again from where we are. */
export function reload(): void {
  htmx.ajax("get", location.pathname + location.search, { target: "#main", swap: "innerHTML" });
}
