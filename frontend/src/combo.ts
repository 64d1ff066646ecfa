/** Comboboxes: choose a record while typing; one, or several as tokens. */
import { one, on } from "./page";
import { t } from "./words";

type Option = { id: string; title: string; group?: string };

const known = new Map<string, Promise<Option[]>>();

function fetchOptions(combo: HTMLElement, term: string): Promise<Option[]> {
  const asked = new URLSearchParams({ q: term, ...(combo.dataset.only ? { only: combo.dataset.only } : {}) });
  const key = `${combo.dataset.combo ?? ""}?${asked}`;
  let found = known.get(key);
  if (!found) {
    found = fetch(`/options/${key}`, { headers: { "HX-Request": "true" } })
      .then((answer) => (answer.ok ? answer.json() : { options: [] }))
      .then((data) => data.options as Option[])
      .catch(() => []);
    known.set(key, found);
    setTimeout(() => known.delete(key), 10_000);
  }
  return found;
}

let list: HTMLUListElement | null = null;
let owner: HTMLInputElement | null = null;
let active = -1;
let asked = 0;
let timer = 0;

function close(): void {
  asked++;
  clearTimeout(timer);
  list?.remove();
  list = null;
  owner?.setAttribute("aria-expanded", "false");
  owner?.removeAttribute("aria-activedescendant");
  owner = null;
  active = -1;
}

async function open(input: HTMLInputElement): Promise<void> {
  const combo = input.closest<HTMLElement>("[data-combo]");
  if (!combo) return;
  const mine = ++asked;
  const options = await fetchOptions(combo, input.value.trim() === input.dataset.chosen ? "" : input.value.trim());
  if (mine !== asked || document.activeElement !== input) return;
  list?.remove();
  list = document.createElement("ul");
  list.className = "options";
  list.id = "combo-options";
  list.setAttribute("role", "listbox");
  for (const [n, option] of options.entries()) {
    if (option.group && option.group !== options[n - 1]?.group) {
      const head = document.createElement("li");
      head.className = "options-group";
      head.setAttribute("role", "presentation");
      head.textContent = option.group;
      list.append(head);
    }
    const item = document.createElement("li");
    item.id = `combo-option-${n}`;
    item.setAttribute("role", "option");
    item.dataset.id = option.id;
    item.textContent = option.title;
    if (option.group) {
      const key = document.createElement("small");
      key.className = "dim";
      key.textContent = option.id;
      item.append(" ", key);
    }
    list.append(item);
  }
  if (!options.length) {
    const empty = document.createElement("li");
    empty.className = "dim";
    empty.textContent = t("没有匹配的记录", "Nothing matches");
    list.append(empty);
  }
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const item = (event.target as Element).closest<HTMLElement>("[data-id]");
    if (item) choose(input, optionOf(input, item));
  });
  (input.closest("dialog") ?? document.body).append(list);
  owner = input;
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", list.id);
  place(input, list);
  active = options.length && input.value && !input.closest("[data-free]") ? 0 : -1;
  paint();
}

/** What an item of the list stands for; where others may be typed, a choice is called by its key. */
function optionOf(input: HTMLElement, item: HTMLElement): Option {
  const id = item.dataset.id ?? "";
  return { id, title: input.closest("[data-free]") ? id : (item.textContent ?? "") };
}

/** Takes what was typed as a choice of its own, where that may be. */
function takeTyped(input: HTMLInputElement): boolean {
  const texts = input.closest("[data-free]") ? input.value.split(/[,，、;；\s]+/).filter(Boolean) : [];
  for (const text of texts) choose(input, { id: text, title: text });
  return texts.length > 0;
}

function place(input: HTMLElement, popup: HTMLElement): void {
  const box = input.getBoundingClientRect();
  const below = window.innerHeight - box.bottom;
  const height = Math.min(320, Math.max(below, box.top) - 12);
  popup.style.maxHeight = `${height}px`;
  popup.style.minWidth = `${Math.max(box.width, 220)}px`;
  popup.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - Math.max(box.width, 220) - 8))}px`;
  const isAbove = below < 200 && box.top > below;
  popup.style.bottom = isAbove ? `${window.innerHeight - box.top + 2}px` : "auto";
  popup.style.top = isAbove ? "auto" : `${box.bottom + 2}px`;
}

function paint(): void {
  const items = list ? Array.from(list.querySelectorAll<HTMLElement>("[data-id]")) : [];
  items.forEach((item, n) => item.setAttribute("aria-selected", String(n === active)));
  if (items[active]) {
    owner?.setAttribute("aria-activedescendant", items[active].id);
    items[active].scrollIntoView({ block: "nearest" });
  }
}

export function choose(input: HTMLInputElement, option: Option): void {
  const combo = input.closest<HTMLElement>("[data-combo]");
  if (!combo) return;
  if ("many" in combo.dataset) {
    addToken(combo, input, option);
    input.value = "";
  } else {
    set(input, option);
  }
  input.dispatchEvent(new Event("change", { bubbles: true }));
  close();
}

/** Sets a combobox without telling anybody. */
export function set(input: HTMLInputElement, option: Option | null): void {
  const value = one<HTMLInputElement>("[data-value]", input.closest("[data-combo]") as HTMLElement);
  if (value) value.value = option?.id ?? "";
  input.value = option?.title ?? "";
  input.dataset.chosen = option?.title ?? "";
}

function addToken(combo: HTMLElement, input: HTMLElement, option: Option): void {
  const name = combo.dataset.name ?? "";
  if (one(`input[value="${CSS.escape(option.id)}"]`, combo)) return;
  const token = document.createElement("span");
  token.className = "token";
  token.dataset.token = "";
  token.textContent = option.title;
  const value = document.createElement("input");
  value.type = "hidden";
  value.name = name;
  value.value = option.id;
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = "×";
  remove.setAttribute("aria-label", t("移除", "Remove"));
  token.append(value, remove);
  combo.insertBefore(token, input);
}

on("click", "[data-token] button", (button) => {
  const combo = button.closest("[data-combo]");
  button.closest("[data-token]")?.remove();
  combo?.dispatchEvent(new Event("change", { bubbles: true }));
});
on("focusin", ".combo-text", (element) => {
  const input = element as HTMLInputElement;
  input.dataset.chosen ??= input.value;
  if (!input.hasAttribute("data-cell")) void open(input);
  input.select();
});
on("click", ".combo-text", (element) => {
  if (owner !== element) void open(element as HTMLInputElement);
});
on("input", ".combo-text", (element) => {
  clearTimeout(timer);
  timer = window.setTimeout(() => void open(element as HTMLInputElement), 120);
});
on("keydown", ".combo-text", (element, e) => {
  const event = e as KeyboardEvent;
  const input = element as HTMLInputElement;
  const items = owner === input && list ? Array.from(list.querySelectorAll<HTMLElement>("[data-id]")) : [];
  if (event.key === "ArrowDown" && (event.altKey || !input.hasAttribute("data-cell")) && !items.length) {
    event.preventDefault();
    void open(input);
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && items.length) {
    event.preventDefault();
    active = event.key === "ArrowDown" ? Math.min(active + 1, items.length - 1) : Math.max(active - 1, 0);
    paint();
  } else if ((event.key === "Enter" || event.key === "Tab") && items[active]) {
    if (event.key === "Enter") event.preventDefault();
    choose(input, optionOf(input, items[active]));
  } else if ((event.key === "Enter" || event.key === ",") && takeTyped(input)) {
    event.preventDefault();
  } else if (event.key === "Enter" && !input.hasAttribute("data-cell")) {
    event.preventDefault();
  } else if (event.key === "Escape" && list) {
    event.preventDefault();
    event.stopPropagation();
    close();
  } else if (event.key === "Backspace" && !input.value) {
    const tokens = input.closest("[data-many]")?.querySelectorAll<HTMLElement>("[data-token]");
    const last = tokens?.[tokens.length - 1];
    if (last) {
      last.remove();
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
}, true);
/** Leaving with a text that is no choice: the only match is taken, an empty text clears, anything else goes back. */
on("focusout", ".combo-text", (element) => {
  const input = element as HTMLInputElement;
  const combo = input.closest<HTMLElement>("[data-combo]");
  if (owner === input) close();
  takeTyped(input);
  if (!combo || "many" in combo.dataset) return;
  const text = input.value.trim();
  if (text === (input.dataset.chosen ?? "")) return;
  if (!text) {
    set(input, null);
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return;
  }
  void fetchOptions(combo, text).then((options) => {
    const exact = options.filter((o) => o.title === text || o.title.split(" ")[0] === text);
    const only = exact.length === 1 ? exact[0] : options.length === 1 ? options[0] : null;
    if (only) {
      set(input, only);
      input.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      input.value = input.dataset.chosen ?? "";
    }
  });
});
/** The list goes along with its field, which a phone scrolls to where its keyboard leaves room. */
window.addEventListener("scroll", (event) => {
  if (!list || !owner || event.target === list) return;
  const box = owner.getBoundingClientRect();
  if (box.bottom < 0 || box.top > window.innerHeight) close();
  else place(owner, list);
}, true);
