/** Lists: rows that open, rows that are selected, columns that are chosen. */
import htmx from "htmx.org";
import { all, each, on, one } from "./page";

on("click", "tr[data-path]", (row, e) => {
  const event = e as MouseEvent;
  if ((event.target as Element).closest("a, button, input, label, select") || getSelection()?.toString()) return;
  const link = one<HTMLAnchorElement>(".row-link", row);
  if (event.ctrlKey || event.metaKey) window.open(row.dataset.path, "_blank", "noopener");
  else link?.click();
});

// --- selection ----------------------------------------------------------------------------------------------

let last: HTMLInputElement | null = null;
const boxes = () => all<HTMLInputElement>("#rows input[name=ids]");

function count(): void {
  const chosen = boxes().filter((b) => b.checked).length;
  const bar = one("#picked");
  if (bar) bar.hidden = chosen === 0;
  const number = one("[data-picked-count]");
  if (number) number.textContent = String(chosen);
  const every = one<HTMLInputElement>("[data-pick-all]");
  if (every) {
    every.checked = chosen > 0 && chosen === boxes().length;
    every.indeterminate = chosen > 0 && chosen < boxes().length;
  }
}

on("click", "#rows input[name=ids]", (element, e) => {
  const box = element as HTMLInputElement;
  if ((e as MouseEvent).shiftKey && last) {
    const every = boxes();
    const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b);
    every.slice(from, to + 1).forEach((b) => (b.checked = box.checked));
  }
  last = box;
  count();
});
on("change", "[data-pick-all]", (every) => {
  boxes().forEach((b) => (b.checked = (every as HTMLInputElement).checked));
  count();
});
on("click", "[data-pick-every]", () => {
  boxes().forEach((b) => (b.checked = true));
  count();
});
on("click", "[data-pick-none]", () => {
  boxes().forEach((b) => (b.checked = false));
  count();
});
each("#list", count);
each("#rows", count);
// An answer that only fills places of its page (the counts) is dropped when the page is left.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event as CustomEvent;
  const asker = detail.requestConfig?.elt as HTMLElement | undefined;
  if (asker && !asker.isConnected && asker.getAttribute("hx-swap") === "none") detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSwap", (event) => {
  const { target, elt } = (event as CustomEvent).detail;
  if ((target as HTMLElement).id === "list" || (elt as HTMLElement).id === "list") {
    count();
    const counter = one("#counter");
    if (counter) {
      const query = location.search.replace(/^\?/, "");
      counter.setAttribute("hx-get", `${location.pathname}?${query ? query + "&" : ""}_part=counts`);
      htmx.process(counter);
      htmx.trigger(counter, "banyan:counts", {});
    }
  }
});

// --- columns ------------------------------------------------------------------------------------------------

on("click", "[data-columns] [data-up]", (button) => {
  const row = button.closest(".check");
  const above = row?.previousElementSibling;
  if (row && above?.classList.contains("check")) above.before(row);
});
on("click", "[data-columns] [data-apply]", (button) => {
  const menu = button.closest<HTMLElement>("[data-columns]");
  const keys = all<HTMLInputElement>("[data-column]", menu as HTMLElement).filter((c) => c.checked).map((c) => c.dataset.column);
  const path = `${menu?.dataset.columns}&columns=${keys.join(",")}`.replace("?all=1&", "?");
  htmx.ajax("get", path, { target: "#main", swap: "innerHTML", push: "true" } as never);
});
