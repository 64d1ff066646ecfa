/** Operations of a temporary card: in the order in which they are tapped, and further ones with their work centre. */
import { all, each, on, one } from "./page";

const SEPARATOR = /[,，、\n]/;

const taps = (box: HTMLElement): string[] => (one<HTMLInputElement>("[data-taps-order]", box)?.value ?? "").split("\n").filter(Boolean);

/** Writes the order down, and beside each operation which one it is. */
function put(box: HTMLElement, order: string[]): void {
  const kept = one<HTMLInputElement>("[data-taps-order]", box);
  if (kept) kept.value = order.join("\n");
  for (const tick of all<HTMLInputElement>("input[name=step]", box)) {
    const turn = order.indexOf(tick.value) + 1;
    const text = tick.nextElementSibling;
    if (text instanceof HTMLElement) text.dataset.turn = turn ? String(turn) : "";
  }
}

on("change", "[data-taps] input[name=step]", (element) => {
  const tick = element as HTMLInputElement;
  const box = tick.closest<HTMLElement>("[data-taps]");
  if (!box) return;
  const others = taps(box).filter((value) => value !== tick.value);
  put(box, tick.checked ? [...others, tick.value] : others);
});

/** What was typed becomes tiles like the others, tapped already. */
function add(box: HTMLElement): void {
  const input = one<HTMLInputElement>("[data-taps-more]", box);
  const centre = one<HTMLSelectElement>("[data-taps-centre]", box);
  const tiles = one(".tiles", box);
  if (!input || !tiles) return;
  for (const name of input.value.split(SEPARATOR).map((text) => text.trim()).filter(Boolean)) {
    const value = `${name}|${centre?.value ?? ""}`;
    if (all<HTMLInputElement>("input[name=step]", box).some((tick) => tick.value === value)) continue;
    const tile = document.createElement("label");
    tile.className = "tile";
    const tick = document.createElement("input");
    Object.assign(tick, { type: "checkbox", name: "step", value, checked: true });
    const text = document.createElement("span");
    text.textContent = centre?.value ? `${name} · ${centre.selectedOptions[0].text.split(" ")[0]}` : name;
    tile.append(tick, text);
    tiles.append(tile);
    put(box, [...taps(box), value]);
  }
  input.value = "";
  input.focus();
}

on("click", "[data-taps-add]", (button) => {
  const box = button.closest<HTMLElement>("[data-taps]");
  if (box) add(box);
});
on("keydown", "[data-taps-more]", (element, event) => {
  const box = element.closest<HTMLElement>("[data-taps]");
  if ((event as KeyboardEvent).key !== "Enter" || !box || !(element as HTMLInputElement).value.trim()) return;
  event.preventDefault();
  add(box);
});
each("[data-taps]", (box) => put(box, all<HTMLInputElement>("input[name=step]:checked", box).map((tick) => tick.value)));
