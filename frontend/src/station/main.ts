/** The station: sign in, pick or scan a task, tell what was made. Everything works on what the device holds. */
import "./station.css";
import markAddress from "../mark.svg?url";
import "./icon-192.png?url";
import "./icon-512.png?url";
import { typed } from "../digits";
import { t } from "../words";
import { read } from "./codes";
import { h, icon } from "./dom";
import { newId } from "./ids";
import { ask, Refused } from "./link";
import type { Act, Day, KeptDay, Known, Part, Person, Reason, Task, Today } from "./model";
import { isAhead, rounded, todayWith, withActs } from "./model";
import * as people from "./people";
import * as queue from "./queue";
import * as store from "./store";
import type { Face } from "./warehouse/face";

type Screen = "sign" | "tasks" | "task" | "done" | "queue" | "today" | "menu";

/** What is being filled in at a task; kept on the device, so that a reload takes nothing. */
interface Draft {
  task: string;
  field: "good" | "bad";
  good: string;
  bad: string;
  reason: string;
  isRework: boolean;
  isFresh: boolean;
  data: Record<string, string>;
  people: string[];
  isSure: boolean;
}

const state = {
  screen: "sign" as Screen,
  person: null as Person | null,
  device: undefined as people.Device | undefined,
  known: {} as Record<string, Known>,
  kept: null as KeptDay | null,
  acts: [] as Act[],
  draft: null as Draft | null,
  tab: "report" as "report" | "info",
  done: null as Act | null,
  sign: { code: "", pin: "", pairing: "", fault: "", isBusy: false, field: "code" as "code" | "pin" },
  find: "",
  note: "",
};

const root = document.getElementById("station") as HTMLElement;
const isChinese = () => document.documentElement.lang.startsWith("zh");
const named = (one: { name: string; name_en?: string }) => (isChinese() ? one.name : one.name_en || one.name);
const number = (text: string | undefined) => Number(text ?? 0) || 0;

// --- the second face: the warehouse, for those who work in one; its code is fetched when it is first needed

const faces: Record<string, Promise<Face>> = {};
let face: Face | null = null;

/** Says whether somebody sees the warehouse now; who has both faces chooses. */
function isKeeper(): boolean {
  const seen = state.person?.faces ?? [];
  return seen.includes("warehouse") && (!seen.includes("work") || localStorage.getItem("station.face") === "warehouse");
}

async function warehouse(): Promise<Face> {
  const id = state.person?.id ?? "";
  faces[id] ??= import("./warehouse/face").then(({ open }) =>
    open({
      person: () => state.person, ticket: () => state.known[id]?.ticket ?? "", acts: () => state.acts, isReached: () => queue.isReached,
      tell, render, pad,
    }),
  );
  return faces[id];
}

function warehouseScreen(): HTMLElement[] {
  if (face) return face.draw();
  void warehouse().then((opened) => {
    face = opened;
    render();
  });
  return [h("main.tasks", {})];
}

// --- what the device holds

const mine = () => state.acts.filter((act) => act._person === state.person?.id);
const ahead = () => (state.kept ? state.acts.filter((act) => isAhead(act, state.kept?.asked ?? 0)) : state.acts);
const tasks = (): Task[] => (state.kept ? withActs(state.kept.day.tasks, ahead()) : []);
const today = (): Today | null =>
  state.kept ? todayWith(state.kept.day.today, ahead().filter((act) => act._person === state.person?.id), state.acts) : null;
const waiting = () => state.acts.filter((act) => act._state === "waiting").length;
const troubled = () => mine().filter((act) => act._state === "kept" || act._state === "refused").length;

async function load(): Promise<void> {
  state.known = await people.people();
  state.device = await people.device();
  const current = await store.fact<string>("current");
  state.person = (current && state.known[current]?.person) || null;
  state.acts = await store.acts();
  if (state.person) {
    state.kept = (await store.fact<KeptDay>(`day.${state.person.id}`)) ?? null;
    state.draft = (await store.fact<Draft>("draft")) ?? null;
    state.screen = state.draft ? "task" : "tasks";
  }
}

async function fetchDay(): Promise<void> {
  const person = state.person;
  const ticket = person && state.known[person.id]?.ticket;
  if (!person || !ticket || state.known[person.id].isOut) return;
  const asked = Date.now();
  const headers: Record<string, string> = { Authorization: `Station ${ticket}` };
  if (state.kept) headers["If-None-Match"] = state.kept.mark;
  try {
    if (isKeeper()) {
      await (await warehouse()).refresh();
      queue.reached(true);
      return render();
    }
    const answer = await ask("day", undefined, headers);
    queue.reached(true);
    const kept: KeptDay =
      answer.status === 304 && state.kept
        ? { ...state.kept, asked }
        : { day: (await answer.json()) as Day, mark: answer.headers.get("ETag") ?? "", asked };
    await store.keep(`day.${person.id}`, kept);
    if (state.person?.id === person.id) state.kept = kept;
  } catch (fault) {
    if (fault instanceof Refused && fault.status === 401) await signedOut(person.id);
    else if (fault instanceof Refused) state.note = fault.message;
    else queue.reached(false);
  }
  render();
}

async function signedOut(person: string): Promise<void> {
  await people.out(person);
  state.known = await people.people();
  render();
}

// --- signing in

async function enter(person: Person): Promise<void> {
  face = null;
  await store.keep("current", person.id);
  state.known = await people.people();
  state.person = person;
  state.device = await people.device();
  state.kept = (await store.fact<KeptDay>(`day.${person.id}`)) ?? null;
  state.sign = { code: "", pin: "", pairing: "", fault: "", isBusy: false, field: "code" };
  state.screen = "tasks";
  render();
  queue.send();
  await fetchDay();
}

async function leave(): Promise<void> {
  await store.forget("current");
  await setDraft(null);
  Object.assign(state, { person: null, kept: null, screen: "sign", done: null });
  render();
}

async function trySign(proof: { badge?: string; code?: string; pin?: string }): Promise<void> {
  if (state.sign.isBusy) return;
  Object.assign(state.sign, { isBusy: true, fault: "" });
  render();
  try {
    await enter(await people.signIn(proof));
  } catch (fault) {
    state.device = await people.device();
    Object.assign(state.sign, { isBusy: false, pin: "", fault: fault instanceof Error ? fault.message : "" });
    render();
  }
}

async function tryPair(): Promise<void> {
  try {
    state.device = await people.pair(state.sign.pairing);
    state.sign.fault = "";
  } catch (fault) {
    state.sign.fault = (fault instanceof Error && fault.message) || t("没有网络，不能配对", "No network: the device cannot be paired");
  }
  render();
}

async function scanBadge(): Promise<void> {
  const { scan } = await import("./scan");
  const text = await scan(t("扫工牌", "Scan your badge"));
  if (text) await trySign({ badge: text });
}

// --- telling what happened

async function setDraft(draft: Draft | null): Promise<void> {
  state.draft = draft;
  if (draft) await store.keep("draft", draft);
  else await store.forget("draft");
}

function open(task: Task): void {
  const fresh: Draft = { task: task.id, field: "good", good: "", bad: "", reason: "", isRework: false, isFresh: true, data: {}, people: [], isSure: false };
  Object.assign(state, { screen: "task", tab: "report", done: null, note: "" });
  void setDraft(fresh);
  render();
  scrollTo(0, 0);
}

async function find(text: string): Promise<void> {
  if (isKeeper()) return (await warehouse()).scanned(text);
  const scanned = read(text);
  const all = tasks();
  const hits = all.filter(
    (task) =>
      (scanned.id && (task.id === scanned.id || task.order === scanned.id)) ||
      (scanned.code && [task.number, task.item, task.machine_code].includes(scanned.code)),
  );
  const best = hits.find((task) => task.mine && number(task.room) > 0) ?? hits.find((task) => number(task.room) > 0) ?? hits[0];
  if (best) return open(best);
  state.note = t("这台设备不知道“{code}”，联网后刷新任务再试", "This device does not know “{code}”; refresh the tasks with a network and try again", { code: text.slice(0, 40) });
  state.screen = "tasks";
  render();
}

async function scanTask(): Promise<void> {
  const { scan } = await import("./scan");
  const text = await scan(t("扫工单或工序", "Scan an order or an operation"));
  if (text) await find(text);
}

function act(task: Task, kind: Act["kind"], parts: Part[], said: string, more: Partial<Act> = {}): Omit<Act, "seq"> {
  const head = { id: parts[0].id, kind, at: new Date().toISOString(), operation: task.id, parts, said };
  return { ...head, _person: state.person?.id ?? "", _state: "waiting", _rate: number(task.rate), ...more };
}

async function tell(made: Omit<Act, "seq">): Promise<void> {
  await queue.put(made);
  state.acts = await store.acts();
}

async function mark(task: Task, kind: "start" | "pause"): Promise<void> {
  const said = `${task.number} ${task.sequence} ${named(task)} · ${kind === "start" ? t("开工", "Start") : t("暂停", "Pause")}`;
  await tell(act(task, kind, [{ id: newId(), kind }], said));
  navigator.vibrate?.(20);
  render();
}

function faults(task: Task, draft: Draft): string {
  if (!number(draft.good) && !number(draft.bad)) return t("先填数量", "Enter a quantity first");
  if (number(draft.bad) && !draft.reason) return t("选一个不良原因", "Choose why they are bad");
  const missing = captured(task).find((name) => !draft.data[name]?.trim());
  if (missing) return t("还要填“{name}”", "“{name}” is missing", { name: missing });
  return "";
}

async function report(task: Task): Promise<void> {
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

async function undo(told: Act): Promise<void> {
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
function captured(task: Task): string[] {
  const asked = task.capture;
  if (!Array.isArray(asked)) return [];
  return asked.map((one) => (typeof one === "string" ? one : String((one as { name?: string }).name ?? ""))).filter(Boolean);
}

// --- the screens

function render(): void {
  const shown: Record<Screen, () => HTMLElement[]> = {
    sign: signScreen, tasks: tasksScreen, task: taskScreen, done: doneScreen, queue: queueScreen, today: todayScreen, menu: menuScreen,
  };
  if (!state.person && state.screen !== "menu") state.screen = "sign";
  const held = document.activeElement?.id;
  root.className = `screen-${state.screen}`;
  const isStore = state.screen === "tasks" && isKeeper();
  root.replaceChildren(topBar(), ...(isStore ? warehouseScreen() : shown[state.screen]()));
  root.dataset.screen = state.screen;
  if (held) document.getElementById(held)?.focus();
}

function go(screen: Screen): void {
  state.screen = screen;
  state.note = "";
  if (screen !== "task") void setDraft(null);
  render();
  scrollTo(0, 0);
}

function topBar(): HTMLElement {
  const count = waiting();
  const isDeep = state.screen === "tasks" && isKeeper() && Boolean(face?.isDeep());
  const isBack = isDeep || (state.screen !== "tasks" && state.screen !== "sign");
  const net = queue.isReached ? null : h("span.pill.pill-off", { role: "status" }, icon("wifi-off"), t("离线", "Offline"));
  const chip = h(
    `button.pill${count ? ".pill-wait" : troubled() ? ".pill-warn" : ".pill-ok"}`,
    { type: "button", onclick: () => go("queue"), "data-queue": count, "aria-label": t("队列：{n} 条待发", "Queue: {n} waiting", { n: count }) },
    icon(count ? "cloud-upload" : troubled() ? "alert-triangle" : "check"),
    count ? t("{n} 待发", "{n} waiting", { n: count }) : troubled() ? t("{n} 未入账", "{n} not booked", { n: troubled() }) : t("已同步", "Synced"),
  );
  return h(
    "header.bar", {},
    isBack
      ? h("button.plain", { type: "button", onclick: () => (isDeep ? face?.back() : go(state.person ? "tasks" : "sign")), "aria-label": t("返回", "Back") }, icon("arrow-left"))
      : h("img.mark", { src: markAddress, alt: "" }),
    h("strong.who", {}, state.person?.name ?? state.device?.name ?? t("工位", "Station")),
    net,
    state.person ? chip : null,
    h("button.plain", { type: "button", onclick: () => go("menu"), "aria-label": t("菜单", "Menu") }, icon("menu-2")),
  );
}

function signScreen(): HTMLElement[] {
  const sign = state.sign;
  const fault = sign.fault ? h("p.fault", { role: "alert" }, sign.fault) : null;
  if (!state.device) {
    const input = h("input.field.field-big", { id: "pairing", value: sign.pairing, placeholder: "XXXXX-XXXXX", "aria-label": t("配对码", "Pairing code"), autocapitalize: "characters", autocomplete: "off", spellcheck: "false", oninput: (e: Event) => (sign.pairing = (e.target as HTMLInputElement).value) });
    return [
      h("main.narrow", {},
        h("h1", {}, t("工位", "Station")),
        fault,
        h("a.btn.btn-primary.btn-tall", { href: "/login?next=/station/" }, icon("user-circle"), t("用账号登录（自己的手机）", "Sign in with an account (own phone)")),
        h("p.or", {}, t("或把这台设备配对成工位", "Or pair this device as a station")),
        h("form.stack", { onsubmit: (e: Event) => { e.preventDefault(); void tryPair(); } }, input, h("button.btn.btn-tall", {}, icon("device-tablet"), t("配对", "Pair"))),
      ),
    ];
  }
  const faces = Object.values(state.known).slice(-6).reverse();
  const field = (name: "code" | "pin", label: string, shown: string) =>
    h(`button.entry${sign.field === name ? ".is-on" : ""}`, { type: "button", "data-field": name, onclick: () => { sign.field = name; render(); } }, h("small", {}, label), h("b", {}, shown || " "));
  const key = (text: string) => {
    const before = sign[sign.field];
    sign[sign.field] = text === "⌫" ? before.slice(0, -1) : (before + text).slice(0, sign.field === "pin" ? 12 : 20);
    render();
  };
  return [
    h("main.narrow", {},
      h("button.btn.btn-primary.btn-huge", { type: "button", onclick: () => void scanBadge() }, icon("qrcode"), t("扫工牌登录", "Scan badge")),
      fault,
      faces.length ? h("div.chips", {}, faces.map((one) => h(`button.chip${sign.code === one.person.code ? ".is-on" : ""}`, { type: "button", onclick: () => { Object.assign(sign, { code: one.person.code, field: "pin", pin: "" }); render(); } }, one.person.name))) : null,
      h("div.pair", {},
        sign.field === "code"
          ? h("label.entry.is-on", {}, h("small", {}, t("工号", "Code")), h("input", { id: "sign-code", value: sign.code, autocapitalize: "characters", autocomplete: "off", spellcheck: "false", oninput: (e: Event) => (sign.code = (e.target as HTMLInputElement).value) }))
          : field("code", t("工号", "Code"), sign.code),
        field("pin", "PIN", "●".repeat(sign.pin.length)),
      ),
      pad(key, false),
      h("button.btn.btn-primary.btn-tall", { type: "button", disabled: sign.isBusy, onclick: () => void trySign({ code: sign.code, pin: sign.pin }) }, icon("id-badge-2"), t("登录", "Sign in")),
    ),
  ];
}

function pad(press: (key: string) => void, hasPoint: boolean): HTMLElement {
  const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", hasPoint ? "." : "", "0", "⌫"];
  return h("div.pad", { role: "group", "aria-label": t("数字键", "Number keys") },
    keys.map((key) => key ? h("button.key", { type: "button", "data-key": key, "aria-label": key === "⌫" ? t("退格", "Backspace") : key, onclick: () => press(key) }, key) : h("span")),
  );
}

function tasksScreen(): HTMLElement[] {
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

const sum = (value: string, label: string) => h("span.sum", {}, h("b", {}, value), h("small", {}, label));
const hours = (minutes: string) => (number(minutes) / 60).toFixed(1);

function taskRow(task: Task): HTMLElement {
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

function taskScreen(): HTMLElement[] {
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

function reportForm(task: Task, draft: Draft): HTMLElement[] {
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

function info(task: Task): HTMLElement[] {
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

function doneScreen(): HTMLElement[] {
  const told = state.acts.find((one) => one.id === state.done?.id) ?? state.done;
  const task = tasks().find((one) => one.id === told?.operation);
  const sums = today();
  if (!told) return tasksScreen();
  return [
    h("main.narrow.center", {},
      h("div.tick", { "aria-hidden": "true" }, icon("check")),
      h("h1", { role: "status" }, told.said.split(" · ")[1] ?? told.said),
      h("p.dim", {}, told.said.split(" · ")[0]),
      h("p", {}, stateTag(told)),
      sums ? h("div.sums", {}, sum(sums.good, t("今天合格", "Good today")), sum(hours(sums.minutes), t("工时", "Hours")), sum(`¥${sums.wage}`, t("计件工资", "Piece wage"))) : null,
      task ? h("button.btn.btn-primary.btn-huge", { type: "button", onclick: () => open(task) }, t("继续这道工序", "Go on with it")) : null,
      h("button.btn.btn-tall", { type: "button", onclick: () => go("tasks") }, icon("list-check"), t("任务", "Tasks")),
      h("button.btn.btn-tall", { type: "button", onclick: () => void undo(told) }, icon("arrow-back-up"), t("撤销", "Undo")),
    ),
  ];
}

function stateTag(told: Act): HTMLElement {
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

function queueScreen(): HTMLElement[] {
  const all = [...state.acts].reverse();
  const row = (told: Act) =>
    h("li.told-row", { "data-act": told._state },
      h("span", {}, h("b", {}, told.said), h("small.dim", {}, `${new Date(told.at).toLocaleTimeString(document.documentElement.lang)} · ${state.known[told._person]?.person.name ?? ""}`), told._text ? h("small.warn-text", {}, told._text) : null),
      h("span.told-side", {}, stateTag(told), told._person === state.person?.id && told.kind === "report" && !told._undone && told._state !== "refused" ? h("button.plain", { type: "button", "aria-label": t("撤销", "Undo"), onclick: () => void undo(told) }, icon("arrow-back-up")) : null),
    );
  return [
    h("main.tasks", {},
      h("h1", {}, t("队列", "Queue")),
      h("p.dim", {}, queue.isReached ? t("网络正常，报工会自动发送。", "The network is there; reports go by themselves.") : t("没有网络。报工都在这台设备里，联网后按顺序自动发送，关机也不会丢。", "No network. Reports are kept on this device and go by themselves, in order; switching off loses nothing.")),
      h("button.btn.btn-tall", { type: "button", onclick: () => { queue.send(); void fetchDay(); } }, icon("refresh"), t("现在同步", "Sync now")),
      all.length ? h("ul.list", {}, all.map(row)) : h("p.empty", {}, t("没有待发的，也没有最近的。", "Nothing waits, and nothing was sent lately.")),
    ),
  ];
}

function todayScreen(): HTMLElement[] {
  const sums = today();
  if (!sums) return tasksScreen();
  const kinds: Record<string, string> = { good: t("合格", "Good"), scrap: t("报废", "Scrap"), rework: t("返工", "Rework") };
  return [
    h("main.tasks", {},
      h("h1", {}, t("我的今天", "My day")),
      h("div.sums", {}, sum(sums.good, t("合格", "Good")), sum(sums.bad, t("不良", "Bad")), sum(hours(sums.minutes), t("工时", "Hours")), sum(`¥${sums.wage}`, t("计件工资（估）", "Piece wage (estimate)"))),
      sums.lines.length ? h("ul.lines", {}, sums.lines.map((one) => h("li", {}, h("span", {}, h("b", {}, one.operation), h("small.dim", {}, ` ${one.number}`)), h("span.num", {}, `${kinds[one.kind] ?? ""} ${one.quantity}`, h("small.dim", {}, ` ¥${one.wage}`))))) : h("p.empty", {}, t("今天还没有报工。", "Nothing reported today yet.")),
    ),
  ];
}

function swap(): void {
  localStorage.setItem("station.face", isKeeper() ? "work" : "warehouse");
  go("tasks");
  void fetchDay();
}

function menuScreen(): HTMLElement[] {
  const put = (name: string, value: string) => {
    localStorage.setItem(`station.${name}`, value);
    if (name === "language") document.documentElement.lang = value === "en" ? "en" : "zh-Hans";
    else document.documentElement.setAttribute("data-bs-theme", value);
    render();
  };
  const isDark = document.documentElement.getAttribute("data-bs-theme") === "dark";
  const button = (name: string, text: string, act: () => void) => h("button.btn.btn-tall", { type: "button", onclick: act }, icon(name), text);
  return [
    h("main.narrow", {},
      state.device ? h("p.dim", {}, `${state.device.code} ${state.device.name}`) : null,
      state.person && !isKeeper() ? button("list-check", t("我的今天", "My day"), () => go("today")) : null,
      (state.person?.faces?.length ?? 0) > 1 ? button("refresh", isKeeper() ? t("到报工", "To the work") : t("到仓库", "To the warehouse"), () => swap()) : null,
      button("refresh", t("刷新任务", "Refresh tasks"), () => { go("tasks"); queue.send(); void fetchDay(); }),
      button("language", isChinese() ? "English" : t("中文", "Chinese"), () => put("language", isChinese() ? "en" : "zh")),
      button("sun-moon", isDark ? t("浅色", "Light") : t("深色", "Dark"), () => put("theme", isDark ? "light" : "dark")),
      state.person ? button("logout", t("换人 / 退出", "Change person / sign out"), () => void leave()) : null,
    ),
  ];
}

// --- start

async function start(): Promise<void> {
  if (!(await store.fact<string>("device.key"))) await store.keep("device.key", newId());
  void navigator.storage?.persist?.();
  await load();
  render();
  document.body.dataset.ready = "1";
  queue.begin({
    changed: async () => {
      state.acts = await store.acts();
      render();
    },
    people: people.people,
    out: signedOut,
    settled: async () => {
      state.acts = await store.acts();
      render();
      await fetchDay();
    },
  });
  if (!state.person && !state.device) {
    const own = await people.ownSession();
    if (own) await enter(own);
  } else await fetchDay();
  const warm = () => "BarcodeDetector" in window || document.hidden || void import("./decoder").catch(() => null);
  setTimeout(warm, 20_000);
  const follow = async () => {
    const asked = decodeURIComponent(location.hash.slice(1));
    if (!asked || !state.person) return;
    history.replaceState(null, "", location.pathname);
    await find(asked);
  };
  await follow();
  addEventListener("hashchange", () => void follow());
  addEventListener("online", () => void fetchDay());
  if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/station/sw.js", { scope: "/station/" });
}

void start();
