/** Counting, blind, bin by bin; it goes on without a network. And looking up what lies where. */
import { h, icon } from "../dom";
import { sizeChooser } from "../labels";
import { t } from "../../words";
import * as alarm from "./alarm";
import type { CountLine, Task } from "./data";
import type { Desk, Screen } from "./desk";
import { ask, codeOf, empty, head, live, liveNote, next, notThis, pad, place, print, quantity, row, tell, unit, what } from "./desk";

const left = (task: Task): CountLine[] => task.lines.filter((line) => line.is !== "done");
const taskOf = (desk: Desk): Task | undefined => desk.day.counts.find((one) => one.id === desk.at.count);

/** Counts that are to be done. */
export const counts: Screen = {
  draw: (desk) => [
    head(t("盘点", "Count"), t("扫库位，或选一个任务", "Scan a bin, or choose a task")),
    desk.day.counts.length
      ? h("ul.list", {}, desk.day.counts.map((one) => row(() => enter(desk, one), { "data-count": one.place },
          h("span.task-head", {}, h("b", {}, one.place), one.lines.some((line) => line.is === "again") ? h("span.tag.tag-orange", {}, t("要复盘", "count again")) : null), h("span.task-item", {}, one.place_name), h("span.task-foot", {}, h("span", {}, one.number || t("未开始", "not begun")), h("span", {}, one.counter || one.note)), h("span.task-room", {}, h("b", {}, one.state === "draft" ? "–" : String(left(one).length)), h("small", {}, t("待盘", "to count"))))))
      : empty(t("没有盘点任务。", "There is nothing to count.")),
  ],
  scan: (desk, named, text) => {
    const hit = desk.day.counts.find((one) => named?.noun === "b" && (one.place === named.code || one.lines.some((line) => line.location === named.id)));
    if (!hit) return notThis(named?.code ?? text.slice(0, 40), t("盘点任务的库位", "a bin of a count"));
    alarm.right();
    enter(desk, hit);
  },
};

function enter(desk: Desk, task: Task): void {
  if (task.state === "counting") return desk.go("count", { count: task.id, quantity: "", isFresh: true, line: "", bin: "" });
  void live(desk, "count_start", task.id, {}, () => {
    void desk.refresh().then(() => desk.go("count", { count: task.id, quantity: "", isFresh: true, line: "", bin: "" }));
  });
}

/** The line to count now: the one that was scanned, else the next on the way. */
function lineOf(desk: Desk, task: Task): CountLine | undefined {
  if (desk.at.extra) return desk.at.extra as CountLine;
  const open = left(task);
  return open.find((line) => line.line === desk.at.line) ?? open[0];
}

export const count: Screen = {
  draw: (desk) => {
    const task = taskOf(desk);
    if (!task) return [empty(t("这个盘点已经结束。", "This count has ended."))];
    const line = lineOf(desk, task);
    const done = task.lines.length - left(task).length;
    const steps = h("div.ware-steps", {}, h("b", {}, `${done}/${task.lines.length}`), h("progress", { max: task.lines.length || 1, value: done, "aria-label": t("进度", "Progress") }), h("span.dim", {}, task.place));
    if (!line) return [steps, ...over(desk, task)];
    const isTyped = String(desk.at.quantity) !== "";
    return [
      steps,
      desk.at.said ? h("p.note", { role: "status" }, icon("check"), desk.at.said) : null,
      place(desk, line.location, "", desk.at.bin === line.location),
      what(line, [line.lot_number ? ` ${t("批次", "Lot")} ${line.lot_number}` : "", line.owner_name ?? ""].filter(Boolean).join(" · ")),
      line.is === "again" ? h("p.warn", { role: "alert" }, icon("refresh"), t("差得多，请再数一遍。", "It differs by too much: count it again.")) : null,
      quantity(desk, t("数到", "Counted"), line),
      pad(desk, line),
      next(isTyped ? t("下一个", "Next") : t("数一数，填数量", "Count it and enter the figure"), () => void noted(desk, task, line), { disabled: !isTyped }),
      h("button.btn.btn-tall", { type: "button", "data-none": true, onclick: () => void noted(desk, task, line, "0") }, t("这里没有（0）", "Nothing is here (0)")),
    ];
  },
  scan: (desk, named, text) => {
    const task = taskOf(desk);
    if (!task) return;
    if (named?.noun === "b") {
      const hit = left(task).find((line) => line.location === named.id);
      if (!hit && !task.lines.some((line) => line.location === named.id)) return notThis(named.code, t("盘点 {place} 里的库位", "a bin of {place}", { place: task.place }));
      alarm.right();
      return desk.change({ bin: named.id, line: hit?.line ?? "", extra: null });
    }
    const lot = named?.noun === "l" ? desk.day.lots.find((one) => one.id === named.id) : undefined;
    const item = lot?.item ?? (named?.noun === "i" ? named.id : "");
    const here = desk.at.bin || lineOf(desk, task)?.location;
    const fits = (line: CountLine) => line.item === item && (!lot || line.lot === lot.id);
    const hit = left(task).find((line) => fits(line) && line.location === here) ?? left(task).find(fits);
    if (hit) {
      alarm.right();
      return desk.change({ line: hit.line, extra: null, quantity: "", isFresh: true });
    }
    const known = desk.day.items.find((one) => one.id === item);
    if (!known || !here) return notThis(named?.code ?? text.slice(0, 40), t("批次、物料或库位", "a lot, an item or a bin"));
    alarm.right();
    desk.change({ extra: { ...known, item, lot: lot?.id ?? "", lot_number: lot?.number ?? "", location: here, bin: codeOf(desk, here), owner: "", line: "", is: "open" }, quantity: "", isFresh: true });
  },
};

async function noted(desk: Desk, task: Task, line: CountLine, found = String(desk.at.quantity)): Promise<void> {
  const one = { item: line.item, location: line.location, quantity: found, ...(line.lot ? { lot: line.lot } : {}), ...(line.owner ? { owner: line.owner } : {}) };
  const words = `${line.bin} · ${line.code}${line.lot_number ? ` ${line.lot_number}` : ""} · ${found} ${unit(line)}`;
  desk.change({ quantity: "", isFresh: true, line: "", extra: null, bin: line.location, said: words });
  await tell(desk, "count", { count: task.id, found: [one] }, `${t("盘点", "Count")} ${task.place} · ${words}`);
}

function over(desk: Desk, task: Task): (HTMLElement | null)[] {
  const waits = desk.host.acts().some((act) => act.kind === "count" && act._state === "waiting");
  return [
    head(t("都数完了", "All is counted"), waits ? t("还有没发送的；联网后看有没有要复盘的。", "Some of it waits to be sent; then it shows whether anything is to be counted again.") : t("没有要复盘的，可以过账。", "Nothing is to be counted again: it can be posted.")),
    liveNote(desk),
    desk.may("inventory.count.post") ? next(t("过账", "Post"), () => void live(desk, "count_post", task.id, {}, () => desk.home(t("盘点已过账：{place}", "Posted: {place}", { place: task.place }))), { disabled: waits }) : null,
  ];
}

// --- what lies where, and labels

interface Lies {
  hits: { noun: string; id: string; code?: string }[];
  lies: { code: string; name: string; unit: string; unit_en?: string; lot: string; lot_number: string; lot_state?: string; expires?: string; bin: string; on_hand: string; free: string; item: string }[];
}

export const look: Screen = {
  draw: (desk) => {
    const seen = desk.at.seen as Lies | undefined;
    const labels: Record<string, string> = { "inventory.lot": t("批次", "lot"), "inventory.location": t("库位", "bin"), "items.item": t("物料", "item") };
    const hit = seen?.hits[0];
    return [
      head(t("查库存、打标签", "Look up, print labels"), t("扫批次、物料或库位", "Scan a lot, an item or a bin")),
      liveNote(desk),
      seen && !seen.lies.length ? empty(t("现在没有库存。", "Nothing lies there now.")) : null,
      seen ? h("ul.lines", {}, seen.lies.map((one) => h("li", {}, h("span", {}, h("b", {}, one.code), ` ${one.name}`, h("small.dim", {}, ` ${one.bin} ${one.lot_number}${one.expires ? ` · ${one.expires}` : ""}`), one.lot_state && one.lot_state !== "released" ? h("span.tag.tag-red", {}, t("冻结", "On hold")) : null), h("span.num", {}, one.on_hand, h("small.dim", {}, ` ${t("可用", "free")} ${one.free}`))))) : null,
      hit && labels[hit.noun] ? next(t("打印{what}标签", "Print the {what} label", { what: labels[hit.noun] }), () => void print(desk, hit.noun, [hit.id]), {}, "printer") : null,
      hit && labels[hit.noun] ? sizeChooser() : null,
    ];
  },
  scan: (desk, _named, text) => {
    void ask<Lies>(desk, `look?text=${encodeURIComponent(text)}`, (seen) => {
      const isHeld = seen.hits[0]?.noun === "inventory.lot" && seen.lies.some((one) => one.lot_state && one.lot_state !== "released");
      if (isHeld) alarm.wrong(t("冻结批次", "Lot on hold"), t("这个批次不能领用或发货。", "This lot can be neither issued nor shipped."), "held");
      else alarm.right();
      desk.change({ seen });
    });
  },
};
