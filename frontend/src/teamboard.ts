/** The team board: tasks are dragged, or tapped and then a person tapped; it looks for news by itself. */
import htmx from "htmx.org";
import Sortable from "sortablejs";
import { all, on, one } from "./page";
import { t } from "./words";

const EVERY = 8_000;
/** The board is read anew at least so often, though nothing seems to have happened. */
const AT_LEAST = 90_000;
let chosen: HTMLElement | null = null;
let read = Date.now();
/** Whether a card is under the hand; what must be read meanwhile is owed. */
let isHeld = false;
let isOwed = false;
let timer = 0;
/** Looks so far, and the one whose answer stands: an answer that comes later than a younger one is no news. */
let looks = 0;
let standing = 0;

const host = () => one("#teamboard");

/** Begins a board that has just come onto the page. */
export function begin(): void {
  read = Date.now();
  isHeld = isOwed = false;
  show(null);
  wire();
  clearInterval(timer);
  timer = window.setInterval(() => void look(false), EVERY);
  const centre = one<HTMLSelectElement>("[data-tb-centre]");
  if (centre && centre.value !== (host()?.dataset.centre ?? "")) choose(centre.value); // chosen before this had begun
}

function wire(): void {
  const board = one(".tb", host() ?? document);
  if (!board?.dataset.may) return;
  for (const list of all("[data-tasks]", board)) {
    Sortable.create(list, {
      group: "tasks", animation: 120, delay: 200, delayOnTouchOnly: true, draggable: ".tb-card",
      // from the press on: a card that was drawn anew under the hand could not be dragged
      onChoose: () => { isHeld = true; },
      onUnchoose: () => {
        isHeld = false;
        if (isOwed) void look(true);
      },
      onStart: () => show(null),
      onEnd: ({ item, from, to, oldDraggableIndex, newDraggableIndex }) => {
        if (from === to && oldDraggableIndex === newDraggableIndex) return void look(false);
        if (from === to) return "pool" in to.dataset ? void look(true) : arrange(to);
        give(item, to);
      },
    });
  }
}

/** Reads the board again; the server answers with nothing while nothing has happened. */
async function look(isForced: boolean): Promise<void> {
  const place = host();
  if (!place) return clearInterval(timer);
  if (isForced && isHeld) return void (isOwed = true);
  if (!isForced && (document.hidden || isHeld || chosen || one("dialog[open]") || !navigator.onLine)) return;
  const query = new URLSearchParams({ team: place.dataset.team ?? "", centre: place.dataset.centre ?? "" });
  const stamp = one(".tb", place)?.dataset.stamp ?? "";
  const turn = ++looks;
  if (!isForced && Date.now() - read < AT_LEAST) query.set("seen", stamp);
  try {
    const answer = await fetch(`${place.dataset.teamboard}?${query}`, { headers: { "HX-Request": "true", ...(isForced ? {} : { "Banyan-Unasked": "1" }) } });
    if (answer.status !== 200 || host() !== place) return;
    if (isHeld) return void (isOwed ||= isForced);
    const text = await answer.text();
    if (turn < standing || query.get("centre") !== (place.dataset.centre ?? "")) return;
    standing = turn;
    isOwed = false;
    const kept = keep();
    place.innerHTML = text;
    htmx.process(place);
    read = Date.now();
    wire();
    count();
    kept();
  } catch {
    /* without a network the board stays as it is */
  }
}

/** Shows what waits at one work centre only; the address keeps it, so that a reload and a link show the same. */
function choose(centre: string): void {
  const place = host();
  if (!place) return;
  place.dataset.centre = centre;
  const address = new URL(location.href);
  if (centre) address.searchParams.set("centre", centre);
  else address.searchParams.delete("centre");
  history.replaceState(history.state, "", address);
  void look(true);
}
on("change", "[data-tb-centre]", (element) => choose((element as HTMLSelectElement).value));

/** Remembers which task was chosen, and chooses it again: where it was, else where alone it is now. */
function keep(): () => void {
  const was = chosen && { task: chosen.dataset.task, assignment: chosen.dataset.assignment };
  show(null);
  return () => {
    if (!was) return;
    const cards = all(".tb-card", host() ?? document).filter((c) => c.dataset.task === was.task);
    show(cards.find((c) => c.dataset.assignment === was.assignment) ?? (cards.length === 1 ? cards[0] : null));
  };
}

function count(): void {
  const board = one(".tb", host() ?? document);
  const waiting = one("[data-tb-waiting]");
  const flags = one("[data-tb-flags]");
  if (waiting) waiting.textContent = board?.dataset.waiting ?? "";
  if (flags) flags.textContent = board?.dataset.flags ?? "";
}

function send(path: string, values: Record<string, string>): void {
  const place = host();
  if (!place) return;
  void htmx.ajax("post", `/teamboard/${path}`, {
    source: place, target: "#dialog-body", swap: "none", values: { ...values, _key: crypto.randomUUID() },
  });
}

function give(card: HTMLElement, to: HTMLElement): void {
  const { task = "", assignment = "", seen = "" } = card.dataset;
  const { for: employee = "", forTeam: team = "" } = to.dataset;
  send("give", { operation: task, instead: assignment, seen, employee, team });
}

function arrange(list: HTMLElement): void {
  const { for: employee = "", forTeam: team = "" } = list.dataset;
  const assignments = all(".tb-card", list).map((card) => card.dataset.assignment).join(",");
  send("arrange", { employee, team, assignments });
}

/** Says which task is chosen, and what may be done with it. */
function show(card: HTMLElement | null): void {
  chosen?.setAttribute("aria-pressed", "false");
  chosen = card;
  chosen?.setAttribute("aria-pressed", "true");
  host()?.classList.toggle("is-choosing", Boolean(card));
  const bar = one("#tb-bar");
  if (!bar) return;
  bar.hidden = !card;
  if (!card) return;
  const title = one("[data-tb-title]", bar);
  if (title) title.textContent = card.dataset.name ?? "";
  const off = one("[data-tb-off]", bar);
  if (off) off.hidden = !card.dataset.assignment;
  const words = one("[data-tb-urgent] span", bar);
  if (words) words.textContent = card.dataset.urgent ? t("取消加急", "Not urgent") : t("加急", "Urgent");
  one<HTMLAnchorElement>("[data-tb-open]", bar)?.setAttribute("href", `/production/operations/${card.dataset.task}`);
}

on("click", "#teamboard .tb-card", (card) => {
  if (!card.closest<HTMLElement>(".tb")?.dataset.may) return void htmx.ajax("get", `/production/operations/${card.dataset.task}`, { target: "#main" });
  show(card === chosen ? null : card);
});
on("keydown", "#teamboard .tb-card", (card, event) => {
  const key = (event as KeyboardEvent).key;
  if (key !== "Enter" && key !== " ") return;
  event.preventDefault();
  card.click();
});
on("click", "[data-give], [data-give-team]", (button) => {
  const list = chosen && one("[data-tasks]", button.closest(".tb-row") as HTMLElement);
  if (!chosen || !list) return;
  if (chosen.parentElement !== list) give(chosen, list);
  show(null);
});
on("click", "[data-tb-none]", () => show(null));
on("click", "[data-tb-off]", () => {
  const card = chosen;
  show(null);
  if (card) send("give", { operation: card.dataset.task ?? "", instead: card.dataset.assignment ?? "", seen: card.dataset.seen ?? "" });
});
on("click", "[data-tb-urgent]", () => {
  const card = chosen;
  show(null);
  if (card) send("urgent", { order: card.dataset.order ?? "", urgent: card.dataset.urgent ? "" : "1" });
});
on("click", "[data-tb-split]", () => {
  const card = chosen;
  show(null);
  const query = new URLSearchParams({ operation: card?.dataset.task ?? "", team: host()?.dataset.team ?? "" });
  if (card) void htmx.ajax("get", `/teamboard/split?${query}`, { target: "#dialog-body", swap: "innerHTML" });
});
document.addEventListener("banyan:board", () => {
  all<HTMLDialogElement>("dialog[open]").forEach((box) => box.close());
  void look(true);
});
// what was refused leaves the cards where they were dragged to: the board says how things are
document.addEventListener("htmx:responseError", (event) => {
  const path: string = (event as CustomEvent).detail.requestConfig?.path ?? "";
  if (path.startsWith("/teamboard/give") || path.startsWith("/teamboard/arrange")) void look(true);
});
