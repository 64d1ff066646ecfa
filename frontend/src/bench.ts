/** The mapping bench: fields picked by a tap, the output renewed as one types, faults shown in their cells. */
import htmx from "htmx.org";
import { mark, unmark } from "./forms";
import { all, each, on, one } from "./page";

type Cell = HTMLInputElement;
let current: HTMLElement | null = null;

const cell = (row: HTMLElement, column: string) => one<Cell>(`[name$=".${column}"]`, row);
const lists: Record<string, string> = { target: "bench-target-list", converter: "bench-converter-list" };

const rare = ["expression", "when", "sends_null", "sample", "note"];

/** Lets the columns that most lines leave empty be seen where they say something. */
function dress(bench: HTMLElement): void {
  for (const column of rare) {
    for (const input of all<Cell>(`[data-row] [name$=".${column}"]`, bench)) {
      input.closest("td")?.classList.toggle("is-told", input.type === "checkbox" ? input.checked : input.value !== "");
    }
  }
}

each("[data-bench]", (bench) => {
  current = null;
  dress(bench);
});
on("change", "[data-bench]", dress);
on("click", "[data-bench-more]", (button) => {
  const whole = button.closest("[data-bench]")?.classList.toggle("is-whole") ?? false;
  button.setAttribute("aria-pressed", String(whole));
});

function renew(): void {
  const out = one("#bench-out");
  if (out) htmx.trigger(out, "bench-changed", {});
}

/** Gives the line that a tap fills: the one last worked in, else the first that is free. */
function line(column: string): HTMLElement | null {
  const rows = all("[data-bench] [data-row]");
  if (current?.isConnected && (column !== "target" || !cell(current, column)?.value)) return current;
  const free = rows.find((row) => !cell(row, column)?.value);
  if (free) return free;
  one<HTMLButtonElement>("[data-bench] [data-add]")?.click();
  return all("[data-bench] [data-row]").at(-1) ?? null;
}

function fill(input: Cell | null, value: string): void {
  if (!input) return;
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

on("focusin", "[data-bench] [data-row]", (row, event) => {
  current = row;
  const input = event.target as Cell;
  const list = lists[input.name?.split(".").at(-1) ?? ""];
  if (list) input.setAttribute("list", list);
});
on("input", "[data-bench]", renew);
on("change", "[data-bench]", renew);
on("click", "[data-bench] [data-remove]", () => setTimeout(renew));
on("click", "[data-bench] [data-source]", (button) => {
  const row = line("source");
  if (!row) return;
  current = row;
  fill(cell(row, "source"), button.dataset.source ?? "");
  const target = cell(row, "target");
  (target?.value ? cell(row, "converter") : target)?.focus();
});
on("click", "[data-bench] [data-target]", (button) => {
  const row = line("target");
  if (!row) return;
  current = row;
  const converter = cell(row, "converter");
  if (converter && !converter.value && !/^map\(=/.test(button.dataset.converter ?? "")) fill(converter, button.dataset.converter ?? "");
  const required = one<Cell>('[type="checkbox"][name$=".is_required"]', row);
  if (required && button.dataset.required !== undefined) required.checked = true;
  fill(cell(row, "target"), button.dataset.target ?? "");
  cell(row, "source")?.focus();
});
each("[data-bench-marks]", (told) => {
  const marks: Record<string, string> = JSON.parse(told.dataset.benchMarks || "{}");
  for (const place of all("[data-bench] [data-row] [data-path]")) unmark(place);
  for (const [path, text] of Object.entries(marks)) {
    const place = one(`[data-bench] [data-path="${CSS.escape(path)}"]`);
    if (place) mark(place, text);
  }
});
