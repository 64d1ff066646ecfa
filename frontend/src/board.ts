/** Boards: a card is dragged to another state; the command that leads there does the rest. */
import htmx from "htmx.org";
import { all, each } from "./page";

each("[data-board]", (board) => {
  const columns = all("[data-cards]", board);
  if (!columns.length) return;
  void import("sortablejs").then(({ default: Sortable }) => {
    for (const cards of columns) {
      Sortable.create(cards, {
        group: "board", animation: 120, delay: 180, delayOnTouchOnly: true, draggable: ".board-card", filter: "a", preventOnFilter: false,
        onStart: (event) => lightUp(board, event.from),
        onEnd: (event) => {
          dim(board);
          const { item, from, to } = event;
          if (from === to) return;
          from.insertBefore(item, from.children[event.oldDraggableIndex ?? 0] ?? null);
          const source = from.closest<HTMLElement>("[data-state]")?.dataset.state ?? "";
          const target = to.closest<HTMLElement>("[data-state]")?.dataset.state ?? "";
          const query = new URLSearchParams({ source, target, id: item.dataset.id ?? "" });
          htmx.ajax("get", `${board.dataset.board}/move?${query}`, { target: "#dialog-body", swap: "innerHTML" });
        },
      });
    }
  });
});

/** Shows where the cards of a column can go. */
function lightUp(board: HTMLElement, from: HTMLElement): void {
  const source = from.closest<HTMLElement>("[data-state]");
  const targets = (source?.dataset.targets ?? "").split(" ");
  for (const column of all("[data-state]", board)) {
    const state = column.dataset.state ?? "";
    column.classList.toggle("is-target", targets.includes(state));
    column.classList.toggle("is-shut", column !== source && !targets.includes(state));
  }
}

function dim(board: HTMLElement): void {
  for (const column of all("[data-state]", board)) column.classList.remove("is-target", "is-shut");
}

each("[data-teamboard]", () => void import("./teamboard").then(({ begin }) => begin()));
