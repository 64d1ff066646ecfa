/** What keys and steps do to a number that is being typed. */

/** Adds to a number, never below zero; what is no number counts as none. */
export function stepped(text: string, by: number): string {
  const now = Number(text.replace(/[,，\s]/g, "")) || 0;
  return String(Math.max(0, Math.round((now + by) * 1e6) / 1e6));
}

/** Gives the text after a key of the pad; the first key replaces what stood there. */
export function typed(text: string, key: string, isFresh: boolean): string {
  if (key === "⌫") return text.slice(0, -1);
  const before = isFresh ? "" : text;
  if (key === ".") return before.includes(".") ? before : `${before || "0"}.`;
  return before === "0" ? key : before + key;
}
