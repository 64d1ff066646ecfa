/** The card of a task: what is to be done, with what, and the form to report it. */
import { t } from "../words";
import { h, icon } from "./dom";
import type { Task } from "./model";
import { rounded } from "./model";
import { mark, reportForm } from "./report";
import { addScreen, render, sum } from "./shell";
import { isChinese, named, number, state, tasks } from "./state";
import { tasksScreen } from "./tasks";

export function taskScreen(): HTMLElement[] {
  const draft = state.draft;
  const task = tasks().find((one) => one.id === draft?.task);
  if (!draft || !task) {
    state.screen = "tasks";
    return tasksScreen();
  }
  const tab = (name: "report" | "info", label: string) =>
    h(`button.tab${state.tab === name ? ".is-on" : ""}`, { type: "button", role: "tab", "aria-selected": state.tab === name ? "true" : "false", onclick: () => { state.tab = name; render(); } }, label);
  return [
    h("main.card", {},
      h("section.about", {},
        h("div.head", {},
          h("div", {}, h("h1", {}, `${task.sequence} ${named(task)}`), h("p", {}, h("b", {}, task.item), ` ${task.item_name} `, h("span.dim", {}, task.number))),
          h("button.btn", { type: "button", "data-mark": task.started ? "pause" : "start", onclick: () => void mark(task, task.started ? "pause" : "start") }, icon(task.started ? "player-pause" : "player-play"), task.started ? t("暂停", "Pause") : t("开工", "Start")),
        ),
        h("div.sums.sums-flat", {}, sum(task.room, t("可报", "To report")), sum(`${task.good}/${task.quantity}`, t("合格/计划", "Good/plan")), sum(rounded(number(task.scrap) + number(task.rework)), t("不良", "Bad"))),
        h("div.tabs", { role: "tablist" }, tab("report", t("报工", "Report")), tab("info", t("要求、用料", "Notes, material"))),
        h("div.info", {}, info(task)),
      ),
      h(`section.told${state.tab === "info" ? ".is-aside" : ""}`, {}, reportForm(task, draft)),
      state.tab === "info" ? h("section.info-phone", {}, info(task)) : null,
    ),
  ];
}

export function info(task: Task): HTMLElement[] {
  const when = (at: string) => new Date(at).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const kinds: Record<string, string> = { good: t("合格", "Good"), scrap: t("报废", "Scrap"), rework: t("返工", "Rework") };
  return [
    h("h2", {}, t("作业要求", "Instructions")),
    h("p.text", {}, task.instructions || t("没有写明", "None written")),
    task.specification ? h("p.dim", {}, task.specification) : null,
    h("h2", {}, t("用料", "Material")),
    task.materials.length
      ? h("ul.lines", {}, task.materials.map((one) => h("li", {}, h("span", {}, h("b", {}, one.item), ` ${one.name}`, one.place ? h("small.dim", {}, ` ${one.place}`) : null), h("span.num", {}, `${one.issued}/${one.needed} ${isChinese() ? one.unit : one.unit_en || one.unit}`, number(one.owed) ? h("small.tag.tag-red", {}, t("欠 {n}", "owes {n}", { n: one.owed })) : null))))
      : h("p.dim", {}, t("这道工序不用料", "No material at this operation")),
    h("h2", {}, t("最近报工", "Last reports")),
    task.last.length ? h("ul.lines", {}, task.last.map((one) => h("li", {}, h("span", {}, `${one.who} · ${when(one.at)}`), h("span.num", {}, `${kinds[one.kind] ?? ""} ${one.quantity}`)))) : h("p.dim", {}, t("还没有", "None yet")),
  ].filter(Boolean) as HTMLElement[];
}

addScreen("task", taskScreen);
