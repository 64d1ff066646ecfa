/** What an operation wants entered with a report: typed, held against its limits at once. */
import { t } from "../words";
import { h, icon } from "./dom";
import type { Datum, Task } from "./model";
import * as photos from "./photos";
import { isChinese, setDraft, type Draft } from "./state";
import { render } from "./shell";

export const FIELD = "data:";
export const label = (one: Datum) => (isChinese() ? one.name : one.name_en || one.name);

/** Gives what is wrong with a value, in words: no number, beyond its limits. Nothing where it is right or empty. */
export function beyond(one: Datum, value: string | undefined): string {
  if (one.kind !== "number" || !value) return "";
  const number = Number(value);
  if (!Number.isFinite(number)) return t("不是数字", "Not a number");
  if (one.minimum !== undefined && number < Number(one.minimum)) return t("低于下限 {n}", "Below {n}", { n: one.minimum });
  if (one.maximum !== undefined && number > Number(one.maximum)) return t("高于上限 {n}", "Above {n}", { n: one.maximum });
  return "";
}

/** Gives the name of the first thing that is required and not entered. */
export function missing(task: Task, draft: Draft): string {
  const found = task.capture?.find((one) => one.is_required !== false && !draft.data[one.name]?.trim());
  return found ? label(found) : "";
}

const limits = (one: Datum) => {
  const range = one.minimum !== undefined && one.maximum !== undefined ? `${one.minimum}–${one.maximum}` : one.minimum !== undefined ? `≥ ${one.minimum}` : one.maximum !== undefined ? `≤ ${one.maximum}` : "";
  return [range, one.unit].filter(Boolean).join(" ");
};

/** What fields do with what is entered: draw the form anew with it, or, while letters are typed, say only that it has changed. */
export interface Entering {
  change: (more: Partial<Draft>) => void;
  typed: () => void;
}

/** Gives the fields of a task's data; a number is typed on the pad of the report. */
export function captureFields(task: Task, draft: Draft, entering: Entering): HTMLElement | null {
  if (!task.capture?.length) return null;
  return h("div.inputs", {}, task.capture.map((one) => field(one, draft, entering)));
}

function field(one: Datum, draft: Draft, { change, typed }: Entering): HTMLElement {
  const put = (name: string, value: string) => change({ data: { ...draft.data, [name]: value } });
  const value = draft.data[one.name] ?? "";
  const mark = one.is_required === false ? "" : " *";
  if (one.kind === "number") {
    const fault = beyond(one, value);
    const isOn = draft.field === FIELD + one.name;
    return h(`button.entry.entry-data${isOn ? ".is-on" : ""}${fault ? ".is-beyond" : ""}`,
      { type: "button", "data-datum": one.name, "aria-pressed": isOn ? "true" : "false", onclick: () => change({ field: FIELD + one.name, isFresh: true }) },
      h("small", {}, `${label(one)}${mark} `, h("span.limits", {}, limits(one))), h("b", {}, value || " "),
      fault ? h("small.beyond", { role: "alert" }, icon("alert-triangle"), t("{fault}，可以报，班组长会看", "{fault}; report it all the same, the leader will look", { fault })) : null);
  }
  if (one.kind === "choice") {
    const chip = (text: string) => h(`button.chip${value === text ? ".is-on" : ""}`, { type: "button", "aria-pressed": value === text ? "true" : "false", onclick: () => put(one.name, value === text ? "" : text) }, text);
    return h("div.labelled.wide", { role: "group", "aria-label": label(one), "data-datum": one.name }, h("span", {}, label(one) + mark), h("div.chips", {}, (one.choices ?? []).map(chip)));
  }
  if (one.kind === "photo") return photoField(one, value, mark, put);
  const typing = (e: Event) => {
    draft.data = { ...draft.data, [one.name]: (e.target as HTMLInputElement).value };
    void setDraft(draft);
    typed();
  };
  const input = h("input.field", { id: FIELD + one.name, "data-datum": one.name, type: one.kind === "time" ? "time" : "text", value, autocomplete: "off", maxlength: 200, oninput: typing, onchange: () => render() });
  if (one.kind === "text") return h("label.labelled", {}, h("span", {}, label(one) + mark), input);
  const now = () => put(one.name, new Date().toTimeString().slice(0, 5));
  return h("div.labelled.wide", {}, h("label", { for: FIELD + one.name }, label(one) + mark), h("div.with-button", {}, input, h("button.btn", { type: "button", onclick: now }, icon("clock"), t("现在", "Now"))));
}

function photoField(one: Datum, value: string, mark: string, put: (name: string, value: string) => void): HTMLElement {
  const shoot = () => void photos.take().then((digest) => digest && put(one.name, digest));
  return h("div.labelled", { "data-datum": one.name }, h("span", {}, label(one) + mark),
    value ? photos.preview(value, () => put(one.name, "")) : h("button.btn", { type: "button", disabled: !photos.isPossible(), onclick: shoot }, icon("camera"), t("拍照", "Take a photo")));
}
