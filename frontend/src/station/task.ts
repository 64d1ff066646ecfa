/** The card of a task: what is to be done, with what, and the form to report it. */
import { t } from "../words";
import { h, icon, steady } from "./dom";
import type { Task } from "./model";
import { rounded } from "./model";
import { drawingStrip } from "./drawings";
import { materialLines } from "./material";
import { mark, notOurs, reportForm, whyStopped } from "./report";
import { addScreen, render, sum } from "./shell";
import { named, number, state, tasks } from "./state";
import { tasksScreen } from "./tasks";

/** Where there is room for the form and what is to be known beside each other; else a tab says which is shown. */
export const wide = matchMedia("(min-width: 800px)");

export function taskScreen(): Node[] {
  const draft = state.draft;
  const task = tasks().find((one) => one.id === draft?.task);
  if (!draft || !task) {
    state.screen = "tasks";
    return tasksScreen();
  }
  const tab = (name: "report" | "info", label: string) =>
    h(`button.tab${state.tab === name ? ".is-on" : ""}`, { type: "button", role: "tab", "aria-selected": state.tab === name ? "true" : "false", onclick: () => { state.tab = name; render(); } }, label);
  const isWide = wide.matches;
  return [
    h("main.card", {},
      h("section.about", {},
        steady("head", [task], () => head(task)),
        task.isBlind ? null : steady("sums", [task], () => h("div.sums.sums-flat", {}, sum(task.room, t("可报", "To report")), sum(`${task.good}/${task.quantity}`, t("合格/计划", "Good/plan")), sum(rounded(number(task.scrap) + number(task.rework)), t("不良", "Bad")))),
        task.stopped ? h("p.fault", { role: "alert" }, icon("alert-octagon"), t("已停工：{why}。不能开工；停工前做的可以报，班组长会看。", "Stopped: {why}. Nobody may start; what was made before can be reported, the leader will look.", { why: whyStopped(task) })) : null,
        task.outside ? h("p.warn", { "data-outside": task.outside }, icon("users"), notOurs(task)) : null,
        task.isBlind ? h("p.warn", {}, icon("wifi-off"), unknown(task)) : null,
        isWide ? h("div.info", {}, info(task)) : h("div.tabs", { role: "tablist" }, tab("report", t("报工", "Report")), tab("info", t("要求、用料", "Notes, material"))),
      ),
      isWide || state.tab === "report" ? h("section.told", {}, reportForm(task, draft)) : h("section.info", {}, info(task)),
    ),
  ];
}

const head = (task: Task) => h("div.head", {},
  h("div", {}, h("h1", {}, task.sequence ? `${task.sequence} ${named(task)}` : named(task)), h("p", {}, h("b", {}, task.item), ` ${task.item_name} `, h("span.dim", {}, task.number))),
  h("button.btn", { type: "button", "data-mark": task.started ? "pause" : "start", onclick: () => void mark(task, task.started ? "pause" : "start") }, icon(task.started ? "player-pause" : "player-play"), task.started ? t("暂停", "Pause") : t("开工", "Start")),
);

/** Says how little is known of a task that was scanned without a network. */
const unknown = (task: Task): string =>
  task.item
    ? t("没有网络，只知道是哪道工序，不知道还可报多少；照常报工，联网后入账。", "No network: the operation is known, but not how much is left. Report as usual; it is booked later.")
    : t("没有网络，只知道标签上的编号；照常报工，联网后入账。", "No network: only the label is known. Report as usual; it is booked later.");

const info = (task: Task): (Node | null)[] => [drawingStrip(task), steady("notes", [task, state.mounted], () => notes(task))];

/** Gives what is to be known beside the drawings. */
function notes(task: Task): HTMLElement {
  const when = (at: string) => new Date(at).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const kinds: Record<string, string> = { good: t("合格", "Good"), scrap: t("报废", "Scrap"), rework: t("返工", "Rework") };
  return h("div", {},
    h("h2", {}, t("作业要求", "Instructions")),
    h("p.text", {}, task.instructions || t("没有写明", "None written")),
    task.specification ? h("p.dim", {}, task.specification) : null,
    h("h2", {}, t("用料", "Material")),
    materialLines(task),
    task.lot ? h("p.dim.lot-line", {}, t("产出批号 {lot}", "Output lot {lot}", { lot: task.lot })) : null,
    h("h2", {}, t("最近报工", "Last reports")),
    task.last.length ? h("ul.lines", {}, task.last.map((one) => h("li", {}, h("span", {}, `${one.who} · ${when(one.at)}`), h("span.num", {}, `${kinds[one.kind] ?? ""} ${one.quantity}`)))) : h("p.dim", {}, t("还没有", "None yet")),
  );
}

addScreen("task", taskScreen);
