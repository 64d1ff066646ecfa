/** Telling what was made at a task: the form, and what becomes of it. */
import { typed } from "../digits";
import { t } from "../words";
import { act, tell } from "./acts";
import { h, icon } from "./dom";
import { newId } from "./ids";
import type { Act, Part, Reason, Task } from "./model";
import { rounded } from "./model";
import { pad, render } from "./shell";
import { named, number, setDraft, state, tasks, type Draft } from "./state";
import * as store from "./store";



export async function mark(task: Task, kind: "start" | "pause"): Promise<void> {
  const said = `${task.number} ${task.sequence} ${named(task)} · ${kind === "start" ? t("开工", "Start") : t("暂停", "Pause")}`;
  await tell(act(task, kind, [{ id: newId(), kind }], said));
  navigator.vibrate?.(20);
  render();
}

export function faults(task: Task, draft: Draft): string {
  if (!number(draft.good) && !number(draft.bad)) return t("先填数量", "Enter a quantity first");
  if (number(draft.bad) && !draft.reason) return t("选一个不良原因", "Choose why they are bad");
  const missing = captured(task).find((name) => !draft.data[name]?.trim());
  if (missing) return t("还要填“{name}”", "“{name}” is missing", { name: missing });
  return "";
}

export async function report(task: Task): Promise<void> {
  const draft = state.draft;
  if (!draft || faults(task, draft)) return;
  if (number(draft.good) + number(draft.bad) > number(task.room) && !draft.isSure) {
    await setDraft({ ...draft, isSure: true });
    return render();
  }
  const parts: Part[] = [];
  if (number(draft.good)) parts.push({ id: newId(), kind: "good", quantity: draft.good });
  if (number(draft.bad)) {
    const defects = [{ reason: draft.reason, quantity: draft.bad }];
    parts.push({ id: newId(), kind: draft.isRework ? "rework" : "scrap", quantity: draft.bad, defects });
  }
  const bad = number(draft.bad) ? t("，不良 {bad}", ", {bad} bad", { bad: draft.bad }) : "";
  const said = `${task.number} ${task.sequence} ${named(task)} · ${t("合格 {good}", "{good} good", { good: draft.good || "0" })}${bad}`;
  const made = act(task, "report", parts, said, {
    ...(draft.people.length ? { people: draft.people.map((employee) => ({ employee })) } : {}),
    ...(Object.keys(draft.data).length ? { data: draft.data } : {}),
  });
  await tell(made);
  await setDraft(null);
  navigator.vibrate?.(30);
  state.done = state.acts.find((one) => one.id === made.id) ?? null;
  state.screen = "done";
  render();
}

export async function undo(told: Act): Promise<void> {
  const task = tasks().find((one) => one.id === told.operation);
  if (!task || told._undone) return;
  const parts = told.parts.map((part): Part => ({ id: newId(), kind: "undo", reverses: part.id }));
  const made = act(task, "undo", parts, t("撤销：{said}", "Undo: {said}", { said: told.said }));
  delete made.operation;
  await store.change([told.seq], (one) => ({ ...one, _undone: true }));
  await tell(made);
  state.done = null;
  state.screen = "tasks";
  state.note = t("已撤销：{said}", "Undone: {said}", { said: told.said });
  render();
}

/** Gives the names of what must be entered with a report at an operation. */
export function captured(task: Task): string[] {
  const asked = task.capture;
  if (!Array.isArray(asked)) return [];
  return asked.map((one) => (typeof one === "string" ? one : String((one as { name?: string }).name ?? ""))).filter(Boolean);
}

export function reportForm(task: Task, draft: Draft): HTMLElement[] {
  const change = (more: Partial<Draft>) => {
    void setDraft({ ...draft, isSure: false, ...more });
    render();
  };
  const entry = (name: "good" | "bad", label: string) =>
    h(`button.entry.entry-${name}${draft.field === name ? ".is-on" : ""}`, { type: "button", "data-field": name, "aria-pressed": draft.field === name ? "true" : "false", onclick: () => change({ field: name, isFresh: true }) }, h("small", {}, label), h("b", {}, draft[name] || "0"));
  const press = (key: string) => change({ [draft.field]: typed(draft[draft.field], key, draft.isFresh).slice(0, 9), isFresh: false });
  const reasons = state.kept?.day.reasons.filter((one) => one.kind === "both" || one.kind === (draft.isRework ? "rework" : "scrap")) ?? [];
  const chip = (one: Reason) => h(`button.chip${draft.reason === one.id ? ".is-on" : ""}`, { type: "button", "data-reason": one.code, "aria-pressed": draft.reason === one.id ? "true" : "false", onclick: () => change({ reason: one.id }) }, named(one));
  const fault = faults(task, draft);
  const over = number(draft.good) + number(draft.bad) - number(task.room);
  const isBad = draft.field === "bad" || number(draft.bad) > 0;
  const crew = state.kept?.day.people ?? [];
  const own = state.person?.employee ?? "";
  const toggled = (id: string) => {
    const now = draft.people.length ? draft.people : [own];
    const next = now.includes(id) ? now.filter((one) => one !== id) : [...now, id];
    change({ people: next.length === 1 && next[0] === own ? [] : next });
  };
  return [
    h("div.pair", {}, entry("good", t("合格", "Good")), entry("bad", t("不良", "Bad"))),
    isBad
      ? h("div.why", {},
          h("div.switch", { role: "group", "aria-label": t("不良品", "Bad pieces") },
            h(`button.tab${draft.isRework ? "" : ".is-on"}`, { type: "button", onclick: () => change({ isRework: false, reason: "" }) }, t("报废", "Scrap")),
            h(`button.tab${draft.isRework ? ".is-on" : ""}`, { type: "button", onclick: () => change({ isRework: true, reason: "" }) }, t("返工", "Rework"))),
          h("div.chips.chips-scroll", { role: "group", "aria-label": t("不良原因", "Why bad") }, reasons.map(chip)))
      : h("div.chips", {}, number(task.room) > 0 ? h("button.chip", { type: "button", "data-all": true, onclick: () => change({ good: task.room, isFresh: true }) }, t("全部 {n}", "All {n}", { n: task.room })) : null, task.machine_code ? h("span.chip.chip-flat", {}, task.machine_code) : null),
    h("div.inputs", {}, captured(task).map((name) => h("label.labelled", {}, h("span", {}, name), h("input.field", { id: `data-${name}`, value: draft.data[name] ?? "", autocomplete: "off", oninput: (e: Event) => { draft.data = { ...draft.data, [name]: (e.target as HTMLInputElement).value }; void setDraft(draft); } , onchange: () => render() })))),
    pad(press, task.places > 0),
    crew.length > 1 ? h("details.crew", {}, h("summary", {}, icon("users"), draft.people.length > 1 ? t("{n} 人平分", "{n} people share", { n: draft.people.length }) : t("多人一起做", "Several people")), h("div.chips", {}, crew.map((one) => h(`button.chip${(draft.people.length ? draft.people : [own]).includes(one.id) ? ".is-on" : ""}`, { type: "button", onclick: () => toggled(one.id) }, one.name)))) : null,
    draft.isSure && over > 0 ? h("p.warn", { role: "alert" }, icon("alert-triangle"), t("比可报的多 {n}。确实做了就再按一次，班组长会看到。", "{n} more than can be reported. If it is so, press again; the leader will see it.", { n: rounded(over) })) : null,
    h(`button.btn.btn-huge.finish${draft.isSure && over > 0 ? ".btn-warn" : ".btn-primary"}`, { type: "button", "data-done": true, disabled: Boolean(fault), onclick: () => void report(task) }, icon("check"), fault || (draft.isSure && over > 0 ? t("确认多报", "Report all the same") : t("完成", "Done"))),
  ].filter(Boolean) as HTMLElement[];
}
