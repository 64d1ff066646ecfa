/** The dialog that commands are filled in, the find palette, the phone's menu sheet, and drop-down menus. */
import htmx from "htmx.org";
import { all, on, one, reload } from "./page";

let behindChanged = false;

const dialog = () => one<HTMLDialogElement>("#dialog");

export function closeAll(): void {
  all<HTMLDialogElement>("dialog[open]").forEach((d) => d.close());
  all<HTMLDetailsElement>("details.menu[open]").forEach((m) => (m.open = false));
}

document.addEventListener("htmx:afterSwap", (event) => {
  const target = (event as CustomEvent).detail.target as HTMLElement;
  if (target.id === "main") closeAll();
  if (target.id !== "dialog-body") return;
  const run = one("[data-run]", target);
  if (run) return runMove(run);
  all<HTMLDialogElement>("dialog[open]").filter((d) => d.id !== "dialog").forEach((d) => d.close());
  const box = dialog();
  if (box && !box.open) box.showModal();
  one<HTMLElement>("[autofocus], .box-body input:not([type=hidden]), .box-body select, .box-foot .btn-primary", target)?.focus();
});

/** A card was moved and one command does it: run it, or open its dialog. */
function runMove(run: HTMLElement): void {
  const path = run.dataset.run ?? "";
  const ids = run.dataset.ids ?? "";
  if ("dialog" in run.dataset) htmx.ajax("get", `${path}?ids=${ids}&_from=list`, { target: "#dialog-body" });
  else htmx.ajax("post", path, { target: "#dialog-body", swap: "none", values: { ids, _from: "list", _key: crypto.randomUUID() } });
}

document.addEventListener("banyan:reload", () => {
  closeAll();
  reload();
});
document.addEventListener("banyan:behind", () => (behindChanged = true));

on("click", "[data-close]", (element) => {
  element.closest("dialog")?.close();
  if (element.closest(".dialog-page")) history.back();
});
/** Beside a dialog is where a press both began and ended: one that slips out of it, as when text is marked, closes nothing. */
let pressed: EventTarget | null = null;
document.addEventListener("mousedown", (event) => (pressed = event.target), true);
on("click", "dialog", (element, event) => {
  if (event.target === element && pressed === element) (element as HTMLDialogElement).close();
});
document.addEventListener(
  "close",
  (event) => {
    if ((event.target as HTMLElement).id !== "dialog") return;
    one("#dialog-body")?.replaceChildren();
    if (behindChanged) {
      behindChanged = false;
      reload();
    }
  },
  true,
);

/** Only copies that turn a print into a long one, or back, change the dialog: else its button would go as it is pressed. */
on("change", "[data-at-once]", (element) => {
  const input = element as HTMLInputElement;
  const isLong = Number(input.value) > Number(input.dataset.atOnce);
  if (isLong !== "isLong" in input.dataset) htmx.trigger(input, "banyan:copies", {});
});

on("click", "[data-open]", (element) => {
  const wanted = one<HTMLDialogElement>(`#${element.dataset.open}`);
  if (wanted && !wanted.open) {
    wanted.showModal();
    if (wanted.id === "find") startFind();
  }
});

// --- find ---------------------------------------------------------------------------------------------------

function startFind(): void {
  const input = one<HTMLInputElement>("#find-input");
  if (!input) return;
  input.select();
  htmx.trigger(input, "opened", {});
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    const find = one<HTMLDialogElement>("#find");
    if (!find) return;
    event.preventDefault();
    if (!find.open) find.showModal();
    startFind();
  }
});

on("keydown", "#find-input", (element, e) => {
  const event = e as KeyboardEvent;
  const hits = all(".palette-hit");
  const now = hits.findIndex((h) => h.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = event.key === "ArrowDown" ? Math.min(now + 1, hits.length - 1) : Math.max(now - 1, 0);
    hits.forEach((h, n) => h.setAttribute("aria-selected", String(n === next)));
    hits[next]?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && hits.length) {
    event.preventDefault();
    hits[Math.max(now, 0)].click();
  } else if (event.key === "Escape") {
    element.closest("dialog")?.close();
  }
});

// --- menus --------------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  for (const menu of all<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(event.target as Node) && document.contains(event.target as Node)) menu.open = false;
  }
  const item = (event.target as Element).closest?.("button.menu-item, a.menu-item");
  if (item) item.closest<HTMLDetailsElement>("details.menu")?.removeAttribute("open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of all<HTMLDetailsElement>("details.menu[open]")) {
    menu.open = false;
    one("summary", menu)?.focus();
  }
});
/** Only one menu is open at a time, and none leaves the window. */
document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target as HTMLDetailsElement;
    if (!menu.matches?.("details.menu") || !menu.open) return;
    all<HTMLDetailsElement>("details.menu[open]").forEach((m) => {
      if (m !== menu && !m.contains(menu)) m.open = false;
    });
    const body = one(".menu-body", menu);
    if (!body) return;
    body.classList.remove("menu-flipped");
    const box = body.getBoundingClientRect();
    if (box.right > document.documentElement.clientWidth - 8) body.classList.add("menu-flipped");
    one<HTMLElement>("input:not([type=hidden])", body)?.focus();
  },
  true,
);
