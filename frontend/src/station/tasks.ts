/** The tasks of the day, and finding one by a code. */
import { t } from "../words";
import { read, type Scanned } from "./codes";
import { mayCall, openHelp } from "./help";
import { ask, Refused } from "./link";
import * as queue from "./queue";
import { h, icon } from "./dom";
import { minutesOff, type Task } from "./model";
import { addScreen, go, localNote, render, sum } from "./shell";
import { leave } from "./sign";
import { fresh, hours, keepTask, named, number, setDraft, state, tasks, today } from "./state";

/** What else a scanned code may open; the first that takes it says so. */
export const finders: ((scanned: Scanned, text: string) => boolean | Promise<boolean>)[] = [];

export function open(task: Task): void {
  Object.assign(state, { screen: "task", tab: "report", done: null, note: "" });
  void setDraft(fresh(task.id));
  render();
  scrollTo(0, 0);
}

/** Opens what a code names: a task of the day, one that the server knows, or without a network one to be told blind. */
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
  const found = (await lookedUp(text)) ?? blind(scanned);
  if (found) {
    await keepTask(found);
    return open(found);
  }
  state.note ||= t("没有网络，这台设备也不知道“{code}”", "No network, and this device does not know “{code}”", { code: text.slice(0, 40) });
  state.screen = "tasks";
  render();
}

/** Asks the server for the task of a code; nothing where it says no (its words are shown) or cannot be reached. */
async function lookedUp(text: string): Promise<Task | null> {
  const ticket = state.person && state.known[state.person.id]?.ticket;
  state.note = "";
  if (!ticket) return null;
  try {
    const answer = await ask(`find?code=${encodeURIComponent(text)}`, undefined, { Authorization: `Station ${ticket}` });
    return ((await answer.json()) as { task: Task }).task;
  } catch (fault) {
    if (fault instanceof Refused) state.note = fault.message;
    else queue.reached(false);
    return null;
  }
}

/** Gives a task of which only the label is known: what was done there can be told all the same. */
function blind(scanned: Scanned): Task | null {
  if (state.note || !scanned.id || !["o", "production.operation"].includes(scanned.noun)) return null;
  const none = { priority: "normal", item: "", item_name: "", unit: "", quantity: "0", order_quantity: "0", good: "0", scrap: "0", rework: "0", room: "0", ratio: "1", rate: "0" };
  return {
    ...none, id: scanned.id, order: "", number: scanned.id.slice(-6).toUpperCase(), due_on: "", sequence: 0, name: t("标签上的工序", "Operation of the label"),
    state: "open", places: 3, started: 0, mine: false, materials: [], last: [], isBlind: true,
  };
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
      clockNote(minutesOff(state.kept?.offset)),
      sums ? h("button.sums", { type: "button", onclick: () => go("today") }, sum(sums.good, t("今天合格", "Good today")), sum(hours(sums.minutes), t("工时", "Hours")), sum(`¥${sums.wage}`, t("工资（估）", "Wage (est.)"))) : null,
      sums?.isLocal ? localNote() : null,
      h("h2", {}, t("我的任务", "My tasks"), h("span.count", {}, String(own.length))),
      own.length ? h("ul.list", {}, own.map(taskRow)) : h("p.empty", {}, state.kept ? t("没有派给您的任务，扫工单码也可以报工。", "Nothing is assigned to you; scan an order to report on it.") : t("还没有取到任务，联网后会自动取来。", "No tasks yet; they come as soon as there is a network.")),
      h("h2", {}, t("其他工序", "Other operations"), h("span.count", {}, String(others.length))),
      search,
      h("ul.list", {}, others.slice(0, wanted ? 50 : 10).map(taskRow)),
    ),
    h("footer.foot", {},
      mayCall() ? h("button.btn.btn-alarm.btn-huge.btn-side", { type: "button", "data-help": true, onclick: () => openHelp(), "aria-label": t("安灯呼叫", "Call for help") }, icon("urgent")) : null,
      h("button.btn.btn-primary.btn-huge", { type: "button", onclick: () => void scanTask() }, icon("scan"), t("扫码", "Scan"))),
  ];
}

/** Says that this device's clock is far off; what is told is set right all the same. */
function clockNote(minutes: number): HTMLElement | null {
  if (!minutes) return null;
  const n = Math.abs(minutes);
  const said = minutes > 0
    ? t("这台设备的时钟慢了 {n} 分钟。报工时间会自动校正；请班组长把时间设对。", "This device’s clock is {n} minutes behind. Reports are set right; ask the leader to set it.", { n })
    : t("这台设备的时钟快了 {n} 分钟。报工时间会自动校正；请班组长把时间设对。", "This device’s clock is {n} minutes ahead. Reports are set right; ask the leader to set it.", { n });
  return h("p.warn", { role: "alert", "data-clock": true }, icon("clock"), said);
}

export function taskRow(task: Task): HTMLElement {
  const done = Math.min(100, (number(task.good) / (number(task.quantity) || 1)) * 100);
  return h("li", {},
    h("button.task", { type: "button", "data-task": task.id, onclick: () => open(task) },
      h("span.task-head", {}, h("b", {}, `${task.sequence} ${named(task)}`), task.priority === "urgent" ? h("span.tag.tag-red", {}, t("紧急", "Urgent")) : null, task.started ? h("span.tag.tag-blue", {}, t("进行中", "Running")) : null, task.stopped ? h("span.tag.tag-red", {}, t("已停工", "Stopped")) : null),
      h("span.task-item", {}, `${task.item} ${task.item_name}`),
      h("span.task-foot", {}, h("span", {}, task.number), h("span", {}, t("交期 {day}", "Due {day}", { day: task.due_on.slice(5) })), h("progress", { max: 100, value: done, "aria-label": t("完成", "Done") })),
      h("span.task-room", {}, h("b", {}, task.room), h("small", {}, t("可报", "to report"))),
    ),
  );
}

addScreen("tasks", tasksScreen);
