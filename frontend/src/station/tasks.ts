/** The tasks of the day, and finding one by a code. */
import { t } from "../words";
import { read, type Scanned } from "./codes";
import { h, icon } from "./dom";
import type { Task } from "./model";
import { addScreen, go, render, sum } from "./shell";
import { leave } from "./sign";
import { hours, named, number, setDraft, state, tasks, today, type Draft } from "./state";

/** What else a scanned code may open; the first that takes it says so. */
export const finders: ((scanned: Scanned, text: string) => boolean | Promise<boolean>)[] = [];

export function open(task: Task): void {
  const fresh: Draft = { task: task.id, field: "good", good: "", bad: "", reason: "", isRework: false, isFresh: true, data: {}, people: [], isSure: false };
  Object.assign(state, { screen: "task", tab: "report", done: null, note: "" });
  void setDraft(fresh);
  render();
  scrollTo(0, 0);
}

export async function find(text: string): Promise<void> {
  const scanned = read(text);
  const all = tasks();
  const hits = all.filter(
    (task) =>
      (scanned.id && (task.id === scanned.id || task.order === scanned.id)) ||
      (scanned.code && [task.number, task.item, task.machine_code].includes(scanned.code)),
  );
  for (const finder of finders) if (!hits.length && (await finder(scanned, text))) return;
  const best = hits.find((task) => task.mine && number(task.room) > 0) ?? hits.find((task) => number(task.room) > 0) ?? hits[0];
  if (best) return open(best);
  state.note = t("这台设备不知道“{code}”，联网后刷新任务再试", "This device does not know “{code}”; refresh the tasks with a network and try again", { code: text.slice(0, 40) });
  state.screen = "tasks";
  render();
}

export async function scanTask(): Promise<void> {
  const { scan } = await import("./scan");
  const text = await scan(t("扫工单或工序", "Scan an order or an operation"));
  if (text) await find(text);
}

export function tasksScreen(): HTMLElement[] {
  const all = tasks();
  const wanted = state.find.trim().toLowerCase();
  const isMatch = (task: Task) => [task.number, task.item, task.item_name, task.name, task.work_centre ?? ""].some((text) => text.toLowerCase().includes(wanted));
  const own = all.filter((task) => task.mine && task.state !== "done");
  const others = all.filter((task) => !task.mine && (!wanted || isMatch(task)));
  const sums = today();
  const isOut = state.person && state.known[state.person.id]?.isOut;
  const search = h("input.field", { id: "find", type: "search", value: state.find, placeholder: t("查工单、物料、工序", "Find order, item, operation"), "aria-label": t("查找", "Find"), oninput: (e: Event) => { state.find = (e.target as HTMLInputElement).value; render(); } });
  return [
    h("main.tasks", {},
      isOut ? h("p.fault", { role: "alert" }, t("登录已过期，排队的报工会保留。", "Your sign-in has expired; what is queued stays."), h("button.btn", { type: "button", onclick: () => void leave() }, t("重新登录", "Sign in again"))) : null,
      state.note ? h("p.note", { role: "status" }, state.note) : null,
      sums ? h("button.sums", { type: "button", onclick: () => go("today") }, sum(sums.good, t("今天合格", "Good today")), sum(hours(sums.minutes), t("工时", "Hours")), sum(`¥${sums.wage}`, t("计件工资", "Piece wage"))) : null,
      h("h2", {}, t("我的任务", "My tasks"), h("span.count", {}, String(own.length))),
      own.length ? h("ul.list", {}, own.map(taskRow)) : h("p.empty", {}, state.kept ? t("没有派给您的任务，扫工单码也可以报工。", "Nothing is assigned to you; scan an order to report on it.") : t("还没有取到任务，联网后会自动取来。", "No tasks yet; they come as soon as there is a network.")),
      h("h2", {}, t("其他工序", "Other operations"), h("span.count", {}, String(others.length))),
      search,
      h("ul.list", {}, others.slice(0, wanted ? 50 : 10).map(taskRow)),
    ),
    h("footer.foot", {}, h("button.btn.btn-primary.btn-huge", { type: "button", onclick: () => void scanTask() }, icon("scan"), t("扫码", "Scan"))),
  ];
}

export function taskRow(task: Task): HTMLElement {
  const done = Math.min(100, (number(task.good) / (number(task.quantity) || 1)) * 100);
  return h("li", {},
    h("button.task", { type: "button", "data-task": task.id, onclick: () => open(task) },
      h("span.task-head", {}, h("b", {}, `${task.sequence} ${named(task)}`), task.priority === "urgent" ? h("span.tag.tag-red", {}, t("紧急", "Urgent")) : null, task.started ? h("span.tag.tag-blue", {}, t("进行中", "Running")) : null),
      h("span.task-item", {}, `${task.item} ${task.item_name}`),
      h("span.task-foot", {}, h("span", {}, task.number), h("span", {}, t("交期 {day}", "Due {day}", { day: task.due_on.slice(5) })), h("progress", { max: 100, value: done, "aria-label": t("完成", "Done") })),
      h("span.task-room", {}, h("b", {}, task.room), h("small", {}, t("可报", "to report"))),
    ),
  );
}

addScreen("tasks", tasksScreen);
