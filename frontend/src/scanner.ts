/** A button that reads a code by the camera into the field beside it; the scanner itself is the station's. */
import { set } from "./combo";
import { note } from "./notes";
import { on, one, post } from "./page";
import { t } from "./words";

const field = (button: HTMLElement) => one<HTMLInputElement>(`#${CSS.escape(button.dataset.scanInto ?? "")}`);

on("click", "[data-scan-into]", (button) => void scanned(button));

async function scanned(button: HTMLElement): Promise<void> {
  const { scan } = await import("./station/scan");
  const text = await scan(button.dataset.scanTitle ?? button.textContent?.trim() ?? "");
  const input = field(button);
  if (!text || !input?.isConnected) return;
  const noun = input.closest<HTMLElement>("[data-combo]")?.dataset.combo;
  if (noun) return chosen(input, noun, text);
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  if ("scanGoes" in button.dataset) input.form?.requestSubmit();
}

/** Chooses the record that a code stands for; says so where there is none of that kind. */
async function chosen(input: HTMLInputElement, noun: string, text: string): Promise<void> {
  const { read } = await import("./station/codes");
  const scanned = read(text);
  const name = scanned.id ?? scanned.code ?? text;
  const answer = await post(`/options/${noun}/resolve`, [["names", name]]).catch(() => null);
  const found = answer?.ok ? (((await answer.json()) as { found: Record<string, { id: string; title: string }> }).found[name] ?? null) : null;
  if (!found) return note(t("“{code}”不是要找的记录", "“{code}” is none of those", { code: (scanned.code ?? text).slice(0, 40) }), "red");
  set(input, found);
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
