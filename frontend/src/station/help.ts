/** Calling for help (安灯): what is wrong in one tap, the call in the next; it goes out as soon as there is a network. */
import { t } from "../words";
import { tellFurther } from "./acts";
import { h, icon } from "./dom";
import type { Reason, Task } from "./model";
import { offered } from "./model";
import { machineOf } from "./machines";
import * as photos from "./photos";
import { addScreen, go, render } from "./shell";
import { named, state, tasks } from "./state";

const call = { task: "", category: "", reason: "", problem: "", photos: [] as string[] };
let isCalling = false;

/** Opens the call, at a task or at none. */
export function openHelp(task?: Task): void {
  Object.assign(call, { task: task?.id ?? "", category: "", reason: "", problem: "", photos: [] });
  state.screen = "help";
  state.note = "";
  render();
  scrollTo(0, 0);
}

export const mayCall = () => Boolean(state.kept?.day.help?.length);

/** Gives a call as it is told, with the machine that was tapped; where there is a defect reason it decides who is called. */
export function said(one: { category: string; reason: string; problem: string }, task?: Task): Record<string, unknown> {
  const machine = task && machineOf(task, state.draft?.task === task.id ? state.draft : null);
  return { category: one.category, problem: one.problem.trim(), ...(one.reason ? { defect_reason: one.reason } : {}), ...(task ? { operation: task.id } : {}), ...(machine ? { machine } : {}) };
}

async function send(): Promise<void> {
  const category = state.kept?.day.help?.find((one) => one.id === call.category);
  if (!category || isCalling) return;
  isCalling = true;
  const task = tasks().find((one) => one.id === call.task);
  const where = task ? `${task.number} ${task.sequence} ${named(task)}` : (state.device?.name ?? "");
  const body = said(call, task);
  const words = `${where} · ${t("安灯：{what}", "Help: {what}", { what: named(category) })}`;
  const key = await tellFurther("help", words, body, call.photos);
  isCalling = false;
  navigator.vibrate?.([60, 60, 60]);
  state.done = state.acts.find((one) => one.id === key) ?? null;
  state.screen = "done";
  render();
}

function helpScreen(): HTMLElement[] {
  const task = tasks().find((one) => one.id === call.task);
  const tones: Record<string, string> = { severe: "red", major: "orange", minor: "blue" };
  const chosen = state.kept?.day.help?.find((one) => one.id === call.category);
  const tile = (one: { id: string; code: string; name: string; name_en: string; severity: string }) =>
    h(`button.tile.tile-${tones[one.severity] ?? "blue"}${call.category === one.id ? ".is-on" : ""}`,
      { type: "button", "data-category": one.code, "aria-pressed": call.category === one.id ? "true" : "false", onclick: () => { call.category = one.id; render(); } },
      h("b", {}, named(one)), one.severity === "severe" ? h("small", {}, t("会停下这道工序", "Stops the operation")) : null);
  const reasons = offered(state.kept?.day.reasons ?? [], task);
  const reason = (one: Reason) =>
    h(`button.chip${call.reason === one.id ? ".is-on" : ""}`,
      { type: "button", "data-reason": one.code, "aria-pressed": call.reason === one.id ? "true" : "false", onclick: () => { call.reason = call.reason === one.id ? "" : one.id; render(); } }, named(one));
  const shoot = () => void photos.take().then((digest) => { if (digest) call.photos.push(digest); render(); });
  return [
    h("main.narrow", {},
      h("h1", {}, t("安灯呼叫", "Call for help")),
      h("p.dim", {}, task ? `${task.number} ${task.sequence} ${named(task)}` : t("不针对某道工序时，通知自己的班组", "At no operation: one's own team is told")),
      h("div.tiles", {}, (state.kept?.day.help ?? []).map(tile)),
      chosen && reasons.length ? h("div.chips.chips-scroll", { role: "group", "aria-label": t("不良原因（可不选）", "Defect reason (may be left out)") }, reasons.map(reason)) : null,
      chosen ? h("input.field", { id: "problem", value: call.problem, maxlength: 500, placeholder: t("补充说明（可不填）", "What is wrong (may be left empty)"), "aria-label": t("补充说明", "What is wrong"), oninput: (e: Event) => (call.problem = (e.target as HTMLInputElement).value) }) : null,
      chosen ? h("div.shots", {}, call.photos.map((digest) => photos.preview(digest, () => { call.photos = call.photos.filter((one) => one !== digest); render(); })), h("button.btn", { type: "button", disabled: !photos.isPossible(), onclick: shoot }, icon("camera"), t("拍照", "Photo"))) : null,
      h("button.btn.btn-huge.btn-alarm", { type: "button", "data-call": true, disabled: !chosen, onclick: () => void send() }, icon("urgent"), chosen ? t("呼叫：{what}", "Call: {what}", { what: named(chosen) }) : t("先选是什么问题", "Say first what it is")),
      h("button.btn.btn-tall", { type: "button", onclick: () => go(task && state.draft?.task === task.id ? "task" : "tasks") }, t("不呼叫了", "Do not call")),
    ),
  ];
}

addScreen("help", helpScreen);
