/** Serial numbers of finished pieces: scanned, typed, or numbered after the order, also without a network. */
import { t } from "../words";
import { read } from "./codes";
import { h, icon } from "./dom";
import { alarm } from "./material";
import { isUndone, type Task } from "./model";
import { render } from "./shell";
import { number, setDraft, state, type Draft } from "./state";

const MOST = 60;

export const isNumbered = (task: Task): boolean => task.serials !== undefined;

/** Gives what is wrong with the serial numbers, in words. */
export function fault(task: Task, draft: Draft): string {
  const good = number(draft.good);
  if (!isNumbered(task)) return "";
  if (!Number.isInteger(good)) return t("有序列号的件数须为整数", "Pieces with serial numbers are whole");
  if (good > MOST) return t("一次最多 {n} 件有序列号的", "At most {n} pieces with serial numbers at once", { n: MOST });
  const lack = good - draft.serials.length;
  if (lack > 0) return t("还差 {n} 个序列号", "{n} serial numbers to go", { n: lack });
  return lack < 0 ? t("序列号多 {n} 个", "{n} serial numbers too many", { n: -lack }) : "";
}

/** Gives the serial numbers that this device has told at a task and not undone. */
function toldAt(task: Task): Set<string> {
  const told = state.acts.filter((one) => one.operation === task.id && !isUndone(one, state.acts) && one._state !== "refused");
  return new Set(told.flatMap((one) => one.parts.map((part) => part.output_lot ?? "").filter(Boolean)));
}

/** Gives as many numbers after the order as are lacking. */
export function numbered(task: Task, draft: Draft): string[] {
  const taken = new Set([...toldAt(task), ...draft.serials]);
  const found = [...draft.serials];
  for (let n = (task.serials ?? 0) + 1; found.length < Math.min(MOST, number(draft.good)); n++) {
    const next = `${task.number}-${String(n).padStart(3, "0")}`;
    if (!taken.has(next)) found.push(next);
  }
  return found;
}

async function scanned(task: Task): Promise<void> {
  const { scan } = await import("./scan");
  const text = await scan(t("扫序列号", "Scan the serial number"));
  const draft = state.draft;
  if (!text || draft?.task !== task.id) return;
  const found = read(text);
  const serial = (found.code ?? "").trim().slice(0, 60);
  if (found.id || !serial) return alarm("orange", t("这不是序列号", "This is no serial number"), t("请扫或输入零件上的序列号", "Scan or type the number on the part"));
  if (draft.serials.includes(serial) || toldAt(task).has(serial)) return alarm("orange", t("这个序列号已经有了", "This serial number is there already"), serial);
  const serials = [...draft.serials, serial];
  await setDraft({ ...draft, serials, good: String(Math.max(number(draft.good), serials.length)), isFresh: true, isSure: false });
  render();
}

export function serialPart(task: Task, draft: Draft, change: (more: Partial<Draft>) => void): HTMLElement | null {
  if (!isNumbered(task)) return null;
  const lack = number(draft.good) - draft.serials.length;
  const chip = (one: string) =>
    h("button.chip.chip-lot", { type: "button", "data-serial": one, "aria-label": t("去掉 {serial}", "Take {serial} away", { serial: one }), onclick: () => change({ serials: draft.serials.filter((other) => other !== one) }) }, one, icon("x"));
  return h("div.serials", { role: "group", "aria-label": t("序列号", "Serial numbers") },
    h("div.with-button", {},
      h("button.btn.grow", { type: "button", "data-scan-serial": true, onclick: () => void scanned(task) }, icon("scan"), t("扫序列号", "Scan serial")),
      h("button.btn.grow", { type: "button", "data-number-serials": true, disabled: lack <= 0, onclick: () => change({ serials: numbered(task, draft) }) }, icon("list-check"), lack > 0 ? t("顺序编号 {n} 件", "Number {n}", { n: lack }) : t("顺序编号", "Number them"))),
    draft.serials.length ? h("div.chips.chips-few", {}, draft.serials.map(chip)) : null);
}
