/** Line grids: a block pasted from a spreadsheet, Enter and arrows, undo, rows added and removed. */
import { set } from "./combo";
import { mark, unmark } from "./forms";
import { note } from "./notes";
import { all, each, on, one, post } from "./page";
import { asDay, asNumber, asTruth, readBlock, readHeads } from "./paste";
import { t } from "./words";

type Cell = HTMLInputElement | HTMLSelectElement;
type State = { values: Record<string, string | boolean>; texts: string[] }[];

const UNDO_STEPS = 100;
const past = new WeakMap<HTMLElement, State[]>();
const present = new WeakMap<HTMLElement, State>();

const rowsOf = (grid: HTMLElement) => all<HTMLTableRowElement>("[data-rows] > [data-row]", grid);
const cellsOf = (row: HTMLElement) => all<Cell>("[data-cell]", row);
const namesOf = (row: HTMLElement) => all<HTMLInputElement>("[name]", row);
const gridOf = (element: Element) => element.closest<HTMLElement>("[data-grid]");

function addRow(grid: HTMLElement, before: HTMLElement | null = null): HTMLTableRowElement {
  const blank = one<HTMLTemplateElement>("template[data-blank]", grid) as HTMLTemplateElement;
  const row = (blank.content.cloneNode(true) as DocumentFragment).querySelector("tr") as HTMLTableRowElement;
  (one("[data-rows]", grid) as HTMLElement).insertBefore(row, before);
  number(grid);
  return row;
}

const suffix = (name: string) => name.replace(/^.*\.(?:\d+|#)\./, "");

/** Numbers the names of a grid's rows in their order, those with something in them first. */
function number(grid: HTMLElement, filledFirst = false): void {
  const name = grid.dataset.grid ?? "";
  const rows = rowsOf(grid);
  rows.forEach((row, n) => {
    const no = one("[data-no]", row);
    if (no) no.textContent = String(n + 1);
  });
  const ordered = filledFirst ? [...rows.filter((r) => !isBlank(r)), ...rows.filter(isBlank)] : rows;
  ordered.forEach((row, n) => {
    for (const input of namesOf(row)) {
      input.name = `${name}.${n}.${suffix(input.name)}`;
      const cell = input.closest<HTMLElement>("[data-path]");
      if (cell && row.contains(cell)) cell.dataset.path = input.name.replace(/\.shown$/, "");
    }
    for (const input of all<HTMLElement>("[id]", row)) input.id = input.id.replace(/-(?:\d+)?-([^-]*)$/, `-${n}-$1`);
  });
}

function isBlank(row: HTMLElement): boolean {
  return namesOf(row).every((input) => {
    if (input.name.endsWith(".shown") || input.type === "checkbox") return true;
    if (input.name.endsWith(".id")) return !input.value;
    return input.value.trim() === "" || (input.value === input.defaultValue && !input.closest("[data-stored]"));
  });
}

// --- undo ---------------------------------------------------------------------------------------------------

function look(grid: HTMLElement): State {
  return rowsOf(grid).map((row) => ({
    values: Object.fromEntries(namesOf(row).map((i) => [suffix(i.name), i.type === "checkbox" ? i.checked : i.value])),
    texts: all<HTMLInputElement>(".combo-text", row).map((i) => i.value),
  }));
}

function remember(grid: HTMLElement): void {
  const before = present.get(grid);
  const now = look(grid);
  if (before && JSON.stringify(before) !== JSON.stringify(now)) {
    const steps = past.get(grid) ?? [];
    steps.push(before);
    past.set(grid, steps.slice(-UNDO_STEPS));
  }
  present.set(grid, now);
  const cell = document.activeElement;
  if (cell instanceof HTMLInputElement && grid.contains(cell)) cell.dataset.was = cell.value;
  grid.closest("form")?.setAttribute("data-dirty", "1");
}

function undo(grid: HTMLElement): boolean {
  const before = past.get(grid)?.pop();
  if (!before) return false;
  const focus = placeOf(document.activeElement as Cell);
  one("[data-rows]", grid)?.replaceChildren();
  for (const state of before) put(addRow(grid), state);
  present.set(grid, look(grid));
  if (focus) cellAt(grid, Math.min(focus[0], before.length - 1), focus[1])?.focus();
  return true;
}

function put(row: HTMLTableRowElement, state: State[number]): void {
  if (state.values.id !== undefined && !one('[name$=".id"]', row)) {
    const id = document.createElement("input");
    id.type = "hidden";
    id.name = namesOf(row)[0].name.replace(/[^.]*$/, "id");
    row.cells[0].append(id);
  }
  for (const input of namesOf(row)) {
    const value = state.values[suffix(input.name)];
    if (typeof value === "boolean") input.checked = value;
    else if (value !== undefined) input.value = value;
  }
  all<HTMLInputElement>(".combo-text", row).forEach((input, n) => {
    input.value = state.texts[n] ?? "";
    input.dataset.chosen = input.value;
  });
}

// --- moving about -------------------------------------------------------------------------------------------

function placeOf(cell: Cell | null): [number, number] | null {
  const row = cell?.closest<HTMLElement>("[data-row]");
  const grid = cell && gridOf(cell);
  if (!row || !grid) return null;
  return [rowsOf(grid).indexOf(row as HTMLTableRowElement), cellsOf(row).indexOf(cell as Cell)];
}

function cellAt(grid: HTMLElement, row: number, column: number): Cell | null {
  const found = rowsOf(grid)[row];
  return found ? (cellsOf(found)[column] ?? null) : null;
}

function go(cell: Cell, rows: number, columns: number, grow: boolean): boolean {
  const grid = gridOf(cell);
  const place = placeOf(cell);
  if (!grid || !place) return false;
  const [row, column] = [place[0] + rows, place[1] + columns];
  if (row < 0) return false;
  if (row >= rowsOf(grid).length) {
    if (!grow) return false;
    addRow(grid);
  }
  const next = cellAt(grid, row, column);
  next?.focus();
  if (next instanceof HTMLInputElement && next.type === "text") next.select();
  return next !== null;
}

on("keydown", "[data-grid] [data-cell]", (element, e) => {
  const event = e as KeyboardEvent;
  const cell = element as Cell;
  const grid = gridOf(cell) as HTMLElement;
  const isOpen = cell.getAttribute("aria-expanded") === "true";
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
    const typed = cell instanceof HTMLInputElement && cell.dataset.was !== undefined && cell.value !== cell.dataset.was;
    if (!typed && undo(grid)) event.preventDefault();
    return;
  }
  if (event.defaultPrevented || isOpen || event.altKey || event.ctrlKey) return;
  const isSelect = cell instanceof HTMLSelectElement;
  if (event.key === "Enter") {
    event.preventDefault();
    go(cell, event.shiftKey ? -1 : 1, 0, true);
  } else if (event.key === "ArrowDown" && !isSelect) {
    if (go(cell, 1, 0, !isBlank(cell.closest("[data-row]") as HTMLElement))) event.preventDefault();
  } else if (event.key === "ArrowUp" && !isSelect) {
    if (go(cell, -1, 0, false)) event.preventDefault();
  } else if (cell instanceof HTMLInputElement && cell.type === "text") {
    const atStart = cell.selectionStart === 0 && cell.selectionEnd === 0;
    const atEnd = cell.selectionStart === cell.value.length && cell.selectionEnd === cell.value.length;
    const whole = cell.selectionStart === 0 && atEnd;
    if (event.key === "ArrowLeft" && (atStart || (whole && !cell.value)) && go(cell, 0, -1, false)) event.preventDefault();
    if (event.key === "ArrowRight" && atEnd && go(cell, 0, 1, false)) event.preventDefault();
  }
});
on("focusin", "[data-grid] [data-cell]", (cell) => {
  if (cell instanceof HTMLInputElement) cell.dataset.was = cell.value;
});
on("change", "[data-grid]", (grid) => remember(grid));

// --- rows ---------------------------------------------------------------------------------------------------

on("click", "[data-grid] [data-add]", (button) => {
  const grid = gridOf(button) as HTMLElement;
  const row = addRow(grid);
  cellsOf(row)[0]?.focus();
});
on("click", "[data-grid] [data-remove]", (button) => {
  const grid = gridOf(button) as HTMLElement;
  button.closest("[data-row]")?.remove();
  if (!rowsOf(grid).length) addRow(grid);
  number(grid);
  remember(grid);
  const cells = rowsOf(grid).at(-1);
  if (cells) cellsOf(cells)[0]?.focus();
});
on("input", "[data-grid] [data-cell]", (cell) => {
  const grid = gridOf(cell) as HTMLElement;
  const rows = rowsOf(grid);
  if (cell.closest("[data-row]") === rows.at(-1)) addRow(grid);
});
document.addEventListener("submit", (event) => {
  for (const grid of all("[data-grid]", event.target as HTMLElement)) number(grid, true);
}, true);
each("[data-grid]", (grid) => {
  if (!rowsOf(grid).length) addRow(grid);
  else number(grid);
  present.set(grid, look(grid));
});

// --- paste --------------------------------------------------------------------------------------------------

on("paste", "[data-grid] [data-cell]", (element, e) => {
  const event = e as ClipboardEvent;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!/[\t\n]/.test(text.replace(/\n$/, ""))) return;
  event.preventDefault();
  void pasteBlock(element as Cell, readBlock(text));
});

async function pasteBlock(cell: Cell, block: string[][]): Promise<void> {
  const grid = gridOf(cell) as HTMLElement;
  const place = placeOf(cell);
  if (!place) return;
  const heads = all("thead [data-column]", grid);
  const map = readHeads(block[0], heads.map((h) => h.textContent ?? ""));
  const rows = map ? block.slice(1) : block;
  const names = new Map<string, Map<HTMLInputElement, string>>();
  rows.forEach((values, n) => {
    const row = rowsOf(grid)[place[0] + n] ?? addRow(grid);
    const cells = cellsOf(row);
    values.forEach((value, c) => {
      const column = map ? map[c] : place[1] + c;
      if (column === null || column === undefined) return;
      const target = cells[column];
      if (!target) return;
      const reference = heads[column]?.dataset.reference;
      const holder = target.closest<HTMLElement>("[data-path]");
      if (holder) unmark(holder);
      if (reference && target.classList.contains("combo-text")) {
        if (!names.has(reference)) names.set(reference, new Map());
        names.get(reference)?.set(target as HTMLInputElement, value.trim());
      } else fill(target, heads[column]?.dataset.kind ?? "text", value);
    });
  });
  if (!isBlank(rowsOf(grid).at(-1) as HTMLElement)) addRow(grid);
  for (const [noun, wanted] of names) await resolve(noun, wanted);
  number(grid);
  remember(grid);
  note(t("已粘贴 {n} 行", "{n} rows pasted", { n: rows.length }), "blue");
}

function fill(cell: Cell, kind: string, value: string): void {
  if (cell instanceof HTMLSelectElement) {
    const bare = value.trim().toLowerCase();
    const option = Array.from(cell.options).find((o) => o.value.toLowerCase() === bare || o.text.trim().toLowerCase() === bare);
    cell.value = option?.value ?? "";
    if (bare && !option) fault(cell, t("“{value}”不在可选项中", "“{value}” is not one of the choices", { value }));
  } else if (cell.type === "checkbox") cell.checked = asTruth(value);
  else if (kind === "date") {
    cell.value = asDay(value);
    if (value.trim() && !cell.value) fault(cell, t("“{value}”不是日期", "“{value}” is not a date", { value }));
  } else cell.value = kind === "integer" || kind === "decimal" ? asNumber(value) : value;
}

function fault(cell: HTMLElement, text: string): void {
  const holder = cell.closest<HTMLElement>("[data-path]");
  if (holder) mark(holder, text);
}

async function resolve(noun: string, wanted: Map<HTMLInputElement, string>): Promise<void> {
  const names = [...new Set([...wanted.values()].filter(Boolean))];
  let found: Record<string, { id: string; title: string }> = {};
  if (names.length) {
    const answer = await post(`/options/${noun}/resolve`, names.map((n) => ["names", n]));
    if (answer.ok) found = (await answer.json()).found;
  }
  for (const [input, name] of wanted) {
    set(input, found[name] ?? null);
    if (name && !found[name]) {
      input.value = name;
      fault(input, t("找不到“{name}”", "No “{name}”", { name }));
    }
  }
}
