/** Telling what was made at a task: the form, and what becomes of it. */
import { typed } from "../digits";
import { t } from "../words";
import { act, tell } from "./acts";
import { askOne } from "./asking";
import { captureFields, FIELD, missing } from "./capture";
import { fill, h, icon, steady } from "./dom";
import { mayCall, openHelp } from "./help";
import { newId } from "./ids";
import { alarm, isCard, lotsUsed, mountedChips, scanMaterial, spread, told } from "./material";
import type { Act, Part, Task } from "./model";
import { isUndone, rounded } from "./model";
import * as defects from "./defects";
import { machineChips, machineOf } from "./machines";
import * as photos from "./photos";
import * as serials from "./serials";
import { go, pad, render } from "./shell";
import { dropDraft, isBegun, named, number, setDraft, state, type Draft } from "./state";

const MOST_PHOTOS = 5;
const MOST_PARTS = 99;

/** Gives what an act says of its machine. */
function on(task: Task, draft?: Draft): { machine?: string } {
  const machine = machineOf(task, draft);
  return machine ? { machine } : {};
}

/** Says why an operation is stopped, and by whom. */
export const whyStopped = (task: Task): string => task.why_stopped || t("有严重异常", "a severe exception");

/** Says who reports here where the person is none of them; what they tell is booked, and the leader looks. Else "". */
export function notOurs(task: Task): string {
  if (task.outside === "skilled") return t("这道工序由有“{skill}”技能的人报工。您报的照样入账，班组长会看。", "People with the skill {skill} report here. What you report is booked too; the leader will look.", { skill: task.skill ?? "" });
  if (task.outside === "given") return t("这道工序由派到的人报工。您报的照样入账，班组长会看。", "Those it is given to report here. What you report is booked too; the leader will look.");
  return "";
}

/** The start that was told last: a server that knows of a stop refuses it while it is fresh. */
let started = "";

/** Says that the start which was told last has been refused, and why. */
export function saidOfStart(): void {
  const told = state.acts.find((act) => act.id === started);
  if (!told || told._state === "waiting") return;
  started = "";
  if (told._state === "refused") alarm("red", t("不能开工", "Not to be started"), told._text ?? "");
}

export async function mark(task: Task, kind: "start" | "pause"): Promise<void> {
  if (kind === "start" && task.stopped) {
    return alarm("red", t("不能开工", "Not to be started"), t("已停工：{why}。解除后再开工。", "Stopped: {why}. Start when it is lifted.", { why: whyStopped(task) }));
  }
  const said = `${task.number} ${task.sequence} ${named(task)} · ${kind === "start" ? t("开工", "Start") : t("暂停", "Pause")}`;
  const made = act(task, kind, [{ id: newId(), kind }], said, on(task));
  if (kind === "start") started = made.id;
  await tell(made);
  navigator.vibrate?.(20);
  render();
}

export function faults(task: Task, draft: Draft): string {
  if (!number(draft.good) && !number(draft.bad)) return t("先填数量", "Enter a quantity first");
  const why = number(draft.bad) ? defects.fault(draft) : "";
  if (why) return why;
  const lack = serials.fault(task, draft);
  if (lack) return lack;
  const name = missing(task, draft);
  return name ? t("还要填“{name}”", "“{name}” is missing", { name }) : "";
}

/** Gives by how much a report goes beyond what can be reported; nothing where that is not known. */
const tooMany = (task: Task, draft: Draft): number =>
  task.isBlind ? 0 : Math.max(0, number(draft.good) + number(draft.bad) - number(task.room));

/** Gives what a report is asked once more for: it is booked all the same, and the leader looks. */
function doubts(task: Task, draft: Draft): string[] {
  const over = tooMany(task, draft);
  return [
    ...(task.stopped ? [t("已停工：{why}。只报停工前做的；确实是就再按一次，班组长会看到。", "Stopped because of {why}. Only what was made before: if it is so, press again; the leader will see it.", { why: whyStopped(task) })] : []),
    ...(over > 0 ? [t("比可报的多 {n}。确实做了就再按一次，班组长会看到。", "{n} more than can be reported. If it is so, press again; the leader will see it.", { n: rounded(over) })] : []),
  ];
}

let isTelling = false;

export async function report(task: Task): Promise<void> {
  const draft = state.draft;
  if (!draft || isTelling || faults(task, draft)) return;
  if (doubts(task, draft).length && !draft.isSure) {
    await setDraft({ ...draft, isSure: true });
    return render();
  }
  const { used, left } = lotsUsed(task, draft);
  const bad = number(draft.bad);
  const pieces = serials.isNumbered(task) ? draft.serials : [];
  const parts: Part[] = pieces.map((serial) => ({ id: newId(), kind: "good", quantity: "1", output_lot: serial }));
  if (number(draft.good) && !parts.length) parts.push({ id: newId(), kind: "good", quantity: draft.good });
  if (bad) {
    parts.push({ id: newId(), kind: draft.isRework ? "rework" : "scrap", quantity: draft.bad, defects: defects.counted(draft) });
  }
  if (pieces.length) {
    const portions = spread(used, [...pieces.map(() => 1), ...(bad && !draft.isRework ? [bad] : [])]);
    portions.forEach((lots, n) => lots.length && (parts[n].lots = told(lots)));
  }
  const more = bad ? t("，不良 {bad}", ", {bad} bad", { bad: draft.bad }) : "";
  const said = `${task.number} ${task.sequence} ${named(task)} · ${t("合格 {good}", "{good} good", { good: draft.good || "0" })}${more}`;
  const data = Object.fromEntries(Object.entries(draft.data).filter(([, value]) => value));
  const made = act(task, "report", parts, said, {
    ...on(task, draft),
    ...(Object.keys(draft.shares).length ? { people: shared(draft.shares) } : {}),
    ...(Object.keys(data).length ? { data } : {}),
    ...(used.length && !pieces.length ? { lots: told(used) } : {}),
    ...(task.lot && number(draft.good) ? { output_lot: task.lot } : {}),
  });
  const taken = [...draft.photos, ...(task.capture ?? []).filter((one) => one.kind === "photo").map((one) => draft.data[one.name] ?? "").filter(Boolean)];
  const mounted = { ...state.mounted, [task.id]: left };
  isTelling = true;
  refinish(task, draft);
  try {
    await tell(made, taken, { draft: null, mounted });
  } catch (fault) {
    isTelling = false;
    refinish(task, draft);
    return alarm("red", t("没有存下！", "Not kept!"), t("这台设备存不下这条报工（{why}）。填好的还在；再按一次“完成”，还不行就换一台设备报。", "This device could not keep the report ({why}). What was entered is still there: press Done again, or report on another device.", { why: fault instanceof Error ? fault.message : "" }));
  }
  isTelling = false;
  Object.assign(state, { draft: null, mounted });
  navigator.vibrate?.(30);
  state.done = state.acts.find((one) => one.id === made.id) ?? null;
  state.screen = "done";
  render();
}

/** Says whether what is being typed may lie below zero. */
function isSigned(task: Task, draft: Draft): boolean {
  const one = task.capture?.find((datum) => draft.field === FIELD + datum.name);
  return Boolean(one) && (one?.minimum === undefined || number(one.minimum) < 0) && !(number(one?.maximum) > 0);
}

/** Gives who shares a report: parts only where they are not all alike. */
function shared(shares: Record<string, number>): { employee: string; share?: string }[] {
  const parts = Object.values(shares);
  const isAlike = parts.every((one) => one === parts[0]);
  return Object.entries(shares).map(([employee, share]) => (isAlike ? { employee } : { employee, share: String(share) }));
}

/** Gives why a report cannot be taken back, in words. */
export function cannotUndo(told: Act): string {
  if (isUndone(told, state.acts)) return t("这条报工已经撤销过了", "This report has been undone already");
  if (told._state === "refused") return t("这条报工没有入账，不用撤销", "This report was not booked: there is nothing to undo");
  if (told._person !== state.person?.id) return t("只能撤销自己的报工；请班组长撤销", "Only one's own reports can be undone; ask the leader");
  return "";
}

/** Takes back what was told; its task need not be in the day any more. Says so where it cannot be. */
export async function undo(told: Act): Promise<void> {
  if (isTelling) return;
  state.note = cannotUndo(state.acts.find((one) => one.id === told.id) ?? told);
  if (state.note) return render();
  const parts = told.parts.map((part): Part => ({ id: newId(), kind: "undo", reverses: part.id }));
  isTelling = true;
  try {
    await tell(act(null, "undo", parts, t("撤销：{said}", "Undo: {said}", { said: told.said })));
  } finally {
    isTelling = false;
  }
  state.done = null;
  state.screen = "tasks";
  state.note = t("已撤销：{said}", "Undone: {said}", { said: told.said });
  render();
}

/** Gives the form; a part that hangs on nothing that has changed stays as it is, so what it does goes by what is entered by then. */
export function reportForm(task: Task, draft: Draft): Node[] {
  const entered = () => (state.draft?.task === task.id ? state.draft : draft);
  const change = (more: Partial<Draft>) => {
    if (isTelling) return; // it would be begun anew behind what is being kept
    void setDraft({ ...entered(), isSure: false, ...more });
    render();
    if (more.field) keysInReach();
  };
  const entry = (name: "good" | "bad", label: string) =>
    h(`button.entry.entry-${name}${draft.field === name ? ".is-on" : ""}`, { type: "button", "data-field": name, "aria-pressed": draft.field === name ? "true" : "false", onclick: () => change({ field: name, isFresh: true }) }, h("small", {}, label), h("b", {}, draft[name] || "0"));
  const press = (key: string) => {
    const draft = entered();
    if (draft.field.startsWith(defects.COUNT)) return change({ ...defects.typedCount(draft, key), isFresh: false });
    const name = draft.field.startsWith(FIELD) ? draft.field.slice(FIELD.length) : "";
    const text = name ? (draft.data[name] ?? "") : draft[draft.field as "good" | "bad"];
    const next = key === "±" ? (text.startsWith("-") ? text.slice(1) : `-${text}`) : typed(text, key, draft.isFresh).slice(0, 12);
    change({ ...(name ? { data: { ...draft.data, [name]: next } } : { [draft.field]: next }), isFresh: false });
  };
  const isBad = draft.field === "bad" || number(draft.bad) > 0;
  const crew = state.kept?.day.people ?? NOBODY;
  const hasPoint = draft.field.startsWith(FIELD) || task.places > 0;
  const hasSign = isSigned(task, draft);
  const machine = machineOf(task, draft);
  const all = () => h("div.chips", {}, number(task.room) > 0 ? h("button.chip", { type: "button", "data-all": true, onclick: () => change({ good: task.room, isFresh: true }) }, t("全部 {n}", "All {n}", { n: task.room })) : null, task.machines ? null : machineChips(task, draft, change));
  return [
    steady("pair", [task.id, draft.field, draft.good, draft.bad], () => h("div.pair", {}, entry("good", t("合格", "Good")), entry("bad", t("不良", "Bad")))),
    isBad
      ? steady("why", [task, state.kept, draft.field, draft.bad, draft.reason, draft.others, draft.isRework], () => defects.whyPart(task, draft, change))
      : steady("all", [task, machine], all),
    task.machines ? steady("machines", [task, machine], () => machineChips(task, draft, change) as HTMLElement) : null,
    serials.serialPart(task, draft, change),
    captureFields(task, draft, { change, typed: () => refinish(task, entered()) }),
    mountedChips(task),
    draft.photos.length ? h("div.shots", {}, draft.photos.map((digest) => photos.preview(digest, () => change({ photos: entered().photos.filter((one) => one !== digest) })))) : null,
    steady("keys", [task.id, hasPoint, hasSign], () => pad(press, hasPoint, hasSign)),
    steady("extras", [task, draft.photos.length >= MOST_PHOTOS, isBegun(draft), mayCall()], () => extras(task, draft, (digest) => change({ photos: [...entered().photos, digest].slice(0, MOST_PHOTOS) }))),
    crew.length > 1 ? steady("crew", [task.id, crew, draft.shares, draft.good, crewIsOpen], () => crewPart(crew, draft, change)) : null,
    finish(task, draft),
  ].filter((one) => one !== null);
}

const NOBODY: { id: string; name: string }[] = [];

/** Gives what else can be done at a task: material, a photo, a call for help, throwing away what was entered. */
function extras(task: Task, draft: Draft, taken: (digest: string) => void): HTMLElement {
  const shoot = () => void photos.take().then((digest) => digest && taken(digest));
  return h("div.extras", {},
    task.materials.length || isCard(task) ? h("button.btn", { type: "button", "data-scan-material": true, onclick: () => void scanMaterial(task) }, icon("package"), t("扫料", "Material")) : null,
    h("button.btn", { type: "button", "data-photo-button": true, disabled: !photos.isPossible() || draft.photos.length >= MOST_PHOTOS, onclick: shoot }, icon("camera"), t("拍照", "Photo")),
    mayCall() && !task.isBlind ? h("button.btn.btn-alarm", { type: "button", "data-help": true, onclick: () => openHelp(task) }, icon("urgent"), t("呼叫", "Help")) : null,
    isBegun(draft) ? h("button.btn", { type: "button", "data-discard": true, onclick: () => void discard(task) }, icon("x"), t("清空", "Clear")) : null,
  );
}

/** Throws away what was entered at a task, once somebody has said so twice. */
async function discard(task: Task): Promise<void> {
  const words = [t("清空，不报了", "Clear it, nothing is reported")];
  const isSure = await askOne(t("清空填好的内容？", "Clear what was entered?"), `${task.number} ${task.sequence} ${named(task)}`, words, "clear");
  if (isSure === null) return;
  await dropDraft();
  go("tasks");
}

const GAP = 8;

/** Brings the number keys above the button that stays below, where the screen is too low for all; what is typed stays in sight. */
export function keysInReach(): void {
  const place = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
  const [bar, keys, end] = [".bar", ".told .pad", ".told .finish"].map(place);
  const field = place(".told .entry.is-on") ?? place(".told .pair");
  if (!bar || !field || !keys || !end) return;
  const hidden = Math.min(keys.bottom + GAP - end.top, field.top - bar.bottom - GAP);
  if (hidden > 0) scrollBy(0, hidden);
}

/** Draws only what ends a report: it says at once that it is being kept, or what a letter has changed. */
function refinish(task: Task, draft: Draft): void {
  const place = document.querySelector(".told .finish");
  if (place) fill(place, [...finish(task, draft).childNodes]);
}

/** Gives what ends a report: the button, or why not yet, with what is to be confirmed above it. It stays in reach. */
function finish(task: Task, draft: Draft): HTMLElement {
  const fault = faults(task, draft);
  const asked = draft.isSure ? doubts(task, draft) : [];
  const isAsked = asked.length > 0;
  return h("div.finish", {},
    ...asked.map((why) => h("p.warn", { role: "alert" }, icon("alert-triangle"), why)),
    h(`button.btn.btn-huge${isAsked ? ".btn-warn" : ".btn-primary"}`, { type: "button", "data-done": true, disabled: Boolean(fault), "aria-busy": isTelling ? "true" : null, onclick: () => void report(task) },
      icon(isTelling ? "clock" : "check"), isTelling ? t("正在保存…", "Keeping it…") : fault || (isAsked ? (tooMany(task, draft) > 0 ? t("确认多报", "Report all the same") : t("停工前做的，报", "Made before: report")) : t("完成", "Done"))));
}

/** Gives who shares the report, and in which parts: a tap takes somebody in, plus and minus change their part. */
function crewPart(crew: { id: string; name: string }[], draft: Draft, change: (more: Partial<Draft>) => void): HTMLElement {
  const own = state.person?.employee ?? "";
  const shares = Object.keys(draft.shares).length ? draft.shares : { [own]: 1 };
  const whole = Object.values(shares).reduce((sum, one) => sum + one, 0) || 1;
  const put = (next: Record<string, number>) => {
    const names = Object.keys(next);
    change({ shares: names.length === 0 || (names.length === 1 && names[0] === own) ? {} : next });
  };
  const toggle = (id: string) => {
    const { [id]: held, ...others } = shares;
    put(held === undefined ? { ...shares, [id]: 1 } : others);
  };
  const step = (id: string, by: number) => put({ ...shares, [id]: Math.min(MOST_PARTS, Math.max(1, shares[id] + by)) });
  const part = (one: { id: string; name: string }) =>
    h("li.share", { "data-share": one.id }, h("span", {}, one.name),
      h("button.btn", { type: "button", disabled: shares[one.id] <= 1, "aria-label": t("{name} 少一份", "{name}: one part less", { name: one.name }), onclick: () => step(one.id, -1) }, icon("minus")),
      h("b.num", {}, `${shares[one.id]}`), h("button.btn", { type: "button", "aria-label": t("{name} 多一份", "{name}: one part more", { name: one.name }), onclick: () => step(one.id, 1) }, icon("plus")),
      h("span.num.dim", {}, number(draft.good) ? rounded(Math.round(((number(draft.good) * shares[one.id]) / whole) * 100) / 100) : `${Math.round((shares[one.id] / whole) * 100)}%`));
  const isShared = Object.keys(draft.shares).length > 1;
  const text = isShared ? t("{n} 人分", "{n} people share", { n: Object.keys(shares).length }) : t("多人一起做", "Several people");
  const chip = (one: { id: string; name: string }) =>
    h(`button.chip${one.id in shares ? ".is-on" : ""}`, { type: "button", "aria-pressed": one.id in shares ? "true" : "false", onclick: () => toggle(one.id) }, one.name);
  const isOpen = crewIsOpen || isShared;
  const toggled = (e: Event) => {
    crewIsOpen = (e.target as HTMLDetailsElement).open;
    if (!isShared && crewIsOpen !== isOpen) render();
  };
  return h("details.crew", { open: isOpen, ontoggle: toggled },
    h("summary", {}, icon("users"), text), isOpen ? h("div.chips", {}, crew.map(chip)) : null,
    isShared ? h("ul.shares", {}, crew.filter((one) => one.id in shares).map(part)) : null);
}

/** Whether colleagues are shown to share with: a plant may have many, who are not drawn for one who works alone. */
let crewIsOpen = false;
