/** Cards: things of a kind in a form, each with fields of its own; added, removed, named by their place. */
import { all, on, one } from "./page";

const cardsOf = (box: HTMLElement) => all<HTMLElement>(":scope > [data-card-list] > [data-card]", box);

/** Names everything in each card by the card's place, so that faults find their field. */
function number(box: HTMLElement): void {
  const name = box.dataset.cards ?? "";
  const place = new RegExp(`^${name.replace(/\./g, "\\.")}\\.(?:\\d+|#)(?=\\.|$)`);
  const mark = `c-${name.replace(/[^a-zA-Z0-9]+/g, "-")}`;
  const id = new RegExp(`^${mark}-\\d*-?`);
  cardsOf(box).forEach((card, n) => {
    for (const part of [card, ...all<HTMLElement>("[name], [data-path], [id], [for]", card)]) {
      for (const attribute of ["name", "data-path"]) {
        const value = part.getAttribute(attribute);
        if (value) part.setAttribute(attribute, value.replace(place, `${name}.${n}`));
      }
      for (const attribute of ["id", "for"]) {
        const value = part.getAttribute(attribute);
        if (value) part.setAttribute(attribute, value.replace(id, `${mark}-${n}-`));
      }
    }
  });
}

on("click", "[data-card-add]", (button) => {
  const box = button.closest<HTMLElement>("[data-cards]") as HTMLElement;
  const blank = one<HTMLTemplateElement>(":scope > template[data-card-blank]", box) as HTMLTemplateElement;
  one(":scope > [data-card-list]", box)?.append(blank.content.cloneNode(true));
  number(box);
  const card = cardsOf(box).at(-1);
  if (card) one<HTMLElement>("input:not([type=hidden]), select, textarea", one(".fields", card) ?? card)?.focus();
  box.closest("form")?.setAttribute("data-dirty", "1");
});
on("click", "[data-card-remove]", (button, event) => {
  event.preventDefault();
  const box = button.closest<HTMLElement>("[data-cards]") as HTMLElement;
  button.closest("[data-card]")?.remove();
  number(box);
  box.closest("form")?.setAttribute("data-dirty", "1");
});
on("input", "[data-card] > .fields > .field:first-child input", (input) => {
  const name = one("[data-card-name]", input.closest<HTMLElement>("[data-card]") as HTMLElement);
  if (name) name.textContent = (input as HTMLInputElement).value || "…";
});
