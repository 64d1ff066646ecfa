/** The tasks of the day, and finding one by a code. */
import { t } from "../words";
import { askNumber, askOne } from "./asking";
import { read, type Scanned } from "./codes";
import { mayCall, openHelp } from "./help";
import { ask, Refused } from "./link";
import * as queue from "./queue";
import { h, icon } from "./dom";
import { minutesOff, type Task } from "./model";
import { labelled, NOTHING } from "./orders";
import { keysInReach } from "./report";
import { addScreen, go, localNote, render, sum } from "./shell";
import { leave } from "./sign";
import { hours, isBegunAt, keepTask, named, number, openDraft, state, tasks, today } from "./state";

/** What else a scanned code may open; the first that takes it says so. */
export const finders: ((scanned: Scanned, text: string) => boolean | Promise<boolean>)[] = [];

export function open(task: Task): void {
  Object.assign(state, { screen: "task", tab: "report", done: null, note: "" });
  void openDraft(task.id);
  render();
  scrollTo(0, 0);
  keysInReach();
}

/** How long the server is waited for where the device knows a label itself (ms). */
const PATIENCE = 3_000;

/** Opens what a code names: a task of the day, one that the server knows, or without a network what the device knows of it. */
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
  const near = await labelled(scanned, state.person?.id ?? "");
  const answer = await lookedUp(text, near.length ? PATIENCE : 0);
  const found = answer.task ?? (answer.said ? null : await unlooked(scanned, near));
  if (found) {
    await keepTask(found);
    return open(found);
  }
  const isLeft = near.length > 0 || isOrder(scanned);
  const unknown = t("没有网络，这台设备也不知道“{code}”。请扫工单或工序的标签，或从列表里选", "No network, and this device does not know “{code}”. Scan the label of an order or an operation, or pick from the list", { code: text.slice(0, 40) });
  state.note = answer.said ?? (isLeft ? "" : unknown);
  state.screen = "tasks";
  render();
}

/** Asks the server for the task of a code, or what it says instead; neither where it does not answer, in some time if that is given. */
async function lookedUp(text: string, patience: number): Promise<{ task?: Task; said?: string }> {
  const ticket = state.person && state.known[state.person.id]?.ticket;
  if (!ticket) return {};
  const asked = ask(`find?code=${encodeURIComponent(text)}`, undefined, { Authorization: `Station ${ticket}` });
  const late = new Promise<null>((done) => patience && setTimeout(done, patience, null));
  try {
    const answer = await Promise.race([asked, late]);
    return answer ? ((await answer.json()) as { task: Task }) : {};
  } catch (fault) {
    if (fault instanceof Refused) return { said: fault.message };
    queue.reached(false);
    return {};
  }
}

/** Gives the task of a label without the server: the operation it says or that is chosen, else what the traveller says. */
async function unlooked(scanned: Scanned, near: Task[]): Promise<Task | null> {
  if (near.length > 1) {
    const words = near.map((one) => `${one.sequence} ${named(one)}`);
    const place = await askOne(t("做的是哪道工序？", "Which operation is it?"), `${near[0].number} · ${near[0].item} ${near[0].item_name}`, words, "operation");
    return place === null ? null : near[place];
  }
  return near[0] ?? blind(scanned) ?? (isOrder(scanned) ? byNumber(scanned) : null);
}

/** Says whether a code may be that of an order: its label, or a number as it was typed. */
const isOrder = (scanned: Scanned) => scanned.noun === "" || ["w", "production.work_order"].includes(scanned.noun);

const short = (id: string) => id.slice(-6).toUpperCase();

/** Gives a task of which only the label is known: what was done there can be told all the same. */
function blind(scanned: Scanned): Task | null {
  if (!scanned.id || !["o", "production.operation"].includes(scanned.noun)) return null;
  return { ...NOTHING, id: scanned.id, order: "", number: short(scanned.id), sequence: 0, name: t("标签上的工序", "Operation of the label") };
}

/** Asks for the operation of an order that nobody here knows, by its number on the traveller; the server finds it later. */
async function byNumber(scanned: Scanned): Promise<Task | null> {
  const order = scanned.code ?? short(scanned.id ?? "");
  const why = t("没有网络，查不到。确实做了，就填流转卡上的工序号照样报工；联网后入账，对不上的由班组长处理。", "No network to look it up. If the work was done, give the operation's number on the traveller and report all the same: it is booked later, and the leader settles what fits no order.");
  const sequence = await askNumber({ title: t("这台设备不知道这张工单", "This device does not know this order"), text: [order.slice(0, 40), why], label: t("工序号", "Operation number"), places: 0, take: t("照样报工", "Report all the same"), leave: t("不报", "Leave it"), word: "sequence" });
  if (!sequence) return null;
  const asked = { ...(scanned.id ? { order: scanned.id } : {}), ...(scanned.code ? { number: scanned.code } : {}), sequence: number(sequence) };
  return { ...NOTHING, id: `${scanned.id ?? scanned.code}/${sequence}`, order: "", number: order, sequence: asked.sequence, name: t("按编号", "By number"), named: asked };
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
      isOut ? h("div.fault", { role: "alert" }, t("登录已过期，排队的报工会保留。", "Your sign-in has expired; what is queued stays."), h("button.btn", { type: "button", onclick: () => void leave() }, t("重新登录", "Sign in again"))) : null,
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
      h("span.task-head", {}, h("b", {}, `${task.sequence} ${named(task)}`), task.priority === "urgent" ? h("span.tag.tag-red", {}, t("紧急", "Urgent")) : null, isBegunAt(task.id) ? h("span.tag.tag-orange", { "data-begun": true }, t("未报完", "Not told yet")) : null, task.started ? h("span.tag.tag-blue", {}, t("进行中", "Running")) : null, task.stopped ? h("span.tag.tag-red", {}, t("已停工", "Stopped")) : null),
      h("span.task-item", {}, `${task.item} ${task.item_name}`),
      h("span.task-foot", {}, h("span", {}, task.number), h("span", {}, t("交期 {day}", "Due {day}", { day: task.due_on.slice(5) })), h("progress", { max: 100, value: done, "aria-label": t("完成", "Done") })),
      h("span.task-room", {}, h("b", {}, task.room), h("small", {}, t("可报", "to report"))),
    ),
  );
}

addScreen("tasks", tasksScreen);
