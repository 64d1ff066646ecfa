/** Short notes in the corner: what was done, or why it was not. */
import { one } from "./page";
import { t } from "./words";

const SECONDS: Record<string, number> = { green: 4, blue: 5, orange: 8, red: 12 };

export function note(text: string, tone = "green", more?: HTMLElement): void {
  const place = one("#notes");
  if (!place) return;
  const box = document.createElement("div");
  box.className = `note note-${tone}`;
  if (tone === "red") box.setAttribute("role", "alert");
  const words = document.createElement("div");
  words.className = "note-words";
  words.append(more ?? text);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-plain";
  close.textContent = "×";
  close.setAttribute("aria-label", t("关闭", "Close"));
  close.addEventListener("click", () => box.remove());
  box.append(words, close);
  const dialog = one<HTMLDialogElement>("dialog[open]");
  (dialog ?? place).append(box);
  if (dialog) box.classList.add("note-in-dialog");
  setTimeout(() => box.remove(), (SECONDS[tone] ?? 5) * 1000);
}

document.addEventListener("banyan:note", (event) => {
  const { text, tone } = (event as CustomEvent<{ text: string; tone: string }>).detail;
  note(text, tone);
});
