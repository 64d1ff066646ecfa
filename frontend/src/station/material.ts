/** Material at a task: scanning what is used, the alarm for what is wrong, and which lots go with the next report. */
import { t } from "../words";
import { tellFurther } from "./acts";
import { askNumber } from "./asking";
import { read } from "./codes";
import { h, icon } from "./dom";
import { ask, Refused } from "./link";
import type { Lot, Material, Mounted, Task } from "./model";
import { rounded } from "./model";
import { render } from "./shell";
import { isChinese, named, number, state, tasks, type Draft } from "./state";
import * as store from "./store";

/** What a scanned code turned out to be. */
export interface Found {
  lot?: string;
  number?: string;
  state?: Lot["state"];
  expires?: string;
  item_id: string;
  item: string;
  name?: string;
  tracking?: Material["tracking"];
  unit?: string;
  unit_en?: string;
  places?: number;
}

/** What is shown of a scanned code; only a lot that is right is used from then on. */
export interface Verdict {
  tone: "red" | "orange" | "green";
  title: string;
  text: string;
  mounts?: Mounted;
}

/** Says whether whatever is scanned at a task is booked as used there. */
export const isCard = (task: Task): boolean => Boolean(task.temporary && state.kept?.day.person.may_use);

/** So much of a lot that goes into a report. */
export interface Use {
  lot: string;
  item: string;
  quantity: number;
}

export const mounted = (task: Task): Mounted[] => state.mounted[task.id] ?? [];

export async function mount(task: Task, lots: Mounted[]): Promise<void> {
  state.mounted = { ...state.mounted, [task.id]: lots };
  await store.keep("mounted", state.mounted);
  render();
}

/** Scans a lot or an item at a task and says at once whether it is the right one. */
export async function scanMaterial(task: Task): Promise<void> {
  const { scan } = await import("./scan");
  const text = await scan(t("扫物料标签", "Scan the material's label"));
  if (text) await judge(task, text);
}

export async function judge(task: Task, text: string): Promise<void> {
  const found = known(text) ?? (await asked(task, text));
  if (found === "unknown") return alarm("red", t("没有这个批次或物料", "No such lot or item"), text.slice(0, 40));
  if (isCard(task)) return useOnCard(task, text, found);
  if (!found) return unchecked(task, text);
  const { tone, title, text: said, mounts } = verdict(task, found);
  if (mounts) await mount(task, [...mounted(task).filter((one) => one.lot !== mounts.lot), mounts]);
  return alarm(tone, title, said);
}

/** Says whether what was scanned is the right material of a task. */
export function verdict(task: Task, found: Found): Verdict {
  const line = task.materials.find((one) => one.item_id === found.item_id);
  const what = `${found.item} ${found.name ?? ""}`;
  if (!line) return { tone: "red", title: t("用错料！", "Wrong part!"), text: t("{what} 不是这道工序的料", "{what} is not for this operation", { what }) };
  const stop = stopped(found);
  if (stop) return stop;
  if (!found.lot) {
    if (line.tracking !== "none") return { tone: "orange", title: t("料对了，请扫批次标签", "Right part; scan the lot's label"), text: what };
    return { tone: "green", title: t("对", "Right"), text: what };
  }
  const lot = line.lots.find((one) => one.id === found.lot);
  if (!line.flushed && !lot) return { tone: "red", title: t("此批次没有发到本工单", "This lot was not issued to this order"), text: `${what} · ${found.number}` };
  const mounts = { lot: found.lot, number: found.number ?? "", item_id: found.item_id, item: found.item, left: lot?.quantity ?? "" };
  return { tone: "green", title: t("对", "Right"), text: `${what} · ${found.number}`, mounts };
}

/** Gives why a lot is not to be used anywhere. */
function stopped(found: Found): Verdict | null {
  const text = `${found.item} ${found.name ?? ""} · ${found.number}`;
  if (found.state === "held" || found.state === "rejected") return { tone: "red", title: t("冻结批次，不能用！", "Lot on hold: do not use it!"), text };
  if (found.expires && found.expires < today())
    return { tone: "red", title: t("批次已过期，不能用！", "Lot expired: do not use it!"), text: `${text} · ${t("有效期至 {day}", "good until {day}", { day: found.expires })}` };
  return null;
}

/** Gives the day it is here; a clock that is behind the day last told by the server does not count. */
function today(): string {
  const now = new Date();
  const here = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((one) => String(one).padStart(2, "0")).join("-");
  const told = state.kept?.day.day ?? "";
  return told > here ? told : here;
}

/** Says what hinders that something scanned is used on a temporary card, where any material may be. */
export function cardVerdict(found: Found): Verdict | null {
  if (!found.lot && found.tracking && found.tracking !== "none") return { tone: "orange", title: t("请扫批次标签", "Scan the lot's label"), text: `${found.item} ${found.name ?? ""}` };
  return found.lot ? stopped(found) : null;
}

/** Asks how much of something was used on a temporary card, and tells it; without a network the server looks it up later. */
async function useOnCard(task: Task, text: string, found: Found | null): Promise<void> {
  const no = found && cardVerdict(found);
  if (no) return alarm(no.tone, no.title, no.text);
  const what = found ? [found.item, found.name, found.number].filter(Boolean).join(" ") : text.slice(0, 40);
  const unit = found?.unit ? (isChinese() ? found.unit : found.unit_en || found.unit) : "";
  const quantity = await askQuantity(what, unit, found?.places ?? 3);
  if (!quantity) return;
  const code = !found ? text : found.lot ? `/go/inventory.lot/${found.lot}` : `/go/items.item/${found.item_id}`;
  await tellFurther("use", `${task.number} ${task.sequence} ${named(task)} · ${t("用料 {what} {n}", "used {what} {n}", { what, n: `${quantity} ${unit}`.trim() })}`, { operation: task.id, code, quantity });
  render();
  if (found) alarm("green", t("已记用料", "Told as used"), `${what} · ${quantity} ${unit}`);
  else alarm("orange", t("没有网络，未核对", "No network: not checked"), t("请自己核对标签；发送时再查", "Check the label yourself; it is checked when it is sent"));
}

/** Asks for a quantity with the large keys; nothing where it was left. */
const askQuantity = (what: string, unit: string, places: number): Promise<string | null> =>
  askNumber({ title: t("用了多少？", "How much was used?"), text: [what], label: unit || t("数量", "Quantity"), places, take: t("记用料", "Book it"), leave: t("不记", "Leave it"), word: "use" });

/** Gives what the device itself knows of a code. */
function known(text: string): Found | null {
  const scanned = read(text);
  for (const task of tasks()) {
    for (const one of task.materials) {
      const lot = one.lots.find((lot) => (scanned.id && lot.id === scanned.id) || (scanned.code && lot.number === scanned.code));
      const item = { item_id: one.item_id, item: one.item, name: one.name, tracking: one.tracking, unit: one.unit, unit_en: one.unit_en, places: one.places };
      if (lot) return { lot: lot.id, number: lot.number, state: lot.state, expires: lot.expires, ...item };
      if ((scanned.id && one.item_id === scanned.id) || (scanned.code && one.item === scanned.code)) return item;
    }
  }
  return null;
}

/** Asks the server for a code; nothing where it cannot be reached. */
async function asked(task: Task, text: string): Promise<Found | "unknown" | null> {
  const ticket = state.person && state.known[state.person.id]?.ticket;
  if (!ticket) return null;
  const items = task.materials.map((one) => one.item_id).join(",");
  try {
    const answer = await ask(`material?code=${encodeURIComponent(text)}&items=${items}`, undefined, { Authorization: `Station ${ticket}` });
    return (await answer.json()) as Found;
  } catch (fault) {
    return fault instanceof Refused && fault.status === 404 ? "unknown" : null;
  }
}

/** Takes a lot that only its label speaks for: without a network nobody knows more. It is checked when it is sent. */
async function unchecked(task: Task, text: string): Promise<void> {
  const scanned = read(text);
  const isLot = scanned.id && ["l", "inventory.lot"].includes(scanned.noun);
  if (!isLot || !scanned.id) return alarm("orange", t("没有网络，查不到这个码", "No network: this code cannot be looked up"), text.slice(0, 40));
  const short = scanned.id.slice(-6).toUpperCase();
  await mount(task, [...mounted(task).filter((one) => one.lot !== scanned.id), { lot: scanned.id, number: short, item_id: "", item: "", left: "", isUnchecked: true }]);
  return alarm("orange", t("没有网络，未核对", "No network: not checked"), t("请自己核对标签；发送时再查", "Check the label yourself; it is checked when it is sent"));
}

/** Covers the screen in a colour; what is wrong stays until it is seen, and is heard and felt. */
export function alarm(tone: "red" | "orange" | "green", title: string, text: string): void {
  document.querySelector(".alarm")?.remove();
  const close = () => sheet.remove();
  const sheet = h(`div.alarm.alarm-${tone}`, { role: "alertdialog", "aria-modal": "true", "aria-label": title, "data-alarm": tone, onclick: close },
    icon(tone === "green" ? "check" : tone === "red" ? "alert-octagon" : "alert-triangle"), h("h1", {}, title), h("p", {}, text),
    tone === "green" ? null : h("button.btn.btn-huge", { type: "button" }, t("知道了", "I see")));
  document.body.append(sheet);
  if (tone === "green") {
    navigator.vibrate?.(40);
    setTimeout(close, 1200);
  } else {
    navigator.vibrate?.(tone === "red" ? [300, 100, 300, 100, 600] : [150, 80, 150]);
    beep(tone === "red" ? 3 : 1);
  }
}

function beep(times: number): void {
  try {
    const sound = new AudioContext();
    for (let n = 0; n < times; n++) {
      const [tone, volume, at] = [sound.createOscillator(), sound.createGain(), sound.currentTime + n * 0.35];
      tone.type = "square";
      tone.frequency.value = 880;
      volume.gain.value = 0.2;
      tone.connect(volume).connect(sound.destination);
      tone.start(at);
      tone.stop(at + 0.25);
    }
    setTimeout(() => void sound.close(), times * 350 + 500);
  } catch {
    // a device without sound still shows and shakes
  }
}

/** Gives how much of the scanned lots a report uses, and what is left of them after it. */
export function lotsUsed(task: Task, draft: Draft): { used: Use[]; left: Mounted[] } {
  const counts = number(draft.good) + (draft.isRework ? 0 : number(draft.bad));
  const share = counts / (number(task.quantity) || 1);
  const isFirst = number(task.good) + number(task.scrap) === 0;
  const need = new Map<string, number>();
  const placesOf = (one?: Material) => 10 ** (one?.places ?? 3);
  for (const one of task.materials) {
    const wanted = one.fixed ? (isFirst ? number(one.needed) : 0) : number(one.needed) * share;
    need.set(one.item_id, Math.round(wanted * placesOf(one)) / placesOf(one));
  }
  const used: Use[] = [];
  const left: Mounted[] = [];
  const all = mounted(task);
  for (const [place, one] of all.entries()) {
    const line = task.materials.find((material) => material.item_id === one.item_id) ?? task.materials.find((material) => material.tracking !== "none");
    const open = need.get(line?.item_id ?? "") ?? 0;
    const isOnly = !all.slice(place + 1).some((later) => later.item_id === one.item_id);
    const part = line?.tracking === "serial" ? Math.min(1, open) : isOnly || !one.left ? open : Math.min(open, number(one.left));
    if (line) need.set(line.item_id, open - part);
    if (part > 0) used.push({ lot: one.lot, item: line?.item_id ?? one.item_id, quantity: part });
    const rest = one.left ? number(one.left) - part : 0;
    if (!one.left || rest > 0) left.push({ ...one, left: one.left ? rounded(rest) : "" });
  }
  return { used, left };
}

export const told = (used: Use[]) => used.map((one) => ({ lot: one.lot, quantity: rounded(one.quantity) }));

/** Gives what went into each of some portions: the lots of an item are used up one after the other. */
export function spread(used: Use[], portions: number[]): Use[][] {
  const whole = portions.reduce((sum, one) => sum + one, 0) || 1;
  const found: Use[][] = portions.map(() => []);
  for (const item of new Set(used.map((one) => one.item))) {
    const mine = used.filter((one) => one.item === item);
    const total = mine.reduce((sum, one) => sum + one.quantity, 0);
    let end = 0;
    for (const one of mine) {
      const from = end;
      end += one.quantity;
      let done = 0;
      for (const [n, portion] of portions.entries()) {
        const [low, high] = [(done / whole) * total, ((done + portion) / whole) * total];
        const part = Math.round((Math.min(high, end) - Math.max(low, from)) * 1e6) / 1e6;
        if (part > 0) found[n].push({ ...one, quantity: part });
        done += portion;
      }
    }
  }
  return found;
}

/** Gives the lines of a task's material with what is there, and the lots that are mounted. */
export function materialLines(task: Task): HTMLElement {
  if (!task.materials.length && isCard(task)) return h("p.dim", {}, t("用了什么扫什么，记到这张卡上", "Scan what is used: it is booked to this card"));
  if (!task.materials.length) return h("p.dim", {}, t("这道工序不用料", "No material at this operation"));
  const unit = (one: Material) => (isChinese() ? one.unit : one.unit_en || one.unit);
  const row = (one: Material) => {
    const lots = mounted(task).filter((lot) => lot.item_id === one.item_id);
    const place = one.flushed ? [one.place, t("线边 {n}", "{n} at the line", { n: one.there })] : [one.place, t("已领 {n}", "{n} issued", { n: one.issued })];
    return h("li", {},
      h("span", {}, h("b", {}, one.item), ` ${one.name}`, h("small.dim", {}, place.filter(Boolean).join(" · ")), lots.length ? h("small.mounted", {}, icon("package"), lots.map((lot) => lot.number).join("、")) : null),
      h("span.num", {}, `${one.needed} ${unit(one)}`, number(one.owed) ? h("small.tag.tag-red", {}, t("欠 {n}", "owes {n}", { n: one.owed })) : null));
  };
  return h("ul.lines", {}, task.materials.map(row));
}

/** Gives the lots that the next report uses, each to be taken away. */
export function mountedChips(task: Task): HTMLElement | null {
  const lots = mounted(task);
  if (!lots.length) return null;
  return h("div.chips", { role: "group", "aria-label": t("在用批次", "Lots in use") }, lots.map((one) =>
    h(`button.chip.chip-lot${one.isUnchecked ? ".is-unchecked" : ""}`, { type: "button", "data-lot": one.number, "aria-label": t("不再用 {lot}", "No longer use {lot}", { lot: one.number }), onclick: () => void mount(task, lots.filter((other) => other !== one)) },
      icon("package"), `${one.item} ${one.number}`, icon("x"))));
}
