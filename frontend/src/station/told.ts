/** What was told: the word after a report, the queue, the day's sums. */
import { t } from "../words";
import { fetchDay } from "./day";
import { h, icon } from "./dom";
import { openLabels, size, sizeChooser } from "./labels";
import { actOf, isUndone, type Act, type Reported } from "./model";
import * as queue from "./queue";
import { cannotUndo, undo } from "./report";
import { addScreen, go, localNote, render, sum } from "./shell";
import { hours, named, readQueue, state, tasks, today } from "./state";
import { open, tasksScreen } from "./tasks";

export function doneScreen(): HTMLElement[] {
  const told = state.acts.find((one) => one.id === state.done?.id) ?? state.done;
  const task = tasks().find((one) => one.id === (told?.operation ?? told?.body?.operation));
  const sums = today();
  if (!told) return tasksScreen();
  const lots = [told.output_lot ?? "", ...told.parts.map((part) => part.output_lot ?? "")].filter(Boolean);
  return [
    h("main.narrow.center", {},
      h("div.tick", { "aria-hidden": "true" }, icon("check")),
      h("h1", { role: "status" }, told.said.split(" · ")[1] ?? told.said),
      h("p.dim", {}, told.said.split(" · ")[0]),
      h("p", {}, stateTag(told)),
      told._text && told._state !== "done" ? h("p.warn-text", {}, told._text) : null,
      state.note ? h("p.note", { role: "status" }, state.note) : null,
      state.labelFault ? h("p.fault", { role: "alert" }, state.labelFault) : null,
      told._task?.is_last && lots.length ? finishedLots(told, lots) : null,
      sums && told.kind !== "help" ? h("div.sums", {}, sum(sums.good, t("今天合格", "Good today")), sum(hours(sums.minutes), t("工时", "Hours")), sum(`¥${sums.wage}`, t("工资（估）", "Wage (estimate)"))) : null,
      sums?.isLocal && told.kind !== "help" ? localNote() : null,
      sums && told.kind !== "help" && Number(sums.share ?? 0) ? h("p.dim", {}, t("含班组份额约 ¥{share}，以出勤分配为准", "With about ¥{share} as a share of the team's, settled by attendance", { share: sums.share ?? 0 })) : null,
      task ? h("button.btn.btn-primary.btn-huge", { type: "button", onclick: () => open(task) }, t("继续这道工序", "Go on with it")) : null,
      h("button.btn.btn-tall", { type: "button", onclick: () => go("tasks") }, icon("list-check"), t("任务", "Tasks")),
      told.kind === "report" && !isUndone(told, state.acts) ? h("button.btn.btn-tall", { type: "button", "data-undo": true, onclick: () => void undo(told) }, icon("arrow-back-up"), t("撤销", "Undo")) : null,
    ),
  ];
}

/** Shows the finished lot, or the serial numbers, with their labels to be printed. */
function finishedLots(told: Act, lots: string[]): HTMLElement {
  const name = told.output_lot ? t("成品批次", "Finished lot") : t("序列号", "Serial numbers");
  return h("div.lot", {}, h("span", {}, h("small.dim", {}, name), h("b", { "data-finished-lot": true }, lots.length > 2 ? `${lots[0]} … ${lots[lots.length - 1]}` : lots.join("、"))),
    h("button.btn", { type: "button", "data-label": true, disabled: !queue.isReached, onclick: () => void printLabels(told, lots) }, icon("printer"), queue.isReached ? t("打印标签", "Print label") : t("联网后可打印", "Prints with a network")),
    sizeChooser());
}

/** Opens the labels of lots as pages that the device prints. */
async function printLabels(told: Act, lots: string[]): Promise<void> {
  const ticket = state.person && state.known[state.person.id]?.ticket;
  state.labelFault = "";
  try {
    await openLabels(`label?operation=${told.operation}&size=${size()}${lots.map((lot) => `&lot=${encodeURIComponent(lot)}`).join("")}`, ticket || "");
  } catch (fault) {
    state.labelFault = (fault as Error).message;
  }
  render();
}

export function stateTag(told: Act): HTMLElement {
  const words: Record<Act["_state"], [string, string]> = {
    waiting: ["orange", t("待发送", "Waiting to be sent")],
    done: ["green", t("已入账", "Booked")],
    flagged: ["orange", t("已入账，班组长会看", "Booked; the leader will look")],
    kept: ["red", t("已保留，等班组长处理", "Kept for the leader")],
    refused: ["red", t("没有入账", "Not booked")],
  };
  const [tone, text] = words[told._state];
  return h(`span.tag.tag-${tone}`, { "data-state": told._state }, text);
}

/** Says of whom acts wait that the server takes from nobody signed out, and how they go nevertheless. */
function strandedRow({ person, count }: { person: string; count: number }): HTMLElement {
  const name = state.known[person]?.person.name ?? "";
  const mine = state.person?.id === person;
  return h("div.warn.stranded", { role: "alert", "data-stranded": count },
    h("p", {}, icon("alert-triangle"), t("{name} 的 {n} 条没有发出：登录已失效，都还在这台设备里。", "{n} of {name} are not sent: the sign-in has ended. All is still on this device.", { name, n: count })),
    !mine && state.person?.leads
      ? h("button.btn.btn-tall", { type: "button", "data-send-for": person, disabled: !queue.isReached, onclick: () => void sendFor(person, name) }, icon("cloud-upload"), t("代 {name} 发送 {n} 条", "Send {n} for {name}", { name, n: count }))
      : h("p", {}, mine ? t("请换人 / 退出后重新登录。", "Sign out and in again.") : t("请本人重新登录，或请班组长在这台设备上登录后代发。", "They sign in again, or their leader signs in here and sends it.")));
}

/** Sends for somebody signed out; it is booked in their name, and leaders see who sent it. */
async function sendFor(person: string, name: string): Promise<void> {
  const ticket = state.person && state.known[state.person.id]?.ticket;
  const fault = await queue.sendFor(person, ticket || "");
  state.note = fault || t("已代发，记在 {name} 名下；班组看板上有提醒。", "Sent in the name of {name}; the team board shows who sent it.", { name });
  await readQueue();
  render();
}

export function queueScreen(): HTMLElement[] {
  const all = [...state.acts].reverse();
  const row = (told: Act) =>
    h("li.told-row", { "data-act": told._state },
      h("span", {}, h("b", {}, told.said), h("small.dim", {}, `${new Date(told.at).toLocaleTimeString(document.documentElement.lang)} · ${state.known[told._person]?.person.name ?? ""}`), told._text ? h("small.warn-text", {}, told._text) : null),
      h("span.told-side", {}, stateTag(told), told.kind === "report" && !cannotUndo(told) ? h("button.plain", { type: "button", "data-undo": true, "aria-label": t("撤销", "Undo"), onclick: () => void undo(told) }, icon("arrow-back-up")) : null),
    );
  return [
    h("main.tasks", {},
      h("h1", {}, t("队列", "Queue")),
      h("p.dim", {}, queue.isReached ? t("网络正常，报工会自动发送。", "The network is there; reports go by themselves.") : t("没有网络。报工都在这台设备里，联网后按顺序自动发送，关机也不会丢。", "No network. Reports are kept on this device and go by themselves, in order; switching off loses nothing.")),
      state.note ? h("p.note", { role: "status" }, state.note) : null,
      state.photos ? h("p.note", { "data-photos": state.photos }, icon("camera"), t("{n} 张照片随后发送", "{n} photos follow", { n: state.photos })) : null,
      state.held.length ? h("p.warn", { role: "alert", "data-held-photos": state.held.length }, icon("alert-triangle"), t("{n} 张照片没有送到：{why}。照片留在这台设备里，稍后再发；一直这样请告诉管理员。", "{n} photos did not arrive: {why}. They stay on this device and are sent again later; tell an administrator if it goes on.", { n: state.held.length, why: [...new Set(state.held)].join("; ") })) : null,
      queue.stranded(state.acts, state.known).map(strandedRow),
      h("button.btn.btn-tall", { type: "button", onclick: () => { queue.send(); void fetchDay(); } }, icon("refresh"), t("现在同步", "Sync now")),
      all.length ? h("ul.list", {}, all.map(row)) : h("p.empty", {}, t("没有待发的，也没有最近的。", "Nothing waits, and nothing was sent lately.")),
    ),
  ];
}

/** Shows one's own last reports as the server has them, from whatever device, to be taken back here. */
function ownReports(kinds: Record<string, string>): HTMLElement | null {
  const person = state.person?.id ?? "";
  const words = (one: Reported) => `${one.number} ${one.sequence} ${named(one)} · ${one.parts.map((part) => `${kinds[part.kind]} ${part.quantity}`).join(" · ")}`;
  const found = (state.kept?.day.reported ?? []).map((one) => ({ one, told: actOf(one, person, words(one)) })).filter(({ told }) => !isUndone(told, state.acts));
  if (!found.length) return null;
  const here = new Set(state.acts.map((told) => told.id));
  return h("section", {}, h("h2", {}, t("最近报工", "Last reports")),
    h("ul.list", { "data-own-reports": found.length }, found.map(({ one, told }) =>
      h("li.told-row", {},
        h("span", {}, h("b", {}, told.said), h("small.dim", {}, new Date(told.at).toLocaleTimeString(document.documentElement.lang), one.parts.some((part) => here.has(part.id)) ? "" : ` · ${t("在别的设备上报的", "told on another device")}`)),
        h("span.told-side", {}, one.approved
          ? h("span.tag.tag-green", {}, t("已审核", "Approved"))
          : h("button.plain", { type: "button", "data-undo": told.id, "aria-label": t("撤销", "Undo"), onclick: () => void undo(told) }, icon("arrow-back-up")))))));
}

export function todayScreen(): HTMLElement[] {
  const sums = today();
  if (!sums) return tasksScreen();
  const kinds: Record<string, string> = { good: t("合格", "Good"), scrap: t("报废", "Scrap"), rework: t("返工", "Rework") };
  return [
    h("main.tasks", {},
      h("h1", {}, t("我的今天", "My day")),
      h("div.sums", {}, sum(sums.good, t("合格", "Good")), sum(sums.bad, t("不良", "Bad")), sum(hours(sums.minutes), t("工时", "Hours")), sum(`¥${sums.wage}`, t("工资（估）", "Wage (estimate)"))),
      sums.isLocal ? localNote() : null,
      Number(sums.share ?? 0) ? h("p.dim", {}, t("其中班组份额约 ¥{share}，按目前报工估算，以出勤分配为准。", "Of it about ¥{share} is a share of the team's figure so far, to be settled by attendance.", { share: sums.share ?? 0 })) : null,
      sums.lines.length ? h("ul.lines", {}, sums.lines.map((one) => h("li", {}, h("span", {}, h("b", {}, one.operation), h("small.dim", {}, ` ${one.number}`)), h("span.num", {}, `${kinds[one.kind] ?? ""} ${one.quantity}`, h("small.dim", {}, ` ¥${one.wage}`))))) : h("p.empty", {}, t("今天还没有报工。", "Nothing reported today yet.")),
      ownReports(kinds),
    ),
  ];
}

addScreen("done", doneScreen);
addScreen("queue", queueScreen);
addScreen("today", todayScreen);
