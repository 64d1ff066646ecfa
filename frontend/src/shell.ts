/** The shell: where we are in the menu, the network, the theme. */
import { all, on, one, post } from "./page";

/** Marks the menu entry whose address the page's begins with. */
function locate(): void {
  const here = location.pathname;
  let best: HTMLElement | null = null;
  for (const link of all("[data-path]", document.body).filter((l) => l.closest(".side-nav, .bottom"))) {
    const path = link.dataset.path ?? "";
    link.removeAttribute("aria-current");
    const fits = here === path || (path !== "/" && here.startsWith(path + "/"));
    if (fits && path.length >= (best?.dataset.path?.length ?? 0)) best = link;
  }
  all(".side-nav, .bottom").forEach((nav) => {
    if (best) one(`[data-path="${best.dataset.path}"]`, nav)?.setAttribute("aria-current", "page");
  });
  all<HTMLDetailsElement>(".side-more").forEach((more) => (more.open ||= !!one("[aria-current]", more)));
  const area = best?.closest<HTMLElement>("[data-area]")?.dataset.area ?? /^\/areas\/(\w+)/.exec(here)?.[1];
  all(".bottom [data-area]").forEach((link) => {
    if (link.dataset.area === area) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  all(".side-group").forEach((group) => {
    group.classList.toggle("is-here", group.dataset.area === area);
    if (group.dataset.area === area && isWide()) (group as HTMLDetailsElement).open = true;
    if (!isWide()) (group as HTMLDetailsElement).open = false;
  });
}

const isWide = () => matchMedia("(min-width: 1200px)").matches;

document.addEventListener("htmx:pushedIntoHistory", locate);
document.addEventListener("htmx:historyRestore", locate);
document.addEventListener("htmx:afterSettle", locate);
window.addEventListener("popstate", locate);
matchMedia("(min-width: 1200px)").addEventListener("change", locate);
document.addEventListener("click", (event) => {
  if (isWide()) return;
  for (const group of all<HTMLDetailsElement>(".side-group[open]")) {
    if (!group.contains(event.target as Node) || (event.target as Element).closest("a")) group.open = false;
  }
});
locate();

const network = () => {
  const sign = one("#network");
  if (sign) sign.hidden = navigator.onLine;
};
window.addEventListener("online", network);
window.addEventListener("offline", network);
network();

on("click", "[data-theme-next]", (button) => {
  const root = document.documentElement;
  const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
  root.dataset.themeWish = next;
  root.setAttribute("data-bs-theme", next);
  void post(button.dataset.url ?? "", [["theme", next]]);
});
